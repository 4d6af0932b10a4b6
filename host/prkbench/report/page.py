"""One self-contained page: the verdict, its figures, and plots to zoom; it needs no network."""

import contextlib
import errno
import os
import secrets
from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from prkbench.analysis.outcome import Outcome
from prkbench.errors import DataError, UsageError
from prkbench.report import beside, wording
from prkbench.report.nodeaccount import node_rows
from prkbench.report.plots import MARKED_EVENTS, panels
from prkbench.report.sheet import POINTS

LISTED_EVENTS = 500
STORAGE_TROUBLE = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG}


def write_page(outcome: Outcome, path: Path) -> Path:
    """Write the page for an outcome to ``path`` and return the path.

    The page is complete or not there: it is written beside ``path`` and put in its place at the
    end. Raises UsageError when the place cannot be written, DataError when the disk is full or
    failing.
    """
    return store(render(outcome), path)


def store(html: str, path: Path) -> Path:
    """Write a page beside its place and put it there at the end; errors as `write_page`."""
    content = html.encode("utf-8", "backslashreplace")
    scratch = path.parent / f".page-{secrets.token_hex(6)}.tmp"
    try:
        with scratch.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            scratch.unlink(missing_ok=True)
        reason = error.strerror or type(error).__name__
        if error.errno in STORAGE_TROUBLE:
            raise DataError(
                f"Cannot store the page {path}: {reason}; free some space and run it again."
            ) from error
        raise UsageError(
            f"Cannot write the page {path}: {reason}; name a file in an existing folder"
            " that you may write to."
        ) from error
    return path


def render(outcome: Outcome) -> str:
    """Return the page's HTML; everything that a person typed is escaped."""
    plots = panels(outcome)
    return template().render(
        o=outcome,
        tone=_tone(outcome),
        facts=wording.facts(outcome),
        record=wording.record(outcome),
        findings=wording.findings(outcome),
        checks=[(check, wording.check_word(check)) for check in outcome.checks],
        events=outcome.events[:LISTED_EVENTS],
        node=node_rows(outcome),
        watching=beside.watch_rows(outcome),
        methods=beside.method_rows(outcome),
        criteria=beside.criterion_rows(outcome),
        safety=beside.safety_rows(outcome),
        risk_rows=beside.risk_cells(outcome),
        risk_columns=beside.risk_columns(outcome),
        plots=plots,
        points=POINTS,
        marked=MARKED_EVENTS,
        number=wording.number,
        self_consistency=wording.SELF_CONSISTENCY,
        # The library's own script, as it ships it; it holds no closing tag.
        plotly_script=Markup(get_plotlyjs()) if plots else "",
    )


@cache
def template(name: str = "page.html.j2") -> Template:
    """Return a page's template, in which everything a person typed is escaped."""
    environment = Environment(
        loader=PackageLoader("prkbench.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


def _tone(outcome: Outcome) -> str:
    """Return the class that colours the verdict: for it, against it, or open."""
    return {0: "good", 1: "bad"}.get(outcome.exit_code, "open")

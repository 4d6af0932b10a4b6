"""Shows an outcome: as one JSON object, or as a summary with the page beside it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from prkbench.analysis.outcome import Outcome
from prkbench.errors import UsageError


def present(outcome: Outcome, page: Path, as_json: bool, more: dict[str, Any] | None = None) -> int:
    """Write the page, print the outcome, and return the exit status."""
    # Plotly is loaded only where there is something to plot.
    from prkbench.report.page import write_page
    from prkbench.report.summary import print_summary

    outcome.report = str(write_page(outcome, page))
    if as_json:
        typer.echo(json.dumps(plain({**outcome.as_json(), **(more or {})}), allow_nan=False))
    else:
        print_summary(outcome, Console())
    return outcome.exit_code


def page_beside(run: Path, page: Path | None = None) -> Path:
    """Where the page goes: as wished, else beside the run; UsageError where it would replace it."""
    target = page or run.with_suffix(".html")
    if target.resolve() == run.resolve():
        raise UsageError(f"{target}: the page would replace the run file; name it with .prk")
    return target


def plain(value: Any) -> Any:
    """Numbers that JSON cannot say become null; arrays of numpy are not expected here."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


@contextmanager
def bar(what: str, total: float | None, quiet: bool) -> Iterator[tuple[Progress, Any]]:
    """A progress bar on standard error; silent when quiet or when nobody looks."""
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
        console=Console(stderr=True),
        disable=quiet or not Console(stderr=True).is_terminal,
    )
    with progress:
        yield progress, progress.add_task(what, total=total, note="")

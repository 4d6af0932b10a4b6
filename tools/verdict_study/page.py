"""The study as one self-contained page: requirements, tables, plots; it needs no network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import plotly.io
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from prkbench.report.page import store
from prkbench.report.plots import CONFIG
from verdict_study.part import Findings, Part

_TEMPLATE = "page.html.j2"


@dataclass(frozen=True)
class Done:
    """A part with what it found, how many runs that rests on, and the processor's seconds."""

    part: Part
    findings: Findings
    runs: int
    cpu_s: float


def write_page(done: Sequence[Done], about: Sequence[str], path: Path) -> Path:
    """Write the page; UsageError or DataError where it cannot be stored."""
    environment = Environment(
        loader=ChoiceLoader(
            [FileSystemLoader(Path(__file__).parent), PackageLoader("prkbench.report", ".")]
        ),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    html = environment.get_template(_TEMPLATE).render(
        done=[
            (one, [(title, _plot(f"{one.part.name}-{number}", figure))
                   for number, (title, figure) in enumerate(one.findings.figures.items())])
            for one in done
        ],
        about=about,
        words={True: "met", False: "not met", None: "open"},
        classes={True: "pass", False: "fail", None: "void"},
        plotly_script=Markup(get_plotlyjs()),
    )  # fmt: skip
    return store(html, path)


def _plot(name: str, figure: Any) -> Markup:
    # plotly escapes names and numbers in its own script.
    return Markup(
        plotly.io.to_html(
            figure, config=dict(CONFIG), include_plotlyjs=False, full_html=False, validate=False,
            div_id=name, default_height=f"{figure['layout']['height']}px",
        )
    )  # fmt: skip

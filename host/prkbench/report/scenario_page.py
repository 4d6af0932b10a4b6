"""A scenario's page: what truly happened, what the operator saw of it, and what must follow."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from prkbench.analysis.conversion import Conversion
from prkbench.analysis.outcome import EventNote, FloatArray, Outcome
from prkbench.report import wording
from prkbench.report.page import store, template
from prkbench.report.plots import MARKED_EVENTS, ZERO_C_K, Panel, panel, pressure_unit, y_range
from prkbench.report.sheet import BLACK, BLUE, FEW, GREEN, GREY, ORANGE, Sheet
from prkbench.sim.scenario import Conclusion, Scenario
from prkbench.sim.scenario_log import Entry
from prkbench.sim.scenario_truth import TruthSeries

_COLOURS = (BLACK, GREEN, ORANGE, GREY)


@dataclass(frozen=True)
class Seen:
    """What one instrument showed: its name, hours, and pressures (Pa) or temperatures (K)."""

    name: str
    t_h: FloatArray
    values: FloatArray


@dataclass
class Told:
    """All that the page shows of one run of a scenario."""

    scenario: Scenario
    scale: str
    seed: int
    truth: TruthSeries
    pressures: Sequence[Seen]
    temperatures: Sequence[Seen]
    entries: Sequence[Entry]
    outcome: Outcome | None = None
    assumed: Sequence[str] = field(default_factory=tuple)

    @property
    def required(self) -> Conclusion:
        """What must be concluded."""
        return self.scenario.required(self.scale)


def write_scenario_page(told: Told, path: Path) -> Path:
    """Write the page and return its path; UsageError or DataError where it cannot be stored."""
    return store(render(told), path)


def render(told: Told) -> str:
    """Return the page's HTML."""
    return template("scenario.html.j2").render(
        t=told,
        stage=told.scenario.stage(told.scale),
        scale={"prk": "PrK scale", "bench": "bench scale"}[told.scale],
        outcome=told.outcome,
        said=_said(told.outcome),
        findings=[] if told.outcome is None else wording.findings(told.outcome),
        events=_numbered(told.entries),
        plots=_panels(told),
        marked=MARKED_EVENTS,
        plotly_script=Markup(get_plotlyjs()),
    )


def _said(outcome: Outcome | None) -> list[str]:
    """Return every word of the analysis, the first with its bound."""
    return [] if outcome is None else [outcome.verdict, *outcome.words[1:]]


def _numbered(entries: Sequence[Entry]) -> list[tuple[int, float, str, str]]:
    """Return (number, hour, what happened, what was written down)."""
    return [
        (number, entry.t_s / 3600.0, entry.truth, entry.log or "")
        for number, entry in enumerate(entries, 1)
    ]


def _panels(told: Told) -> list[Panel]:
    t_h = told.truth.t_s / 3600.0
    span = (0.0, float(t_h[-1]))
    events = [EventNote(entry.t_s / 3600.0, entry.truth, "") for entry in told.entries]
    drawn = [_pressure(told, t_h), _temperature(told, t_h), _rates(told, t_h)]
    return [
        panel(index, title, note, sheet, layout, events, span)
        for index, (title, note, sheet, layout) in enumerate(drawn)
        if sheet.traces
    ]


_Drawn = tuple[str, str, Sheet, dict[str, Any]]
_SEEN = "Dots are what the operator saw."


def _pressure(told: Told, t_h: FloatArray) -> _Drawn:
    courses = {name: course.pressure_pa for name, course in told.truth.vessels.items()}
    scale, unit = pressure_unit(np.concatenate(list(courses.values())))
    sheet = Sheet()
    _draw(sheet, t_h, courses, told.pressures, lambda pascals: pascals / scale)
    return f"Pressure, {unit}", _SEEN, sheet, {"height": 320}


def _temperature(told: Told, t_h: FloatArray) -> _Drawn:
    courses = {name: course.temperature_k for name, course in told.truth.vessels.items()}
    recorded = [seen for seen in told.temperatures if np.isfinite(seen.values).any()]
    sheet = Sheet()
    _draw(sheet, t_h, courses, recorded, lambda kelvin: kelvin - ZERO_C_K)
    kept = [*courses.values(), *(seen.values for seen in recorded)]
    layout = {"height": 220, "yaxis": y_range([np.concatenate(kept) - ZERO_C_K], 0.12)}
    note = _SEEN if recorded else "Nobody recorded it."
    return "Temperature of the gas, °C", note, sheet, layout


def _draw(
    sheet: Sheet,
    t_h: FloatArray,
    courses: Mapping[str, FloatArray],
    instruments: Sequence[Seen],
    shown: Callable[[FloatArray], FloatArray],
) -> None:
    """Add truth and readings, whichever covers less on top: dense dots would hide a line."""

    def readings() -> None:
        for seen in instruments:
            sheet.dots(seen.name, seen.t_h, shown(seen.values), BLUE, 0.8)

    dense = any(len(seen.t_h) > FEW for seen in instruments)
    if dense:
        readings()
    for colour, (name, values) in zip(_COLOURS, courses.items(), strict=False):
        sheet.line(f"{name}, truth", t_h, shown(values), colour)
    if not dense:
        readings()


def _rates(told: Told, t_h: FloatArray) -> _Drawn:
    sheet = Sheet()
    highest = 0.0
    for colour, (name, rate) in zip(_COLOURS, told.truth.rates.items(), strict=False):
        sheet.line(name, t_h, rate, colour)
        highest = max(highest, float(rate.max()))
    told_m3 = told.scenario.stage(told.scale).volume_m3
    whose = "the PrK" if told_m3 == Conversion().volume_m3 else f"the whole {told_m3:g} m³"
    note = "The truth, at 101.3 kPa into vacuum; what flows at a lower pressure is less."
    # Room above for the events' numbers, and below so that no leak at all can be seen, too.
    layout = {"height": 200, "yaxis": {"range": [-0.05 * (highest or 1.0), 1.2 * (highest or 1.0)]}}
    return f"Leaks, lb/day of {whose}", note, sheet, layout

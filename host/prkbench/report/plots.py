"""The page's plots: one panel per quantity, all over the same hours."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.io
from markupsafe import Markup

from prkbench.analysis.outcome import EventNote, FloatArray, Outcome, Series
from prkbench.report.sheet import (
    BLACK,
    BLUE,
    BLUE_BAND,
    GREEN,
    GREEN_BAND,
    GREY,
    ORANGE,
    Key,
    Sheet,
)
from prkbench.report.wording import Z95, lb_per_day_per_k
from prknode.records import STATE_NAMES

MARKED_EVENTS = 60
ZERO_C_K = 273.15

CONFIG = {
    "displaylogo": False,
    # The library's own button would send the record to its maker's server.
    "showSendToCloud": False,
    "responsive": True,
    "modeBarButtonsToRemove": ["lasso2d", "select2d", "autoScale2d"],
}


@dataclass(frozen=True)
class Panel:
    """A plot: its title with the unit, how to read it, its key, its HTML, whether it was thinned.

    The key is outside the plot, as text that wraps on a narrow screen.
    """

    title: str
    note: str
    key: list[Key]
    html: Markup
    thinned: bool


def panels(outcome: Outcome) -> list[Panel]:
    """Return the plots that an outcome's series allows; none where it has no finite time.

    Panels without a single finite value are left out.
    """
    series = outcome.series
    if series is None:
        return []
    times = np.concatenate([series.t_h, series.k_t_h])
    times = times[np.isfinite(times)]
    if not times.size:
        return []
    span = (float(times.min()), float(times.max()))
    drawn = [*_pressures(series), _corrected(series), _residuals(series), _temperature(series)]
    drawn.append(_decay_constant(outcome, series, span))
    drawn.append(_evidence(outcome, series, span))
    drawn.append(_states(series))
    return [
        panel(index, title, note, sheet, layout, outcome.events, span)
        for index, (title, note, sheet, layout) in enumerate(drawn)
        if sheet.traces
    ]


_Drawn = tuple[str, str, Sheet, dict[str, Any]]


def _pressures(series: Series) -> list[_Drawn]:
    """Return chamber and reference: a panel each, since they may lie far apart."""
    scale, unit = pressure_unit(series.pressure_pa)
    chamber = Sheet()
    chamber.line("chamber", series.t_h, series.pressure_pa / scale, BLUE)
    drawn: list[_Drawn] = [(f"Chamber pressure, {unit}", "As read, uncorrected.", chamber, {})]
    reference = Sheet()
    if np.any(series.reference_pa > 0):
        scale, unit = pressure_unit(series.reference_pa)
        reference.line("reference", series.t_h, series.reference_pa / scale, BLUE)
    drawn.append(
        (f"Reference pressure, {unit}", "What the chamber leaks to: weather, or the station.",
         reference, {"height": 190})
    )  # fmt: skip
    return drawn


def _corrected(series: Series) -> _Drawn:
    scale, unit = pressure_unit(series.p_t_pa)
    sheet = Sheet()
    sheet.line("measured", series.t_h, series.p_t_pa / scale, BLUE)
    sheet.line("fit", series.t_h, series.fit_pa / scale, ORANGE, dash="dash", width=2)
    note = "Chamber pressure with the temperature's share taken out"
    note += ", and the decay fitted to it." if np.isfinite(series.fit_pa).any() else "."
    return f"Pressure at reference temperature, {unit}", note, sheet, {}


def _residuals(series: Series) -> _Drawn:
    sheet = Sheet()
    if not np.isfinite(series.residual_pa).any():
        return "", "", sheet, {}
    used = np.asarray(series.used, dtype=bool)
    sheet.dots("left out", series.t_h[~used], series.residual_pa[~used], GREY, 0.55)
    sheet.dots("used", series.t_h[used], series.residual_pa[used], BLUE, 0.9)
    # What was left out may lie far off: the scale is made for what was used.
    layout = {"yaxis": y_range([series.residual_pa[used]], 0.08)}
    note = "Measured less fitted."
    if np.isfinite(series.residual_pa[~used]).any():
        note += " The scale suits the points used; pale ones took no part."
    return "Residual, Pa", note, sheet, layout


def _temperature(series: Series) -> _Drawn:
    sheet = Sheet()
    sheet.line("temperature", series.t_h, series.temperature_k - ZERO_C_K, BLUE)
    return "Temperature, °C", "As the pressure correction used it.", sheet, {"height": 190}


def _decay_constant(outcome: Outcome, series: Series, span: tuple[float, float]) -> _Drawn:
    """Return k against time with its interval, the prediction and the truth."""
    factor = lb_per_day_per_k(outcome)
    scale = 1.0 if factor is None else factor
    sheet = Sheet()
    if not np.isfinite(series.k_per_s).any():
        return "", "", sheet, {}
    k, half = series.k_per_s * scale, Z95 * series.k_se_per_s * scale
    levels = []
    predicted, se = outcome.k_predicted_per_s, outcome.k_predicted_se_per_s
    if predicted is not None and np.isfinite(predicted):
        u = 2.0 * se * scale if se is not None and np.isfinite(se) else 0.0
        levels += [predicted * scale - u, predicted * scale + u]
        ends = np.array(span)
        sheet.band("predicted ± U", ends, np.full(2, levels[0]), np.full(2, levels[1]), GREEN_BAND)
        sheet.level("predicted", span, predicted * scale, GREEN, "solid")
    sheet.band("95 % interval", series.k_t_h, k - half, k + half, BLUE_BAND)
    sheet.line("node's k", series.k_t_h, k, BLUE)
    true = outcome.rate_true_lb_per_day
    if factor is not None and true is not None and np.isfinite(true):
        levels.append(true)
        sheet.level("true", span, true, BLACK, "dash")
    # The first estimates are wide beyond use: the scale is made for the later ones.
    late = slice(len(k) // 4, None)
    axis = y_range([(k - half)[late], (k + half)[late], np.array(levels)], 0.1, clip=2.0)
    if factor is None:
        axis |= {"exponentformat": "e"}
        title = "Decay constant k as the node computed it, 1/s"
    else:
        title = "Leak rate as the node computed it, PrK-equivalent lb/day"
    note = "The node's own estimate as the record grew, with its 95 % interval."
    return title, note, sheet, {"yaxis": axis, "height": 320}


def _evidence(outcome: Outcome, series: Series, span: tuple[float, float]) -> _Drawn:
    """Return the evidence for a leak and for a change against time, with their thresholds."""
    sheet = Sheet()
    watch = outcome.watch
    if watch is None or not len(series.evidence_t_h):
        return "", "", sheet, {}
    t = series.evidence_t_h
    sheet.line("leak, ln e", t, series.log_e, BLUE)
    if np.isfinite(series.log_e).any():
        sheet.level("LEAK", span, watch["log_e_threshold"], BLUE, "dash")
    sheet.line("change, ln R", t, series.log_r, ORANGE)
    if np.isfinite(series.log_r).any():
        sheet.level("change", span, watch["log_change_threshold"], ORANGE, "dash")
    # A leak that is plain has evidence without end: the scale is made for the thresholds.
    layout = {"yaxis": {"range": [-6.0, 2.0 * watch["log_change_threshold"]]}}
    note = "As it stood all along; crossing its dashed line declares it."
    return "Evidence", note, sheet, {**layout, "height": 220}


def _states(series: Series) -> _Drawn:
    """Return the node's state over time."""
    sheet = Sheet()
    if len(series.state):
        sheet.line("state", series.t_h, series.state, BLUE, shape="hv")
    names = {"tickvals": list(range(len(STATE_NAMES))), "ticktext": list(STATE_NAMES)}
    layout = {"yaxis": {**names, "range": [-0.5, len(STATE_NAMES) - 0.5]}, "height": 190}
    return "State of the node", "As the node told it.", sheet, layout


def panel(
    index: int,
    title: str,
    note: str,
    sheet: Sheet,
    layout: dict[str, Any],
    events: Sequence[EventNote],
    span: tuple[float, float],
) -> Panel:
    """Draw one sheet over the hours of ``span``, with upright lines at the events."""
    low, high = span
    pad = 0.01 * (high - low) or 0.5
    axis = {"ticks": "outside", "tickcolor": "#bbb", "gridcolor": "#e6e6e6", "zeroline": False}
    merged: dict[str, Any] = {
        "height": 260,
        "margin": {"l": 82, "r": 14, "t": 28, "b": 30},
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "font": {"family": "system-ui, sans-serif", "size": 12, "color": BLACK},
        "hovermode": "x",
        "showlegend": False,
        **layout,
        "xaxis": {**axis, "range": [low - pad, high + pad], "ticksuffix": " h"},
        "yaxis": {**axis, **layout.get("yaxis", {})},
        **_event_lines(events, span),
    }
    html = plotly.io.to_html(
        {"data": sheet.traces, "layout": merged},
        config=dict(CONFIG), include_plotlyjs=False, full_html=False, validate=False,
        div_id=f"panel-{index}", default_height=f"{merged['height']}px",
    )  # fmt: skip
    # plotly escapes names and numbers in its own script; nothing the user typed is in them.
    key = sheet.key if len(sheet.key) > 1 else []
    return Panel(title, note, key, Markup(html), sheet.thinned)


def _event_lines(events: Sequence[EventNote], span: tuple[float, float]) -> dict[str, Any]:
    """Return upright lines at the events, numbered as in the page's table where there is room."""
    shapes: list[dict[str, Any]] = []
    labels: list[dict[str, Any]] = []
    room = 0.03 * (span[1] - span[0])
    first = 0
    for number, event in enumerate(events[:MARKED_EVENTS], 1):
        if not np.isfinite(event.t_h):
            continue
        ends = {"x0": event.t_h, "x1": event.t_h, "y0": 0, "y1": 1, "yref": "paper"}
        line = {"color": GREY, "width": 1, "dash": "dot"}
        shapes.append({"type": "line", "xref": "x", "layer": "below", "line": line, **ends})
        if labels and event.t_h - labels[-1]["x"] < room:
            labels[-1]["text"] = f"{first}–{number}"
            continue
        first = number
        place = {"x": event.t_h, "y": 1, "yref": "paper", "yanchor": "top", "xanchor": "left"}
        font = {"size": 10, "color": "#666"}
        labels.append({"text": str(number), "showarrow": False, "font": font, **place})
    return {"shapes": shapes, "annotations": labels}


def pressure_unit(pressure_pa: FloatArray) -> tuple[float, str]:
    """Return the pascals of the unit that suits these pressures, and its name."""
    finite = pressure_pa[np.isfinite(pressure_pa)]
    return (1000.0, "kPa") if finite.size and np.max(np.abs(finite)) >= 5000.0 else (1.0, "Pa")


def y_range(parts: list[FloatArray], pad: float, clip: float = 0.0) -> dict[str, Any]:
    """Return an axis over all finite values, ``clip`` percent of the extremes cut off at each end.

    The last part is never cut when ``clip`` is set: it holds the levels to compare with.
    """
    spread = np.concatenate(parts[:-1] if clip else parts)
    spread = spread[np.isfinite(spread)]
    bounds = list(np.percentile(spread, [clip, 100.0 - clip])) if spread.size else []
    if clip:
        bounds += [float(level) for level in parts[-1]]
    if not bounds or min(bounds) == max(bounds):
        return {}
    low, high = min(bounds), max(bounds)
    room = pad * (high - low)
    return {"range": [low - room, high + room]}

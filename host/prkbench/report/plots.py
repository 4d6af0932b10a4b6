"""The page's plots: one panel per quantity, all over the same hours."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.io  # type: ignore[import-untyped]
from markupsafe import Markup

from prkbench.analysis.outcome import FloatArray, Outcome, Series
from prkbench.report.thin import breaks, extremes
from prkbench.report.wording import lb_per_day_per_k

Trace = dict[str, Any]

POINTS = 2400
"""Points kept per line: more than a screen has columns."""
MARKED_EVENTS = 60
FEW = 200
"""Up to so many readings each one is marked with a dot."""
ZERO_C_K = 273.15

# Okabe and Ito's palette, told apart by every common form of colour vision.
BLUE, ORANGE, GREEN, GREY, BLACK = "#0072b2", "#d55e00", "#00795a", "#9a9a9a", "#222222"
BLUE_BAND, GREEN_BAND = "rgba(0,114,178,0.18)", "rgba(0,121,90,0.16)"

CONFIG = {
    "displaylogo": False,
    # The library's own button would send the record to its maker's server.
    "showSendToCloud": False,
    "plotlyServerURL": "",
    "responsive": True,
    "modeBarButtonsToRemove": ["lasso2d", "select2d", "autoScale2d"],
}


@dataclass(frozen=True)
class Key:
    """What a colour and a mark ("line", "dash", "dot", "band") stand for in a plot."""

    name: str
    mark: str
    colour: str


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


class _Sheet:
    """Traces of one panel, thinned as they are added."""

    def __init__(self) -> None:
        self.traces: list[Trace] = []
        self.key: list[Key] = []
        self.thinned = False

    def line(self, name: str, t: FloatArray, y: FloatArray, colour: str, **style: Any) -> None:
        """Add a line, broken at gaps; single readings are marked when there are few."""
        if not np.isfinite(y).any():
            return
        mode = "lines+markers" if len(t) <= FEW and "dash" not in style else "lines"
        self.key.append(Key(name, "dash" if "dash" in style else "line", colour))
        at = breaks(t)
        # A NaN ahead of the first reading after a gap breaks the line without losing a reading.
        kept = self._keep(np.insert(y, at, np.nan))
        x, y = np.insert(t, at, t[at])[kept], np.insert(y, at, np.nan)[kept]
        self._add(name, x, y, mode=mode, line={"color": colour, "width": 1.6, **style})

    def dots(self, name: str, t: FloatArray, y: FloatArray, colour: str, opacity: float) -> None:
        """Add single points; those that are NaN are left out."""
        finite = np.isfinite(y) & np.isfinite(t)
        if not finite.any():
            return
        self.key.append(Key(name, "dot", colour))
        t, y = t[finite], y[finite]
        kept = self._keep(y)
        marker = {"color": colour, "size": 3.5 if len(t) > FEW else 6, "opacity": opacity}
        self._add(name, t[kept], y[kept], mode="markers", marker=marker)

    def band(self, name: str, t: FloatArray, low: FloatArray, high: FloatArray, fill: str) -> None:
        """Add a filled band between two lines."""
        finite = np.isfinite(low) & np.isfinite(high) & np.isfinite(t)
        if not finite.any():
            return
        self.key.append(Key(name, "band", fill))
        t, low, high = t[finite], low[finite], high[finite]
        kept = np.union1d(self._keep(low), self._keep(high))
        for bound, more in ((low, {}), (high, {"fill": "tonexty"})):
            self._add(
                name, t[kept], bound[kept],
                mode="lines", line={"width": 0}, fillcolor=fill, hoverinfo="skip", **more,
            )  # fmt: skip

    def level(self, name: str, span: tuple[float, float], y: float, colour: str, dash: str) -> None:
        """Add a horizontal line over the whole record; ``dash`` is plotly's word for it."""
        self.key.append(Key(name, "line" if dash == "solid" else "dash", colour))
        line = {"color": colour, "width": 1.6, "dash": dash}
        self._add(name, np.array(span), np.array([y, y]), mode="lines", line=line)

    def _keep(self, y: FloatArray) -> Any:
        kept = extremes(y, POINTS)
        self.thinned = self.thinned or len(kept) < len(y)
        return kept

    def _add(self, name: str, x: FloatArray, y: FloatArray, **more: Any) -> None:
        trace = {"type": "scatter", "name": name, "x": x.tolist(), "y": _listed(y), **more}
        self.traces.append(trace)


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
    return [
        _panel(index, title, note, sheet, layout, outcome, span)
        for index, (title, note, sheet, layout) in enumerate(drawn)
        if sheet.traces
    ]


_Drawn = tuple[str, str, _Sheet, dict[str, Any]]


def _pressures(series: Series) -> list[_Drawn]:
    """Return chamber and reference: a panel each, since they may lie far apart."""
    scale, unit = _pressure_unit(series.pressure_pa)
    chamber = _Sheet()
    chamber.line("chamber", series.t_h, series.pressure_pa / scale, BLUE)
    drawn: list[_Drawn] = [(f"Chamber pressure, {unit}", "As read, uncorrected.", chamber, {})]
    reference = _Sheet()
    if np.any(series.reference_pa > 0):
        scale, unit = _pressure_unit(series.reference_pa)
        reference.line("reference", series.t_h, series.reference_pa / scale, BLUE)
    drawn.append(
        (f"Reference pressure, {unit}", "What the chamber leaks to: weather, or the station.",
         reference, {"height": 190})
    )  # fmt: skip
    return drawn


def _corrected(series: Series) -> _Drawn:
    scale, unit = _pressure_unit(series.p_t_pa)
    sheet = _Sheet()
    sheet.line("measured", series.t_h, series.p_t_pa / scale, BLUE)
    sheet.line("fit", series.t_h, series.fit_pa / scale, ORANGE, dash="dash", width=2)
    note = "Chamber pressure with the temperature's share taken out, and the decay fitted to it."
    return f"Pressure at reference temperature, {unit}", note, sheet, {}


def _residuals(series: Series) -> _Drawn:
    sheet = _Sheet()
    used = np.asarray(series.used, dtype=bool)
    sheet.dots("left out", series.t_h[~used], series.residual_pa[~used], GREY, 0.55)
    sheet.dots("used", series.t_h[used], series.residual_pa[used], BLUE, 0.9)
    # What was left out may lie far off: the scale is made for what was used.
    layout = {"yaxis": _y_range([series.residual_pa[used]], 0.08)}
    note = "Measured less fitted. The scale suits the points used; pale ones took no part."
    return "Residual, Pa", note, sheet, layout


def _temperature(series: Series) -> _Drawn:
    sheet = _Sheet()
    sheet.line("temperature", series.t_h, series.temperature_k - ZERO_C_K, BLUE)
    return "Temperature, °C", "As the pressure correction used it.", sheet, {"height": 190}


def _decay_constant(outcome: Outcome, series: Series, span: tuple[float, float]) -> _Drawn:
    """Return k against time with its interval, the prediction and the truth."""
    factor = lb_per_day_per_k(outcome)
    scale = 1.0 if factor is None else factor
    sheet = _Sheet()
    if not np.isfinite(series.k_per_s).any():
        return "", "", sheet, {}
    k, half = series.k_per_s * scale, 1.959964 * series.k_se_per_s * scale
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
    axis = _y_range([(k - half)[late], (k + half)[late], np.array(levels)], 0.1, clip=2.0)
    if factor is None:
        axis |= {"exponentformat": "e"}
        title = "Decay constant k as the node computed it, 1/s"
    else:
        title = "Leak rate as the node computed it, PrK-equivalent lb/day"
    note = "The node's own estimate as the record grew, with its 95 % interval."
    return title, note, sheet, {"yaxis": axis, "height": 320}


def _panel(
    index: int,
    title: str,
    note: str,
    sheet: _Sheet,
    layout: dict[str, Any],
    outcome: Outcome,
    span: tuple[float, float],
) -> Panel:
    low, high = span
    pad = 0.01 * (high - low) or 0.5
    axis = {"ticks": "outside", "tickcolor": "#bbb", "gridcolor": "#e6e6e6", "zeroline": False}
    merged: dict[str, Any] = {
        "height": 260,
        "margin": {"l": 68, "r": 14, "t": 8, "b": 30},
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "font": {"family": "system-ui, sans-serif", "size": 12, "color": BLACK},
        "hovermode": "x",
        "showlegend": False,
        **layout,
        "xaxis": {**axis, "range": [low - pad, high + pad], "ticksuffix": " h"},
        "yaxis": {**axis, **layout.get("yaxis", {})},
        **_event_lines(outcome),
    }
    html = plotly.io.to_html(
        {"data": sheet.traces, "layout": merged},
        config=CONFIG, include_plotlyjs=False, full_html=False, validate=False,
        div_id=f"panel-{index}", default_height=f"{merged['height']}px",
    )  # fmt: skip
    # plotly escapes names and numbers in its own script; nothing the user typed is in them.
    key = sheet.key if len(sheet.key) > 1 else []
    return Panel(title, note, key, Markup(html), sheet.thinned)


def _event_lines(outcome: Outcome) -> dict[str, Any]:
    """Return upright lines at the events, numbered as in the page's table."""
    shapes, labels = [], []
    for number, event in enumerate(outcome.events[:MARKED_EVENTS], 1):
        if not np.isfinite(event.t_h):
            continue
        place = {"x0": event.t_h, "x1": event.t_h, "y0": 0, "y1": 1, "yref": "paper"}
        line = {"color": GREY, "width": 1, "dash": "dot"}
        shapes.append({"type": "line", "xref": "x", "layer": "below", "line": line, **place})
        labels.append(
            {"x": event.t_h, "y": 1, "yref": "paper", "yanchor": "top", "xanchor": "left",
             "text": str(number), "showarrow": False, "font": {"size": 10, "color": "#666"}}
        )  # fmt: skip
    return {"shapes": shapes, "annotations": labels}


def _pressure_unit(pressure_pa: FloatArray) -> tuple[float, str]:
    finite = pressure_pa[np.isfinite(pressure_pa)]
    return (1000.0, "kPa") if finite.size and np.max(np.abs(finite)) >= 5000.0 else (1.0, "Pa")


def _y_range(parts: list[FloatArray], pad: float, clip: float = 0.0) -> dict[str, Any]:
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


def _listed(values: FloatArray) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]

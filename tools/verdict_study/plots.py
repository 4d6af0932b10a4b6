"""Plots of the study's page, in the colours of every other page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from prkbench.report.sheet import BLACK, BLUE, GREY, ORANGE
from prkbench.study.summary import Proportion

_ROW_PX = 24
_KINDS = (("right", BLUE), ("open", "#d9d9d9"), ("wrong", ORANGE))


@dataclass(frozen=True)
class Bars:
    """A case of a stacked plot: counts of right, open and wrong, the share that is right."""

    name: str
    counts: Sequence[int]
    right: Proportion


@dataclass(frozen=True)
class Dot:
    """A point with its 95 % interval, and the bounds that it should lie in (None: none)."""

    name: str
    value: float
    low: float
    high: float
    least: float | None = None
    most: float | None = None


def stacked(bars: Sequence[Bars]) -> dict[str, Any]:
    """Return a figure of horizontal bars in per cent, Wilson's interval about the right share."""
    names = [bar.name for bar in bars]
    data: list[dict[str, Any]] = []
    for kind, (word, colour) in enumerate(_KINDS):
        values = [100.0 * bar.counts[kind] / sum(bar.counts) for bar in bars]
        trace = {
            "type": "bar", "orientation": "h", "name": word, "y": names, "x": values,
            "marker": {"color": colour}, "hovertemplate": "%{y}: %{x:.1f} % " + word
            + "<extra></extra>",
        }  # fmt: skip
        if kind == 0:
            trace["error_x"] = {
                "type": "data", "symmetric": False, "color": BLACK, "thickness": 1.2, "width": 3,
                "array": [100.0 * bar.right.high - x for bar, x in zip(bars, values, strict=True)],
                "arrayminus": [x - 100.0 * bar.right.low
                               for bar, x in zip(bars, values, strict=True)],
            }  # fmt: skip
        data.append(trace)
    layout = _layout(len(bars)) | {"barmode": "stack", "bargap": 0.25}
    layout["xaxis"] |= {"range": [0, 101.5], "ticksuffix": " %"}
    return {"data": data, "layout": layout}


def dots(points: Sequence[Dot], unit: str = "", *, log: bool = False) -> dict[str, Any]:
    """Return a figure of points with intervals, the span in which each should lie behind them."""
    names = [point.name for point in points]
    data: list[dict[str, Any]] = []
    shapes = [
        {
            "type": "rect", "layer": "below", "line": {"width": 0},
            "fillcolor": "rgba(0,121,90,0.16)", "y0": row - 0.4, "y1": row + 0.4,
            "xref": "x",
            "x0": point.least if point.least is not None else _end(points, log, low=True),
            "x1": point.most if point.most is not None else _end(points, log, low=False),
        }
        for row, point in enumerate(points)
        if point.least is not None or point.most is not None
    ]  # fmt: skip
    data.append({
        "type": "scatter", "mode": "markers", "y": names, "x": [p.value for p in points],
        "marker": {"color": [_colour(p) for p in points], "size": 8},
        "error_x": {
            "type": "data", "symmetric": False, "color": GREY, "thickness": 1.2, "width": 3,
            "array": [p.high - p.value for p in points],
            "arrayminus": [p.value - p.low for p in points],
        },
        "hovertemplate": "%{y}: %{x:.3g} " + unit + "<extra></extra>",
    })  # fmt: skip
    layout = _layout(len(points)) | {"shapes": shapes}
    layout["xaxis"] |= {"ticksuffix": f" {unit}" if unit else "", "type": "log" if log else "-"}
    return {"data": data, "layout": layout}


def _colour(point: Dot) -> str:
    low = point.least is not None and point.value < point.least
    return ORANGE if low or (point.most is not None and point.value > point.most) else BLUE


def _end(points: Sequence[Dot], log: bool, *, low: bool) -> float:
    """Where a span ends that has no bound on this side: at the edge of what is drawn."""
    ends = [end for p in points for end in (p.low, p.high, p.value)]
    if low:
        return min(ends) * 0.9 if log else min(0.0, *ends)
    return max(ends) * 1.1


def _layout(rows: int) -> dict[str, Any]:
    axis = {"gridcolor": "#ececec", "zerolinecolor": "#ececec", "linecolor": "#d9d9d9"}
    return {
        "height": 70 + _ROW_PX * rows, "margin": {"l": 110, "r": 16, "t": 8, "b": 36},
        "paper_bgcolor": "white", "plot_bgcolor": "white", "showlegend": False,
        "font": {"family": "system-ui, sans-serif", "size": 12, "color": BLACK},
        "xaxis": dict(axis),
        "yaxis": {**axis, "type": "category", "autorange": "reversed", "automargin": True,
                  "showgrid": False, "dtick": 1},
    }  # fmt: skip

"""One panel's lines, dots and bands, each thinned to what a screen can show."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from prkbench.analysis.outcome import FloatArray
from prkbench.report.thin import IndexArray, breaks, extremes

Trace = dict[str, Any]

POINTS = 2400
"""Points kept per line: more than a screen has columns."""
FEW = 200
"""Up to so many readings each one is marked with a dot."""

# Okabe and Ito's palette, told apart by every common form of colour vision.
BLUE, ORANGE, GREEN, GREY, BLACK = "#0072b2", "#d55e00", "#00795a", "#9a9a9a", "#222222"
BLUE_BAND, GREEN_BAND = "rgba(0,114,178,0.18)", "rgba(0,121,90,0.16)"


@dataclass(frozen=True)
class Key:
    """What a colour and a mark ("line", "dash", "dot", "band") stand for in a plot."""

    name: str
    mark: str
    colour: str


class Sheet:
    """Traces of one panel and their key, thinned as they are added; times in hours."""

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
        self._add(
            name, x, y, mode=mode, line={"color": colour, "width": 1.6, "simplify": False, **style}
        )

    def dots(self, name: str, t: FloatArray, y: FloatArray, colour: str, opacity: float) -> None:
        """Add single points; those that are NaN are left out."""
        finite = np.isfinite(y) & np.isfinite(t)
        if not finite.any():
            return
        self.key.append(Key(name, "dot", colour))
        t, y = t[finite], y[finite]
        # Extremes alone would draw noise as two bands: most of the points are evenly taken.
        kept = extremes(y, POINTS // 8)
        if len(kept) < len(y):
            even = np.linspace(0, len(y) - 1, min(POINTS, len(y))).astype(np.intp)
            kept = np.union1d(kept, even)
        self.thinned = self.thinned or len(kept) < len(y)
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

    def _keep(self, y: FloatArray) -> IndexArray:
        kept = extremes(y, POINTS)
        self.thinned = self.thinned or len(kept) < len(y)
        return kept

    def _add(self, name: str, x: FloatArray, y: FloatArray, **more: Any) -> None:
        trace = {"type": "scatter", "name": name, "x": x.tolist(), "y": _listed(y), **more}
        self.traces.append(trace)


def _listed(values: FloatArray) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]

"""Node time against host time: a regression, so that no single reading of a clock matters.

The host's own clock may be set while a run is logged (NTP, an operator, daylight saving); each pair
therefore carries the monotonic clock, and wall time is that clock plus one offset.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ClockPair:
    """One look at both clocks: microseconds of the node, nanoseconds of the host, its span.

    span_ns: how long the question took; the node's answer lies somewhere inside.
    """

    node_us: int
    host_ns: int
    span_ns: int


@dataclass(frozen=True)
class TimeBase:
    """host_ns = origin_ns + rate * node_us: rate in host nanoseconds per node microsecond."""

    origin_ns: float
    rate: float
    residual_ns: float
    pairs: int

    def host_ns(self, node_us: float) -> float:
        """Host time of a node time."""
        return self.origin_ns + self.rate * node_us

    @property
    def drift_ppm(self) -> float:
        """How much faster the host's clock runs than the node's, parts per million."""
        return (self.rate / 1000.0 - 1.0) * 1e6


def fit(pairs: list[ClockPair]) -> TimeBase | None:
    """Weighted straight line through the pairs, or None for fewer than two distinct ones."""
    if len({pair.node_us for pair in pairs}) < 2:
        return None
    node = np.array([pair.node_us for pair in pairs], dtype=np.float64)
    first = pairs[0].host_ns
    host = np.array([pair.host_ns - first for pair in pairs], dtype=np.float64)
    weight = 1.0 / np.array([max(pair.span_ns, 1000) for pair in pairs], dtype=np.float64)
    rate, origin = np.polyfit(node, host, 1, w=weight)
    residual = host - (origin + rate * node)
    return TimeBase(
        float(origin) + first, float(rate), float(np.sqrt(np.mean(residual**2))), len(pairs)
    )

"""Minutes of a chamber as the watches take them, from closed forms and an autoregression.

The residual is an Ornstein-Uhlenbeck gas temperature of 10 mK averaged over each minute, the room
breathes every 20 min and the sensor lags by 4 min; sizes are those of the documented bench.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from prkbench.analysis.stream import Row
from prkbench.node_setup import correlation

P_PA, X_PA, T_K, LAG_S = 120000.0, 20000.0, 295.0, 240.0
PERCENT_DAY = 0.01 / 86400.0
"""One per cent of the driving pressure a day, 1/s."""
RHO = correlation(3600.0) / 1024.0
"""The node's default: an hour, where the truth here is half an hour."""


@dataclass(frozen=True)
class Minutes:
    """Arrays, one entry a minute: x (Pa), t (K), y = p_T (Pa)."""

    x: NDArray[np.float64]
    t: NDArray[np.float64]
    y: NDArray[np.float64]


def minutes(
    rng: np.random.Generator,
    count: int,
    percent_day: float = 0.0,
    onset: int = 0,
    tau_s: float = 1800.0,
    before: float = 0.0,
) -> Minutes:
    """A chamber that leaks so much from that minute on, and `before` until then."""
    parts = 4
    rho = np.exp(-60.0 / parts / tau_s)
    shock = rng.standard_normal(count * parts) * np.sqrt(1.0 - rho * rho)
    shock[0] = rng.standard_normal()
    gas = lfilter([1.0], [1.0, -rho], shock).reshape(count, parts).mean(axis=1) * 0.010
    at = 60.0 * np.arange(count)
    turn, phase = 2.0 * np.pi / 1200.0, rng.uniform(0.0, 6.3)
    t = T_K + 0.15 * np.sin(turn * at + phase)
    rate = 0.15 * turn * np.cos(turn * at + phase)
    k = np.where(np.arange(count) >= onset, percent_day, before) * PERCENT_DAY
    x = X_PA * np.exp(-np.concatenate([[0.0], np.cumsum(k[1:] * 60.0)]))
    y = P_PA + (x - X_PA) + P_PA / T_K * (gas + LAG_S * rate) + 0.05 * rng.standard_normal(count)
    return Minutes(x, t, y)


def rows(data: Minutes, first_slot: int = 0, segment: int = 0) -> list[Row]:
    """The regression rows of one segment."""
    i = np.concatenate([[0.0], np.cumsum(30.0 * (data.x[1:] + data.x[:-1]))])
    return [
        Row(
            segment, first_slot + n, float(i[n]), float(data.t[n + 1] - data.t[n - 1]),
            float(data.y[n]),
        )
        for n in range(1, len(data.y) - 1)
    ]  # fmt: skip

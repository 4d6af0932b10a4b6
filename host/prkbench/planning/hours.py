"""How many hours decide: to detect a leak of the limit, to have it called, to call it sealed."""

from __future__ import annotations

import math
from collections.abc import Callable

from prkbench.analysis.verdict import LEAST_ROWS, Z95, Z95_ONE_SIDED
from prkbench.planning.precision import claimed_per_s, rmse_per_s
from prkbench.planning.setting import Setting

MOST_HOURS = 90.0 * 24.0
FEWEST_HOURS = 0.25
"""Nothing is looked for sooner: the error in a few minutes is the sensors' own start."""
_FINE = 1.005
_FEWEST_CALLED = (LEAST_ROWS + 2) / 60.0
"""Hours before any verdict; the first and the last minute have no D, so they do not count."""
POWER = Z95_ONE_SIDED
"""One-sided 95 % quantile: what is asked for comes out in 19 of 20 tests."""
CALLED = 2.58
"""The verdict LEAK stands from so many standard errors above zero on."""


def _first(enough: Callable[[float], bool], least: float) -> float | None:
    """The fewest hours from `least` on that are enough, to half a per cent, if 90 days are."""
    if enough(least):
        return least
    low = high = least
    while not enough(high):
        if high >= MOST_HOURS:
            return None
        low, high = high, min(MOST_HOURS, 2.0 * high)
    while high / low > _FINE:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def hours_to_detect(setting: Setting, limit_k: float) -> float | None:
    """Hours until a leak of the limit can show: in 95 % of tests zero is 1.96 rms errors away.

    limit_k in 1/s, of the bench. None where 90 days are too few.
    """

    def enough(hours: float) -> bool:
        return limit_k >= (Z95 + POWER) * rmse_per_s(setting, limit_k, 3600.0 * hours)

    return _first(enough, FEWEST_HOURS)


def hours_to_call_leak(setting: Setting, limit_k: float) -> float | None:
    """Hours until the verdict is LEAK in 95 % of tests with a leak of the limit."""

    def enough(hours: float) -> bool:
        seconds = 3600.0 * hours
        margin = limit_k - POWER * rmse_per_s(setting, limit_k, seconds)
        return margin >= CALLED * claimed_per_s(setting, limit_k, seconds)

    return _first(enough, _FEWEST_CALLED)


def hours_to_call_sealed(setting: Setting, limit_k: float) -> float | None:
    """Hours until the upper 95 % limit of no leak at all is below the limit in 95 % of tests."""

    def enough(hours: float) -> bool:
        seconds = 3600.0 * hours
        bound = Z95_ONE_SIDED * claimed_per_s(setting, 0.0, seconds)
        return bound + POWER * rmse_per_s(setting, 0.0, seconds) < limit_k

    return _first(enough, _FEWEST_CALLED)

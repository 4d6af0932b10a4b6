"""From a decay constant and its errors to one verdict, in the vocabulary of leak testing."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import ndtri

from prkbench.analysis.conversion import Conversion
from prkbench.analysis.outcome import LEAK, NO_VERDICT, SEALED

_SURE = 2.58
"""A leak is called when k is this many standard errors above zero (99 % two-sided)."""
LEAST_ROWS = 30
"""Minutes that must count before anything is decided or compared."""
Z95 = float(ndtri(0.975))
Z95_ONE_SIDED = float(ndtri(0.95))


@dataclass(frozen=True)
class Verdict:
    """The word, the sentence, and the exit code that goes with it."""

    word: str
    sentence: str
    exit_code: int


def interval(k: float, se: float) -> tuple[float, float]:
    """Two-sided 95 % interval of k."""
    return k - Z95 * se, k + Z95 * se


def upper_limit(k: float, se: float) -> float:
    """One-sided 95 % upper limit of k, at least zero."""
    return max(0.0, k) if se == 0.0 else max(0.0, k + Z95_ONE_SIDED * se)


def decide(
    k: float, se: float, rows: int, conversion: Conversion, limit_kg_per_s: float | None
) -> Verdict:
    """Decide between LEAK, SEALED (< X) and NO VERDICT YET; a limit is only ever the user's."""
    rate = conversion.rate_lb_per_day
    low, high = (rate(end) for end in interval(k, se))
    bound = rate(upper_limit(k, se))
    limit = None if limit_kg_per_s is None else conversion.k_per_s(limit_kg_per_s)
    if not math.isfinite(k) or not math.isfinite(se):
        return Verdict(NO_VERDICT, "the rate's error is not known: the data do not bound it", 5)
    if rows < LEAST_ROWS:
        return Verdict(
            NO_VERDICT,
            f"only {rows} minutes count so far: no verdict before {LEAST_ROWS}; "
            f"the leak is under {show(bound)} lb/day at 95 %",
            5,
        )
    if k > _SURE * se:
        sentence = (
            f"leaks {show(rate(k))} lb/day (95 %: {show(low)} to {show(high)} lb/day), "
            f"PrK-equivalent; no leak at all would give this in under 1 of 100 tests"
        )
        if limit is not None:
            over = k - Z95_ONE_SIDED * se > limit
            under = upper_limit(k, se) < limit
            word = "above" if over else "below" if under else "not distinguishable from"
            sentence += f"; {word} the limit of {show(rate(limit))} lb/day"
            return Verdict(LEAK, sentence, 1 if over else 0 if under else 5)
        return Verdict(LEAK, sentence, 0)
    if limit is not None and upper_limit(k, se) >= limit:
        return Verdict(
            NO_VERDICT,
            f"no leak shown, but up to {show(bound)} lb/day is possible at 95 %: "
            f"the limit of {show(rate(limit))} lb/day needs a longer test",
            5,
        )
    return Verdict(
        f"{SEALED} (< {show(bound)} lb/day)",
        f"no leak shown: any leak is below {show(bound)} lb/day PrK-equivalent at 95 %",
        0,
    )


def show(rate: float) -> str:
    """A rate with the digits that mean something, never as 1e-05."""
    if rate == 0.0:
        return "0"
    if not math.isfinite(rate):
        return "unbounded"
    digits = max(0, 2 - math.floor(math.log10(abs(rate))))
    return f"{rate:.{min(digits, 6)}f}"

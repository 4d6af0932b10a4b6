"""Tests that may be looked at as often as one likes: the normal-mixture e-process.

For an estimate b with standard error se the evidence against b = 0 is the likelihood ratio, mixed
over a normal prior of width r0 around zero. Under no leak it exceeds 1/alpha ever, however long
and often it is looked at, with a probability below alpha (Ville's inequality; Robbins 1970;
Howard, Ramdas, McAuliffe and Sekhon, Ann. Stat. 49, 2021).

What that rests on: the residual is an autoregression whose correlation time is not longer than
the one stated, its variance is that seen so far (or the expected one, where that is larger), and
k was constant from the start. The standard error is widened for what of this is not quite true:
by half for LEAK, which is a charge, by a tenth for the bound SEALED (< X).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import log_ndtr

from prkbench.analysis.stream import LeastSquares, NormalEquations
from prkbench.errors import UsageError

WIDTH_PER_S = 0.027 / 86400.0
"""The mixture's width r0 at the tunnel's own pace: 2.7 % of the driving pressure a day, 1/s.

Half a pound a day of the PrK: what is fast is found at once with any width, what is slow sooner
with a narrow one.
"""
LEAK_ALPHA = 0.01
SEALED_ALPHA = 0.05
LEAK_INFLATION = 1.5
SEALED_INFLATION = 1.1
"""Factors on the standard error: what is not quite true of the residual's model."""
_LEAST_ROWS = 20
"""Under this the variance is too little known for a bound at 95 %."""


def normal_mixture_log_e(b: float, se: float, r0: float, one_sided: bool) -> float:
    """Return ln e for an estimate, in any one unit for `b`, `se` and the mixture's width `r0`.

    With r = r0^2/se^2 and g = (b/se) sqrt(r/(1 + r)): e = exp(g^2/2)/sqrt(1 + r), and one-sided
    (only b > 0 counts, half the prior) that times 2 Phi(g). UsageError unless `se` and `r0` are
    above zero.
    """
    if not (0.0 < se < math.inf and 0.0 < r0 < math.inf and math.isfinite(b)):
        raise UsageError(
            f"no e-value of {b:g} with standard error {se:g} and width {r0:g}: expected finite "
            "numbers, the last two above zero"
        )
    r = (r0 / se) ** 2
    g = b / se * math.sqrt(r / (1.0 + r))
    two_sided = 0.5 * g * g - 0.5 * math.log1p(r)
    if not one_sided:
        return two_sided
    # ln Phi, not Phi: far below zero Phi underflows where its product with exp(g^2/2) does not.
    return two_sided + math.log(2.0) + float(log_ndtr(g))


def mixture_upper_bound(b: float, se: float, r0: float, alpha: float) -> float:
    """Return the upper end of the confidence sequence that matches the one-sided e-process.

    The largest value whose e-process against anything smaller is still below 1/alpha; it holds at
    all times at once with probability 1 - alpha. UsageError as for `normal_mixture_log_e`.
    """
    if not 0.0 < alpha < 1.0:
        raise UsageError(f"no bound at alpha = {alpha:g}: expected between 0 and 1")
    normal_mixture_log_e(b, se, r0, True)
    r = (r0 / se) ** 2
    target = 0.5 * math.log1p(r) - math.log(alpha) - math.log(2.0)
    # ln Phi(g) + g^2/2 rises with g and is convex there: Newton from above needs a few steps.
    g = math.sqrt(2.0 * (target + math.log(2.0)))
    for _ in range(50):
        log_phi = float(log_ndtr(g))
        density = math.exp(-0.5 * g * g - log_phi) / math.sqrt(2.0 * math.pi)
        step = (log_phi + 0.5 * g * g - target) / (g + density)
        g -= step
        if abs(step) < 1e-12 * abs(g):
            break
    return b + g * se * math.sqrt((1.0 + r) / r)


@dataclass(frozen=True)
class Evidence:
    """What is known at a slot: k and se as fitted (1/s), ln e for a leak, the bound SEALED < X."""

    slot: int
    k_per_s: float
    se_per_s: float
    log_e: float
    upper_per_s: float


class LeakWatch:
    """LEAK and SEALED from a known start; may be asked after every row.

    acceleration: how many times faster than the tunnel the bench decays, and with it the leaks to
    be expected. `leak` becomes true when the evidence passes 1/alpha, and stays so: the verdict of
    a sequential test is that of its first passage.
    """

    threshold = -math.log(LEAK_ALPHA)

    def __init__(self, acceleration: float = 1.0) -> None:
        self.width_per_s = WIDTH_PER_S * acceleration
        self.leak = False
        self.highest = -math.inf

    def log_e(self, fit: LeastSquares) -> float:
        """ln e for a leak of an estimate."""
        se = LEAK_INFLATION * fit.se_per_s
        return normal_mixture_log_e(fit.k_per_s, se, self.width_per_s, True)

    def ask(self, equations: NormalEquations) -> Evidence | None:
        """The evidence in all rows so far; None in the first minutes."""
        fit = equations.fit() if equations.rows >= _LEAST_ROWS else None
        if fit is None:
            return None
        log_e = self.log_e(fit)
        self.highest = max(self.highest, log_e)
        self.leak = self.leak or log_e >= self.threshold
        upper = mixture_upper_bound(
            fit.k_per_s, SEALED_INFLATION * fit.se_per_s, self.width_per_s, SEALED_ALPHA
        )
        return Evidence(equations.slot, fit.k_per_s, fit.se_per_s, log_e, upper)

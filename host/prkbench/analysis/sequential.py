"""Tests that may be looked at as often as one likes: the normal-mixture e-process.

For an estimate b with standard error se the evidence against b = 0 is the likelihood ratio, mixed
over a normal prior of width r0 around zero. Under no leak it exceeds 1/alpha ever, however long
and often it is looked at, with a probability below alpha (Ville's inequality; Robbins 1970;
Howard, Ramdas, McAuliffe and Sekhon, Ann. Stat. 49, 2021).
"""

from __future__ import annotations

import math

from scipy.special import log_ndtr

from prkbench.errors import UsageError


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

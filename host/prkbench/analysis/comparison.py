"""Before and after: has the leak become larger, smaller, or stayed as it was.

The interval of the ratio is Fieller's (1954): all r for which after - r before is not severed from
zero. It is exact for normal errors, and where `before` is not severed from zero it says so by being
unbounded; the delta method on logarithms would invent an end, and has none where a rate came out
below zero. An error common to both rates (volume, null, element) cancels in the ratio and does
not belong into their standard errors here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from prkbench.analysis.outcome import CANNOT_TELL, INCREASED, REDUCED, UNCHANGED
from prkbench.errors import UsageError

SURE = 2.58
Z95 = 1.959964
SAME = (0.8, 1.25)
"""A ratio whose interval lies inside this is UNCHANGED."""


@dataclass(frozen=True)
class Measured:
    """A rate in any unit: value with its standard error, or with a half-width it cannot leave."""

    value: float
    se: float = 0.0
    half_width: float | None = None

    @property
    def spread(self) -> float:
        """Half of what separates two of these, to be taken in quadrature."""
        return SURE * self.se if self.half_width is None else self.half_width

    @property
    def error95(self) -> float:
        """Standard error whose 95 % interval is this rate's."""
        return self.se if self.half_width is None else self.half_width / Z95


@dataclass(frozen=True)
class Comparison:
    """The word; after/before with its 95 % interval (None: unbounded); z; whether it has stopped.

    stopped: None unless REDUCED; then False where the later rate is still above zero for sure.
    """

    verdict: str
    ratio: float | None
    interval95: tuple[float, float] | None
    z: float
    stopped: bool | None
    reason: str


def ratio_interval(
    after: float, after_se: float, before: float, before_se: float, z: float = Z95
) -> tuple[float, float] | None:
    """Fieller's interval of after/before; None where it is unbounded."""
    if (
        not all(map(math.isfinite, (after, after_se, before, before_se)))
        or min(after_se, before_se) < 0.0
    ):
        raise UsageError(
            f"no ratio of {after:g} +- {after_se:g} to {before:g} +- {before_se:g}: expected "
            "finite rates and standard errors not below zero"
        )
    a = before**2 - (z * before_se) ** 2
    if a <= 0.0:
        return None
    b = after * before
    c = after**2 - (z * after_se) ** 2
    # b^2 - a c written without cancellation.
    root = z * math.sqrt(
        (before * after_se) ** 2 + (after * before_se) ** 2 - (z * after_se * before_se) ** 2
    )
    low, high = (b - root) / a, (b + root) / a
    # The smaller root in size from the product of the two keeps its digits.
    if b > 0.0 and b + root > 0.0:
        low = c / (b + root)
    elif b < 0.0 and b - root < 0.0:
        high = c / (b - root)
    return low, high


def compare(before: Measured, after: Measured) -> Comparison:
    """Compare two rates of one leak path; both must be of one volume."""
    difference = after.value - before.value
    spread = math.hypot(before.spread, after.spread)
    z = SURE * difference / spread if spread > 0.0 else math.copysign(math.inf, difference)
    if difference == 0.0:
        z = 0.0
    bounds = ratio_interval(after.value, after.error95, before.value, before.error95)
    ratio = after.value / before.value if before.value else None
    shown = "" if bounds is None else f"; ratio {bounds[0]:.3g} to {bounds[1]:.3g} at 95 %"
    if abs(z) > SURE:
        word = INCREASED if difference > 0.0 else REDUCED
        reason = f"the rates differ by {abs(z):.1f} standard errors{shown}"
        stopped = None
        if word == REDUCED:
            stopped = after.value - (after.spread / SURE * Z95 if after.half_width is None
                                     else after.half_width) <= 0.0  # fmt: skip
            reason += "; may have stopped" if stopped else "; reduced, not stopped"
        return Comparison(word, ratio, bounds, z, stopped, reason)
    if bounds is not None and SAME[0] <= bounds[0] and bounds[1] <= SAME[1]:
        return Comparison(UNCHANGED, ratio, bounds, z, None, f"the same rate{shown}")
    need = "the first rate is not severed from zero" if bounds is None else "too wide to tell"
    return Comparison(
        CANNOT_TELL, ratio, bounds, z, None,
        f"{need}{shown}: longer records before and after would decide",
    )  # fmt: skip

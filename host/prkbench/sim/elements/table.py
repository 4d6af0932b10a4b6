"""An element known from its calibration: throughput against pressure difference."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import ClassVar

from prkbench.errors import UsageError
from prkbench.sim.elements.base import Law, Regime, WithoutGeometry
from prkbench.sim.gas import R_AIR

_DOWNSTREAM_TOLERANCE = 0.05
_ROUNDING = 1.0 + 1e-12


@dataclass(frozen=True)
class CalibratedTable(WithoutGeometry):
    """Throughput Q (Pa m3/s, gas at `reference_k`) measured at rising pressure differences.

    Between the points a monotone cubic (PCHIP, Fritsch and Butland 1984) through them and through
    zero, odd in the difference; beyond the largest difference nothing is known and UsageError is
    raised. `uncertainty` is the standard relative one, for all points or each. The gas must be
    near `reference_k`, and the lower pressure near `downstream_pa` if that is given: neither is
    corrected for.
    """

    difference_pa: tuple[float, ...]
    throughput_pa_m3_s: tuple[float, ...]
    uncertainty: float | tuple[float, ...] = 0.02
    reference_k: float = 295.0
    downstream_pa: float | None = None
    law: ClassVar[Law] = "table"
    largest_difference_pa: float = field(init=False, repr=False, compare=False)
    _knots: list[float] = field(init=False, repr=False, compare=False)
    _pieces: list[list[float]] = field(init=False, repr=False, compare=False)
    _each: tuple[float, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._check()
        # SciPy takes longer to load than most commands to run.
        from scipy.interpolate import PchipInterpolator

        per_rt = 1.0 / (R_AIR * self.reference_k)
        flows = [q * per_rt for q in self.throughput_pa_m3_s]
        x = [*(-d for d in reversed(self.difference_pa)), 0.0, *self.difference_pa]
        y = [*(-f for f in reversed(flows)), 0.0, *flows]
        pieces = PchipInterpolator(x, y).c[:, len(flows) :].T.tolist()
        knots = [0.0, *self.difference_pa]
        object.__setattr__(self, "_pieces", pieces)
        object.__setattr__(self, "_knots", knots)
        object.__setattr__(self, "largest_difference_pa", knots[-1])

    def _check(self) -> None:
        d, q = self.difference_pa, self.throughput_pa_m3_s
        if len(d) != len(q) or not d:
            raise UsageError(
                f"CalibratedTable: {len(d)} differences and {len(q)} throughputs, expected as many "
                "of each and at least one"
            )
        for name, values in (("difference_pa", d), ("throughput_pa_m3_s", q)):
            steps = zip((0.0, *values), values, strict=False)
            if not all(math.isfinite(b) and b > a for a, b in steps):
                raise UsageError(
                    f"CalibratedTable: {name} is {list(values)}, expected numbers above zero, each "
                    "larger than the one before"
                )
        u = self.uncertainty
        each = u if isinstance(u, tuple) else (u,) * len(d)
        if len(each) != len(d) or not all(math.isfinite(x) and x >= 0.0 for x in each):
            raise UsageError(
                f"CalibratedTable: uncertainty is {u!r}, expected one relative figure, or one for "
                f"each of the {len(d)} points"
            )
        object.__setattr__(self, "_each", each)
        if not (math.isfinite(self.reference_k) and self.reference_k > 0.0):
            raise UsageError(
                f"CalibratedTable: reference_k is {self.reference_k!r}, expected above zero"
            )

    def mass_flow(self, upstream_pa: float, downstream_pa: float, _temperature_k: float) -> float:
        """Interpolated throughput over R times the calibration's temperature, kg/s."""
        difference = abs(upstream_pa - downstream_pa)
        knots = self._knots
        if difference > knots[-1] * _ROUNDING:
            raise UsageError(
                f"CalibratedTable: a difference of {difference:g} Pa is beyond its last point, "
                f"{knots[-1]:g} Pa; calibrate the element up to there"
            )
        n = min(bisect_right(knots, difference), len(knots) - 1) - 1
        a, b, c, d = self._pieces[n]
        s = difference - knots[n]
        flow = d + s * (c + s * (b + s * a))
        return flow if upstream_pa >= downstream_pa else -flow

    def uncertainty_at(self, difference_pa: float) -> float:
        """Standard relative uncertainty at a difference, straight lines between the points."""
        each = self._each
        x, points = abs(difference_pa), self.difference_pa
        n = bisect_right(points, x)
        if n == 0 or n == len(points):
            return each[min(n, len(points) - 1)]
        part = (x - points[n - 1]) / (points[n] - points[n - 1])
        return each[n - 1] + part * (each[n] - each[n - 1])

    def regime(self, upstream_pa: float, downstream_pa: float, _temperature_k: float) -> Regime:
        """Whatever it was when it was calibrated."""
        return "no flow" if upstream_pa == downstream_pa else "calibrated"

    def validity(self, upstream_pa: float, downstream_pa: float, temperature_k: float) -> list[str]:
        """Check the range, the temperature and the lower pressure of the calibration."""
        warnings = []
        difference = abs(upstream_pa - downstream_pa)
        if difference > self.largest_difference_pa:
            warnings.append(
                f"the difference of {difference:g} Pa is beyond the table's last point, "
                f"{self.largest_difference_pa:g} Pa"
            )
        if difference < self.difference_pa[0] and difference > 0.0:
            warnings.append(
                f"the difference of {difference:g} Pa is below the table's first point, "
                f"{self.difference_pa[0]:g} Pa: interpolated towards zero"
            )
        if abs(temperature_k - self.reference_k) > 5.0:
            warnings.append(
                f"the table was made at {self.reference_k:g} K, the gas is at {temperature_k:g} K"
            )
        low = min(upstream_pa, downstream_pa)
        made = self.downstream_pa
        if made is not None and abs(low - made) > _DOWNSTREAM_TOLERANCE * max(low, made):
            warnings.append(
                f"the table was made into {made:g} Pa, the lower pressure is {low:g} Pa: "
                "a gas leak depends on both"
            )
        return warnings

    def refuse_invalid(
        self, upstream_pa: float, downstream_pa: float, temperature_k: float
    ) -> None:
        """UsageError beyond the table."""
        self.mass_flow(upstream_pa, downstream_pa, temperature_k)

"""What a planned test is made with, and what its pressure does as the leak goes on.

dp/dt = -k x(p) has a closed form for each law (physics of the three: exponential, hyperbolic
cotangent, exponential), and the running integral of x is (p0 - p)/k, or x0 t where nothing leaks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from prkbench.analysis.independent import FloatArray
from prkbench.errors import UsageError
from prkbench.law import Law, driving_pressure_pa
from prkbench.planning.noise import Noise
from prkbench.rig import Rig
from prkbench.sim.gas import CRITICAL_RATIO
from prknode.compensate import MAX_PA, MIN_PA

Mode = Literal["A", "B", "C"]

SENSOR_LOW_PA, SENSOR_HIGH_PA = MIN_PA / 4096.0, MAX_PA / 4096.0
"""What a BMP390 can measure: 300 and 1250 hPa."""

_SHORTEST_S = 1800.0


@dataclass(frozen=True)
class Setting:
    """Mode, law, nominal pressures (Pa) and temperature (K), noise, and the sensors' null error.

    `acceleration` is the rig's, `expected_tau_s` the correlation time that the analysis is told to
    expect; `twin` says that a sealed vessel beside takes the thermometer's
    place.
    """

    mode: Mode
    law: Law
    pressure_pa: float
    reference_pa: float
    temperature_k: float
    acceleration: float
    noise: Noise
    lag_s: float
    null_pa: float
    expected_tau_s: float
    twin: bool = False

    @property
    def penalty(self) -> float:
        """How many times more the gas temperature counts than in a vessel with a vacuum outside."""
        return self.pressure_pa / abs(self.pressure_pa - self.reference_pa)

    @property
    def constant_inflow(self) -> bool:
        """A choked leak inwards: it does not change while the chamber fills."""
        return self.law == "choked" and self.pressure_pa < self.reference_pa

    @property
    def norm_pa(self) -> float:
        """p_N of the viscous law."""
        return (self.pressure_pa + self.reference_pa) / 2.0

    def driving_pa(self, pressure_pa: FloatArray) -> FloatArray:
        """Return x in Pa at these chamber pressures; negative where gas flows in."""
        if self.constant_inflow:
            return np.full_like(pressure_pa, -self.reference_pa)
        return driving_pressure_pa(self.law, pressure_pa, self.reference_pa, self.norm_pa)

    def per_pascal(self, pressure_pa: FloatArray) -> FloatArray:
        """Return dx/dp of the law: what a pascal of null error adds to x."""
        if self.law == "viscous":
            return pressure_pa / self.norm_pa
        return np.ones_like(pressure_pa)

    def pressure_at(self, k_per_s: float, t_s: FloatArray) -> FloatArray:
        """Return the chamber's pressure in Pa at these times under this leak."""
        p0, ref = self.pressure_pa, self.reference_pa
        if self.constant_inflow:
            return np.asarray(p0 + k_per_s * ref * t_s)
        if self.law == "viscous":
            if ref == 0.0:
                return np.asarray(p0 / (1.0 + k_per_s * p0 / (2.0 * self.norm_pa) * t_s))
            inner = k_per_s * ref / (2.0 * self.norm_pa) * t_s
            if p0 > ref:
                return np.asarray(ref / np.tanh(inner + math.atanh(ref / p0)))
            return np.asarray(ref * np.tanh(inner + math.atanh(p0 / ref)))
        base = 0.0 if self.law == "choked" else ref
        return np.asarray(base + (p0 - base) * np.exp(-k_per_s * t_s))

    def integral_at(self, k_per_s: float, t_s: FloatArray) -> FloatArray:
        """Return the running integral of x in Pa s at these times."""
        if k_per_s == 0.0:
            return self.driving_pa(np.full_like(t_s, self.pressure_pa)) * t_s
        return (self.pressure_pa - self.pressure_at(k_per_s, t_s)) / k_per_s

    def usable_s(self, k_per_s: float) -> float:
        """How long the pressure stays where the sensor reads and the law holds; inf if always."""
        ends = [SENSOR_LOW_PA, SENSOR_HIGH_PA]
        if self.law == "choked":
            ends.append(self._unchoked_pa())
        return min((self._time_to(end, k_per_s) for end in ends), default=math.inf)

    def _unchoked_pa(self) -> float:
        """The chamber's pressure at which a choked leak stops being one."""
        inwards = self.pressure_pa < self.reference_pa
        ratio = CRITICAL_RATIO if inwards else 1.0 / CRITICAL_RATIO
        return self.reference_pa * ratio

    def checked(self) -> Setting:
        """Return itself; UsageError for pressures no BMP390 reads, and for a leak not choked."""
        _require_readable(f"mode {self.mode}: chamber.pressure", self.pressure_pa)
        ratio = min(self.pressure_pa, self.reference_pa) / max(self.pressure_pa, self.reference_pa)
        if self.law == "choked" and ratio > CRITICAL_RATIO:
            raise UsageError(
                f"mode {self.mode}: a leak between {self.pressure_pa / 100.0:g} and "
                f"{self.reference_pa / 100.0:g} hPa is not choked (ratio {ratio:.3f}, at most "
                f"{CRITICAL_RATIO:.3f}): its law would not hold; take mode C or law = 'orifice'"
            )
        return self

    def require_slow(self, k_per_s: float, what: str) -> None:
        """UsageError where the pressure is out of range before half an hour could be measured."""
        usable = self.usable_s(k_per_s)
        if usable < _SHORTEST_S:
            raise UsageError(
                f"mode {self.mode}: {what} takes the chamber out of the sensor's or its law's "
                f"range in {usable / 60.0:.1f} min, expected at least {_SHORTEST_S / 60.0:.0f}: "
                "lower rig.acceleration or the leak"
            )

    def _time_to(self, end_pa: float, k_per_s: float) -> float:
        """When the pressure comes to end_pa on its way; inf where it never does."""
        if k_per_s == 0.0:
            return math.inf
        p0, ref = self.pressure_pa, self.reference_pa
        if self.constant_inflow:
            return (end_pa - p0) / (k_per_s * ref) if end_pa > p0 else math.inf
        base = 0.0 if self.law == "choked" else ref
        if not min(p0, base) < end_pa < max(p0, base):
            return math.inf
        if self.law != "viscous":
            return math.log((p0 - base) / (end_pa - base)) / k_per_s
        scale = 2.0 * self.norm_pa / k_per_s
        if ref == 0.0:
            return scale * (1.0 / end_pa - 1.0 / p0)
        if p0 > ref:
            return scale / ref * (math.atanh(ref / end_pa) - math.atanh(ref / p0))
        return scale / ref * (math.atanh(end_pa / ref) - math.atanh(p0 / ref))


def setting_of(rig: Rig) -> Setting:
    """Return the setting of a rig file; UsageError names a pressure that no sensor of it reads."""
    chamber = rig.chamber
    mode = rig.rig.mode
    if "outlet" in rig.node.roles:
        _require_readable(
            "chamber.reference_pressure, which the sensor 'outlet' of node.roles would read,",
            chamber.reference_pressure_pa,
        )
    elif mode != "C":
        _require_readable("chamber.reference_pressure", chamber.reference_pressure_pa)
    return Setting(
        mode,
        rig.law,
        chamber.pressure_pa,
        chamber.reference_pressure_pa,
        chamber.temperature_k,
        rig.acceleration,
        Noise.of(rig),
        rig.node.lag_s,
        rig.sensors.null_uncertainty_pa,
        max(rig.node.correlation_time_s, 60.0),
    ).checked()


def _require_readable(key: str, pressure_pa: float) -> None:
    if not SENSOR_LOW_PA <= pressure_pa <= SENSOR_HIGH_PA:
        raise UsageError(
            f"{key} is {pressure_pa / 100.0:g} hPa, outside what a BMP390 measures: expected "
            f"{SENSOR_LOW_PA / 100.0:g} to {SENSOR_HIGH_PA / 100.0:g} hPa"
        )

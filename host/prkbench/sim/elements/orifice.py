"""A sharp hole in a thin wall."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar

from prkbench.errors import UsageError
from prkbench.sim.elements.base import (
    CONTINUUM_KN,
    MOLECULAR_KN,
    Law,
    Regime,
    require_drop,
    require_positive,
    thinness,
)
from prkbench.sim.gas import (
    CRITICAL_RATIO,
    GAMMA,
    PSI,
    R_AIR,
    mean_free_path_m,
    viscosity_pa_s,
)

_SUBSONIC = 2.0 * GAMMA / (GAMMA - 1.0)


@dataclass(frozen=True)
class Orifice:
    """Isentropic flow through a thin round hole, choked below a pressure ratio of 0.528."""

    diameter_m: float
    cd: float = 0.8
    law: ClassVar[Law] = "orifice"
    largest_difference_pa: ClassVar[float] = math.inf
    _effective: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        require_positive(self)
        area = 0.25 * math.pi * self.diameter_m**2
        object.__setattr__(self, "_effective", self.cd * area / math.sqrt(R_AIR))

    @classmethod
    def for_flow(
        cls,
        mass_flow_kg_s: float,
        upstream_pa: float,
        downstream_pa: float,
        temperature_k: float,
        cd: float = 0.8,
    ) -> Orifice:
        """Return the hole that passes this mass flow between these pressures."""
        require_drop(upstream_pa, downstream_pa, mass_flow_kg_s)
        unit = cls(1.0, cd).mass_flow(upstream_pa, downstream_pa, temperature_k)
        return cls(math.sqrt(mass_flow_kg_s / unit), cd)

    def mass_flow(self, upstream_pa: float, downstream_pa: float, temperature_k: float) -> float:
        """Choked or subsonic mass flow, kg/s; continuous at the critical ratio."""
        if upstream_pa < downstream_pa:
            return -self.mass_flow(downstream_pa, upstream_pa, temperature_k)
        if upstream_pa <= 0.0:
            return 0.0
        common = self._effective * upstream_pa / math.sqrt(temperature_k)
        ratio = downstream_pa / upstream_pa
        if ratio <= CRITICAL_RATIO:
            return common * PSI
        shape: float = ratio ** (2.0 / GAMMA) * (1.0 - ratio ** ((GAMMA - 1.0) / GAMMA))
        return common * math.sqrt(_SUBSONIC * shape)

    def knudsen(self, upstream_pa: float, downstream_pa: float, temperature_k: float) -> float:
        """Knudsen number at the higher pressure."""
        return mean_free_path_m(max(upstream_pa, downstream_pa), temperature_k) / self.diameter_m

    def reynolds(self, upstream_pa: float, downstream_pa: float, temperature_k: float) -> float:
        """Reynolds number 4 mdot/(pi d mu) of the hole."""
        flow = abs(self.mass_flow(upstream_pa, downstream_pa, temperature_k))
        return 4.0 * flow / (math.pi * self.diameter_m * viscosity_pa_s(temperature_k))

    def regime(self, upstream_pa: float, downstream_pa: float, temperature_k: float) -> Regime:
        """Choked or subsonic, unless the gas is thin."""
        high, low = max(upstream_pa, downstream_pa), min(upstream_pa, downstream_pa)
        if high == low:
            return "no flow"
        thin = thinness(self.knudsen(high, low, temperature_k))
        return thin or ("choked" if low <= CRITICAL_RATIO * high else "subsonic")

    def validity(self, upstream_pa: float, downstream_pa: float, temperature_k: float) -> list[str]:
        """Check that the gas in the hole is a continuum and the discharge coefficient possible."""
        warnings = []
        knudsen = self.knudsen(upstream_pa, downstream_pa, temperature_k)
        if not knudsen < CONTINUUM_KN:
            warnings.append(
                f"the gas is too thin for the orifice law (Kn {knudsen:.2g}, "
                f"limit {CONTINUUM_KN:g}): calibrate the element"
            )
        if self.cd > 1.0:
            warnings.append(f"a discharge coefficient of {self.cd:g} is above 1")
        return warnings

    def refuse_invalid(
        self, upstream_pa: float, downstream_pa: float, temperature_k: float
    ) -> None:
        """UsageError where molecules pass one by one, or the coefficient is impossible."""
        knudsen = self.knudsen(upstream_pa, downstream_pa, temperature_k)
        if knudsen > MOLECULAR_KN and upstream_pa != downstream_pa:
            raise UsageError(
                f"Orifice: the flow is molecular (Kn {knudsen:.2g}, the orifice law ends at "
                f"{CONTINUUM_KN:g}); use a wider hole or a calibrated table"
            )
        if self.cd > 1.0:
            raise UsageError(f"Orifice: a discharge coefficient of {self.cd:g}, expected at most 1")

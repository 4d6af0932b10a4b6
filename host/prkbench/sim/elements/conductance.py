"""Elements that are a law and no geometry: a linear conductance, and none at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from prkbench.sim.elements.base import Law, Regime, WithoutGeometry, require_drop, require_positive
from prkbench.sim.gas import R_AIR


@dataclass(frozen=True)
class Sealed(WithoutGeometry):
    """No passage at all."""

    law: ClassVar[Law] = "sealed"

    def mass_flow(self, _upstream_pa: float, _downstream_pa: float, _temperature_k: float) -> float:
        """Nothing flows."""
        return 0.0

    def regime(self, _upstream_pa: float, _downstream_pa: float, _temperature_k: float) -> Regime:
        """Nothing flows."""
        return "no flow"


@dataclass(frozen=True)
class LinearConductance(WithoutGeometry):
    """Throughput proportional to the pressure difference: Q = C (p1 - p2), C in m3/s."""

    conductance_m3_s: float
    law: ClassVar[Law] = "linear"

    def __post_init__(self) -> None:
        require_positive(self)

    @classmethod
    def for_flow(
        cls, mass_flow_kg_s: float, upstream_pa: float, downstream_pa: float, temperature_k: float
    ) -> LinearConductance:
        """Return the conductance that passes this mass flow between these pressures."""
        require_drop(upstream_pa, downstream_pa, mass_flow_kg_s)
        return cls(mass_flow_kg_s * R_AIR * temperature_k / (upstream_pa - downstream_pa))

    def mass_flow(self, upstream_pa: float, downstream_pa: float, temperature_k: float) -> float:
        """C (p1 - p2)/(R T), kg/s."""
        return self.conductance_m3_s * (upstream_pa - downstream_pa) / (R_AIR * temperature_k)

    def regime(self, upstream_pa: float, downstream_pa: float, _temperature_k: float) -> Regime:
        """Linear by definition."""
        return "no flow" if upstream_pa == downstream_pa else "linear"

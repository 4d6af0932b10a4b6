"""The leak element that a rig file describes, and the decay constant it causes."""

from __future__ import annotations

from prkbench.law import Law, driving_pressure_pa
from prkbench.rig import Rig
from prkbench.sim.elements import Element
from prkbench.sim.gas import R_AIR


def element_of(rig: Rig) -> Element:
    """The simulator's element for a rig's."""
    return rig.element.build()


def decay_constant(
    element: Element, rig: Rig, volume_m3: float, temperature_k: float | None = None
) -> float:
    """K in 1/s that this element causes in this volume at the rig's nominal pressures."""
    chamber = rig.chamber
    t = chamber.temperature_k if temperature_k is None else temperature_k
    p, ref = chamber.pressure_pa, chamber.reference_pressure_pa
    x = float(driving_pressure_pa(rig.law, p, ref, rig.norm_pressure_pa))
    return element.mass_flow(p, ref, t) * R_AIR * t / (volume_m3 * x)


def flow_of_decay(
    k_per_s: float,
    law: Law,
    volume_m3: float,
    pressure_pa: float,
    reference_pa: float,
    temperature_k: float,
) -> float:
    """Mass flow out of a chamber, kg/s, that decays with k at these nominal pressures.

    The inverse of `decay_constant`; negative where the gas flows in.
    """
    norm_pa = 0.5 * (pressure_pa + reference_pa)
    x = float(driving_pressure_pa(law, pressure_pa, reference_pa, norm_pa))
    return k_per_s * volume_m3 * x / (R_AIR * temperature_k)

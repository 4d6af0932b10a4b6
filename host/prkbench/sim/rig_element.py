"""The leak element that a rig file describes, and the decay constant it causes."""

from __future__ import annotations

from prkbench.law import driving_pressure_pa
from prkbench.rig import ChokedElement, LinearElement, Rig, ViscousElement
from prkbench.sim.elements import Element, LinearConductance, Orifice, Sealed, ViscousCapillary
from prkbench.sim.gas import R_AIR


def element_of(rig: Rig) -> Element:
    """The simulator's element for a rig's."""
    element = rig.element
    if isinstance(element, LinearElement):
        return LinearConductance(element.conductance_m3_s)
    if isinstance(element, ViscousElement):
        return ViscousCapillary(element.diameter_m, element.length_m)
    if isinstance(element, ChokedElement):
        return Orifice(element.diameter_m, element.cd)
    return Sealed()


def decay_constant(
    element: Element, rig: Rig, volume_m3: float, temperature_k: float | None = None
) -> float:
    """K in 1/s that this element causes in this volume at the rig's nominal pressures."""
    chamber = rig.chamber
    t = chamber.temperature_k if temperature_k is None else temperature_k
    p, ref = chamber.pressure_pa, chamber.reference_pressure_pa
    x = float(driving_pressure_pa(rig.law, p, ref, rig.norm_pressure_pa))
    return element.mass_flow(p, ref, t) * R_AIR * t / (volume_m3 * x)

"""What the simulator predicts for a rig: the bench's decay constant and its uncertainty.

The element's mass flow between the nominal pressures gives k = mdot R T/(V x); the PrK's own
volume stays out of it, its range would let anything pass.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from prkbench.law import driving_pressure_pa
from prkbench.rig import ChokedElement, LinearElement, Rig, ViscousElement
from prkbench.sim.elements import Element, LinearConductance, Orifice, Sealed, ViscousCapillary
from prkbench.sim.gas import R_AIR

_TEMPERATURE_U_K = 1.0
"""Standard uncertainty of the element's temperature: it is not measured."""


@dataclass(frozen=True)
class Prediction:
    """Decay constant and its standard uncertainty, 1/s, with the contributions (name, relative)."""

    k_per_s: float
    u_per_s: float
    parts: tuple[tuple[str, float], ...]


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


def predict(rig: Rig) -> Prediction:
    """Predict the bench's decay constant from its rig file."""
    element = element_of(rig)
    volume = rig.chamber.volume_m3
    k = decay_constant(element, rig, volume)
    if k == 0.0:
        return Prediction(0.0, 0.0, ())
    warmer = decay_constant(element, rig, volume, rig.chamber.temperature_k + _TEMPERATURE_U_K)
    parts = (
        ("leak element", rig.element.uncertainty),
        ("chamber volume", rig.chamber.volume_uncertainty),
        ("element temperature, 1 K", abs(warmer / k - 1.0)),
    )
    relative = math.sqrt(sum(u * u for _, u in parts))
    return Prediction(k, k * relative, parts)

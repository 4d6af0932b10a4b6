"""A vessel as a body of gas: its constants, its volume, and the flow through a passage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from prkbench.sim.elements import Element
from prkbench.sim.gas import CV_AIR, R_AIR
from prkbench.sim.plant.spec import Vessel
from prkbench.sim.surroundings import FloatArray

LAMINAR_PA = 0.01
"""Below this drop flow is in proportion to it: an orifice's conductance at rest would be
infinite, and real flow is laminar there."""

# Heat conducted by thin gas does not fall with its mass, so its time constant does. Gas this
# quick is at its wall's temperature; to follow it closer would only cost steps.
_QUICKEST_GAS_S = 20.0

Number = TypeVar("Number", float, FloatArray)


@dataclass
class Vent:
    """A passage as it is now, its ends as numbers: vessels first, then reservoirs."""

    name: str
    element: Element
    a: int
    b: int
    open: bool


def flow_kg_s(element: Element, a_pa: float, b_pa: float, gas_k: float) -> float:
    """Mass flow from a to b, in proportion to the difference where that is minute."""
    drop = a_pa - b_pa
    if drop >= LAMINAR_PA or drop <= -LAMINAR_PA:
        return element.mass_flow(a_pa, b_pa, gas_k)
    if drop == 0.0:
        return 0.0
    low = min(a_pa, b_pa)
    return drop / LAMINAR_PA * element.mass_flow(low + LAMINAR_PA, low, gas_k)


def stretch(vessel: Vessel, t_s: Number, wall_k: Number) -> Number:
    """Volume over the nominal one, at the vessel's initial pressure."""
    warmer = wall_k - vessel.temperature_k
    return 1.0 + vessel.creep_per_s * t_s + vessel.thermal_expansion_per_k * warmer


def yielding_pressure_pa(
    vessel: Vessel, nominal_m3: float, m_r_t: Number, t_s: Number, wall_k: Number
) -> Number:
    """Pressure of gas of this m R T (J) in a vessel that gives way to it."""
    give = nominal_m3 * vessel.compliance_per_pa
    # p (loose + give (p - p0)) = m R T: the root that stays finite without give.
    rest = nominal_m3 * stretch(vessel, t_s, wall_k) - give * vessel.pressure_pa
    pressure: Number = 2.0 * m_r_t / (rest + (rest * rest + 4.0 * give * m_r_t) ** 0.5)
    return pressure


class Body:
    """A vessel's constants, of which an event may change the volume."""

    def __init__(self, vessel: Vessel) -> None:
        self.vessel = vessel
        self.isothermal = vessel.gas_tau_s == 0.0
        self.rigid = not (
            vessel.creep_per_s or vessel.compliance_per_pa or vessel.thermal_expansion_per_k
        )
        self.nominal_m3 = vessel.volume_m3
        mass = vessel.pressure_pa * vessel.volume_m3 / (R_AIR * vessel.temperature_k)
        tau = vessel.gas_tau_s
        self.wall_w_k = 0.0 if self.isothermal else mass * CV_AIR / tau
        self.wall_w_k_per_kg = CV_AIR / min(tau, _QUICKEST_GAS_S) if tau else 0.0
        self.sources = bool(vessel.loss_kg_per_s or vessel.sorption_kg)

    @property
    def give_m3_pa(self) -> float:
        """How much the volume grows per pascal."""
        return self.nominal_m3 * self.vessel.compliance_per_pa

    def resize(self, volume_m3: float) -> None:
        """Take another nominal volume, with as much more wall."""
        self.wall_w_k *= volume_m3 / self.nominal_m3
        self.nominal_m3 = volume_m3

    def volume_m3(self, t_s: float, wall_k: float, pressure_pa: float) -> float:
        """Volume under a pressure."""
        loose = self.nominal_m3 * stretch(self.vessel, t_s, wall_k)
        return loose + self.give_m3_pa * (pressure_pa - self.vessel.pressure_pa)

"""Leak elements: the mass flow that a pressure difference drives through a small passage.

Each is an immutable object with a `law`, a signed `mass_flow` in kg/s, a `regime`, and a
`validity` check; each that has a geometry finds it for a wanted flow (`for_flow`). Flow is
positive from the first pressure to the second, and exactly reversed when the ends are. All take
the passage to be at one temperature: a leak is slow and its walls are heavy.
"""

from prkbench.sim.elements.base import Element, Law, Regime
from prkbench.sim.elements.capillary import ViscousCapillary
from prkbench.sim.elements.combined import Parallel, Series
from prkbench.sim.elements.conductance import LinearConductance, Sealed
from prkbench.sim.elements.molecular import MolecularTube, TransitionTube
from prkbench.sim.elements.needles import NEEDLE_BORES_MM, needle, needle_bore_m
from prkbench.sim.elements.orifice import Orifice
from prkbench.sim.elements.scaled import Scaled, scaled
from prkbench.sim.elements.slot import LaminarSlot
from prkbench.sim.elements.table import CalibratedTable

__all__ = [
    "NEEDLE_BORES_MM",
    "CalibratedTable",
    "Element",
    "LaminarSlot",
    "Law",
    "LinearConductance",
    "MolecularTube",
    "Orifice",
    "Parallel",
    "Regime",
    "Scaled",
    "Sealed",
    "Series",
    "TransitionTube",
    "ViscousCapillary",
    "needle",
    "needle_bore_m",
    "scaled",
]

"""The plant: vessels of gas joined by leaks and valves, in a room, with what an operator does."""

from prkbench.sim.plant.plant import Happening, Plant, VesselState
from prkbench.sim.plant.spec import (
    Event,
    Fill,
    Hold,
    Passage,
    PlantSpec,
    Reservoir,
    SetElement,
    SetOpen,
    SetSurroundings,
    SetVolume,
    SunPatch,
    VentTo,
    Vessel,
)

__all__ = [
    "Event",
    "Fill",
    "Happening",
    "Hold",
    "Passage",
    "Plant",
    "PlantSpec",
    "Reservoir",
    "SetElement",
    "SetOpen",
    "SetSurroundings",
    "SetVolume",
    "SunPatch",
    "VentTo",
    "Vessel",
    "VesselState",
]

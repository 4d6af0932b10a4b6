"""All of a plant as plain data in SI units, checked when made.

Every UsageError names the part, the field, what was found and what was expected.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from prkbench.errors import UsageError
from prkbench.sim.plant.bounds import POSITIVE, check, known_name
from prkbench.sim.plant.events import (
    Event,
    Fill,
    SetElement,
    SetOpen,
    SetVolume,
    VentTo,
)
from prkbench.sim.plant.parts import Hold, Passage, Reservoir, SunPatch, Vessel
from prkbench.sim.surroundings import SetSurroundings, Surroundings

__all__ = [
    "Event",
    "Fill",
    "Hold",
    "Passage",
    "PlantSpec",
    "Reservoir",
    "SetElement",
    "SetOpen",
    "SetSurroundings",
    "SetVolume",
    "SunPatch",
    "Surroundings",
    "VentTo",
    "Vessel",
]

RESERVED_PLACES = ("ambient",)
"""Places that every plant has without naming them."""


@dataclass(frozen=True)
class PlantSpec:
    """All of a plant. Events may be in any order; those of one moment happen in the order given.

    UsageError for names that are used twice or that nothing has, and for times that are none.
    """

    vessels: tuple[Vessel, ...]
    passages: tuple[Passage, ...] = ()
    reservoirs: tuple[Reservoir, ...] = ()
    surroundings: Surroundings = field(default_factory=Surroundings)
    events: tuple[Event, ...] = ()
    holds: tuple[Hold, ...] = ()
    sun: tuple[SunPatch, ...] = ()

    def __post_init__(self) -> None:
        if not self.vessels:
            raise UsageError("a plant has no vessel, expected one at least")
        vessels = [v.name for v in self.vessels]
        ends = [*vessels, *(r.name for r in self.reservoirs)]
        passages = [p.name for p in self.passages]
        for names in (ends, passages):
            twice = {name for name in names if names.count(name) > 1}
            if twice:
                raise UsageError(f"{min(twice)!r} is there twice, expected one name for each part")
        if any(v in RESERVED_PLACES for v in vessels):
            raise UsageError("a vessel is named 'ambient', which is the weather's: name it anew")
        for passage in self.passages:
            known_name(f"passage {passage.name!r}", passage.a, ends)
            known_name(f"passage {passage.name!r}", passage.b, ends)
            if passage.a == passage.b:
                raise UsageError(f"passage {passage.name!r} begins and ends at {passage.a!r}")
        for event in self.events:
            self._check_event(event, vessels, passages)
        for hold in self.holds:
            known_name("a hold", hold.vessel, vessels)
        for patch in self.sun:
            places = vessels if patch.on == "wall" else [*ends, *RESERVED_PLACES]
            known_name("a sun patch", patch.place, places)

    @staticmethod
    def _check_event(event: Event, vessels: list[str], passages: list[str]) -> None:
        kind = type(event).__name__
        if not 0.0 <= event.t_s < math.inf:
            raise UsageError(f"{kind}: t_s is {event.t_s!r}, expected a time from 0 s on")
        if isinstance(event, SetElement | SetOpen):
            known_name(kind, event.passage, passages)
        elif isinstance(event, Fill | VentTo | SetVolume):
            known_name(kind, event.vessel, vessels)
            if isinstance(event, SetVolume):
                check(event, {"volume_m3": POSITIVE})
                for name in ("added_pa", "added_k"):
                    if getattr(event, name) is not None:
                        check(event, {name: POSITIVE})
            else:
                check(event, {"to_pa": POSITIVE})
            if isinstance(event, Fill):
                check(event, {"supply_k": POSITIVE})

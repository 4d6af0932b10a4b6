"""What a plant is made of and what happens to it: plain data in SI units, checked when made.

Every UsageError names the part, the field, what was found and what was expected.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from prkbench.errors import UsageError
from prkbench.sim.elements import Element
from prkbench.sim.surroundings import SetSurroundings, Surroundings

__all__ = ["SetSurroundings", "Surroundings"]

_INF = math.inf
RESERVED_PLACES = ("ambient",)
"""Places that every plant has without naming them."""


def _check(part: object, bounds: dict[str, tuple[float, bool, bool]]) -> None:
    """Raise UsageError unless each field is above its bound.

    `bounds`: field -> (lowest, whether the bound itself is allowed, whether infinity is).
    """
    for name, (lowest, closed, infinite) in bounds.items():
        value = getattr(part, name)
        good = value > lowest or (closed and value == lowest)
        if not (good and (infinite or math.isfinite(value))):
            label = getattr(part, "name", None) or getattr(part, "vessel", None) or ""
            said = "or above" if closed else "above it"
            raise UsageError(
                f"{type(part).__name__} {label!r}: {name} is {value!r}, expected {lowest:g} {said}"
                + ("" if infinite else ", finite")
            )


_POSITIVE = (0.0, False, False)
_POSITIVE_OR_INF = (0.0, False, True)
_NOT_NEGATIVE = (0.0, True, False)
_ANY = (-_INF, False, False)


@dataclass(frozen=True)
class Vessel:
    """A volume of gas with its wall, as it is at time zero.

    `gas_tau_s` couples gas to wall at the initial mass (0 isothermal, infinity adiabatic),
    `wall_tau_s` the wall to the room (infinity: the wall keeps its temperature). `wall_k` is the
    wall's start, the gas's temperature unless given. The residual is an Ornstein-Uhlenbeck
    temperature that pressure follows and no sensor sees.

    `loss_kg_per_s` leaves whatever the pressure, such as a station's known loss. The volume is
    V (1 + creep_per_s t + compliance_per_pa (p - pressure_pa) + thermal_expansion_per_k (T_wall -
    temperature_k)). `sorption_kg` of vapour (as the air of the same pressure) comes off the walls
    with the time constant `sorption_tau_s`, or goes onto them where negative.
    """

    name: str
    volume_m3: float
    pressure_pa: float
    temperature_k: float = 295.0
    gas_tau_s: float = 150.0
    wall_tau_s: float = 1800.0
    residual_rms_k: float = 0.0
    residual_tau_s: float = 1800.0
    loss_kg_per_s: float = 0.0
    creep_per_s: float = 0.0
    compliance_per_pa: float = 0.0
    thermal_expansion_per_k: float = 0.0
    wall_k: float | None = None
    sorption_kg: float = 0.0
    sorption_tau_s: float = 86400.0

    def __post_init__(self) -> None:
        _check(
            self,
            {
                "volume_m3": _POSITIVE,
                "pressure_pa": _POSITIVE,
                "temperature_k": _POSITIVE,
                "gas_tau_s": (0.0, True, True),
                "wall_tau_s": _POSITIVE_OR_INF,
                "residual_rms_k": _NOT_NEGATIVE,
                "residual_tau_s": _POSITIVE,
                "loss_kg_per_s": _ANY,
                "creep_per_s": _ANY,
                "compliance_per_pa": _NOT_NEGATIVE,
                "thermal_expansion_per_k": _ANY,
                "sorption_kg": _ANY,
                "sorption_tau_s": _POSITIVE,
            },
        )
        if self.wall_k is not None:
            _check(self, {"wall_k": _POSITIVE})


@dataclass(frozen=True)
class Reservoir:
    """An end that nothing on the bench can change.

    `pressure`: the weather's ("ambient"), none at all ("vacuum"), or a figure in Pa such as a
    pumped outlet's. `temperature_k` is that of gas that comes out of it, the room's if None.
    """

    name: str
    pressure: Literal["ambient", "vacuum"] | float = "ambient"
    temperature_k: float | None = None

    def __post_init__(self) -> None:
        if isinstance(self.pressure, str):
            if self.pressure not in ("ambient", "vacuum"):
                raise UsageError(
                    f"Reservoir {self.name!r}: pressure is {self.pressure!r}, "
                    "expected 'ambient', 'vacuum' or a figure in Pa"
                )
        else:
            _check(self, {"pressure": _NOT_NEGATIVE})
        if self.temperature_k is not None:
            _check(self, {"temperature_k": _POSITIVE})


@dataclass(frozen=True)
class Passage:
    """A leak or a valve between two vessels or reservoirs; flow counts from `a` to `b`."""

    name: str
    element: Element
    a: str
    b: str
    open: bool = True


@dataclass(frozen=True)
class SetElement:
    """From `t_s` on the passage is this element: a crack that grows, a patch."""

    t_s: float
    passage: str
    element: Element


@dataclass(frozen=True)
class SetOpen:
    """At `t_s` the passage is opened or shut."""

    t_s: float
    passage: str
    open: bool


@dataclass(frozen=True)
class Fill:
    """At `t_s` the vessel is filled to `to_pa` at once, from a supply at `supply_k`.

    Adiabatic: what enters brings its enthalpy, so the gas heats (100 to 120 kPa: 14.8 K). In an
    isothermal vessel it does not. UsageError when it comes due below the vessel's pressure.
    """

    t_s: float
    vessel: str
    to_pa: float
    supply_k: float = 295.0


@dataclass(frozen=True)
class VentTo:
    """At `t_s` the vessel is vented to `to_pa` at once; what stays expands isentropically.

    In an isothermal vessel it keeps its temperature. UsageError when it comes due above the
    vessel's pressure.
    """

    t_s: float
    vessel: str
    to_pa: float


@dataclass(frozen=True)
class SetVolume:
    """At `t_s` the vessel has this volume: a hatch to another module was opened or shut.

    Added volume comes with its own gas, at `added_pa` and `added_k` (the vessel's own where not
    given), which mixes at once. Volume taken away takes its share of the gas along.
    """

    t_s: float
    vessel: str
    volume_m3: float
    added_pa: float | None = None
    added_k: float | None = None


Event = SetElement | SetOpen | Fill | VentTo | SetVolume | SetSurroundings


@dataclass(frozen=True)
class Hold:
    """A controller: when the vessel's pressure falls to `low_pa`, it is filled to `high_pa`.

    It works from `from_s` until `to_s`; each fill is adiabatic and at once, as by `Fill`.
    """

    vessel: str
    low_pa: float
    high_pa: float
    from_s: float = 0.0
    to_s: float = _INF
    supply_k: float = 295.0

    def __post_init__(self) -> None:
        _check(
            self,
            {
                "low_pa": _POSITIVE,
                "high_pa": (self.low_pa, False, False),
                "from_s": _NOT_NEGATIVE,
                "to_s": (self.from_s, False, True),
                "supply_k": _POSITIVE,
            },
        )


@dataclass(frozen=True)
class SunPatch:
    """Sun on one vessel's wall, or on the sensor in one place, at the same hour of every day.

    It begins `from_s` into each `every_s` and lasts `for_s`. The temperature that the wall is
    drawn to (or the air at the sensor) rises by `peak_k` in the middle, as a sine squared.
    """

    place: str
    peak_k: float
    from_s: float
    for_s: float
    on: Literal["wall", "sensor"] = "wall"
    every_s: float = 86400.0

    def __post_init__(self) -> None:
        if self.on not in ("wall", "sensor"):
            raise UsageError(
                f"SunPatch on {self.place!r}: on is {self.on!r}, expected 'wall' or 'sensor'"
            )
        _check(
            self,
            {
                "peak_k": _ANY,
                "from_s": _NOT_NEGATIVE,
                "for_s": (60.0, True, False),
                "every_s": (self.from_s + self.for_s, True, False),
            },
        )


def _known(what: str, name: str, known: Iterable[str]) -> None:
    known = list(known)
    if name not in known:
        raise UsageError(f"{what} names {name!r}, expected one of {', '.join(sorted(known))}")


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
            _known(f"passage {passage.name!r}", passage.a, ends)
            _known(f"passage {passage.name!r}", passage.b, ends)
            if passage.a == passage.b:
                raise UsageError(f"passage {passage.name!r} begins and ends at {passage.a!r}")
        for event in self.events:
            self._check_event(event, vessels, passages)
        for hold in self.holds:
            _known("a hold", hold.vessel, vessels)
        for patch in self.sun:
            places = vessels if patch.on == "wall" else [*ends, *RESERVED_PLACES]
            _known("a sun patch", patch.place, places)

    @staticmethod
    def _check_event(event: Event, vessels: list[str], passages: list[str]) -> None:
        kind = type(event).__name__
        if not 0.0 <= event.t_s < _INF:
            raise UsageError(f"{kind}: t_s is {event.t_s!r}, expected a time from 0 s on")
        if isinstance(event, SetElement | SetOpen):
            _known(kind, event.passage, passages)
        elif isinstance(event, Fill | VentTo | SetVolume):
            _known(kind, event.vessel, vessels)
            if isinstance(event, SetVolume):
                _check(event, {"volume_m3": _POSITIVE})
                for name in ("added_pa", "added_k"):
                    if getattr(event, name) is not None:
                        _check(event, {name: _POSITIVE})
            else:
                _check(event, {"to_pa": _POSITIVE})
            if isinstance(event, Fill):
                _check(event, {"supply_k": _POSITIVE})

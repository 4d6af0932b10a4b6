"""What happens to a plant: an operator's doings, at their times."""

from __future__ import annotations

from dataclasses import dataclass

from prkbench.sim.elements import Element
from prkbench.sim.surroundings import SetSurroundings


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

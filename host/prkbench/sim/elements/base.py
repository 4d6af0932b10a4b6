"""What every leak element has, and the checks they share."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import ClassVar, Literal, Protocol, runtime_checkable

from prkbench.errors import UsageError
from prkbench.sim.gas import mean_free_path_m

Law = Literal[
    "linear",
    "viscous",
    "choked",
    "orifice",
    "sealed",
    "molecular",
    "transition",
    "table",
    "parallel",
    "series",
]
Regime = Literal[
    "choked",
    "subsonic",
    "viscous",
    "slip-transition",
    "molecular",
    "linear",
    "calibrated",
    "no flow",
]

CONTINUUM_KN = 0.01
"""Knudsen number (mean free path over diameter or gap) below which gas is a continuum."""

MOLECULAR_KN = 1.0
"""Knudsen number above which molecules meet the wall and not each other."""

LAMINAR_RE = 2000.0
"""Reynolds number above which a tube's flow need not be laminar."""

SHORTEST_SLENDERNESS = 50.0
"""Length over diameter (or gap) below which a passage is closer to an orifice."""


@runtime_checkable
class Element(Protocol):
    """What a chamber and a report need of a leak."""

    law: ClassVar[Law]

    @property
    def largest_difference_pa(self) -> float:
        """The largest pressure difference the element is known for; infinite for a formula."""
        ...

    def mass_flow(self, upstream_pa: float, downstream_pa: float, temperature_k: float, /) -> float:
        """Mass flow in kg/s from the first to the second pressure, gas at this temperature."""
        ...

    def regime(self, upstream_pa: float, downstream_pa: float, temperature_k: float, /) -> Regime:
        """How the gas flows between these pressures."""
        ...

    def reynolds(
        self, upstream_pa: float, downstream_pa: float, temperature_k: float, /
    ) -> float | None:
        """Reynolds number; None without a geometry."""
        ...

    def knudsen(
        self, upstream_pa: float, downstream_pa: float, temperature_k: float, /
    ) -> float | None:
        """Mean free path over diameter or gap; None without a geometry."""
        ...

    def validity(
        self, upstream_pa: float, downstream_pa: float, temperature_k: float, /
    ) -> list[str]:
        """Plain-language warnings where the law does not hold; empty when it does."""
        ...

    def refuse_invalid(
        self, upstream_pa: float, downstream_pa: float, temperature_k: float, /
    ) -> None:
        """Raise UsageError where the law is not even roughly right: a figure would mislead."""
        ...


class WithoutGeometry:
    """The part of an element that has no dimensions: nothing to check, no similarity numbers."""

    largest_difference_pa = math.inf

    def reynolds(self, _upstream_pa: float, _downstream_pa: float, _temperature_k: float) -> None:
        """No geometry, no Reynolds number."""

    def knudsen(self, _upstream_pa: float, _downstream_pa: float, _temperature_k: float) -> None:
        """No geometry, no Knudsen number."""

    def validity(
        self, _upstream_pa: float, _downstream_pa: float, _temperature_k: float
    ) -> list[str]:
        """Hold everywhere."""
        return []

    def refuse_invalid(
        self, _upstream_pa: float, _downstream_pa: float, _temperature_k: float
    ) -> None:
        """Nothing is refused."""


def require_positive(element: object) -> None:
    """Raise UsageError naming the first number among the fields that is not finite and positive."""
    for field in fields(element):  # type: ignore[arg-type]
        value = getattr(element, field.name) if field.init else None
        if value is None or isinstance(value, bool):
            continue
        if not (math.isfinite(value) and value > 0.0):
            raise UsageError(
                f"{type(element).__name__}: {field.name} is {value!r}, "
                "expected a finite number above zero"
            )


def require_drop(upstream_pa: float, downstream_pa: float, mass_flow_kg_s: float) -> None:
    """Raise UsageError unless a positive flow goes from the higher pressure to the lower."""
    if not (upstream_pa > downstream_pa >= 0.0 and 0.0 < mass_flow_kg_s < math.inf):
        raise UsageError(
            f"no element passes {mass_flow_kg_s:g} kg/s from {upstream_pa:g} Pa to "
            f"{downstream_pa:g} Pa: expected a positive flow from the higher pressure"
        )


def require_one_of(kind: str, **given: float | None) -> None:
    """Raise UsageError unless exactly one dimension is given: the other is what is looked for."""
    if sum(value is not None for value in given.values()) != 1:
        names = " or ".join(given)
        raise UsageError(f"{kind}: give {names}, exactly one of them: the other follows")
    for name, value in given.items():
        if value is not None and not (math.isfinite(value) and value > 0.0):
            raise UsageError(f"{kind}: {name} is {value!r}, expected a finite number above zero")


def mean_knudsen(a_pa: float, b_pa: float, temperature_k: float, width_m: float) -> float:
    """Knudsen number at the mean of two pressures."""
    return mean_free_path_m(0.5 * (a_pa + b_pa), temperature_k) / width_m


def thinness(knudsen: float) -> Literal["molecular", "slip-transition"] | None:
    """Regime that rarefaction alone decides, None for a continuum."""
    if knudsen > MOLECULAR_KN:
        return "molecular"
    return "slip-transition" if knudsen >= CONTINUUM_KN else None

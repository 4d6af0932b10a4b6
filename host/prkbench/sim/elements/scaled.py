"""An element that passes a little more or less than its dimensions say, as every real one does."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

from prkbench.errors import UsageError
from prkbench.sim.elements.base import Element, Law, Regime
from prkbench.sim.elements.capillary import ViscousCapillary
from prkbench.sim.elements.conductance import LinearConductance, Sealed
from prkbench.sim.elements.orifice import Orifice


@dataclass(frozen=True)
class Scaled:
    """Another element's flow times a factor; everything else is the other element's."""

    element: Element
    factor: float
    law: ClassVar[Law] = "table"

    def __post_init__(self) -> None:
        if not (math.isfinite(self.factor) and self.factor > 0.0):
            raise UsageError(f"Scaled: factor is {self.factor!r}, expected a number above zero")

    @property
    def largest_difference_pa(self) -> float:
        """The other element's."""
        return self.element.largest_difference_pa

    def mass_flow(self, upstream_pa: float, downstream_pa: float, temperature_k: float) -> float:
        """The other element's flow times the factor, kg/s."""
        return self.factor * self.element.mass_flow(upstream_pa, downstream_pa, temperature_k)

    def regime(self, upstream_pa: float, downstream_pa: float, temperature_k: float) -> Regime:
        """The other element's."""
        return self.element.regime(upstream_pa, downstream_pa, temperature_k)

    def reynolds(
        self, upstream_pa: float, downstream_pa: float, temperature_k: float
    ) -> float | None:
        """The other element's times the factor."""
        reynolds = self.element.reynolds(upstream_pa, downstream_pa, temperature_k)
        return None if reynolds is None else self.factor * reynolds

    def knudsen(
        self, upstream_pa: float, downstream_pa: float, temperature_k: float
    ) -> float | None:
        """The other element's."""
        return self.element.knudsen(upstream_pa, downstream_pa, temperature_k)

    def validity(self, upstream_pa: float, downstream_pa: float, temperature_k: float) -> list[str]:
        """The other element's."""
        return self.element.validity(upstream_pa, downstream_pa, temperature_k)

    def refuse_invalid(
        self, upstream_pa: float, downstream_pa: float, temperature_k: float
    ) -> None:
        """As the other element does."""
        self.element.refuse_invalid(upstream_pa, downstream_pa, temperature_k)


def scaled(element: Element, factor: float) -> Element:
    """Return an element that passes `factor` times what this one does.

    Of the same kind with another dimension where its flow is a plain power of it, else a Scaled.
    """
    if isinstance(element, Sealed):
        return element
    if isinstance(element, LinearConductance):
        return replace(element, conductance_m3_s=element.conductance_m3_s * factor)
    if isinstance(element, ViscousCapillary) and not element.ends:
        return replace(element, diameter_m=element.diameter_m * math.sqrt(math.sqrt(factor)))
    if isinstance(element, Orifice):
        return replace(element, diameter_m=element.diameter_m * math.sqrt(factor))
    if isinstance(element, Scaled):
        return Scaled(element.element, element.factor * factor)
    return Scaled(element, factor)

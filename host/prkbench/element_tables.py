"""The `[element]` table of a rig file, one class for each law; `build` makes the element.

A geometry that no element can have is an error of the table, found when the file is read.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_serializer, model_validator

from prkbench.errors import UsageError
from prkbench.law import Law
from prkbench.quantities import (
    Conductance,
    Length,
    PositivePressure,
    Pressure,
    Relative,
    Table,
    Temperature,
    Throughput,
)
from prkbench.sim import elements


class _ElementTable(Table):
    """What all have: a law the node is set to, and a way to the element.

    `uncertainty`, in every table, is the standard relative one of the decay constant it causes.
    """

    @property
    def stated_law(self) -> Law | None:
        """The node's law that this kind of element follows, None if that depends on the rig."""
        return None

    def build(self) -> elements.Element:
        """Return the simulator's element."""
        raise NotImplementedError

    @model_validator(mode="after")
    def _possible(self) -> Self:
        try:
            self.build()
        except UsageError as error:
            raise ValueError(str(error)) from None
        return self


class LinearElement(_ElementTable):
    """A conductance: Q = C (p - p_ref)."""

    law: Literal["linear"]
    conductance_m3_s: Conductance = Field(alias="conductance")
    uncertainty: Relative = 0.02

    @property
    def stated_law(self) -> Law:
        """Linear."""
        return "linear"

    def build(self) -> elements.Element:
        """Return the conductance."""
        return elements.LinearConductance(self.conductance_m3_s)


class ViscousElement(_ElementTable):
    """A long capillary in laminar flow; with `ends`, less their losses."""

    law: Literal["viscous"]
    diameter_m: Length = Field(alias="diameter")
    length_m: Length = Field(alias="length")
    ends: bool = False
    uncertainty: Relative = 0.02

    @property
    def stated_law(self) -> Law:
        """Viscous."""
        return "viscous"

    def build(self) -> elements.Element:
        """Return the tube."""
        return elements.ViscousCapillary(self.diameter_m, self.length_m, ends=self.ends)


class NeedleElement(_ElementTable):
    """A dispensing needle by its gauge, with its end losses; its nominal bore is a tenth off."""

    law: Literal["needle"]
    gauge: str
    length_m: Length = Field(alias="length")
    uncertainty: Relative = 0.4

    def build(self) -> elements.Element:
        """Return the tube of the gauge's nominal bore."""
        return elements.needle(self.gauge, self.length_m)


class SlotElement(_ElementTable):
    """A crack: its visible length, its opening, and the way through the wall."""

    law: Literal["slot"]
    width_m: Length = Field(alias="width")
    gap_m: Length = Field(alias="gap")
    length_m: Length = Field(alias="length")
    ends: bool = False
    uncertainty: Relative = 0.02

    def build(self) -> elements.Element:
        """Return the slot."""
        return elements.LaminarSlot(self.width_m, self.gap_m, self.length_m, ends=self.ends)


class MolecularElement(_ElementTable):
    """A tube in free molecular flow."""

    law: Literal["molecular"]
    diameter_m: Length = Field(alias="diameter")
    length_m: Length = Field(alias="length")
    uncertainty: Relative = 0.02

    def build(self) -> elements.Element:
        """Return the tube."""
        return elements.MolecularTube(self.diameter_m, self.length_m)


class TransitionElement(_ElementTable):
    """A tube at any rarefaction, by Knudsen's interpolation."""

    law: Literal["transition"]
    diameter_m: Length = Field(alias="diameter")
    length_m: Length = Field(alias="length")
    uncertainty: Relative = 0.02

    def build(self) -> elements.Element:
        """Return the tube."""
        return elements.TransitionTube(self.diameter_m, self.length_m)


class ChokedElement(_ElementTable):
    """A sharp hole with a choked throat."""

    law: Literal["choked"]
    diameter_m: Length = Field(alias="diameter")
    cd: float = Field(0.8, gt=0.0, le=1.0)
    uncertainty: Relative = 0.02

    @property
    def stated_law(self) -> Law:
        """Choked."""
        return "choked"

    def build(self) -> elements.Element:
        """Return the hole."""
        return elements.Orifice(self.diameter_m, self.cd)


class OrificeElement(_ElementTable):
    """A sharp hole, choked or not."""

    law: Literal["orifice"]
    diameter_m: Length = Field(alias="diameter")
    cd: float = Field(0.8, gt=0.0, le=1.0)
    uncertainty: Relative = 0.02

    def build(self) -> elements.Element:
        """Return the hole."""
        return elements.Orifice(self.diameter_m, self.cd)


class CalibratedElement(_ElementTable):
    """A calibrated element: throughputs at rising pressure differences."""

    law: Literal["table"]
    differences_pa: tuple[PositivePressure, ...] = Field(alias="differences")
    throughputs_pa_m3_s: tuple[Throughput, ...] = Field(alias="throughputs")
    temperature_k: Temperature = Field(295.0, alias="temperature")
    downstream_pa: Pressure | None = Field(None, alias="downstream")
    uncertainty: Relative = 0.02

    def build(self) -> elements.Element:
        """Return the table."""
        return elements.CalibratedTable(
            self.differences_pa,
            self.throughputs_pa_m3_s,
            self.uncertainty,
            self.temperature_k,
            self.downstream_pa,
        )


class SealedElement(_ElementTable):
    """No leak element: the blank test."""

    law: Literal["sealed"]
    uncertainty: Relative = 0.0

    @property
    def stated_law(self) -> Law:
        """Sealed."""
        return "sealed"

    def build(self) -> elements.Element:
        """Return nothing that leaks."""
        return elements.Sealed()


class _CombinedElement(_ElementTable):
    """Several elements; the uncertainty is stated once, for the whole."""

    uncertainty: Relative = 0.02
    parts: tuple[Element, ...] = Field(alias="elements")

    @model_validator(mode="after")
    def _one_uncertainty(self) -> Self:
        for n, part in enumerate(self.parts, start=1):
            if "uncertainty" in part.model_fields_set:
                raise ValueError(
                    f"element {n} states an uncertainty: state it once, for the whole, in [element]"
                )
        return self

    @field_serializer("parts")
    def _without_uncertainty(self, parts: tuple[Element, ...]) -> list[dict[str, Any]]:
        return [
            part.model_dump(by_alias=True, mode="json", exclude_none=True, exclude={"uncertainty"})
            for part in parts
        ]


class ParallelElement(_CombinedElement):
    """Elements side by side."""

    law: Literal["parallel"]

    def build(self) -> elements.Element:
        """Return the elements side by side."""
        return elements.Parallel(tuple(part.build() for part in self.parts))


class SeriesElement(_CombinedElement):
    """Elements one behind the other, the first at the chamber."""

    law: Literal["series"]

    def build(self) -> elements.Element:
        """Return the elements one behind the other."""
        return elements.Series(tuple(part.build() for part in self.parts))


Element = Annotated[
    LinearElement
    | ViscousElement
    | NeedleElement
    | SlotElement
    | MolecularElement
    | TransitionElement
    | ChokedElement
    | OrificeElement
    | CalibratedElement
    | ParallelElement
    | SeriesElement
    | SealedElement,
    Field(discriminator="law"),
]
for _combined in (_CombinedElement, ParallelElement, SeriesElement):
    _combined.model_rebuild()

ELEMENT_TABLES: dict[str, type[Table]] = {
    "linear": LinearElement,
    "viscous": ViscousElement,
    "needle": NeedleElement,
    "slot": SlotElement,
    "molecular": MolecularElement,
    "transition": TransitionElement,
    "choked": ChokedElement,
    "orifice": OrificeElement,
    "table": CalibratedElement,
    "parallel": ParallelElement,
    "series": SeriesElement,
    "sealed": SealedElement,
}
"""By the `law` that the file names."""

"""A crack: laminar flow between two faces, a hair's breadth apart."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

from prkbench.sim.elements.base import Law, require_drop, require_one_of, require_positive
from prkbench.sim.elements.inverse import length_from_ends, size_for_flow
from prkbench.sim.elements.laminar import Ends, Laminar, Section

# Parallel plates: 1 + 0.674 dynamic pressures, momentum 6/5 (Shah and London, 1978); creeping flow
# around both mouths 8/(3 pi) gaps (Hasimoto, J. Phys. Soc. Japan 13, 1958).
SLOT_ENDS = Ends(entry_k=1.674, momentum=1.2, added_lengths=8.0 / (3.0 * math.pi))


@dataclass(frozen=True)
class LaminarSlot(Laminar):
    """Laminar compressible flow in a crack: Q = w h^3 (p1^2 - p2^2)/(24 mu L).

    `width_m` is the crack's visible length w, `gap_m` its opening h, `length_m` the way through
    the wall L. The sides' drag is left out, so the gap has to be a small part of the width. Ends
    and viscosity as in ViscousCapillary.
    """

    width_m: float
    gap_m: float
    length_m: float
    viscosity_pa_s: float | None = None
    ends: bool = False
    law: ClassVar[Law] = "viscous"

    def __post_init__(self) -> None:
        require_positive(self)
        w, h = self.width_m, self.gap_m
        self._prepare(Section(w * h, 24.0 / (h * h), h, 2.0 * w, self.length_m, SLOT_ENDS))

    @classmethod
    def for_flow(
        cls,
        mass_flow_kg_s: float,
        upstream_pa: float,
        downstream_pa: float,
        temperature_k: float,
        *,
        width_m: float,
        length_m: float | None = None,
        gap_m: float | None = None,
        ends: bool = False,
    ) -> LaminarSlot:
        """Return the crack of this width, and this length or this gap, that passes this flow."""
        require_drop(upstream_pa, downstream_pa, mass_flow_kg_s)
        require_one_of("LaminarSlot", length_m=length_m, gap_m=gap_m)
        at = (upstream_pa, downstream_pa, temperature_k)
        if gap_m is not None:
            unit = cls(width_m, gap_m, 1.0, ends=ends)
            if ends:
                return replace(unit, length_m=length_from_ends(unit, mass_flow_kg_s, *at))
            return replace(unit, length_m=unit.mass_flow(*at) / mass_flow_kg_s)
        assert length_m is not None
        plain = (mass_flow_kg_s / cls(width_m, 1.0, length_m).mass_flow(*at)) ** (1.0 / 3.0)
        if not ends:
            return cls(width_m, plain, length_m)
        return size_for_flow(
            lambda h: cls(width_m, h, length_m, ends=True), mass_flow_kg_s, at, plain, "gap"
        )

    def validity(self, upstream_pa: float, downstream_pa: float, temperature_k: float) -> list[str]:
        """Check what a tube is checked for, and that the gap is small beside the width."""
        warnings = super().validity(upstream_pa, downstream_pa, temperature_k)
        if self.gap_m > 0.05 * self.width_m:
            # A rectangle passes 1 - 0.63 h/w of what endless plates do.
            warnings.append(
                f"the gap is {self.gap_m / self.width_m:.2g} of the width, expected at most 0.05: "
                "the sides' drag makes the leak smaller than computed"
            )
        return warnings

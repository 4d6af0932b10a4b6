"""A long round tube in laminar flow."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

from prkbench.sim.elements.base import Law, require_drop, require_one_of, require_positive
from prkbench.sim.elements.inverse import length_from_ends, size_for_flow
from prkbench.sim.elements.laminar import Ends, Laminar, Section

# Entry and development: 1 + 1.25 dynamic pressures, momentum of a parabola 4/3 (Shah and London,
# 1978). Creeping flow around both mouths: 3 pi/16 diameters (Weissberg, Phys. Fluids 5, 1962).
TUBE_ENDS = Ends(entry_k=2.25, momentum=4.0 / 3.0, added_lengths=3.0 * math.pi / 16.0)


@dataclass(frozen=True)
class ViscousCapillary(Laminar):
    """Laminar compressible flow in a long round tube: Q = pi d^4 (p1^2 - p2^2)/(256 mu L).

    Viscosity is Sutherland's at the gas temperature unless `viscosity_pa_s` fixes it. With `ends`
    the losses at entry and exit are taken off, as a real needle has them; without, the law is the
    plain one and `validity` says where ends matter.
    """

    diameter_m: float
    length_m: float
    viscosity_pa_s: float | None = None
    ends: bool = False
    law: ClassVar[Law] = "viscous"

    def __post_init__(self) -> None:
        require_positive(self)
        d = self.diameter_m
        area = 0.25 * math.pi * d * d
        self._prepare(Section(area, 64.0 / (d * d), d, math.pi * d, self.length_m, TUBE_ENDS))

    @classmethod
    def for_flow(
        cls,
        mass_flow_kg_s: float,
        upstream_pa: float,
        downstream_pa: float,
        temperature_k: float,
        length_m: float | None = None,
        *,
        diameter_m: float | None = None,
        ends: bool = False,
    ) -> ViscousCapillary:
        """Return the tube of this length, or of this bore, that passes this mass flow.

        UsageError if there is none: with ends, no bore passes more than a nozzle does.
        """
        require_drop(upstream_pa, downstream_pa, mass_flow_kg_s)
        require_one_of("ViscousCapillary", length_m=length_m, diameter_m=diameter_m)
        at = (upstream_pa, downstream_pa, temperature_k)
        if diameter_m is not None:
            unit = cls(diameter_m, 1.0, ends=ends)
            if ends:
                return replace(unit, length_m=length_from_ends(unit, mass_flow_kg_s, *at))
            return replace(unit, length_m=unit.mass_flow(*at) / mass_flow_kg_s)
        assert length_m is not None
        plain = math.sqrt(math.sqrt(mass_flow_kg_s / cls(1.0, length_m).mass_flow(*at)))
        if not ends:
            return cls(plain, length_m)
        return size_for_flow(
            lambda d: cls(d, length_m, ends=True), mass_flow_kg_s, at, plain, "bore"
        )

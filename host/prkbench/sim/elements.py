"""Leak elements: the mass flow that a pressure difference drives through a small passage.

Each is an immutable object with a `law`, a `mass_flow` in kg/s and a `validity` check. Flow is
signed: positive from the first pressure to the second, exactly reversed when the ends are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import ClassVar, Literal, Protocol, runtime_checkable

from prkbench.errors import UsageError
from prkbench.sim.gas import CRITICAL_RATIO, GAMMA, PSI, R_AIR, mean_free_path_m, viscosity_pa_s

Law = Literal["linear", "viscous", "choked", "orifice", "sealed"]

_KN_LIMIT = 0.01
_RE_LIMIT = 2000.0
# Entry development and lost exit jet cost about 2.3 dynamic pressures in laminar flow, against
# 64 L/(Re d) in the pipe: with Re d/L = 0.3 they are 1 % of the drop.
_RE_D_OVER_L_LIMIT = 0.3
_SHORTEST_L_OVER_D = 50.0


@runtime_checkable
class Element(Protocol):
    """What a chamber needs of a leak: its law and its mass flow."""

    law: ClassVar[Law]

    def mass_flow(self, upstream_pa: float, downstream_pa: float, temperature_k: float) -> float:
        """Mass flow in kg/s from the first to the second pressure, gas at this temperature."""
        ...

    def validity(self, upstream_pa: float, downstream_pa: float, temperature_k: float) -> list[str]:
        """Plain-language warnings where the law does not hold; empty when it does."""
        ...


def _require_positive(element: object) -> None:
    """Raise UsageError naming the first dimension that is not a finite positive number."""
    for field in fields(element):  # type: ignore[arg-type]
        value = getattr(element, field.name)
        if value is not None and not (math.isfinite(value) and value > 0.0):
            raise UsageError(
                f"{type(element).__name__}: {field.name} is {value!r}, "
                "expected a finite number above zero"
            )


def _require_drop(upstream_pa: float, downstream_pa: float, mass_flow_kg_s: float) -> None:
    if not (upstream_pa > downstream_pa >= 0.0 and 0.0 < mass_flow_kg_s < math.inf):
        raise UsageError(
            f"no element passes {mass_flow_kg_s:g} kg/s from {upstream_pa:g} Pa to "
            f"{downstream_pa:g} Pa: expected a positive flow from the higher pressure"
        )


class _ByDefinition:
    """An element that is a law and no geometry."""

    def validity(
        self,
        upstream_pa: float,  # noqa: ARG002  the protocol's arguments, none of which matters here
        downstream_pa: float,  # noqa: ARG002
        temperature_k: float,  # noqa: ARG002
    ) -> list[str]:
        """Hold everywhere."""
        return []


@dataclass(frozen=True)
class Sealed(_ByDefinition):
    """No passage at all."""

    law: ClassVar[Law] = "sealed"

    def mass_flow(  # the protocol's arguments, none of which matters here
        self,
        upstream_pa: float,  # noqa: ARG002
        downstream_pa: float,  # noqa: ARG002
        temperature_k: float,  # noqa: ARG002
    ) -> float:
        """Nothing flows."""
        return 0.0


@dataclass(frozen=True)
class LinearConductance(_ByDefinition):
    """Throughput proportional to the pressure difference: Q = C (p1 - p2), C in m3/s."""

    conductance_m3_s: float
    law: ClassVar[Law] = "linear"

    def __post_init__(self) -> None:
        _require_positive(self)

    @classmethod
    def for_flow(
        cls, mass_flow_kg_s: float, upstream_pa: float, downstream_pa: float, temperature_k: float
    ) -> LinearConductance:
        """Return the conductance that passes this mass flow between these pressures."""
        _require_drop(upstream_pa, downstream_pa, mass_flow_kg_s)
        return cls(mass_flow_kg_s * R_AIR * temperature_k / (upstream_pa - downstream_pa))

    def mass_flow(self, upstream_pa: float, downstream_pa: float, temperature_k: float) -> float:
        """C (p1 - p2)/(R T), kg/s."""
        return self.conductance_m3_s * (upstream_pa - downstream_pa) / (R_AIR * temperature_k)


@dataclass(frozen=True)
class ViscousCapillary:
    """Laminar compressible flow in a long round tube: Q = pi d^4 (p1^2 - p2^2)/(256 mu L).

    Viscosity is Sutherland's at the gas temperature unless `viscosity_pa_s` fixes it. The law
    leaves out entry and exit losses; `validity` says where they matter.
    """

    diameter_m: float
    length_m: float
    viscosity_pa_s: float | None = None
    law: ClassVar[Law] = "viscous"

    def __post_init__(self) -> None:
        _require_positive(self)

    @classmethod
    def for_flow(
        cls,
        mass_flow_kg_s: float,
        upstream_pa: float,
        downstream_pa: float,
        temperature_k: float,
        length_m: float,
    ) -> ViscousCapillary:
        """Return the tube of this length that passes this mass flow between these pressures."""
        _require_drop(upstream_pa, downstream_pa, mass_flow_kg_s)
        unit = cls(1.0, length_m).mass_flow(upstream_pa, downstream_pa, temperature_k)
        return cls(math.sqrt(math.sqrt(mass_flow_kg_s / unit)), length_m)

    def _viscosity(self, temperature_k: float) -> float:
        fixed = self.viscosity_pa_s
        return viscosity_pa_s(temperature_k) if fixed is None else fixed

    def mass_flow(self, upstream_pa: float, downstream_pa: float, temperature_k: float) -> float:
        """Throughput of the laminar law divided by R T, kg/s."""
        # Difference of squares as a product: equal pressures give exactly nothing.
        squares = (upstream_pa - downstream_pa) * (upstream_pa + downstream_pa)
        resistance = 256.0 * self._viscosity(temperature_k) * self.length_m
        return math.pi * self.diameter_m**4 * squares / (resistance * R_AIR * temperature_k)

    def reynolds(self, upstream_pa: float, downstream_pa: float, temperature_k: float) -> float:
        """Reynolds number 4 mdot/(pi d mu), the same all along the tube."""
        flow = abs(self.mass_flow(upstream_pa, downstream_pa, temperature_k))
        return 4.0 * flow / (math.pi * self.diameter_m * self._viscosity(temperature_k))

    def validity(self, upstream_pa: float, downstream_pa: float, temperature_k: float) -> list[str]:
        """Check continuum (at the mean pressure), laminar flow, slenderness and end losses."""
        warnings = []
        mean_pa = 0.5 * (upstream_pa + downstream_pa)
        knudsen = mean_free_path_m(mean_pa, temperature_k) / self.diameter_m
        if not knudsen < _KN_LIMIT:
            warnings.append(
                f"the gas is too thin for the viscous law (Kn {knudsen:.2g}, limit {_KN_LIMIT:g}): "
                "slip makes the leak larger than computed"
            )
        reynolds = self.reynolds(upstream_pa, downstream_pa, temperature_k)
        if not reynolds < _RE_LIMIT:
            warnings.append(
                f"the flow is not laminar (Re {reynolds:.0f}, limit {_RE_LIMIT:.0f}): "
                "the leak is smaller than computed"
            )
        end = reynolds * self.diameter_m / self.length_m
        if not end < _RE_D_OVER_L_LIMIT:
            warnings.append(
                f"end losses matter (Re d/L {end:.2g}, limit {_RE_D_OVER_L_LIMIT:g}): the leak is "
                "smaller than computed and its exponent below 2; use longer, finer tubing"
            )
        slender = self.length_m / self.diameter_m
        if not slender >= _SHORTEST_L_OVER_D:
            warnings.append(
                f"the tube is short (L/d {slender:.3g}, at least {_SHORTEST_L_OVER_D:.0f}): "
                "it is closer to an orifice"
            )
        return warnings


@dataclass(frozen=True)
class Orifice:
    """Isentropic flow through a thin round hole, choked below a pressure ratio of 0.528."""

    diameter_m: float
    cd: float = 0.8
    law: ClassVar[Law] = "orifice"

    def __post_init__(self) -> None:
        _require_positive(self)

    @classmethod
    def for_flow(
        cls,
        mass_flow_kg_s: float,
        upstream_pa: float,
        downstream_pa: float,
        temperature_k: float,
        cd: float = 0.8,
    ) -> Orifice:
        """Return the hole that passes this mass flow between these pressures."""
        _require_drop(upstream_pa, downstream_pa, mass_flow_kg_s)
        unit = cls(1.0, cd).mass_flow(upstream_pa, downstream_pa, temperature_k)
        return cls(math.sqrt(mass_flow_kg_s / unit), cd)

    def mass_flow(self, upstream_pa: float, downstream_pa: float, temperature_k: float) -> float:
        """Choked or subsonic mass flow, kg/s; continuous at the critical ratio."""
        if upstream_pa < downstream_pa:
            return -self.mass_flow(downstream_pa, upstream_pa, temperature_k)
        if upstream_pa <= 0.0:
            return 0.0
        area = 0.25 * math.pi * self.diameter_m**2
        common = self.cd * area * upstream_pa / math.sqrt(R_AIR * temperature_k)
        ratio = downstream_pa / upstream_pa
        if ratio <= CRITICAL_RATIO:
            return common * PSI
        shape: float = ratio ** (2.0 / GAMMA) * (1.0 - ratio ** ((GAMMA - 1.0) / GAMMA))
        return common * math.sqrt(2.0 * GAMMA / (GAMMA - 1.0) * shape)

    def validity(self, upstream_pa: float, downstream_pa: float, temperature_k: float) -> list[str]:
        """Check that the gas in the hole is a continuum and the discharge coefficient possible."""
        warnings = []
        upper = max(upstream_pa, downstream_pa)
        knudsen = mean_free_path_m(upper, temperature_k) / self.diameter_m
        if not knudsen < _KN_LIMIT:
            warnings.append(
                f"the gas is too thin for the orifice law (Kn {knudsen:.2g}, "
                f"limit {_KN_LIMIT:g}): calibrate the element"
            )
        if self.cd > 1.0:
            warnings.append(f"a discharge coefficient of {self.cd:g} is above 1")
        return warnings

"""Tubes so fine, or gas so thin, that molecules meet the wall: molecular and transition flow."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import ClassVar

from prkbench.errors import UsageError
from prkbench.sim.elements.base import (
    CONTINUUM_KN,
    LAMINAR_RE,
    MOLECULAR_KN,
    SHORTEST_SLENDERNESS,
    Law,
    Regime,
    mean_knudsen,
    require_drop,
    require_one_of,
    require_positive,
    thinness,
)
from prkbench.sim.elements.inverse import size_for_flow
from prkbench.sim.gas import R_AIR, viscosity_pa_s

# Knudsen's constants for Z with the tube's radius over the mean free path.
_KNUDSEN_ABOVE = 2.507
_KNUDSEN_BELOW = 3.095
# a/lambda = _RADII a p/(mu sqrt(R T)), from lambda = mu/p sqrt(pi R T/2).
_RADII = math.sqrt(2.0 / math.pi)
# mdot/(p1 - p2) = _MOLECULAR d^3/(L sqrt(R T)), from Q = pi/12 d^3/L v, v = sqrt(8 R T/pi).
_MOLECULAR = math.pi / 12.0 * math.sqrt(8.0 / math.pi)


class _FineTube:
    """What both have: a bore, a length and their similarity numbers."""

    largest_difference_pa = math.inf
    diameter_m: float
    length_m: float

    def mass_flow(self, upstream_pa: float, downstream_pa: float, temperature_k: float) -> float:
        raise NotImplementedError

    def knudsen(self, upstream_pa: float, downstream_pa: float, temperature_k: float) -> float:
        """Knudsen number at the mean pressure."""
        return mean_knudsen(upstream_pa, downstream_pa, temperature_k, self.diameter_m)

    def reynolds(self, upstream_pa: float, downstream_pa: float, temperature_k: float) -> float:
        """Reynolds number 4 mdot/(pi d mu)."""
        flow = abs(self.mass_flow(upstream_pa, downstream_pa, temperature_k))
        return 4.0 * flow / (math.pi * self.diameter_m * viscosity_pa_s(temperature_k))

    def regime(self, upstream_pa: float, downstream_pa: float, temperature_k: float) -> Regime:
        """By the Knudsen number at the mean pressure."""
        if upstream_pa == downstream_pa:
            return "no flow"
        return thinness(self.knudsen(upstream_pa, downstream_pa, temperature_k)) or "viscous"

    def _short(self) -> list[str]:
        slender = self.length_m / self.diameter_m
        if slender >= SHORTEST_SLENDERNESS:
            return []
        # Dushman's series of mouth and tube: 1 + 4 d/(3 L).
        return [
            f"the tube is short (L/d {slender:.3g}, at least {SHORTEST_SLENDERNESS:.0f}): its "
            f"mouth makes the leak smaller than computed, by some {4.0 / (3.0 * slender):.0%}"
        ]


@dataclass(frozen=True)
class MolecularTube(_FineTube):
    """Free molecular flow in a long round tube: Q = pi/12 (d^3/L) v (p1 - p2).

    v = sqrt(8 R T/pi) is the mean thermal speed (Knudsen 1909); for Kn above 1.
    """

    diameter_m: float
    length_m: float
    law: ClassVar[Law] = "molecular"
    _per_pa: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        require_positive(self)
        object.__setattr__(
            self, "_per_pa", _MOLECULAR * self.diameter_m**3 / (self.length_m * math.sqrt(R_AIR))
        )

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
    ) -> MolecularTube:
        """Return the tube of this length, or of this bore, that passes this mass flow."""
        require_drop(upstream_pa, downstream_pa, mass_flow_kg_s)
        require_one_of("MolecularTube", length_m=length_m, diameter_m=diameter_m)
        at = (upstream_pa, downstream_pa, temperature_k)
        if diameter_m is not None:
            return cls(diameter_m, cls(diameter_m, 1.0).mass_flow(*at) / mass_flow_kg_s)
        assert length_m is not None
        return cls(float((mass_flow_kg_s / cls(1.0, length_m).mass_flow(*at)) ** (1 / 3)), length_m)

    def mass_flow(self, upstream_pa: float, downstream_pa: float, temperature_k: float) -> float:
        """Pressure difference times the molecular conductance over R T, kg/s."""
        return self._per_pa * (upstream_pa - downstream_pa) / math.sqrt(temperature_k)

    def validity(self, upstream_pa: float, downstream_pa: float, temperature_k: float) -> list[str]:
        """Check that the gas is thin enough and the tube slender."""
        knudsen = self.knudsen(upstream_pa, downstream_pa, temperature_k)
        warnings = self._short()
        if not knudsen > MOLECULAR_KN:
            warnings.append(
                f"the gas is too dense for the molecular law (Kn {knudsen:.2g}, at least "
                f"{MOLECULAR_KN:g}): use the transition law"
            )
        return warnings

    def refuse_invalid(
        self, upstream_pa: float, downstream_pa: float, temperature_k: float
    ) -> None:
        """UsageError where the gas is a continuum: no molecular flow at all."""
        knudsen = self.knudsen(upstream_pa, downstream_pa, temperature_k)
        if knudsen < CONTINUUM_KN:
            raise UsageError(
                f"MolecularTube: the gas is a continuum (Kn {knudsen:.2g}, the molecular law needs "
                f"{MOLECULAR_KN:g}); use the capillary or the transition law"
            )


@dataclass(frozen=True)
class TransitionTube(_FineTube):
    """Knudsen's interpolation: viscous flow plus Z times molecular flow, at every pressure.

    Z = (1 + 2.507 a/lambda)/(1 + 3.095 a/lambda), a the radius and lambda the mean free path at
    the local pressure; the local law is integrated along the tube, which is exact for a long one
    (M. Knudsen, Ann. Phys. 333, 75, 1909; constants as in Dushman and Lafferty, Scientific
    Foundations of Vacuum Technique, 1962).
    """

    diameter_m: float
    length_m: float
    law: ClassVar[Law] = "transition"
    _viscous: float = field(init=False, repr=False, compare=False)
    _molecular: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        require_positive(self)
        d, length = self.diameter_m, self.length_m
        object.__setattr__(self, "_viscous", math.pi * d**4 / (256.0 * length))
        object.__setattr__(self, "_molecular", _MOLECULAR * d**3 / length)

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
    ) -> TransitionTube:
        """Return the tube of this length, or of this bore, that passes this mass flow."""
        require_drop(upstream_pa, downstream_pa, mass_flow_kg_s)
        require_one_of("TransitionTube", length_m=length_m, diameter_m=diameter_m)
        at = (upstream_pa, downstream_pa, temperature_k)
        if diameter_m is not None:
            unit = cls(diameter_m, 1.0)
            return replace(unit, length_m=unit.mass_flow(*at) / mass_flow_kg_s)
        guess = MolecularTube.for_flow(mass_flow_kg_s, *at, length_m=length_m).diameter_m
        assert length_m is not None
        return size_for_flow(lambda d: cls(d, length_m), mass_flow_kg_s, at, guess, "bore")

    def mass_flow(self, upstream_pa: float, downstream_pa: float, temperature_k: float) -> float:
        """Viscous part, and the molecular one with Z averaged along the tube, kg/s."""
        if upstream_pa < downstream_pa:
            return -self.mass_flow(downstream_pa, upstream_pa, temperature_k)
        drop = upstream_pa - downstream_pa
        if drop == 0.0:
            return 0.0
        viscosity = viscosity_pa_s(temperature_k)
        rt = R_AIR * temperature_k
        root = math.sqrt(rt)
        below = _KNUDSEN_BELOW * _RADII * 0.5 * self.diameter_m / (viscosity * root)
        ratio = _KNUDSEN_ABOVE / _KNUDSEN_BELOW
        # The mean of Z between the ends: Z = ratio + (1 - ratio)/(1 + below p).
        dense = 1.0 + below * downstream_pa
        bend = below * drop / dense
        mean_z = ratio + (1.0 - ratio) * (math.log1p(bend) / bend if bend > 0.0 else 1.0) / dense
        viscous = self._viscous * (upstream_pa + downstream_pa) / (viscosity * rt)
        molecular = self._molecular / root
        return (viscous + mean_z * molecular) * drop

    def validity(self, upstream_pa: float, downstream_pa: float, temperature_k: float) -> list[str]:
        """Check slenderness and laminar flow; every rarefaction is covered."""
        warnings = self._short()
        reynolds = self.reynolds(upstream_pa, downstream_pa, temperature_k)
        if not reynolds < LAMINAR_RE:
            warnings.append(
                f"the flow is not laminar (Re {reynolds:.0f}, limit {LAMINAR_RE:.0f}): "
                "the leak is smaller than computed"
            )
        return warnings

    def refuse_invalid(
        self, upstream_pa: float, downstream_pa: float, temperature_k: float
    ) -> None:
        """UsageError where the flow is not laminar."""
        reynolds = self.reynolds(upstream_pa, downstream_pa, temperature_k)
        if reynolds >= LAMINAR_RE:
            raise UsageError(
                f"TransitionTube: the flow is not laminar (Re {reynolds:.0f}, expected below "
                f"{LAMINAR_RE:.0f}); use a finer or longer one, or an orifice"
            )

"""Laminar compressible flow through a passage of constant section, with or without its ends.

With G = mass flow per area, isothermal, between reservoirs at p1 and p2:

    p1^2 - pe^2 = F G + R T G^2 (K + 2 beta ln(p1/pe))

F is wall friction: 64 mu R T L/d^2 in a tube (Hagen-Poiseuille), 24 mu R T L/h^2 in a slot. What
the plain law leaves out: K dynamic pressures for entering and growing the profile, the
acceleration of the expanding gas (beta: momentum of the profile), and the creeping flow around
both mouths as added length. The jet's momentum is lost: the gas leaves at pe = p2, unless that is
so low that the exit chokes, pe = G sqrt(beta R T).

Sources: isothermal duct flow as in Shapiro, Compressible Fluid Flow, chapter 6; K and the
profiles' momentum as in Shah and London, Laminar Flow Forced Convection in Ducts (1978).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

from prkbench.errors import UsageError
from prkbench.sim.elements.base import (
    CONTINUUM_KN,
    LAMINAR_RE,
    MOLECULAR_KN,
    SHORTEST_SLENDERNESS,
    Regime,
    mean_knudsen,
    thinness,
)
from prkbench.sim.gas import R_AIR, viscosity_pa_s

_NEWTON_STEPS = 40
# Where end losses pass 1 % of the drop: 2.25 dynamic pressures against 64 L/(Re d).
_RE_D_OVER_L_LIMIT = 0.3
# The entry length is 0.06 Re d: beyond this the profile never develops and K is not what it was.
_RE_D_OVER_L_UNDEVELOPED = 16.0
_AS_GOOD_AS_VACUUM = 1e-12


@dataclass(frozen=True)
class Ends:
    """End effects of one shape of section.

    `entry_k`: dynamic pressures lost by entering and developing the profile; `momentum`: mean of
    the squared velocity over the squared mean; `added_lengths`: creeping flow around both mouths,
    as length of passage over its diameter or gap.
    """

    entry_k: float
    momentum: float
    added_lengths: float


@dataclass(frozen=True)
class Section:
    """Geometry that the law needs: area, wall friction number f (F = f mu R T L), and ends.

    `width_m` is the diameter or the gap; `wetted_m` is four times the area over Re's length scale:
    Re = mass flow/(mu `wetted_m`/4) with the hydraulic diameter.
    """

    area_m2: float
    friction_per_m2: float
    width_m: float
    wetted_m: float
    length_m: float
    ends: Ends


def solve_flux(  # the ends' equation in its own symbols
    p1: float, p2: float, rt: float, friction: float, ends: Ends
) -> float:
    """Return G in kg/(m2 s) for p1 > p2 >= 0, with `friction` = F."""
    drop = (p1 - p2) * (p1 + p2)
    exit_speed = math.sqrt(ends.momentum * rt)
    if p2 > _AS_GOOD_AS_VACUUM * p1:
        inertia = rt * (ends.entry_k + 2.0 * ends.momentum * math.log(p1 / p2))
        flux = 2.0 * drop / (friction + math.sqrt(friction * friction + 4.0 * inertia * drop))
        if flux * exit_speed <= p2:
            return flux
    # The exit is choked. Newton from above, where the function is convex enough.
    k, beta, squares = ends.entry_k, ends.momentum, p1 * p1
    flux = 2.0 * squares / (friction + math.sqrt(friction * friction + 4.0 * rt * k * squares))
    flux = min(flux, p1 / exit_speed)
    if not flux > 0.0:
        # Pressures whose squares are below the smallest float.
        return 0.0
    for _ in range(_NEWTON_STEPS):
        bent = k + 2.0 * beta * math.log(p1 / (exit_speed * flux))
        excess = friction * flux + rt * flux * flux * (bent + beta) - squares
        step = excess / (friction + 2.0 * rt * flux * bent)
        flux -= step
        if abs(step) <= 1e-14 * flux:
            break
    return flux


class Laminar:
    """What a tube and a slot have in common; `_section` is set when the element is made."""

    largest_difference_pa = math.inf
    viscosity_pa_s: float | None
    ends: bool
    _section: Section
    _plain: float

    def _prepare(self, section: Section) -> None:
        """Keep what every call would compute again; the element is frozen, hence this way."""
        put = partial(object.__setattr__, self)
        put("_section", section)
        put("_plain", section.area_m2 / (section.friction_per_m2 * section.length_m))

    def _viscosity(self, temperature_k: float) -> float:
        fixed = self.viscosity_pa_s
        return viscosity_pa_s(temperature_k) if fixed is None else fixed

    def mass_flow(self, upstream_pa: float, downstream_pa: float, temperature_k: float) -> float:
        """Throughput of the laminar law divided by R T, kg/s."""
        viscosity = self.viscosity_pa_s
        if viscosity is None:
            viscosity = viscosity_pa_s(temperature_k)
        rt = R_AIR * temperature_k
        if not self.ends:
            # Difference of squares as a product: equal pressures give exactly nothing.
            squares = (upstream_pa - downstream_pa) * (upstream_pa + downstream_pa)
            return self._plain * squares / (viscosity * rt)
        if upstream_pa == downstream_pa:
            return 0.0
        section = self._section
        length = section.length_m + section.ends.added_lengths * section.width_m
        friction = section.friction_per_m2 * viscosity * rt * length
        if upstream_pa > downstream_pa:
            return section.area_m2 * solve_flux(
                upstream_pa, downstream_pa, rt, friction, section.ends
            )
        return -section.area_m2 * solve_flux(downstream_pa, upstream_pa, rt, friction, section.ends)

    def reynolds(self, upstream_pa: float, downstream_pa: float, temperature_k: float) -> float:
        """Reynolds number with the hydraulic diameter, the same all along the passage."""
        flow = abs(self.mass_flow(upstream_pa, downstream_pa, temperature_k))
        return 4.0 * flow / (self._section.wetted_m * self._viscosity(temperature_k))

    def knudsen(self, upstream_pa: float, downstream_pa: float, temperature_k: float) -> float:
        """Knudsen number at the mean pressure."""
        return mean_knudsen(upstream_pa, downstream_pa, temperature_k, self._section.width_m)

    def regime(self, upstream_pa: float, downstream_pa: float, temperature_k: float) -> Regime:
        """Viscous, unless the gas is thin or the exit chokes (known only with ends)."""
        if upstream_pa == downstream_pa:
            return "no flow"
        thin = thinness(self.knudsen(upstream_pa, downstream_pa, temperature_k))
        if thin is not None:
            return thin
        if self.ends:
            flow = abs(self.mass_flow(upstream_pa, downstream_pa, temperature_k))
            exit_pa = flow / self._section.area_m2
            exit_pa *= math.sqrt(self._section.ends.momentum * R_AIR * temperature_k)
            # A slender tube into a vacuum chokes at its very end, too, and is viscous all the same.
            if (
                min(upstream_pa, downstream_pa) < exit_pa
                and self.end_share(upstream_pa, downstream_pa, temperature_k) > 0.5
            ):
                return "choked"
        return "viscous"

    def end_share(self, upstream_pa: float, downstream_pa: float, temperature_k: float) -> float:
        """Share of the plain law's flow that the ends take away, whether or not they are on."""
        if upstream_pa == downstream_pa:
            return 0.0
        section = self._section
        high, low = max(upstream_pa, downstream_pa), min(upstream_pa, downstream_pa)
        rt = R_AIR * temperature_k
        per_length = section.friction_per_m2 * self._viscosity(temperature_k) * rt
        length = section.length_m + section.ends.added_lengths * section.width_m
        flux = solve_flux(high, low, rt, per_length * length, section.ends)
        return 1.0 - flux * per_length * section.length_m / ((high - low) * (high + low))

    def validity(self, upstream_pa: float, downstream_pa: float, temperature_k: float) -> list[str]:
        """Check continuum (at the mean pressure), laminar flow, slenderness and end losses."""
        at = (upstream_pa, downstream_pa, temperature_k)
        warnings = []
        knudsen, reynolds = self.knudsen(*at), self.reynolds(*at)
        if not knudsen < CONTINUUM_KN:
            warnings.append(
                f"the gas is too thin for the viscous law (Kn {knudsen:.2g}, limit "
                f"{CONTINUUM_KN:g}): slip makes the leak larger than computed"
            )
        if not reynolds < LAMINAR_RE:
            warnings.append(
                f"the flow is not laminar (Re {reynolds:.0f}, limit {LAMINAR_RE:.0f}): "
                "the leak is smaller than computed"
            )
        section = self._section
        end = reynolds * section.width_m / section.length_m
        if not end < _RE_D_OVER_L_LIMIT:
            share = f"Re d/L {end:.2g}, limit {_RE_D_OVER_L_LIMIT:g}"
            warnings.append(
                f"end losses matter ({share}): the leak is smaller than computed and its exponent "
                "below 2; use longer, finer tubing"
                if not self.ends
                else f"end losses take {self.end_share(*at):.0%} of the flow ({share}): no exact "
                "viscous law, its exponent is below 2; use longer, finer tubing or calibrate"
            )
        slender = section.length_m / section.width_m
        if not slender >= SHORTEST_SLENDERNESS:
            warnings.append(
                f"the tube is short (L/d {slender:.3g}, at least {SHORTEST_SLENDERNESS:.0f}): "
                "it is closer to an orifice"
            )
        return warnings

    def refuse_invalid(
        self, upstream_pa: float, downstream_pa: float, temperature_k: float
    ) -> None:
        """UsageError for molecular, turbulent or nowhere developed flow: nothing is viscous."""
        at = (upstream_pa, downstream_pa, temperature_k)
        kind, section = type(self).__name__, self._section
        knudsen, reynolds = self.knudsen(*at), self.reynolds(*at)
        if knudsen > MOLECULAR_KN:
            raise UsageError(
                f"{kind}: the flow is molecular (Kn {knudsen:.2g}, the viscous law ends at "
                f"{CONTINUUM_KN:g}); use the transition or the molecular law"
            )
        if reynolds >= LAMINAR_RE:
            raise UsageError(
                f"{kind}: the flow is not laminar (Re {reynolds:.0f}, expected below "
                f"{LAMINAR_RE:.0f}); use a finer or longer one, or an orifice"
            )
        slender, end = section.length_m / section.width_m, reynolds * section.width_m
        if slender < 1.0 or end > _RE_D_OVER_L_UNDEVELOPED * section.length_m:
            raise UsageError(
                f"{kind}: too short for a laminar law (L/d {slender:.2g}, Re d/L "
                f"{end / section.length_m:.2g}, expected at least 1 and below "
                f"{_RE_D_OVER_L_UNDEVELOPED:g}); use an orifice"
            )

"""From a wanted flow to the one dimension of an element that passes it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

from prkbench.errors import UsageError
from prkbench.sim.elements.base import Element
from prkbench.sim.elements.laminar import Laminar, solve_flux
from prkbench.sim.gas import R_AIR

At = tuple[float, float, float]
"""Upstream pressure (Pa), downstream pressure (Pa), temperature (K)."""

E = TypeVar("E", bound=Element)

_SMALLEST_M, _LARGEST_M = 1e-9, 1.0


def size_for_flow(
    make: Callable[[float], E], mass_flow_kg_s: float, at: At, guess_m: float, what: str
) -> E:
    """Return make(size) that passes the flow; its flow must grow with the size.

    `guess_m` is a size near the answer. UsageError that names `what`, the wanted flow and the
    flows possible if no size from 1 nm to 1 m does.
    """
    # SciPy takes longer to load than most commands to run.
    from scipy.optimize import brentq

    def excess(log_size: float) -> float:
        return math.log(make(math.exp(log_size)).mass_flow(*at) / mass_flow_kg_s)

    low = math.log(min(max(guess_m, _SMALLEST_M), _LARGEST_M))
    high = low
    smallest, largest = math.log(_SMALLEST_M), math.log(_LARGEST_M)
    while excess(low) > 0.0 and low > smallest:
        low = max(low - 1.0, smallest)
    while excess(high) < 0.0 and high < largest:
        high = min(high + 1.0, largest)
    if excess(low) > 0.0 or excess(high) < 0.0:
        example = make(math.exp(low))
        least, most = (make(math.exp(x)).mass_flow(*at) for x in (smallest, largest))
        raise UsageError(
            f"{type(example).__name__}: no {what} from 1 nm to 1 m passes {mass_flow_kg_s:.3g} kg/s"
            f" from {at[0]:g} Pa to {at[1]:g} Pa, possible are {least:.2g} to {most:.2g} kg/s"
        )
    if low == high:
        return make(math.exp(low))
    return make(math.exp(brentq(excess, low, high, xtol=1e-15, rtol=1e-15)))


def length_from_ends(
    unit: Laminar, mass_flow_kg_s: float, upstream_pa: float, downstream_pa: float, t_k: float
) -> float:
    """Return the length of `unit`'s section that passes the flow with its ends, m.

    UsageError if even the bare mouths pass less.
    """
    section, ends = unit._section, unit._section.ends
    rt = R_AIR * t_k
    flux = mass_flow_kg_s / section.area_m2
    exit_pa = max(downstream_pa, flux * math.sqrt(ends.momentum * rt))
    left = -1.0
    if exit_pa < upstream_pa:
        bent = ends.entry_k + 2.0 * ends.momentum * math.log(upstream_pa / exit_pa)
        left = (upstream_pa - exit_pa) * (upstream_pa + exit_pa) - rt * flux * flux * bent
    friction = section.friction_per_m2 * unit._viscosity(t_k) * rt
    length = left / (friction * flux) - ends.added_lengths * section.width_m
    if not length > 0.0:
        mouths = friction * ends.added_lengths * section.width_m
        most = section.area_m2 * solve_flux(upstream_pa, downstream_pa, rt, mouths, ends)
        raise UsageError(
            f"{type(unit).__name__}: no length passes {mass_flow_kg_s:.3g} kg/s from "
            f"{upstream_pa:g} Pa to {downstream_pa:g} Pa through {section.width_m * 1e3:.4g} mm, "
            f"its mouths alone pass {most:.2g} kg/s; take a wider one"
        )
    return length

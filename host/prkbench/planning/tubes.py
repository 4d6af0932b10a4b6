"""Which leak element passes the limit: fine tubing cut to length, or a hole for a choked leak."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from prkbench.errors import UsageError
from prkbench.planning.setting import Setting
from prkbench.sim.elements import Orifice, ViscousCapillary
from prkbench.sim.gas import R_AIR

BORES_M = (0.05e-3, 0.075e-3, 0.10e-3, 0.13e-3, 0.18e-3, 0.25e-3, 0.50e-3, 1.0e-3)
"""Bores in which fine tubing (glass, steel, plastic, as for chromatography) is sold."""
_SHORTEST_M, _LONGEST_M = 0.1, 5.0
_HANDY_M = 1.0


@dataclass(frozen=True)
class Recommended:
    """An element in words, with its sizes in m, and where its law does not hold."""

    text: str
    diameter_m: float
    length_m: float | None
    warnings: tuple[str, ...]


def element_for(setting: Setting, k_per_s: float, volume_m3: float) -> Recommended | None:
    """Return an element that gives a chamber this k (1/s); None where no tubing on sale does.

    Of several bores the one without warnings whose length is nearest to a metre.
    """
    drive = abs(float(setting.driving_pa(np.array([setting.pressure_pa]))[0]))
    flow = k_per_s * volume_m3 * drive / (R_AIR * setting.temperature_k)
    upper = max(setting.pressure_pa, setting.reference_pa)
    lower = min(setting.pressure_pa, setting.reference_pa)
    at = (upper, lower, setting.temperature_k)
    if setting.law == "choked":
        hole = Orifice.for_flow(flow, *at)
        text = f"a sharp hole of {1e3 * hole.diameter_m:.3f} mm (Cd {hole.cd:g})"
        return Recommended(text, hole.diameter_m, None, tuple(hole.validity(*at)))
    found = []
    for bore in BORES_M:
        try:
            tube = ViscousCapillary.for_flow(flow, *at, diameter_m=bore, ends=True)
        except UsageError:
            continue
        if _SHORTEST_M <= tube.length_m <= _LONGEST_M:
            found.append((tube, tuple(tube.validity(*at))))
    if not found:
        return None
    tube, warnings = min(
        found, key=lambda one: (len(one[1]), abs(math.log(one[0].length_m / _HANDY_M)))
    )
    text = f"{1e3 * tube.diameter_m:g} mm x {tube.length_m:.3g} m tubing"
    return Recommended(text, tube.diameter_m, tube.length_m, warnings)

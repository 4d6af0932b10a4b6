"""Standard methods and the safety view of an imported record of readings."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from prkbench.analysis import decayfit
from prkbench.analysis.conversion import Conversion
from prkbench.analysis.outcome import Outcome
from prkbench.analysis.readings import TEMPERATURE_SWING_K, ReadingsResult
from prkbench.analysis.safetyview import Present, safety_view
from prkbench.analysis.standards import SENSOR_PA, Stretch, standard_methods
from prkbench.analysis.stream import GAS_RESIDUAL_K
from prkbench.law import driving_pressure_pa
from prkbench.units import from_lb_per_day

_REPRESS_SHARE = 0.01
"""A rise of a hundredth between two readings is a repress: a gas would have to warm by 3 K."""


def add_reading_views(
    outcome: Outcome,
    readings: NDArray[np.void],
    result: ReadingsResult,
    conversion: Conversion,
    limit_lb_per_day: float | None,
    resolution_pa: float | None,
) -> None:
    """Fill in standard_methods and safety of an imported record's outcome."""
    limit = None if limit_lb_per_day is None else from_lb_per_day(limit_lb_per_day)
    stretch = _longest(readings, result, resolution_pa)
    wanted = None if limit is None else conversion.k_per_s(limit)
    outcome.standard_methods = standard_methods(stretch, conversion, wanted)
    if outcome.standard_methods is not None and np.isnan(readings["temperature_k"]).all():
        outcome.reasons.append(
            "standard methods: temperature not recorded, taken as constant; their limits do not "
            "know of it"
        )
    reference = readings["reference_pa"]
    if result.k_se_per_s is None:
        outcome.safety = {
            "limit_lb_per_day": limit_lb_per_day, "p_above_limit": None, "time_to_limit": None,
            "reserve": None, "risk": None,
            "why": ["hard bounds only, no standard error: no probability of anything"],
        }  # fmt: skip
        return
    present = Present(
        pressure_pa=float(readings["pressure_pa"][-1]),
        reference_pa=float(np.nan_to_num(reference[-1])),
        law=result.law,
        norm_pa=decayfit.NORM_PA,
        k_per_s=result.k_per_s,
        se_per_s=result.k_se_per_s,
    )
    outcome.safety = safety_view(present, conversion, limit, None, None)


def _longest(
    readings: NDArray[np.void], result: ReadingsResult, resolution_pa: float | None
) -> Stretch | None:
    """The longest stretch without a repress."""
    pressure = readings["pressure_pa"]
    cuts = np.flatnonzero(np.diff(pressure) > _REPRESS_SHARE * pressure[:-1]) + 1
    edges = [0, *cuts.tolist(), len(pressure)]
    start, stop = max(itertools.pairwise(edges), key=lambda e: e[1] - e[0])
    part = readings[start:stop]
    kelvin = part["temperature_k"].copy()
    known = ~np.isnan(kelvin)
    t, p = part["t_s"], part["pressure_pa"]
    if known.any():
        kelvin = np.interp(t, t[known], kelvin[known])
    else:
        kelvin = np.full(len(p), decayfit.T_REF_K)
    if not (len(p) and np.all(p > 0.0) and np.all(kelvin > 0.0)):
        return None
    outside = np.nan_to_num(part["reference_pa"])
    x = driving_pressure_pa(result.law, p, outside, decayfit.NORM_PA)
    per_mass = float(np.mean(x / kelvin)) / float(np.mean(p / kelvin))
    if per_mass <= 0.0:
        return None
    e_t = GAS_RESIDUAL_K if known.any() else TEMPERATURE_SWING_K / 4.0
    return Stretch(t, p, kelvin, per_mass, max(SENSOR_PA, resolution_pa or 0.0), e_t)

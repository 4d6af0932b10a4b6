"""Two leak paths: out of the volume under test, and into it from beyond the hatch.

At p = p_station nothing passes the hatch and the slope is the external leak; at lower levels the
hatch feeds. One level decides nothing. Both conductances are fitted to all levels at once, under
every combination of flow laws and with the station's pressure shifted by what it may be wrong by;
a conclusion stands only where all fits that the data allow agree.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np
from scipy import optimize

from prkbench.analysis.campaign import T_REF_K, Array, Campaign
from prkbench.analysis.joint import Rows, Whitener

HatchLaw = Literal["laminar", "orifice"]
PathWord = Literal["MASKED", "HATCH ONLY", "SEALED", "CANNOT TELL", "LEAK"]

LEVELS = (1.0, 0.9, 0.8, 0.7, 0.5)
"""Shares of the station's pressure to hold, the first within NEAR of it."""
NEAR = 0.03
LEAST_LEVELS = 3
LEAST_SPAN = 0.2
EXTERNAL_LIMIT_LB_PER_DAY = {"prk": 0.15, "bench": 0.05}
"""X_e: below it at 95 % an external leak counts as none."""
_KEEP_CHI2 = 9.0
_SURE = 3.0
_ONE_SIDED = 1.6449
_GAMMA = 1.4


@dataclass(frozen=True)
class PathFit:
    """One combination of laws: conductances as decay constants at the station's full pressure.

    external_law: exponent of p; shift_pa: by which p_station was moved; chi2 against the best fit.
    """

    external_exponent: float
    hatch_law: HatchLaw
    shift_pa: float
    external: tuple[float, float]
    hatch: tuple[float, float]
    chi2: float


@dataclass(frozen=True)
class Paths:
    """What the levels say: the word, the fits kept, and where dp/dt crosses zero (Pa)."""

    word: PathWord
    fits: tuple[PathFit, ...]
    external_95: tuple[float, float]
    hatch_95: tuple[float, float]
    external_upper: float
    zero_crossing_pa: tuple[float, float] | None
    missing: tuple[float, ...]


def levels_to_run(station_pa: float, run_pa: list[float]) -> list[float]:
    """Levels (Pa) to hold next so that two paths can be told apart; empty where these do."""
    if enough_levels(station_pa, run_pa):
        return []
    near = [share for share in LEVELS if not any(
        abs(p / station_pa - share) < NEAR for p in run_pa)]  # fmt: skip
    return [share * station_pa for share in near]


def enough_levels(station_pa: float, run_pa: list[float]) -> bool:
    """Whether three levels span a fifth of the station's pressure, one of them close to it."""
    distinct: list[float] = []
    for p in sorted(run_pa):
        if not distinct or p - distinct[-1] > NEAR * station_pa:
            distinct.append(p)
    return (
        len(distinct) >= LEAST_LEVELS
        and distinct[-1] - distinct[0] >= LEAST_SPAN * station_pa
        and any(abs(p - station_pa) <= NEAR * station_pa for p in run_pa)
    )


def level_of(rows: Rows) -> list[float]:
    """Pressure at the beginning of each segment."""
    p = rows.mean(rows.campaign.pressure_pa)
    return [float(p[rows.segment == number][0]) for number in range(len(rows.segments))]


def two_paths(rows: Rows, whitener: Whitener, station_pa: Array, null_pa: float) -> Paths:
    """Fit both paths to segments at several levels; station_pa is given at every reading."""
    campaign = rows.campaign
    missing = levels_to_run(float(station_pa.mean()), level_of(rows))
    shifts = (0.0, null_pa, -null_pa) if null_pa > 0.0 else (0.0,)
    hatch_laws: tuple[HatchLaw, ...] = ("laminar", "orifice")
    fits = [
        _fit(rows, whitener, station_pa + shift, exponent, law, shift)
        for exponent, law, shift in product((2.0, 1.0), hatch_laws, shifts)
    ]
    least = min(fit.chi2 for fit in fits)
    dof = max(1, len(rows.segment) - len(rows.segments) - 3)
    scale = least / dof if whitener.learnt else max(1.0, least / dof)
    kept = tuple(_scaled(fit, least, scale) for fit in fits
                 if (fit.chi2 - least) / scale <= _KEEP_CHI2)  # fmt: skip
    external = _span([fit.external for fit in kept])
    hatch = _span([fit.hatch for fit in kept])
    upper = max(fit.external[0] + _ONE_SIDED * fit.external[1] for fit in kept)
    words = {_word(campaign, fit) for fit in kept}
    word: PathWord = words.pop() if len(words) == 1 else "CANNOT TELL"
    if words == {"LEAK", "MASKED"}:
        # All agree that gas is lost; only whether the hatch feeds is open.
        word = "LEAK"
    if missing:
        # Below the station's pressure a rise proves a leaking hatch, and no more than that.
        word = "CANNOT TELL"
    crossings = [_zero_crossing(fit, float(station_pa.mean())) for fit in kept]
    known = [c for c in crossings if c is not None]
    crossing = (min(known), max(known)) if len(known) == len(kept) and known else None
    return Paths(word, kept, external, hatch, max(0.0, upper), crossing, tuple(missing))


def _word(campaign: Campaign, fit: PathFit) -> PathWord:
    limit = campaign.conversion.k_from_lb_per_day(EXTERNAL_LIMIT_LB_PER_DAY[campaign.scale])
    (ext, se_ext), (hatch, se_hatch) = fit.external, fit.hatch
    tight = ext + _ONE_SIDED * se_ext < limit
    leaks, feeds = ext > _SURE * se_ext, hatch > _SURE * se_hatch
    if leaks and feeds:
        # A leak too small to matter masks nothing.
        return "HATCH ONLY" if tight else "MASKED"
    if feeds:
        return "HATCH ONLY" if tight else "CANNOT TELL"
    most = 2.0 * limit if campaign.scale == "prk" else limit
    if leaks and not tight:
        return "LEAK"
    return "SEALED" if tight and hatch + _ONE_SIDED * se_hatch < most else "CANNOT TELL"


def _fit(rows: Rows, whitener: Whitener, station_pa: Array, exponent: float, law: HatchLaw,
         shift_pa: float) -> PathFit:  # fmt: skip
    campaign = rows.campaign
    out = campaign.integral(campaign.driving_pa(exponent))
    inflow = campaign.integral(_inflow_pa(campaign, station_pa, law))
    columns = [*rows.constants(), -rows.mean(out), rows.mean(inflow), *rows.lag()]
    fit = whitener.fit(columns, rows.mean(campaign.reduced_pa), 1.0)
    at = len(rows.segments)
    errors = np.sqrt(np.diag(fit.covariance))
    return PathFit(
        exponent, law, shift_pa, (float(fit.beta[at]), float(errors[at])),
        (float(fit.beta[at + 1]), float(errors[at + 1])), fit.cost,
    )  # fmt: skip


def _scaled(fit: PathFit, least: float, scale: float) -> PathFit:
    root = math.sqrt(scale)
    return PathFit(
        fit.external_exponent, fit.hatch_law, fit.shift_pa,
        (fit.external[0], fit.external[1] * root), (fit.hatch[0], fit.hatch[1] * root),
        (fit.chi2 - least) / scale,
    )  # fmt: skip


def _inflow_pa(campaign: Campaign, station_pa: Array, law: HatchLaw) -> Array:
    """Mean driving pressure of the hatch between readings, p_station at full difference."""
    x = hatch_driving_pa(campaign.pressure_pa, station_pa, law) * T_REF_K / campaign.temperature_k
    return np.asarray(0.5 * (x[1:] + x[:-1]))


def hatch_driving_pa(pressure_pa: Array, station_pa: Array, law: HatchLaw) -> Array:
    """Driving pressure from the station into the volume; it is p_station into vacuum."""
    if law == "laminar":
        return np.asarray((station_pa - pressure_pa) * (station_pa + pressure_pa) / station_pa)
    # Saint-Venant, choked below 0.528; backwards where the volume is the higher.
    high = np.maximum(station_pa, pressure_pa)
    ratio = np.minimum(station_pa, pressure_pa) / high
    critical = (2.0 / (_GAMMA + 1.0)) ** (_GAMMA / (_GAMMA - 1.0))

    def flow(r: Array) -> Array:
        return np.sqrt(np.maximum(r ** (2.0 / _GAMMA) - r ** ((_GAMMA + 1.0) / _GAMMA), 0.0))

    full = flow(np.full(1, critical))[0]
    share = np.where(ratio <= critical, 1.0, flow(np.maximum(ratio, critical)) / full)
    return np.asarray(np.sign(station_pa - pressure_pa) * share * high)


def _zero_crossing(fit: PathFit, station_pa: float) -> float | None:
    """Pressure at which inflow and outflow balance; None where nothing flows."""
    ext, hatch = max(fit.external[0], 0.0), max(fit.hatch[0], 0.0)
    if hatch <= _SURE * fit.hatch[1]:
        return None

    def net(p: float) -> float:
        out = p**fit.external_exponent / station_pa ** (fit.external_exponent - 1.0)
        inflow = hatch_driving_pa(np.array([p]), np.array([station_pa]), fit.hatch_law)[0]
        return float(hatch * inflow - ext * out)

    return float(optimize.brentq(net, 1.0, station_pa)) if net(station_pa) < 0.0 else station_pa


def _span(values: list[tuple[float, float]]) -> tuple[float, float]:
    return (
        min(value - 1.96 * error for value, error in values),
        max(value + 1.96 * error for value, error in values),
    )

"""The standard methods of leak-rate tests: mass point, total time, point to point.

All take equally long arrays in SI (times in s, absolute pressure in Pa, gas temperature in K) and
give leakage in per cent of the contained mass per 24 h, positive for mass lost, as ANSI/ANS-56.8
does. They know nothing of correlated residuals or of the pressure outside; what they state for an
error is the standard's, and beside it stands what the correlation makes of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from prkbench.analysis.conversion import R_AIR
from prkbench.analysis.independent import FloatArray
from prkbench.errors import UsageError

HOUR_S = 3600.0
PERCENT_DAY = 2400.0
"""Per cent per 24 h of a relative loss per hour."""


@dataclass(frozen=True)
class MassPoint:
    """Mass point: L_am and its one-sided UCL95 by the standard, in %/day, and the honest pair.

    correlated_se and correlated_ucl95: with the residual's own lag correlation; correlation_time_s
    is the one found (0: none). readings: how many.
    """

    leakage: float
    se: float
    ucl95: float
    correlated_se: float
    correlated_ucl95: float
    correlation_time_s: float
    readings: int


@dataclass(frozen=True)
class TotalTime:
    """Total time: L_i from the first reading to each later one (%/day), and their mean."""

    leakages: FloatArray
    mean: float


@dataclass(frozen=True)
class PointToPoint:
    """Point to point: leakage between successive readings (%/day), mean over time, standard error.

    compensated: from the first and the last reading alone, what a two-point cycle states.
    """

    leakages: FloatArray
    mean: float
    se: float
    compensated: float


def mass_point(
    t_s: ArrayLike, pressure_pa: ArrayLike, temperature_k: ArrayLike, volume_m3: float = 1.0
) -> MassPoint:
    """Fit W = A t + B to the masses; L_am = -2400 A/B (ANSI/ANS-56.8-1994, mass point).

    W_i = p_i V/(R T_i), t in h; UCL95 = L_am + 2400 t95(n-2) S_A/B with S_A = S/sqrt(sum (t-tm)^2)
    and S^2 = sum of squared residuals/(n-2). V cancels. UsageError for fewer than four readings,
    or where they are not positive and finite in rising time.
    """
    t, p, kelvin = _readings(t_s, pressure_pa, temperature_k, 4)
    hours = (t - t[0]) / HOUR_S
    mass = p * volume_m3 / (R_AIR * kelvin)
    n = len(t)
    centred = hours - hours.mean()
    power = float(centred @ centred)
    # The mean is taken off first: a slope of parts in 1e9 drowns in the rounding of W itself.
    about = mass - mass.mean()
    a = float(centred @ about) / power
    b = float(mass.mean() - a * hours.mean())
    residual = about - a * centred
    s = math.sqrt(float(residual @ residual) / (n - 2))
    leakage, per = -PERCENT_DAY * a / b, PERCENT_DAY / b
    se = per * s / math.sqrt(power)
    ucl = leakage + float(stats.t.ppf(0.95, n - 2)) * se
    tau_s, factor, freedom = _correlation(t, centred / math.sqrt(power), residual)
    wide = se * factor
    return MassPoint(
        leakage, se, ucl, wide, leakage + float(stats.t.ppf(0.95, freedom)) * wide, tau_s, n
    )


def total_time(t_s: ArrayLike, pressure_pa: ArrayLike, temperature_k: ArrayLike) -> TotalTime:
    """L_i = (2400/(t_i - t_1))(1 - T_1 p_i/(T_i p_1)) (ANSI N45.4-1972); two readings at least."""
    t, p, kelvin = _readings(t_s, pressure_pa, temperature_k, 2)
    hours = (t[1:] - t[0]) / HOUR_S
    leakages = PERCENT_DAY / hours * (1.0 - kelvin[0] * p[1:] / (kelvin[1:] * p[0]))
    return TotalTime(leakages, float(leakages.mean()))


def point_to_point(
    t_s: ArrayLike, pressure_pa: ArrayLike, temperature_k: ArrayLike
) -> PointToPoint:
    """The formula of total time between successive readings (ANSI N45.4-1972, point to point).

    The mean is weighted with the time between readings. Its standard error is that of the mean of
    the single figures, without a claim that they are independent: successive ones share a reading.
    """
    t, p, kelvin = _readings(t_s, pressure_pa, temperature_k, 2)
    hours = np.diff(t) / HOUR_S
    density = p / kelvin
    leakages = PERCENT_DAY / hours * (1.0 - density[1:] / density[:-1])
    mean = float(leakages @ hours / hours.sum())
    n = len(leakages)
    se = float(leakages.std(ddof=1)) / math.sqrt(n) if n > 1 else math.inf
    ends = PERCENT_DAY / float(hours.sum()) * (1.0 - float(density[-1] / density[0]))
    return PointToPoint(leakages, mean, se, ends)


def _readings(
    t_s: ArrayLike, pressure_pa: ArrayLike, temperature_k: ArrayLike, least: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    t, p, kelvin = (np.asarray(a, dtype=np.float64) for a in (t_s, pressure_pa, temperature_k))
    if not len(t) == len(p) == len(kelvin) >= least:
        raise UsageError(
            f"{len(t)} times, {len(p)} pressures, {len(kelvin)} temperatures: expected equally "
            f"many, {least} at least"
        )
    if not (np.all(np.diff(t) > 0.0) and np.all(p > 0.0) and np.all(kelvin > 0.0)):
        raise UsageError("readings not positive or not in rising time: expected Pa, K, s")
    if not all(np.isfinite(a).all() for a in (t, p, kelvin)):
        raise UsageError("readings that are no numbers: leave them out")
    return t, p, kelvin


def _correlation(
    t: FloatArray, unit: FloatArray, residual: FloatArray
) -> tuple[float, float, float]:
    """Correlation time, factor on the slope's standard error, and degrees of freedom.

    unit: the slope's direction, of norm 1. The lag-1 correlation of a detrended record of n
    readings is short by (2 + 4 rho)/n (Marriott and Pope 1954); residuals are smaller than what
    they stand for, by the share of correlated noise that a line takes with it.
    """
    n = len(t)
    power = float(residual @ residual)
    step = float(t[-1] - t[0]) / (n - 1)
    free = float(n - 2)
    if power <= 0.0 or n < 8:
        return 0.0, 1.0, free
    rho = float(residual[1:] @ residual[:-1]) / power
    rho = (n * rho + 2.0) / (n - 4.0)
    # A memory longer than the record cannot be told from a trend.
    rho = min(rho, math.exp(-3.0 / n))
    if rho <= 2.0 / math.sqrt(n):
        return 0.0, 1.0, free
    tau = -step / math.log(rho)
    decay = np.exp(-np.diff(t) / tau)
    mean = np.full(n, 1.0 / math.sqrt(n))
    slope_variance = _quadratic(unit, decay)
    taken = slope_variance + _quadratic(mean, decay)
    # s^2 is the variance times (n - taken)/(n - 2).
    factor = math.sqrt(slope_variance * free / max(n - taken, 1.0))
    return tau, max(1.0, factor), max(2.0, n * (1.0 - rho) / (1.0 + rho) - 2.0)


def _quadratic(v: FloatArray, decay: FloatArray) -> float:
    """v' R v with R the correlation of an autoregression that loses `decay` from row to row."""
    total, carried = 0.0, 0.0
    for value, left in zip(v.tolist(), [0.0, *decay.tolist()], strict=True):
        carried *= left
        total += value * (value + 2.0 * carried)
        carried += value
    return total

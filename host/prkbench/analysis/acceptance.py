"""What surrounds a standard leak-rate test: stabilisation, instruments, the imposed leak.

Functions over arrays and numbers in SI; leakage in per cent of the contained mass per 24 h.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from prkbench.analysis.independent import FloatArray
from prkbench.analysis.masspoint import HOUR_S, PERCENT_DAY
from prkbench.errors import UsageError

OURS_WINDOW_S = 1200.0
OURS_SHARE = 0.1
ANS_K_PER_H = 0.5 / 1.8
"""0.5 degF/h."""
ISG_SHARE = 0.25
IMPOSED_LOW, IMPOSED_HIGH = 0.75, 1.25
AGREEMENT_SHARE = 0.25


@dataclass(frozen=True)
class Stabilisation:
    """Whether a record was steady at its end, since when (s, None: never), by what figure.

    value and allowed are in the criterion's own unit, which `criterion` names.
    """

    criterion: str
    met: bool
    since_s: float | None
    value: float | None
    allowed: float


@dataclass(frozen=True)
class ImposedLeak:
    """Verification by an imposed leak, all in %/day: what was expected, off, allowed; verdict.

    passed is None where the imposed leak is not one that the standard allows.
    """

    expected: float
    measured: float
    off: float
    allowed: float
    passed: bool | None
    reason: str


def stabilised_ours(
    t_s: ArrayLike, pressure_pa: ArrayLike, temperature_k: ArrayLike, wanted_pa_per_s: float
) -> Stabilisation:
    """|dT/dt| p/T at most a tenth of the wanted dp/dt, over 20 min: the bench's own criterion.

    wanted_pa_per_s: the pressure fall to be seen, by the user's limit or the planned leak. The
    slope over each window of 20 min is by least squares.
    """
    t, p, kelvin = (np.asarray(a, dtype=np.float64) for a in (t_s, pressure_pa, temperature_k))
    if not wanted_pa_per_s > 0.0:
        raise UsageError(f"a wanted fall of {wanted_pa_per_s:g} Pa/s: expected above zero")
    slope = _trailing_slope(t, kelvin, OURS_WINDOW_S)
    value = np.abs(slope) * p / kelvin
    return _judged("|dT/dt| p/T over 20 min, Pa/s", t, value, OURS_SHARE * wanted_pa_per_s)


def stabilised_ans(t_s: ArrayLike, temperature_k: ArrayLike) -> Stabilisation:
    """Mean dT/dt of the last hour within 0.5 degF/h of that of the last four (ANSI/ANS-56.8)."""
    t, kelvin = np.asarray(t_s, dtype=np.float64), np.asarray(temperature_k, dtype=np.float64)
    # The mean of dT/dt over a span is the difference of its ends.
    hour = _ends(t, kelvin, HOUR_S)
    four = _ends(t, kelvin, 4.0 * HOUR_S)
    return _judged(
        "last hour's mean dT/dt less that of four hours, K/h",
        t, np.abs(hour - four) * HOUR_S, ANS_K_PER_H,
    )  # fmt: skip


def instrument_selection(
    duration_s: float, pressure_pa: float, temperature_k: float, e_p_pa: float, e_t_k: float
) -> float:
    """ISG = (2400/t) sqrt(2 (e_p/p)^2 + 2 (e_T/T)^2) in %/day, t in h (ANSI/ANS-56.8).

    e_p_pa, e_t_k: error of one figure of pressure and of gas temperature. The standard asks that
    it be at most a quarter of the allowed leakage.
    """
    if not duration_s > 0.0:
        raise UsageError(f"a test of {duration_s:g} s: expected above zero")
    return PERCENT_DAY / (duration_s / HOUR_S) * _ends_error(
        pressure_pa, temperature_k, e_p_pa, e_t_k
    )  # fmt: skip


def shortest_test_s(
    allowed_percent_day: float, pressure_pa: float, temperature_k: float, e_p_pa: float,
    e_t_k: float,
) -> float:  # fmt: skip
    """How long a test must be for these instruments and this limit: ISG = L_a/4, in s."""
    if not allowed_percent_day > 0.0:
        raise UsageError(f"a limit of {allowed_percent_day:g} %/day: expected above zero")
    error = _ends_error(pressure_pa, temperature_k, e_p_pa, e_t_k)
    return PERCENT_DAY * HOUR_S * error / (ISG_SHARE * allowed_percent_day)


def imposed_leak(before: float, composite: float, imposed: float, allowed: float) -> ImposedLeak:
    """Verify a test by an imposed leak (ANSI/ANS-56.8): |L_c - (L_am + L_0)| <= L_a/4.

    before: L_am; composite: L_c measured with the imposed L_0 running; allowed: L_a. L_0 must lie
    between 0.75 and 1.25 L_a, else nothing is verified (passed is None). All in %/day.
    """
    if not allowed > 0.0:
        raise UsageError(f"an allowed leakage of {allowed:g} %/day: expected above zero")
    expected = before + imposed
    off, most = composite - expected, AGREEMENT_SHARE * allowed
    if not IMPOSED_LOW * allowed <= imposed <= IMPOSED_HIGH * allowed:
        reason = (
            f"the imposed leak is {imposed / allowed:.2f} of the allowed one, expected "
            f"{IMPOSED_LOW:g} to {IMPOSED_HIGH:g}: impose another"
        )
        return ImposedLeak(expected, composite, off, most, None, reason)
    passed = abs(off) <= most
    word = "within" if passed else "outside"
    reason = f"{off:+.3g} %/day from what was to be expected, {word} {most:.3g} %/day"
    return ImposedLeak(expected, composite, off, most, passed, reason)


def _ends_error(p: float, kelvin: float, e_p: float, e_t: float) -> float:
    return math.sqrt(2.0 * (e_p / p) ** 2 + 2.0 * (e_t / kelvin) ** 2)


def _judged(criterion: str, t: FloatArray, value: FloatArray, allowed: float) -> Stabilisation:
    if not len(value) or not math.isfinite(value[-1]):
        return Stabilisation(criterion, False, None, None, allowed)
    met = value <= allowed
    since = None
    if met[-1]:
        before = np.flatnonzero(~met)
        since = float(t[before[-1] + 1 if len(before) else 0])
    return Stabilisation(criterion, bool(met[-1]), since, float(value[-1]), allowed)


def _trailing_slope(t: FloatArray, y: FloatArray, window: float) -> FloatArray:
    """Least-squares slope over the window before each time; NaN while it is not full."""
    if not len(t):
        return np.zeros(0)
    at, values = t - t[0], y - y[0]
    start = np.searchsorted(at, at - window * (1.0 + 1e-9), side="left")
    sums = [np.concatenate(([0.0], np.cumsum(v)))
            for v in (np.ones_like(at), at, at * at, values, at * values)]  # fmt: skip
    end = np.arange(1, len(at) + 1)
    n, s_t, s_tt, s_y, s_ty = (s[end] - s[start] for s in sums)
    power = n * s_tt - s_t * s_t
    full = (at - at[start] >= 0.9 * window) & (n >= 3) & (power > 0.0)
    return np.where(full, (n * s_ty - s_t * s_y) / np.where(full, power, 1.0), np.nan)


def _ends(t: FloatArray, y: FloatArray, span: float) -> FloatArray:
    """Mean slope over the span before each time, per s; NaN where the record is shorter."""
    if not len(t):
        return np.zeros(0)
    earlier = np.interp(t - span, t, y)
    return np.where(t - t[0] >= span, (y - earlier) / span, np.nan)

"""The standard methods applied to a record, as they stand beside our own figure."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prkbench.analysis import acceptance, masspoint
from prkbench.analysis.conversion import Conversion
from prkbench.analysis.independent import FloatArray, Used
from prkbench.analysis.stream import GAS_RESIDUAL_K
from prkbench.units import DAY_S

SENSOR_PA = 0.1
"""Flicker of the barometer, what is left of its noise in the mean of a minute."""
_LEAST_READINGS = 8
SOURCES = {
    "mass_point": "ANSI/ANS-56.8, mass point",
    "total_time": "ANSI N45.4, total time",
    "point_to_point": "ANSI N45.4, point to point",
    "two_point": "first and last reading, p/T",
}


@dataclass(frozen=True)
class Stretch:
    """Readings of one filling: s, Pa absolute, K, and the mean driving pressure over p_T.

    per_mass: mean of x T_ref/T over mean p_T, what turns a loss of mass into k; e_p_pa, e_t_k:
    error of one reading of pressure and of gas temperature.
    """

    t_s: FloatArray
    pressure_pa: FloatArray
    temperature_k: FloatArray
    per_mass: float
    e_p_pa: float = SENSOR_PA
    e_t_k: float = GAS_RESIDUAL_K

    @classmethod
    def longest(cls, used: Used, t_ref_k: float) -> Stretch | None:
        """The segment of most blocks; None where there is none with a driving pressure."""
        if not len(used.slot):
            return None
        segments, counts = np.unique(used.segment, return_counts=True)
        return cls.of(used, used.segment == segments[int(np.argmax(counts))], t_ref_k)

    @classmethod
    def of(cls, used: Used, at: NDArray[np.bool_], t_ref_k: float) -> Stretch | None:
        """Those blocks of one segment; None where they have no driving pressure."""
        y, x = used.y[at], used.x[at]
        if not len(y) or not float(np.mean(x)) > 0.0:
            return None
        t_s = np.asarray(used.slot[at] * 60.0, dtype=np.float64)
        per_mass = float(np.mean(x)) / float(np.mean(y))
        return cls(t_s, y * used.t[at] / t_ref_k, used.t[at], per_mass)

    def percent_day(self, k_per_s: float) -> float:
        """Loss of contained mass in per cent a day that a decay constant means here."""
        return 100.0 * DAY_S * k_per_s * self.per_mass


def standard_methods(
    stretch: Stretch | None,
    conversion: Conversion,
    wanted_k_per_s: float | None,
    imposed: acceptance.ImposedLeak | None = None,
) -> dict[str, Any] | None:
    """What each standard method says of a stretch, in %/day of its mass and PrK-equivalent lb/day.

    wanted_k_per_s: decay constant of the user's limit, else of the planned leak; None: the
    criteria that need one are left out, with the reason. None for fewer than eight readings.
    """
    if stretch is None or len(stretch.t_s) < _LEAST_READINGS:
        return None
    t, p, kelvin = stretch.t_s, stretch.pressure_pa, stretch.temperature_k

    def rate(percent_day: float) -> float:
        return conversion.rate_lb_per_day(percent_day / 100.0 / DAY_S / stretch.per_mass)

    fit = masspoint.mass_point(t, p, kelvin)
    total = masspoint.total_time(t, p, kelvin)
    points = masspoint.point_to_point(t, p, kelvin)
    return {
        "mass_point": {
            **_figure(fit.leakage, rate, "mass_point"),
            "ucl95_percent_per_day": fit.ucl95,
            "ucl95_lb_per_day": rate(fit.ucl95),
            "se_percent_per_day": fit.se,
            "correlated_se_percent_per_day": fit.correlated_se,
            "correlated_ucl95_percent_per_day": fit.correlated_ucl95,
            "correlated_ucl95_lb_per_day": rate(fit.correlated_ucl95),
            "correlation_time_s": fit.correlation_time_s,
            "readings": fit.readings,
        },
        "total_time": _figure(total.mean, rate, "total_time"),
        "point_to_point": {
            **_figure(points.mean, rate, "point_to_point"),
            "se_percent_per_day": points.se,
        },
        "two_point": _figure(points.compensated, rate, "two_point"),
        "stabilisation": _stabilisation(stretch, wanted_k_per_s),
        "instrument_selection": _instruments(stretch, wanted_k_per_s),
        # Only a test with a leak of known size imposed on it can say this.
        "imposed_leak": None if imposed is None else asdict(imposed),
    }


def verify_by_imposed_leak(
    used: Used, t_ref_k: float, opened_s: float, settle_s: float, rate_k: float, allowed_k: float
) -> acceptance.ImposedLeak | None:
    """Mass point before and after a known leak was opened; None where either is too short.

    opened_s: run time; settle_s: left out after it; rate_k, allowed_k: decay constants (1/s) of
    the imposed and the allowed leak. The segment taken is the one it was opened in.
    """
    t = used.slot * 60.0
    inside = used.segment[t < opened_s]
    if not len(inside):
        return None
    same = used.segment == inside[-1]
    parts = [
        Stretch.of(used, same & at, t_ref_k)
        for at in (t + 60.0 <= opened_s, t >= opened_s + settle_s)
    ]
    leakages = [
        None if part is None or len(part.t_s) < _LEAST_READINGS
        else masspoint.mass_point(part.t_s, part.pressure_pa, part.temperature_k).leakage
        for part in parts
    ]  # fmt: skip
    after = parts[1]
    if leakages[0] is None or leakages[1] is None or after is None:
        return None
    return acceptance.imposed_leak(
        leakages[0], leakages[1], after.percent_day(rate_k), after.percent_day(allowed_k)
    )


def _figure(percent_day: float, rate: Any, name: str) -> dict[str, Any]:
    return {
        "leakage_percent_per_day": percent_day,
        "rate_lb_per_day": rate(percent_day),
        "source": SOURCES[name],
    }


def _stabilisation(stretch: Stretch, wanted_k: float | None) -> dict[str, Any]:
    t, p, kelvin = stretch.t_s, stretch.pressure_pa, stretch.temperature_k
    found: dict[str, Any] = {"ours": None, "ans": _judged(acceptance.stabilised_ans(t, kelvin))}
    if wanted_k:
        wanted = wanted_k * stretch.per_mass * float(np.mean(p))
        found["ours"] = _judged(acceptance.stabilised_ours(t, p, kelvin, wanted))
    return found


def _judged(found: acceptance.Stabilisation) -> dict[str, Any]:
    return {
        "criterion": found.criterion,
        "met": found.met,
        "since_s": found.since_s,
        "value": found.value,
        "allowed": found.allowed,
    }


def _instruments(stretch: Stretch, wanted_k: float | None) -> dict[str, Any]:
    p, kelvin = float(np.mean(stretch.pressure_pa)), float(np.mean(stretch.temperature_k))
    errors = (p, kelvin, stretch.e_p_pa, stretch.e_t_k)
    duration = float(stretch.t_s[-1] - stretch.t_s[0])
    isg = acceptance.instrument_selection(duration, *errors)
    found: dict[str, Any] = {
        "isg_percent_per_day": isg,
        "e_p_pa": stretch.e_p_pa,
        "e_t_k": stretch.e_t_k,
        "allowed_percent_per_day": None,
        "met": None,
        "shortest_test_s": None,
    }
    if wanted_k:
        allowed = stretch.percent_day(wanted_k)
        found["allowed_percent_per_day"] = allowed
        found["met"] = isg <= acceptance.ISG_SHARE * allowed
        found["shortest_test_s"] = acceptance.shortest_test_s(allowed, *errors)
    return found

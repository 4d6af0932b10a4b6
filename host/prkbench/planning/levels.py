"""How well holds at some levels know a leak outwards and a leaking hatch, before there is data.

At a level p the slope of p_T is -a x(p) + b h(p), with a and b the two conductances as decay
constants at the station's pressure. At p = p_station the hatch passes nothing; levels below it see
both. Each hold gives one slope with the error of the rig's residual, lag and noise; the sensors'
disagreement moves the station's pressure, and with it every hold alike.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from prkbench.analysis.independent import FloatArray
from prkbench.analysis.paths import HatchLaw, hatch_driving_pa
from prkbench.analysis.verdict import Z95
from prkbench.planning.precision import rmse_per_s
from prkbench.planning.setting import Setting

_EXPONENTS = (2.0, 1.0)
KEEP_CHI2 = 9.0
"""As the analysis: laws that fit worse than the best by more than this are excluded."""
_HATCH_LAWS: tuple[HatchLaw, ...] = ("laminar", "orifice")


@dataclass(frozen=True)
class LevelRun:
    """A level that was held: Pa, settled hours."""

    pressure_pa: float
    hours: float


@dataclass(frozen=True)
class Case:
    """What is planned for: setting, station's pressure, both conductances, null error."""

    setting: Setting
    station_pa: float
    external_per_s: float
    hatch_per_s: float
    null_pa: float

    @property
    def exponent(self) -> float:
        """Of the leak outwards, by the rig's law."""
        return 2.0 if self.setting.law == "viscous" else 1.0

    def outward_pa(self, pressure_pa: float, exponent: float) -> float:
        """Driving pressure of the leak outwards, p_station at the station's pressure."""
        n, low = exponent, self.setting.reference_pa
        norm = (self.station_pa**n - low**n) / (self.station_pa - low)
        return float((pressure_pa**n - low**n) / norm)

    def slope_pa_per_s(self, pressure_pa: float, law: HatchLaw = "laminar") -> float:
        """dp/dt to be expected at a level."""
        inflow = _inflow_pa(pressure_pa, self.station_pa, law)
        return self.hatch_per_s * inflow - self.external_per_s * self.outward_pa(
            pressure_pa, self.exponent
        )


def relative_halves(case: Case, holds: Sequence[LevelRun]) -> tuple[float, float]:
    """95 % half-widths of a and b, relative, after these holds; infinite where they stay open.

    The worse of a laminar and an orifice-like hatch. A pair of flow laws that the holds cannot
    exclude widens them by how far off its fit is: the analysis keeps it, too.
    """
    used = [hold for hold in holds if hold.hours > 0.0]
    if len(used) < 2:
        return math.inf, math.inf
    errors = np.array([slope_se_pa_per_s(case, hold) for hold in used])
    worst = np.zeros(2)
    for law in _HATCH_LAWS:
        slopes = np.array([case.slope_pa_per_s(hold.pressure_pa, law) for hold in used])
        for other in product(_EXPONENTS, _HATCH_LAWS):
            found = _fit(case, used, errors, slopes, *other)
            if found is None:
                return math.inf, math.inf
            beta, se, chi2 = found
            if chi2 <= KEEP_CHI2:
                worst = np.maximum(worst, np.abs(beta - 1.0) + Z95 * se)
    return float(worst[0]), float(worst[1])


def slope_se_pa_per_s(case: Case, hold: LevelRun) -> float:
    """Standard error of dp/dt at a level after a hold, from the rig's residual and noise."""
    # The slope of p_T is k x for any x: the whole pressure is the plainest.
    whole = replace(
        case.setting, law="linear", pressure_pa=hold.pressure_pa, reference_pa=0.0, null_pa=0.0
    )
    return rmse_per_s(whole, 0.0, 3600.0 * hold.hours) * hold.pressure_pa


def _fit(
    case: Case,
    holds: Sequence[LevelRun],
    errors: FloatArray,
    slopes: FloatArray,
    exponent: float,
    law: HatchLaw,
) -> tuple[FloatArray, FloatArray, float] | None:
    """a and b in units of their truth, their errors, and chi2 of one pair of laws; None if open."""
    rows, step = [], 1.0
    for hold in holds:
        p = hold.pressure_pa
        inflow = _inflow_pa(p, case.station_pa, law)
        moved = (_inflow_pa(p, case.station_pa + step, law) - inflow) / step
        rows.append(
            (
                -case.external_per_s * case.outward_pa(p, exponent),
                case.hatch_per_s * inflow,
                case.hatch_per_s * moved,
            )
        )
    # The station's pressure is known to the null error: one more observation, of nothing.
    null_pa = max(case.null_pa, 1e-3)
    design = np.vstack([np.array(rows) / errors[:, None], [0.0, 0.0, 1.0 / null_pa]])
    target = np.append(slopes / errors, 0.0)
    scale = np.linalg.norm(design, axis=0)
    if not np.all(scale > 0.0) or np.linalg.cond(design / scale) > 1e6:
        return None
    beta, *_ = np.linalg.lstsq(design / scale, target, rcond=None)
    rest = target - design / scale @ beta
    inverse = np.linalg.inv((design / scale).T @ (design / scale))
    se = np.sqrt(np.diag(inverse)) / scale
    return (beta / scale)[:2], np.asarray(se[:2]), float(rest @ rest)


def _inflow_pa(pressure_pa: float, station_pa: float, law: HatchLaw) -> float:
    return float(hatch_driving_pa(np.array([pressure_pa]), np.array([station_pa]), law)[0])

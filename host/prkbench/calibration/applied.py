"""The host's estimate of a run with what a sealed run of the same rig taught about its residual.

Where the rig file has a [sealed_run] that fits, k and its error come from generalised least
squares with that residual, its error multiplied by how much the sealed run's pieces spread more
than the model says, and by Student's quantile for how well that is known.
"""

from __future__ import annotations

import datetime
import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from prkbench.analysis.correlated import HostEstimate
from prkbench.analysis.independent import FloatArray, RowTable, Used, rows_of
from prkbench.calibration.learn import levels, model_se, pa_per_k
from prkbench.calibration.residual import BLOCK_S, Residual
from prkbench.calibration.table import SealedRun, doubts
from prkbench.rig import Rig

_MOST_VARIANCE = 2.0
"""Residual variance against the sealed run's from which on the run is another kind of day."""
_MOST_WIDER = 2.5
"""The record's own error against the calibrated one, likewise: a slow drift shows there."""
_LEAST_LAG_U = 0.05
"""Relative: a lag that was fitted to a fraction of a per cent still varies with the flow of air."""
_LEAST_ROWS = 6


@dataclass(frozen=True)
class Applied:
    """The estimate to go on with, what to say of it, and the same for --json.

    remark: for the uncertainty budget; used: whether the sealed run is what the error rests on.
    """

    estimate: HostEstimate
    used: bool
    remark: str
    reasons: tuple[str, ...]
    told: dict[str, Any] | None


def apply_sealed_run(
    host: HostEstimate,
    used: Used,
    rig: Rig | None,
    t_ref_k: float,
    null_pa: float,
    today: datetime.date,
) -> Applied:
    """Prefer the rig's sealed run to what the record says of its own residual.

    null_pa: standard error of p - p_ref; today: the day of the run, to tell a calibration's age.
    """
    plain = "REML, correlated residual"
    if rig is None or rig.sealed_run is None:
        return Applied(host, False, plain, (), None)
    sealed = rig.sealed_run
    about = f"sealed run of {sealed.date} ({sealed.hours:.0f} h)"
    found = doubts(
        sealed,
        today,
        temperature_k=float(used.t.mean()),
        volume_m3=rig.chamber.volume_m3,
        element=rig.element_text,
        window_s=rig.node.window_s,
    )
    warnings = [f"WARNING: {about}: {doubt}; log a new one" for doubt in found]
    told: dict[str, Any] = {"date": sealed.date, "hours": sealed.hours, "head": sealed.head,
                            "doubts": found, "used": False}  # fmt: skip
    rows = rows_of(used)
    if len(rows.y) < _LEAST_ROWS or sealed.rms_k <= 0.0:
        return Applied(host, False, plain, tuple(warnings), told)
    estimate, variance = _estimate(host, rows, sealed, t_ref_k, null_pa)
    wider = host.statistical_per_s / estimate.statistical_per_s
    told |= {"variance_ratio": variance, "reml_over_calibrated": wider}
    if variance > _MOST_VARIANCE or wider > _MOST_WIDER:
        warnings.append(
            f"WARNING: {about} left aside: this run's residual has {variance:.1f} times its "
            f"variance, its error would be {wider:.1f} times as large: something disturbs it"
        )
        return Applied(host, False, plain, tuple(warnings), told)
    told["used"] = True
    reason = f"standard error from the {about}, residual {1e3 * sealed.rms_k:.1f} mK rms, " \
             f"{sealed.correlation_time_s / 60:.0f} min"  # fmt: skip
    return Applied(estimate, True, about, (reason, *warnings), told)


def residual_of(sealed: SealedRun) -> tuple[Residual, float]:
    """The residual of a sealed run, and its p/T in Pa/K."""
    scale = sealed.pressure_pa / sealed.temperature_k
    white_k = sealed.white_pa / scale
    return Residual(sealed.rms_k, sealed.correlation_time_s, white_k), scale


def spread_over_model(sealed: SealedRun, window_s: float) -> float:
    """How much more k spreads in a window than the residual's model says."""
    residual, scale = residual_of(sealed)
    # Beyond the shortest and the longest window nothing was seen: their factor holds on.
    at = min(max(window_s, sealed.windows_s[0]), sealed.windows_s[-1])
    edges = [w for w in sealed.windows_s if w <= at][-1:], [w for w in sealed.windows_s if w >= at]
    low, high = edges[0][0], edges[1][0]
    factors = [sealed.se_at(w) / model_se(residual, scale, sealed.driving_pressure_pa, w)
               for w in (low, high)]  # fmt: skip
    share = math.log(at / low) / math.log(high / low) if high > low else 0.0
    return float(factors[0] ** (1.0 - share) * factors[1] ** share)


def _estimate(
    host: HostEstimate, rows: RowTable, sealed: SealedRun, t_ref_k: float, null_pa: float
) -> tuple[HostEstimate, float]:
    """The estimate, and the residual's variance in units of the sealed run's."""
    residual, _ = residual_of(sealed)
    t_s = np.asarray(rows.slot * BLOCK_S, dtype=np.float64)
    scale = pa_per_k(rows, t_ref_k)
    segments, which = np.unique(rows.segment, return_inverse=True)
    count = len(segments)
    starts = np.array([t_s[which == n][0] for n in range(count)])
    constants = np.eye(count)[which] / scale[:, None]
    since = (t_s - starts[which]) / scale
    level = levels(rows)
    y = (rows.y - level) / scale
    white = residual.whitener(t_s)
    lag = sealed.lag_s / (2.0 * BLOCK_S)
    lag_sd = lag * max(3.0 * sealed.lag_uncertainty, _LEAST_LAG_U)
    known_lag = (count + 1, lag, max(lag_sd, 1e-3))
    design = np.column_stack([constants, rows.i / scale, rows.d])
    beta, errors, variance = _with_priors(white(design), white(y), [known_lag])
    stretch = BLOCK_S * len(rows.y)
    wide = spread_over_model(sealed, stretch) * sealed.widening_at(stretch)
    statistical, drift = float(errors[count]) * wide, 0.0
    se, k = statistical, -float(beta[count])
    if null_pa > 0.0 and k != 0.0:
        # A null error e adds e t to I: its coefficient is k e, known to nothing but its size.
        wider = np.column_stack([design, since])
        known_null = (count + 2, 0.0, abs(k) * null_pa)
        beta, more, _ = _with_priors(white(wider), white(y), [known_lag, known_null])
        k, drift = -float(beta[count]), float(beta[count + 2])
        se = math.sqrt(statistical**2 + max(0.0, float(more[count] ** 2 - errors[count] ** 2)))
    d_pa_per_k = float(beta[count + 1] * scale.mean())
    found = replace(
        host,
        k_per_s=k,
        se_per_s=se,
        statistical_per_s=statistical,
        tau_s=sealed.correlation_time_s,
        rows=len(rows.y),
        d_pa_per_k=d_pa_per_k,
        drift_pa_per_s=drift,
        lag_fitted=True,
        intercepts={int(s): float(beta[n] + level[which == n][0]) for n, s in enumerate(segments)},
    )
    return found, variance


def _with_priors(
    design: FloatArray, y: FloatArray, priors: list[tuple[int, float, float]]
) -> tuple[FloatArray, FloatArray, float]:
    """Coefficients, standard errors and mean square residual, with (column, mean, sd) known."""
    rows, columns = design.shape
    size = np.linalg.norm(design, axis=0)
    extra = np.zeros((len(priors), columns))
    known = np.zeros(len(priors))
    for n, (column, mean, sd) in enumerate(priors):
        extra[n, column] = 1.0 / (sd * size[column])
        known[n] = mean / sd
    q, r = np.linalg.qr(np.vstack([design / size, extra]))
    inverse = np.linalg.inv(r)
    beta = inverse @ (q.T @ np.concatenate([y, known]))
    rest = y - design / size @ beta
    variance = float(rest @ rest) / max(1, rows - columns)
    return beta / size, np.asarray(np.sqrt((inverse**2).sum(axis=1)) / size), variance

"""The host's own estimate: restricted likelihood averaged over what the residual may be.

The residual of p_T is taken for block means of an Ornstein-Uhlenbeck process (the gas temperature
nobody sees) plus white noise; neither its correlation time nor the share of white noise is known.
Both are gone through on a grid, each point weighted with its restricted likelihood and with what
is known beforehand of the correlation time; at each point k follows Student's distribution, and
the interval told is that of the mixture. A short record cannot tell the correlation time, and the
mixture is then as wide as that leaves it.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.signal import savgol_filter
from scipy.special import stdtr

from prkbench.analysis.independent import FloatArray, IntArray, Used, rows_of
from prkbench.analysis.redwhite import BlockCovariance

STEP_S = 60.0
_TAUS_S = np.geomspace(180.0, 8.0 * 3600.0, 12)
_WHITES = (0.0, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1e3, 1e4)
"""Variance of the white noise over that of the red."""
_LOG_ODDS = np.array([2.8, *([0.0] * 3), *([-1.5] * 7), *([0.0] * 3), 3.5])
"""Log odds of each beforehand, and of white noise alone: a residual is mostly the gas temperature
that nobody sees, or mostly noise of reading, and seldom half of each."""
_TAU_MIDDLE = 0.46
"""Median of the correlation time over the configured one, which is taken long on purpose."""
_TAU_SPREAD = 0.5
"""Standard deviation of the logarithm of the correlation time about that."""
_LAG_U = 0.5
"""Relative standard uncertainty of the configured lag; most records know it better."""
_TWIN_SHARE, _TWIN_SHARE_U = 0.5, 0.5
"""Share of the unseen temperature that a twin has in common with the chamber, before it is seen."""
_TWIN_MISMATCH = 0.1
"""Relative standard deviation of how the twin's gas follows the room, against the chamber's."""
_SLOPE_ROWS, _SLOPE_ORDER = 15, 3
_Z95 = 1.959964
_NEGLIGIBLE = 1e-9


@dataclass(frozen=True)
class HostEstimate:
    """Decay constant with its standard error, 1/s; statistical_per_s leaves the null error out.

    se_per_s: half of the 95 % interval over 1.96, as on the node. tau_s: most likely correlation
    time; rows: minutes fitted; d_pa_per_k: coefficient of D (K in two minutes); drift_pa_per_s: of
    y by the fitted null error; lag_fitted: whether the record knows the lag better than the
    configuration. twin_share: how much of the unseen temperature the sealed twin tells (1: all of
    it, 0: none), twin_pa (rows,): what that is in p_T; None without a twin. By segment, with t from
    its first row: y = c - k i + d D + drift t + twin_pa.
    """

    k_per_s: float
    se_per_s: float
    tau_s: float
    rows: int
    d_pa_per_k: float
    drift_pa_per_s: float
    lag_fitted: bool
    statistical_per_s: float
    intercepts: dict[int, float]
    twin_share: float | None = None
    twin_pa: FloatArray | None = None


def estimate(used: Used, lag_s: float, tau_s: float, null_pa: float) -> HostEstimate | None:
    """Estimate k from all blocks that count; None when there are too few rows.

    lag_s: thermal lag, known to a factor of about 1.5; tau_s: the configured correlation time;
    null_pa: standard error of p - p_ref. A null error e adds e t to the integral I; it is fitted
    with that prior, so a record that decays far decides it, and a short one carries it.
    """
    rows = rows_of(used, STEP_S) if len(used.slot) else None
    if rows is None or len(rows.y) < 6:
        return None
    segments, which = np.unique(rows.segment, return_inverse=True)
    n, at = len(rows.y), len(segments)
    if n - at - 1 < 3:
        return None
    d = 2.0 * STEP_S * slope_of(used)[np.searchsorted(used.slot, rows.slot)]
    # The lag coefficient that a lag of lag_s means: dp_T = p_T/T lag dT/dt, D over two steps.
    assumed_d = float(np.mean(rows.y) / np.mean(used.t)) * lag_s / (2.0 * STEP_S)
    t_s = np.asarray(rows.slot * STEP_S, dtype=np.float64)
    # Within each segment I starts at zero, and so does what a null error adds to it.
    since = t_s - np.array([t_s[which == s][0] for s in range(at)])[which]
    mean_y = float(rows.y.mean())
    columns = [np.asarray(which == s, dtype=np.float64) for s in range(at)]
    twin = _twin_columns(used, rows.slot)
    design = np.column_stack([*columns, rows.i, d, *twin, since])
    scale = np.linalg.norm(design, axis=0)
    if not np.all(scale[: at + 1] > 0.0):
        return None
    scale[scale == 0.0] = 1.0
    # What is known of the columns behind I beforehand: their coefficients' mean and deviation.
    means = np.array([assumed_d, *((_TWIN_SHARE, 0.0) if twin else ())])
    sds = np.array([_LAG_U * abs(assumed_d), *((_TWIN_SHARE_U, _TWIN_MISMATCH) if twin else ())])
    behind = slice(at + 1, at + 1 + len(means))
    y = rows.y - mean_y - design[:, behind] @ means
    # Segments are parted by a repress, but the gas temperature goes on across it, and with it the
    # correlation.
    grid = _Grid(design / scale, y, t_s, at + 1, tau_s)
    known = np.maximum(sds, 1e-12) * scale[behind]
    plain = found = grid.average(known)
    for _ in range(2):
        beta = found.beta / scale
        if twin:
            # A twin that is not used cannot disturb by following the room otherwise.
            share = abs(_TWIN_SHARE + float(beta[at + 2]))
            known[2] = max(share * _TWIN_MISMATCH, 1e-6) * scale[at + 3]
            plain = found = grid.average(known)
        # The drift of a null error goes with k: what the fit before says of k is near enough.
        null_sd = abs(float(beta[at])) * null_pa * float(scale[-1])
        if null_sd > 0.0:
            found = grid.average(np.append(known, null_sd))
    beta = found.beta / scale
    beta[behind] += means
    return HostEstimate(
        k_per_s=-float(beta[at]),
        se_per_s=found.half / float(scale[at]) / _Z95,
        tau_s=found.tau_s,
        rows=n,
        d_pa_per_k=float(beta[at + 1]),
        drift_pa_per_s=float(beta[-1]),
        lag_fitted=found.lag_sd < 0.5 * known[0],
        statistical_per_s=min(plain.half, found.half) / float(scale[at]) / _Z95,
        intercepts={int(s): float(beta[j]) + mean_y for j, s in enumerate(segments)},
        twin_share=float(beta[at + 2]) if twin else None,
        twin_pa=design[:, at + 2 : at + 4] @ beta[at + 2 : at + 4] if twin else None,
    )


def _twin_columns(used: Used, slots: IntArray) -> list[FloatArray]:
    """What a sealed vessel beside says of the gas temperature, as pressure; none without one.

    Its pressure is a thermometer without lag. The first column is how far it and the sensor
    differ: its coefficient is the share of the unseen temperature that both vessels have in common.
    The second is the sensor's own change, for a twin that follows the room more or less than the
    chamber does.
    """
    if used.twin_pa is None or not float(np.ptp(used.twin_pa)) > 0.0:
        return []
    middle = float(used.t.mean())
    pa_per_k = used.y / used.t
    beside = middle * used.twin_pa / float(used.twin_pa.mean())
    at = np.searchsorted(used.slot, slots)
    columns = pa_per_k * (beside - used.t), pa_per_k * (used.t - middle)
    return [np.asarray(column[at] - column[at].mean()) for column in columns]


def slope_of(used: Used) -> FloatArray:
    """dT/dt at each block, K/s, by a cubic through fifteen minutes.

    The difference of two neighbours, as the node takes it, has as much of the thermometer's noise
    in it as of a slow change of the room; generalised least squares lives on what is fast in a
    column, and would find the lag several times too small.
    """
    slope = np.zeros(len(used.t))
    apart = (np.diff(used.slot) != 1) | (np.diff(used.segment) != 0)
    ends = np.concatenate(([0], np.flatnonzero(apart) + 1, [len(used.t)])).tolist()
    for first, end in itertools.pairwise(ends):
        part = used.t[first:end]
        if len(part) >= _SLOPE_ROWS:
            slope[first:end] = savgol_filter(part, _SLOPE_ROWS, _SLOPE_ORDER, deriv=1)
        elif len(part) > 1:
            slope[first:end] = np.gradient(part)
    return slope / STEP_S


@dataclass(frozen=True)
class _Average:
    """Coefficients, half of k's 95 % interval, the lag's standard deviation, likeliest tau.

    In the units of the scaled columns.
    """

    beta: FloatArray
    half: float
    lag_sd: float
    tau_s: float


class _Grid:
    """Normal equations at every correlation time and share of white noise.

    The first `free` columns of the design have coefficients of which nothing is known beforehand.
    """

    def __init__(
        self, design: FloatArray, y: FloatArray, t_s: FloatArray, free: int, configured_s: float
    ) -> None:
        self._free, self._rows = free, len(y)
        table = np.column_stack([design, y])
        prior = -0.5 * (np.log(_TAUS_S / (_TAU_MIDDLE * configured_s)) / _TAU_SPREAD) ** 2
        points = [
            (float(tau), white, float(known + odds))
            for tau, known in zip(_TAUS_S, prior, strict=True)
            for white, odds in zip(_WHITES, _LOG_ODDS[:-1], strict=True)
        ]
        # White noise has no correlation time: one point for all of them.
        points.append((math.nan, math.inf, float(_LOG_ODDS[-1] + np.log(np.exp(prior).sum()))))
        moments, likelihoods = [], []
        for tau, white, known in points:
            covariance = BlockCovariance(t_s, tau, white, STEP_S)
            # Not by BLAS: its sums depend on how many threads it has, and with them the last bits.
            moments.append(np.einsum("ni,nj->ij", table, covariance.solve(table)))
            likelihoods.append(known - 0.5 * covariance.log_det)
        self._moments, self._likelihoods = np.array(moments), np.array(likelihoods)
        self._taus = [tau for tau, _, _ in points]

    def average(self, known: FloatArray) -> _Average:
        """Average over the grid; k's column is the last free one.

        known: standard deviations about zero of the coefficients behind it, beforehand, in order;
        columns beyond are left out.
        """
        at, p = self._free - 1, self._free + len(known)
        normal, seen = self._moments[:, :p, :p], self._moments[:, :p, -1]
        power = self._moments[:, -1, -1]
        prior = np.zeros(p)
        prior[self._free :] = known**-2.0
        dof = self._rows - self._free
        first = slice(self._free)
        fitted = np.linalg.solve(normal[:, first, first], seen[:, first, None])[..., 0]
        sigma2 = np.maximum(power - np.einsum("gi,gi->g", fitted, seen[:, first]), 1e-300) / dof
        for _ in range(20):
            precision = normal / sigma2[:, None, None] + np.diag(prior)
            beta = np.linalg.solve(precision, (seen / sigma2[:, None])[..., None])[..., 0]
            chi2 = (power - np.einsum("gi,gi->g", beta, seen)) / sigma2
            sigma2 = np.maximum(sigma2 * chi2 / dof, 1e-300)
            if float(np.max(np.abs(chi2 / dof - 1.0))) < 1e-6:
                break
        likelihood = self._likelihoods - 0.5 * (
            self._rows * np.log(sigma2) + chi2 + np.linalg.slogdet(precision)[1]
        )
        weights = np.exp(likelihood - likelihood.max())
        weights /= weights.sum()
        spread = np.linalg.inv(precision)
        lag_variance = weights @ spread[:, at + 1, at + 1]
        beta_mean = weights @ beta
        half = _half_width(weights, beta[:, at], np.sqrt(spread[:, at, at]), dof)
        whole = np.zeros(self._moments.shape[1] - 1)
        whole[:p] = beta_mean
        return _Average(whole, half, math.sqrt(float(lag_variance)), self._tau(likelihood))

    def _tau(self, likelihood: FloatArray) -> float:
        tau = self._taus[int(np.argmax(likelihood))]
        return 0.0 if math.isnan(tau) else tau


def _half_width(weights: FloatArray, middles: FloatArray, errors: FloatArray, dof: int) -> float:
    """Half of the central 95 % interval of a mixture of Student's distributions."""
    keep = weights > _NEGLIGIBLE
    weights, middles, errors = weights[keep], middles[keep], errors[keep]
    # About their mean, and in the largest error: a record without noise leaves no digits else.
    unit = float(errors.max())
    middles, errors = (middles - float(weights @ middles)) / unit, errors / unit
    far = 200.0 + float(np.abs(middles).max())

    def end(share: float) -> float:
        def off(x: float) -> float:
            return float(weights @ stdtr(dof, (x - middles) / errors)) - share

        return float(brentq(off, -far, far, xtol=1e-9))

    return 0.5 * unit * (end(0.975) - end(0.025))

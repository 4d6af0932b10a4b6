"""The host's own estimate: restricted maximum likelihood over the residual's correlation time.

The residual of p_T is an Ornstein-Uhlenbeck process (the gas temperature nobody sees) plus white
noise; neither its correlation time nor the share of white noise is known. The fit is made on a
grid of both, and the estimates are averaged with the restricted likelihood as weight, so that the
standard error carries what the record cannot decide.

The inverse of an Ornstein-Uhlenbeck correlation matrix is tridiagonal at any spacing of the rows,
so each point of the grid costs time and memory in proportion to the record's length.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_solve_banded, cholesky_banded

from prkbench.analysis.independent import FloatArray, Used, rows_of

STEP_S = 60.0
_FITTED_LAG_ROWS = 60
_TAUS_S = np.geomspace(180.0, 6.0 * 3600.0, 12)
_WHITE_SHARES = (0.0, 0.002, 0.02, 0.1, 0.3, 0.6, 0.9, 0.99)
_LAG_U = 0.5
"""Relative standard uncertainty of the configured lag where the record is too short to fit it."""


@dataclass(frozen=True)
class HostEstimate:
    """Decay constant with its standard error (statistical only), 1/s.

    tau_s: most likely correlation time; rows: minutes fitted; d_pa_per_k: coefficient of D, fitted
    or from the configured lag; intercepts by segment: y = c - k i + d D.
    """

    k_per_s: float
    se_per_s: float
    tau_s: float
    rows: int
    d_pa_per_k: float
    lag_fitted: bool
    intercepts: dict[int, float]


def estimate(used: Used, lag_s: float) -> HostEstimate | None:
    """Estimate k from all blocks that count; None when there are too few rows."""
    rows = rows_of(used, STEP_S) if len(used.slot) else None
    if rows is None or len(rows.y) < 6:
        return None
    segments, which = np.unique(rows.segment, return_inverse=True)
    fit_lag = len(rows.y) >= _FITTED_LAG_ROWS
    # The lag coefficient that a lag of lag_s means: dp_T = p_T/T lag dT/dt, D over two steps.
    assumed_d = float(np.mean(rows.y) / np.mean(used.t)) * lag_s / (2.0 * STEP_S)
    n = len(rows.y)
    columns = [np.asarray(which == s, dtype=np.float64) for s in range(len(segments))]
    columns.append(rows.i)
    if fit_lag:
        columns.append(rows.d)
    if n - len(columns) < 3:
        return None
    design = np.stack(columns, axis=1)
    y = rows.y if fit_lag else rows.y - assumed_d * rows.d
    mean_y = float(y.mean())
    scale = np.linalg.norm(design, axis=0)
    if not np.all(scale > 0.0):
        return None
    found = _average(design / scale, y - mean_y, rows.d, rows.slot * STEP_S)
    beta = found.beta / scale
    at = len(segments)
    variance = found.covariance[at, at] / scale[at] ** 2
    if not fit_lag:
        # How k moves with the lag coefficient, times how uncertain that is.
        variance += (found.moved[at] / scale[at] * _LAG_U * assumed_d) ** 2
    return HostEstimate(
        k_per_s=-float(beta[at]),
        se_per_s=float(np.sqrt(variance)),
        tau_s=found.tau_s,
        rows=n,
        d_pa_per_k=float(beta[at + 1]) if fit_lag else assumed_d,
        lag_fitted=fit_lag,
        intercepts={int(s): float(beta[j]) + mean_y for j, s in enumerate(segments)},
    )


@dataclass(frozen=True)
class _Average:
    """Coefficients and covariance averaged over the grid, and of its likeliest point: tau and
    the coefficients that the column of D would get."""

    beta: FloatArray
    covariance: FloatArray
    moved: FloatArray
    tau_s: float


class _Precision:
    """Inverse of (1 - share) R + share I, R the Ornstein-Uhlenbeck correlation at these times."""

    def __init__(self, t_s: FloatArray, tau_s: float, share: float) -> None:
        rho = np.exp(-np.diff(t_s) / tau_s)
        left = 1.0 - rho * rho
        n = len(t_s)
        # Q = R^-1: a Markov chain ties each row to its neighbours only.
        self._diagonal = np.ones(n)
        self._diagonal[1:] += rho * rho / left
        self._diagonal[:-1] += rho * rho / left
        self._off = -rho / left
        self._share = share
        self.log_det_covariance = float(np.log(left).sum())
        if share > 0.0:
            # C = s (Q + a I) Q^-1 with a = (1 - s)/s.
            band = np.zeros((2, n))
            band[0, 1:] = self._off
            band[1] = self._diagonal + (1.0 - share) / share
            self._factor = cholesky_banded(band)
            self.log_det_covariance += n * float(np.log(share)) + 2.0 * float(
                np.log(self._factor[1]).sum()
            )

    def solve(self, v: FloatArray) -> FloatArray:
        """C^-1 v for a vector or the columns of a matrix."""
        if self._share > 0.0:
            v = np.asarray(cho_solve_banded((self._factor, False), v)) / self._share
        shape = (-1, *([1] * (v.ndim - 1)))
        result = self._diagonal.reshape(shape) * v
        off = self._off.reshape(shape)
        result[:-1] += off * v[1:]
        result[1:] += off * v[:-1]
        return result


def _average(design: FloatArray, y: FloatArray, d: FloatArray, t_s: FloatArray) -> _Average:
    # Segments are parted by a repress: the gas temperature goes on, so its correlation does too.
    n, p = design.shape
    likelihoods, betas, covariances, moved, taus = [], [], [], [], []
    for tau in _TAUS_S:
        for share in _WHITE_SHARES:
            precision = _Precision(t_s, float(tau), share)
            solved = precision.solve(design)
            normal = design.T @ solved
            beta = np.linalg.solve(normal, solved.T @ y)
            residual = y - design @ beta
            sigma2 = max(float(residual @ precision.solve(residual)) / (n - p), 1e-300)
            likelihoods.append(
                -0.5
                * (
                    precision.log_det_covariance
                    + float(np.linalg.slogdet(normal)[1])
                    + (n - p) * float(np.log(sigma2))
                )
            )
            betas.append(beta)
            covariances.append(sigma2 * np.linalg.inv(normal))
            moved.append(np.linalg.solve(normal, solved.T @ d))
            taus.append(float(tau))
    best = int(np.argmax(likelihoods))
    weights = np.exp(np.array(likelihoods) - likelihoods[best])
    weights /= weights.sum()
    beta = np.asarray(weights @ np.array(betas))
    off = np.array(betas) - beta
    covariance = np.einsum("g,gij->ij", weights, np.array(covariances))
    covariance += (off.T * weights) @ off
    return _Average(beta, covariance, np.asarray(moved[best]), taus[best])

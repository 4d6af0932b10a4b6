"""The host's own estimate: restricted maximum likelihood over the residual's correlation time.

The residual of p_T is an Ornstein-Uhlenbeck process (the gas temperature nobody sees) plus white
noise; neither its correlation time nor the share of white noise is known. The fit is made on a
grid of both, and the estimates are averaged with the restricted likelihood as weight, so that the
standard error carries what the record cannot decide.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_solve, cholesky

from prkbench.analysis.independent import FloatArray, RowTable, Used, rows_of

_MOST_ROWS = 400
_FITTED_LAG_ROWS = 60
_TAUS_S = np.geomspace(180.0, 6.0 * 3600.0, 12)
_WHITE_SHARES = (0.0, 0.02, 0.1, 0.3, 0.6, 0.9, 0.99)
_LAG_U = 0.5
"""Relative standard uncertainty of the configured lag where the record is too short to fit it."""


@dataclass(frozen=True)
class HostEstimate:
    """Decay constant with its standard error (statistical only), 1/s.

    tau_s: most likely correlation time; rows, step_s: what was fitted; lag_s: thermal lag fitted or
    assumed; fit_i, fit_d, intercepts describe y = c_segment - k i + d D.
    """

    k_per_s: float
    se_per_s: float
    tau_s: float
    rows: int
    step_s: float
    d_pa_per_k: float
    lag_fitted: bool
    intercepts: dict[int, float]


def thin(used: Used) -> tuple[Used, int]:
    """Average whole groups of adjacent blocks so that no more than some hundred rows are left.

    Returns the coarser blocks and how many 60 s slots each spans.
    """
    group = max(1, -(-len(used.slot) // _MOST_ROWS))
    if group == 1:
        return used, 1
    key = used.slot // group
    change = (np.diff(key) != 0) | (np.diff(used.segment) != 0)
    starts = np.concatenate(([0], np.flatnonzero(change) + 1))
    sizes = np.diff(np.concatenate((starts, [len(key)])))
    whole = sizes == group

    def mean(values: FloatArray) -> FloatArray:
        return np.asarray(np.add.reduceat(values, starts)[whole] / group)

    return (
        Used(
            used.segment[starts][whole],
            key[starts][whole],
            mean(used.x),
            mean(used.t),
            mean(used.y),
        ),
        group,
    )


def estimate(used: Used, lag_s: float) -> HostEstimate | None:
    """Estimate k from all blocks that count; None when there are too few rows."""
    coarse, group = thin(used)
    step_s = 60.0 * group
    rows = rows_of(coarse, step_s) if len(coarse.slot) else None
    if rows is None or len(rows.y) < 6:
        return None
    segments, which = np.unique(rows.segment, return_inverse=True)
    fit_lag = len(rows.y) >= _FITTED_LAG_ROWS
    # The lag coefficient that a lag of lag_s means: dp_T = p_T/T lag dT/dt, D over two steps.
    assumed_d = float(np.mean(rows.y) / np.mean(used.t)) * lag_s / (2.0 * step_s)
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
    found = _average(design / scale, y - mean_y, rows, step_s)
    beta = found.beta / scale
    at = len(segments)
    variance = found.covariance[at, at] / scale[at] ** 2
    if not fit_lag:
        # How k moves with the lag coefficient, times how uncertain that is.
        moved = found.project(rows.d)[at] / scale[at]
        variance += (moved * _LAG_U * assumed_d) ** 2
    return HostEstimate(
        k_per_s=-float(beta[at]),
        se_per_s=float(np.sqrt(variance)),
        tau_s=found.tau_s,
        rows=n,
        step_s=step_s,
        d_pa_per_k=float(beta[at + 1]) if fit_lag else assumed_d,
        lag_fitted=fit_lag,
        intercepts={int(s): float(beta[j]) + mean_y for j, s in enumerate(segments)},
    )


@dataclass
class _Average:
    """Coefficients and covariance averaged over the grid, and the likeliest point of it."""

    beta: FloatArray
    covariance: FloatArray
    tau_s: float
    best_design: FloatArray
    best_factor: FloatArray

    def project(self, column: FloatArray) -> FloatArray:
        """Coefficients that this column would get at the likeliest point."""
        solved = cho_solve((self.best_factor, True), self.best_design)
        normal = self.best_design.T @ solved
        return np.asarray(np.linalg.solve(normal, solved.T @ column))


def _average(design: FloatArray, y: FloatArray, rows: RowTable, step_s: float) -> _Average:
    # Segments are parted by a repress: the gas temperature goes on, so its correlation does too.
    distance = np.abs(np.subtract.outer(rows.slot, rows.slot)) * step_s
    n, p = design.shape
    points = []
    for tau in _TAUS_S:
        red = np.exp(-distance / tau)
        for share in _WHITE_SHARES:
            covariance = (1.0 - share) * red
            covariance[np.diag_indices(n)] += share + 1e-12
            factor = cholesky(covariance, lower=True)
            solved = cho_solve((factor, True), design)
            normal = design.T @ solved
            beta = np.linalg.solve(normal, solved.T @ y)
            residual = y - design @ beta
            chi2 = float(residual @ cho_solve((factor, True), residual))
            sigma2 = chi2 / (n - p)
            likelihood = -0.5 * (
                2.0 * float(np.log(np.diag(factor)).sum())
                + float(np.linalg.slogdet(normal)[1])
                + (n - p) * np.log(max(sigma2, 1e-300))
            )
            points.append((likelihood, beta, sigma2 * np.linalg.inv(normal), float(tau), factor))
    best = max(points, key=lambda point: point[0])
    weights = np.exp(np.array([point[0] for point in points]) - best[0])
    weights /= weights.sum()
    betas = np.array([point[1] for point in points], dtype=np.float64)
    spreads = np.array([point[2] for point in points], dtype=np.float64)
    beta = weights @ betas
    off = betas - beta
    covariance = np.einsum("g,gij->ij", weights, spreads) + (off.T * weights) @ off
    return _Average(beta, covariance, best[3], design, np.asarray(best[4], dtype=np.float64))

"""The host's own estimate: restricted maximum likelihood over the residual's correlation time.

The residual of p_T is an Ornstein-Uhlenbeck process (the gas temperature nobody sees) plus white
noise; neither its correlation time nor the share of white noise is known. The fit is made on a
grid of both, and the estimates are averaged with the restricted likelihood as weight, so that the
standard error carries what the record cannot decide. In a short record the correlation time is
easily taken for too short; the error is therefore never below that at the expected one, with the
moving-average term of block means added as on the node.

The inverse of an Ornstein-Uhlenbeck correlation matrix is tridiagonal at any spacing of the rows,
so each point of the grid costs time and memory in proportion to the record's length.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_solve_banded, cholesky_banded

from prkbench.analysis.independent import MOVING_AVERAGE, FloatArray, Used, rows_of

STEP_S = 60.0
_FITTED_LAG_ROWS = 60
_TAUS_S = np.geomspace(180.0, 6.0 * 3600.0, 12)
_WHITE_SHARES = (0.0, 0.002, 0.02, 0.1, 0.3, 0.6, 0.9, 0.99)
_TAU_SPREAD = 0.9
"""Standard deviation of the logarithm of the correlation time about the expected one."""
_LAG_U = 0.5
"""Relative standard uncertainty of the configured lag where the record is too short to fit it."""


@dataclass(frozen=True)
class HostEstimate:
    """Decay constant with its standard error, 1/s; statistical_per_s leaves the null error out.

    tau_s: most likely correlation time; rows: minutes fitted; d_pa_per_k: coefficient of D, fitted
    or from the configured lag; drift_pa_per_s: of y by the fitted null error. By segment, with t
    from its first row: y = c - k i + d D + drift t.
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


def estimate(used: Used, lag_s: float, tau_s: float, null_pa: float) -> HostEstimate | None:
    """Estimate k from all blocks that count; None when there are too few rows.

    lag_s: thermal lag, where it cannot be fitted; tau_s: the correlation time to be expected;
    null_pa: standard error of p - p_ref. A null error e adds e t to the integral I; it is fitted
    with that prior, so a record that decays far decides it, and a short one carries it.
    """
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
    t_s = np.asarray(rows.slot * STEP_S, dtype=np.float64)
    at = len(segments)
    uncertain = [] if fit_lag else [_Column(rows.d, _LAG_U * assumed_d, 0.0)]
    grid = _Grid(design / scale, y - mean_y, t_s, tau_s)
    plain = found = grid.average(uncertain)
    k = -float(plain.beta[at] / scale[at])
    drift = 0.0
    if null_pa > 0.0 and k != 0.0:
        # Within each segment I starts at zero, and so does what a null error adds to it.
        since = t_s - np.array([t_s[which == s][0] for s in range(len(segments))])[which]
        sd = abs(k) * null_pa
        drift = float(grid.average([*uncertain, _Column(since, sd, 0.0)]).extra[-1])
        # The residual's correlation is learnt once more without that drift in it.
        grid = _Grid(design / scale, y - mean_y - drift * since, t_s, tau_s)
        plain = grid.average(uncertain)
        found = grid.average([*uncertain, _Column(since, sd, -drift)])
        drift += float(found.extra[-1])
    beta = found.beta / scale
    return HostEstimate(
        k_per_s=-float(beta[at]),
        se_per_s=float(np.sqrt(found.variance[at])) / float(scale[at]),
        tau_s=found.tau_s,
        rows=n,
        d_pa_per_k=float(beta[at + 1]) if fit_lag else assumed_d,
        drift_pa_per_s=drift,
        lag_fitted=fit_lag,
        statistical_per_s=float(np.sqrt(plain.variance[at])) / float(scale[at]),
        intercepts={int(s): float(beta[j]) + mean_y for j, s in enumerate(segments)},
    )


@dataclass(frozen=True)
class _Column:
    """A further column whose coefficient is known beforehand: standard deviation and mean."""

    values: FloatArray
    sd: float
    mean: float


@dataclass(frozen=True)
class _Average:
    """Coefficients (of the design, of further columns), the design's variances, likeliest tau."""

    beta: FloatArray
    extra: FloatArray
    variance: FloatArray
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


@dataclass(frozen=True)
class _Point:
    """One point of the grid: restricted log likelihood, variance of the residual, precision."""

    likelihood: float
    sigma2: float
    tau_s: float
    precision: _Precision


class _Grid:
    """Generalised least squares at every correlation time and share of white noise."""

    def __init__(
        self, design: FloatArray, y: FloatArray, t_s: FloatArray, expected_tau_s: float
    ) -> None:
        # Segments are parted by a repress, but the gas temperature goes on across it, and with
        # it the correlation.
        self._design = design
        self._y = y
        points = []
        for tau in _TAUS_S:
            prior = float(np.log(tau / expected_tau_s)) / _TAU_SPREAD
            for share in _WHITE_SHARES:
                likelihood, sigma2, precision = self._restricted(t_s, float(tau), share)
                likelihood -= 0.5 * prior * prior
                points.append(_Point(likelihood, sigma2, float(tau), precision))
        best = max(point.likelihood for point in points)
        # What is e^-12 less likely than the best changes nothing and costs as much.
        self._points = [point for point in points if point.likelihood > best - 12.0]
        likelihood, sigma2, precision = self._restricted(t_s, expected_tau_s, 0.0)
        self._expected = _Point(likelihood, sigma2 * MOVING_AVERAGE, expected_tau_s, precision)

    def _restricted(
        self, t_s: FloatArray, tau_s: float, share: float
    ) -> tuple[float, float, _Precision]:
        n, p = self._design.shape
        precision = _Precision(t_s, tau_s, share)
        solved = precision.solve(self._design)
        normal = self._design.T @ solved
        residual = self._y - self._design @ np.linalg.solve(normal, solved.T @ self._y)
        sigma2 = max(float(residual @ precision.solve(residual)) / (n - p), 1e-300)
        likelihood = -0.5 * (
            precision.log_det_covariance
            + float(np.linalg.slogdet(normal)[1])
            + (n - p) * float(np.log(sigma2))
        )
        return likelihood, sigma2, precision

    def average(self, uncertain: list[_Column]) -> _Average:
        """Average over the grid, with further columns and what is known of them beforehand."""
        p = self._design.shape[1]
        scales = np.array([float(np.linalg.norm(c.values)) or 1.0 for c in uncertain])
        extra = [c.values / size for c, size in zip(uncertain, scales, strict=True)]
        design = np.column_stack([self._design, *extra])
        prior = np.zeros(design.shape[1])
        known = np.zeros(design.shape[1])
        for j, (c, size) in enumerate(zip(uncertain, scales, strict=True)):
            prior[p + j] = 1.0 / (c.sd * size) ** 2
            known[p + j] = c.mean * size

        def solve(point: _Point) -> tuple[FloatArray, FloatArray]:
            solved = point.precision.solve(design)
            inverse = np.linalg.inv(design.T @ solved / point.sigma2 + np.diag(prior))
            seen = solved.T @ self._y / point.sigma2 + prior * known
            return np.asarray(inverse @ seen), np.asarray(inverse, dtype=np.float64)

        solutions = [solve(point) for point in self._points]
        betas = np.array([solution[0] for solution in solutions])
        covariances = np.array([solution[1] for solution in solutions])
        likeliest = max(self._points, key=lambda point: point.likelihood)
        weights = np.exp(
            np.array([point.likelihood for point in self._points]) - likeliest.likelihood
        )
        weights /= weights.sum()
        beta = np.asarray(weights @ betas, dtype=np.float64)
        off = betas - beta
        covariance = np.einsum("g,gij->ij", weights, covariances) + (off.T * weights) @ off
        variance = np.maximum(np.diag(covariance), np.diag(solve(self._expected)[1]))
        return _Average(
            beta[:p],
            np.asarray(beta[p:] / scales, dtype=np.float64),
            np.asarray(variance, dtype=np.float64),
            likeliest.tau_s,
        )

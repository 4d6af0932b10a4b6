"""The residual of p_T as block means of an unseen temperature, with white noise, at any spacing.

The gas's mean temperature that no sensor sees is an Ornstein-Uhlenbeck process; its means over a
block of length s at times t_i have covariance C exp(-|t_i - t_j|/tau), and on the diagonal less
than C, which no sum of that process and white noise has. Taking each row less what the one before
it predicts leaves a tridiagonal covariance, so whitening costs time in proportion to the rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import optimize
from scipy.linalg import cholesky_banded, solve_banded

from prkbench.analysis.independent import FloatArray
from prkbench.errors import UndecidedError

BLOCK_S = 60.0
_TAUS_S = (120.0, 12.0 * 3600.0)
_WHITES = (1e-6, 10.0)
"""Bounds of the white variance over that of the temperature."""
_FREEDOM_TAUS = 4.0
"""A record of so many correlation times is worth one degree of freedom of the slow part.

Slow power goes as the innovations' variance times tau^2; tau is known to sqrt(2 tau/T), the power
to twice that, and a variance of nu degrees of freedom to sqrt(2/nu).
"""


@dataclass(frozen=True)
class Residual:
    """Temperature unseen (K rms, s), and white noise of a minute's mean (as p/T sees it, K)."""

    rms_k: float
    tau_s: float
    white_k: float

    def whitener(self, t_s: FloatArray) -> Whitener:
        """What whitens rows at these times, values in K."""
        return Whitener(self, t_s)

    def freedom(self, duration_s: float) -> float:
        """Degrees of freedom with which a record of that length knows the slow part."""
        return duration_s / (_FREEDOM_TAUS * self.tau_s)


class Whitener:
    """Applies the inverse square root of the covariance to columns of rows at some times."""

    def __init__(self, residual: Residual, t_s: FloatArray) -> None:
        a = BLOCK_S / residual.tau_s
        variance = residual.rms_k**2
        apart = variance * (2.0 * math.sinh(min(a, 600.0) / 2.0) / a) ** 2
        own = variance * 2.0 * (a + math.expm1(-a)) / a**2 + residual.white_k**2
        excess = own - apart
        self._phi = np.exp(-np.diff(t_s) / residual.tau_s)
        phi2 = self._phi**2
        band = np.zeros((2, len(t_s)))
        band[0, 0] = own
        band[0, 1:] = apart * (1.0 - phi2) + excess * (1.0 + phi2)
        band[1, :-1] = -self._phi * excess
        self._factor = cholesky_banded(band, lower=True)
        self.log_det = 2.0 * float(np.log(self._factor[0]).sum())

    def __call__(self, values: FloatArray) -> FloatArray:
        """Whitened values, (n,) or (n, columns)."""
        change = values.copy()
        phi = self._phi if values.ndim == 1 else self._phi[:, None]
        change[1:] -= phi * values[:-1]
        return np.asarray(solve_banded((1, 0), self._factor, change))


def learn(t_s: FloatArray, design: FloatArray, y_k: FloatArray) -> Residual:
    """The residual of greatest restricted likelihood of rows y = design b + residual, in K.

    UndecidedError where the search does not end.
    """
    size = np.linalg.norm(design, axis=0)
    scaled = design / np.where(size > 0.0, size, 1.0)
    rows, columns = scaled.shape

    def solved(tau_s: float, ratio: float) -> tuple[float, float]:
        """(cost, variance) of a residual with this memory and share of white noise."""
        white = Whitener(Residual(1.0, tau_s, math.sqrt(ratio)), t_s)
        q, r = np.linalg.qr(white(scaled))
        target = white(y_k)
        rest = target - q @ (q.T @ target)
        variance = max(float(rest @ rest) / (rows - columns), 1e-30)
        cost = (rows - columns) * math.log(variance) + white.log_det
        return cost + 2.0 * float(np.log(np.abs(np.diag(r))).sum()), variance

    bounds = [(math.log(low), math.log(high)) for low, high in (_TAUS_S, _WHITES)]
    starts = [(tau, ratio) for tau in (600.0, 1800.0, 5400.0) for ratio in (1e-4, 1e-2, 1.0)]
    start = min(starts, key=lambda one: solved(*one)[0])

    def cost(logs: FloatArray) -> float:
        return solved(math.exp(logs[0]), math.exp(logs[1]))[0]

    found = optimize.minimize(
        cost,
        np.log(start),
        method="Nelder-Mead",
        bounds=bounds,
        options={"xatol": 1e-3, "fatol": 1e-3, "maxiter": 400},
    )
    if not found.success:
        raise UndecidedError(
            f"no residual fits the sealed run ({found.message}): look at its page for a "
            "disturbance, and log another"
        )
    tau_s, ratio = math.exp(found.x[0]), math.exp(found.x[1])
    rms = math.sqrt(solved(tau_s, ratio)[1])
    return Residual(rms, tau_s, rms * math.sqrt(ratio))

"""Covariance of block means of a red process with white noise on top, in time linear in the rows.

The gas temperature that no sensor sees is taken for an Ornstein-Uhlenbeck process. Means of it over
blocks are no such process any more: they keep its correlation from block to block, but each one
varies less than that correlation says, which is a negative share of white noise. Leaving it out
makes an estimate take the residual for one that wanders 2/3 as fast as it does.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.linalg.lapack import dpttrf, dpttrs

from prkbench.analysis.independent import FloatArray


class BlockCovariance:
    """Block means of a process of unit variance and `tau_s`, plus white noise of `white` variance.

    t_s (n,): the blocks' centres, rising, at least block_s apart; white: infinite for noise that is
    nothing but white, of unit variance. The inverse of an Ornstein-Uhlenbeck correlation is
    tridiagonal at any spacing of the rows, so nothing here costs more than n.
    """

    def __init__(self, t_s: FloatArray, tau_s: float, white: float, block_s: float = 60.0) -> None:
        self.log_det = 0.0
        self._factor: tuple[FloatArray, FloatArray] | None = None
        if math.isinf(white):
            return
        n, a = len(t_s), block_s / tau_s
        # Means of blocks m > 0 apart: red e^(-a m); the variance of one: itself.
        red = (2.0 * math.sinh(0.5 * a) / a) ** 2
        itself = 2.0 * (a + math.expm1(-a)) / a**2
        rho = np.exp(-np.diff(t_s) / tau_s)
        left = 1.0 - rho * rho
        # Q, the inverse of the correlation: a Markov chain ties each row to its neighbours only.
        self._diagonal = np.ones(n)
        self._diagonal[1:] += rho * rho / left
        self._diagonal[:-1] += rho * rho / left
        self._off = -rho / left
        # C = red (R + c I) = red (I + c Q) R; I + c Q is positive, for c > -a/3 and Q < 2/a.
        c = (itself - red + white) / red
        pivots, multipliers, failed = dpttrf(1.0 + c * self._diagonal, c * self._off)
        if failed:
            raise ArithmeticError(f"covariance of {n} blocks, {tau_s:g} s, {white:g}: not positive")
        self._factor = pivots, multipliers
        self._red = red
        self.log_det = n * math.log(red) + float(np.log(pivots).sum()) + float(np.log(left).sum())

    def solve(self, columns: FloatArray) -> FloatArray:
        """C^-1 times the columns of a matrix (n, m)."""
        if self._factor is None:
            return columns
        v, _ = dpttrs(*self._factor, columns)
        result = self._diagonal[:, None] * v
        result[:-1] += self._off[:, None] * v[1:]
        result[1:] += self._off[:, None] * v[:-1]
        return np.asarray(result / self._red)

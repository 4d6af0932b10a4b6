"""Rows of a record as they come: the normal equations of generalised least squares, kept current.

The model is that of the node: y = c_s - k I + d D + u with an intercept c_s for each segment and
u an autoregression of known lag-1 correlation rho. Rows are whitened one by one (row - rho times
the row before it; the first row of a stretch is weighted sqrt(1 - rho^2)), so the whole past is
ten sums a segment, and finished segments are three-column sums with their intercepts taken out.

What is known of the lag coefficient d beforehand enters as one more row; a fit of a few minutes
then need not learn it from a temperature that hardly moves.

Where the residual remembers longer than rho says, whitened rows still hang together: their sums
over two hours spread more than independent ones would. After a day that is measured, and widens
the variance. It is the protection of a record of days; a short one stands on rho alone.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np

from prkbench.analysis.independent import FloatArray

GAS_RESIDUAL_K = 0.010
"""Standard deviation of the gas's mean temperature about any sensor's, the expected residual."""
_PRIOR_ROWS = 30.0
"""Minutes of data that the expected variance of the residual is worth."""
_LAG_U = 0.5
_BATCH_ROWS = 120
_LEAST_BATCHES = 8
_HELD_BATCHES = 2
"""The newest batches do not count yet: a change under way would widen its own error."""


@dataclass(frozen=True)
class Row:
    """One minute: segment, slot, I (Pa s), D (K), y = p_T (Pa)."""

    segment: int
    slot: int
    i: float
    d: float
    y: float


@dataclass(frozen=True)
class LeastSquares:
    """The fit so far: k and its standard error (1/s), innovation variance (Pa^2), rows."""

    k_per_s: float
    se_per_s: float
    variance_pa2: float
    rows: int


class BlockRows:
    """Forms rows from settled blocks, one block late; the rows of `independent.rows_of`."""

    def __init__(self, step_s: float = 60.0) -> None:
        self._step_s = step_s
        self._segment = -1
        self._slot = 0
        self._x = self._t = self._y = self._i = 0.0
        self._before: float | None = None

    def push(self, segment: int, slot: int, x: float, t: float, y: float) -> Row | None:
        """Take a settled block (x = driving pressure T_ref/T in Pa, t in K, y = p_T in Pa)."""
        row = None
        gap = slot - self._slot
        if segment != self._segment:
            self._segment, self._i, self._before = segment, 0.0, None
        else:
            if gap == 1 and self._before is not None:
                row = Row(segment, self._slot, self._i, t - self._before, self._y)
            self._before = self._t if gap == 1 else None
            self._i += 0.5 * gap * (self._x + x) * self._step_s
        self._slot, self._x, self._t, self._y = slot, x, t, y
        return row


class NormalEquations:
    """Whitened sums of (1, I, D, y) over all rows pushed; memory does not grow with them.

    rho: lag-1 correlation of the residual at the rows' spacing; y_pa: the pressure about which the
    record lies; lag_s: thermal lag, known to a factor of about 1.5; step_s: spacing of the rows.
    """

    def __init__(
        self,
        rho: float,
        y_pa: float,
        lag_s: float = 240.0,
        t_ref_k: float = 295.0,
        step_s: float = 60.0,
    ) -> None:
        self.rho = rho
        self.rows = 0
        self.slot = -1
        self.segment = -1
        self.i = 0.0
        self._first = math.sqrt(1.0 - rho * rho)
        self._expected = (GAS_RESIDUAL_K * y_pa / t_ref_k * self._first) ** 2
        lag_d = y_pa / t_ref_k * lag_s / (2.0 * step_s)
        self._closed = np.zeros((3, 3))
        if lag_d > 0.0:
            known = math.sqrt(self._expected) / (_LAG_U * lag_d) * np.array([0.0, 1.0, lag_d])
            self._closed += np.outer(known, known)
        self._segments = 0
        self._origin = 0.0
        self._last = np.zeros(4)
        self.open = np.zeros((4, 4))
        """The sums of the segment under way, in the order (1, I, D, y)."""
        self._batches = 0
        self._batch_rows = 0
        self._batch = np.zeros(4)
        self._held: deque[FloatArray] = deque()
        self._open_spread = np.zeros((4, 4))
        self._closed_spread = np.zeros((3, 3))

    def push(self, row: Row) -> bool:
        """Take the next row in time; whether it continues the segment under way."""
        continues = row.segment == self.segment
        if not continues:
            self.close()
            self._origin = row.y
            self._segments += 1
        now = np.array([1.0, row.i, row.d, row.y - self._origin])
        if continues and row.slot == self.slot + 1:
            white = now - self.rho * self._last
        else:
            white = self._first * now
        self.open += np.outer(white, white)
        self._collect(white)
        self._last = now
        self.segment, self.slot, self.i = row.segment, row.slot, row.i
        self.rows += 1
        return continues

    def close(self) -> None:
        """Take the intercept out of the segment under way and add it to the finished ones."""
        if self.open[0, 0] > 0.0:
            while self._held:
                self._count(self._held.popleft())
            self._closed_spread = self._spread()
            self._closed += without_intercept(self.open)
        self._open_spread = np.zeros((4, 4))
        self._batch, self._batch_rows = np.zeros(4), 0
        self.open = np.zeros((4, 4))

    def reduced(self) -> FloatArray:
        """Sums of (I, D, y) over everything, every intercept taken out, shape (3, 3)."""
        if self.open[0, 0] == 0.0:
            return self._closed.copy()
        return np.asarray(self._closed + without_intercept(self.open))

    def fit(self) -> LeastSquares | None:
        """The estimate of k from all rows; None while they do not determine it."""
        freedom = self.rows - self._segments - 1
        sums = self.reduced()
        if freedom < 3 or sums[0, 0] <= 0.0:
            return None
        dd = sums[1, 1]
        # D is taken out first; it may never have moved.
        ii = sums[0, 0] - (sums[0, 1] ** 2 / dd if dd > 0.0 else 0.0)
        iy = sums[0, 2] - (sums[0, 1] * sums[1, 2] / dd if dd > 0.0 else 0.0)
        yy = sums[2, 2] - (sums[1, 2] ** 2 / dd if dd > 0.0 else 0.0)
        if ii <= 1e-12 * sums[0, 0]:
            return None
        slope = iy / ii
        rest = max(yy - slope * iy, 0.0)
        learnt = rest / freedom
        known = (_PRIOR_ROWS * self._expected + rest) / (_PRIOR_ROWS + freedom)
        # A short record easily looks quieter than it is: never below what both say together.
        variance = max(learnt, known) * self._widening(slope, sums, learnt)
        return LeastSquares(-slope, math.sqrt(variance / ii), variance, self.rows)

    def _collect(self, white: FloatArray) -> None:
        """Add a whitened row to the batch under way; a full one is held back for a while."""
        self._batch = self._batch + white
        self._batch_rows += 1
        if self._batch_rows == _BATCH_ROWS:
            self._held.append(self._batch)
            self._batch, self._batch_rows = np.zeros(4), 0
            if len(self._held) > _HELD_BATCHES:
                self._count(self._held.popleft())

    def _count(self, batch: FloatArray) -> None:
        self._open_spread += np.outer(batch, batch) / _BATCH_ROWS
        self._batches += 1

    def _spread(self) -> FloatArray:
        """Squares of the batches' sums of (I, D, y), intercepts taken out, over their rows."""
        if self.open[0, 0] == 0.0:
            return self._closed_spread
        share = self.open[0, 1:] / self.open[0, 0]
        b = self._open_spread
        cross = np.outer(share, b[0, 1:])
        taken = b[1:, 1:] - cross - cross.T + b[0, 0] * np.outer(share, share)
        return np.asarray(self._closed_spread + taken)

    def _widening(self, slope: float, sums: FloatArray, variance: float) -> float:
        """How much more the batches spread than their rows' variance lets expect, at least 1."""
        if self._batches < _LEAST_BATCHES or variance <= 0.0:
            return 1.0
        d = (sums[1, 2] - slope * sums[0, 1]) / sums[1, 1] if sums[1, 1] > 0.0 else 0.0
        residual = np.array([-slope, -d, 1.0])
        found = float(residual @ self._spread() @ residual) / self._batches
        return max(1.0, found / variance)


def without_intercept(sums: FloatArray) -> FloatArray:
    """Sums of (I, D, y) from those of (1, I, D, y), the first column's share taken out."""
    return np.asarray(sums[1:, 1:] - np.outer(sums[1:, 0], sums[0, 1:]) / sums[0, 0])

"""When did it begin: the Shiryaev-Roberts test for a change of k at a time nobody knows.

For every minute v at which k may have changed and every size delta of a small set, the likelihood
of the rows since v under the change is held against that under none, with intercepts, lag and (if
asked) the k before it taken out of both; that is exact generalised least squares, not a filter.
The sum over v, averaged over delta, has mean n after n minutes without a change. It passes A not
more than about once in A minutes (Shiryaev 1963, Roberts 1966; Pollak, Ann. Stat. 13, 1985).

The time of the change has the posterior of these likelihoods with every minute as likely
beforehand and delta normal about zero. Memory is bounded: of moments long past only
some are kept, evenly in the logarithm of their age, and the others' share of the sum goes on with
the nearest one kept, which leaves the mean as it is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import log_ndtr, logsumexp

from prkbench.analysis.independent import FloatArray
from prkbench.analysis.stream import NormalEquations

SIZES_PER_S = np.array([0.0054, 0.0135, 0.027, 0.054, 0.108]) / 86400.0
"""Changes looked for, at the tunnel's own pace: .54 to 10.8 % of the driving pressure a day."""
_WIDTH_PER_S = 0.054 / 86400.0
"""Standard deviation of the change's size, before anything is known of it, at that pace."""
LOG_THRESHOLD = math.log(43200.0)
"""One false alarm in about 43200 minutes, 30 days."""
INFLATION = 1.2
_MOST_CANDIDATES = 320
_PER_AGE = 24
"""Of moments older than this many rows, one is kept per so much of their age."""


@dataclass(frozen=True)
class Onset:
    """When k changed, in slots: likeliest, 95 % interval; by how much, 1/s, with its error."""

    slot: int
    low_slot: int
    high_slot: int
    change_per_s: float
    se_per_s: float


class ChangeWatch:
    """Watches for a change of k; ask it after rows were pushed into the equations.

    free: the k before the change is not known (CHANGED, either way); otherwise it is zero and
    only a leak counts (RETURNED). Begins with the equations' next row: older ones only tell the
    coefficients.
    """

    def __init__(self, acceleration: float = 1.0, *, free: bool) -> None:
        sizes = SIZES_PER_S * acceleration
        # A change of k by delta moves y by -delta (I - I_v).
        self._sizes = np.concatenate([sizes, -sizes]) if free else sizes
        self._width = _WIDTH_PER_S * acceleration
        self._free = free
        self._rows = 0
        self.log_r = -math.inf
        self.alarm = False
        self._count = 0
        most = _MOST_CANDIDATES + 1
        self._slot = np.zeros(most, dtype=np.int64)
        self._number = np.zeros(most, dtype=np.int64)
        self._i = np.zeros(most)
        self._open = np.zeros((most, 2, 4))
        """The equations' sums with 1 and I as they were at the candidate."""
        self._done = np.zeros((most, 4))
        """Of finished segments: products of the candidate's column with I, D, y and itself."""
        self._log_mass = np.zeros((most, len(self._sizes)))

    def close(self, equations: NormalEquations) -> None:
        """Finish a segment; to be called before the row that begins the next one is pushed."""
        n = self._count
        if n and equations.open[0, 0] > 0.0:
            self._done[:n] += self._in_segment(equations)
            self._open[:n] = 0.0
            self._i[:n] = 0.0

    def ask(self, equations: NormalEquations) -> float:
        """Take the rows pushed since the last call as one step; returns ln of the statistic."""
        new = equations.rows - self._rows if self._rows else 1
        self._rows = equations.rows
        ratios = self._log_ratios(equations) if self._count else None
        if ratios is not None:
            ratios += self._log_mass[: self._count]
            top = float(ratios.max())
            total = top + math.log(float(np.exp(ratios - top).sum()))
            self.log_r = total - math.log(len(self._sizes))
            self.alarm = self.alarm or self.log_r >= LOG_THRESHOLD
        self._add(equations, new)
        if self._count > _MOST_CANDIDATES:
            self._thin(equations)
        return self.log_r

    def onset(self, equations: NormalEquations) -> Onset | None:
        """When the change came and how large it is; None while nothing can be said."""
        score, info, variance = self._scores(equations)
        good = info > 0.0
        if variance is None or not good.any():
            return None
        b = np.where(good, -score / np.where(good, info, 1.0), 0.0)
        se = np.sqrt(variance / np.where(good, info, 1.0))
        r = (self._width / se) ** 2
        g = b / se * np.sqrt(r / (1.0 + r))
        evidence = 0.5 * g * g - 0.5 * np.log1p(r)
        if not self._free:
            evidence = evidence + math.log(2.0) + log_ndtr(g)
        # Candidates stand for the minutes up to the next one.
        slots, number = self._slot[: self._count], self._number[: self._count]
        weight = np.diff(number, append=equations.rows).astype(np.float64)
        log_posterior = np.where(good, evidence + np.log(np.maximum(weight, 1.0)), -np.inf)
        posterior = np.exp(log_posterior - logsumexp(log_posterior))
        total = np.cumsum(posterior)
        low, high = np.searchsorted(total, [0.025, 0.975])
        best = int(np.argmax(np.where(good, evidence, -np.inf)))
        end = slots[high + 1] if high + 1 < len(slots) else equations.slot
        return Onset(
            slot=int(slots[best]),
            low_slot=int(slots[low]),
            high_slot=int(end),
            change_per_s=float(b[best]),
            se_per_s=float(se[best]),
        )

    def _in_segment(self, equations: NormalEquations) -> FloatArray:
        """Products of each candidate's column with I, D, y, itself in the segment under way."""
        sums, n = equations.open, self._count
        if sums[0, 0] == 0.0:
            return np.zeros((n, 4))
        since = sums[:2] - self._open[:n]
        # Whitened, I - I_v is the whitened I less I_v times the whitened intercept: no new sums.
        at = since[:, 1] - self._i[:n, None] * since[:, 0]
        own = at[:, 1] - self._i[:n] * at[:, 0]
        first = at[:, 0].copy()
        at -= first[:, None] * (sums[0] / sums[0, 0])
        at[:, :3] = at[:, 1:]
        at[:, 3] = own - first * first / sums[0, 0]
        return at

    def _scores(self, equations: NormalEquations) -> tuple[FloatArray, FloatArray, float | None]:
        """Score and information of each candidate's column, and the innovation variance."""
        products = self._in_segment(equations)
        products += self._done[: self._count]
        fit = equations.fit()
        own = products[:, 3]
        if fit is None:
            return products[:, 2], own, None
        sums = equations.reduced()
        score, info = products[:, 2].copy(), own.copy()
        # One column after the other is taken out, of the candidates' as of each other's.
        columns = [(products[:, 1], sums[1, 1], sums[1, 2])]
        if self._free:
            share = sums[0, 1] / sums[1, 1] if sums[1, 1] > 0.0 else 0.0
            left = products[:, 0] - share * products[:, 1]
            norm, with_y = sums[0, 0] - share * sums[0, 1], sums[0, 2] - share * sums[1, 2]
            columns.append((left, norm, with_y))
        for column, norm, with_y in columns:
            # A column that never moved takes nothing out.
            if norm > 0.0:
                taken = column / norm
                score -= taken * with_y
                info -= taken * column
        # What cancels to rounding says nothing.
        info[info <= 1e-9 * own] = 0.0
        return score, info, fit.variance_pa2 * INFLATION**2

    def _log_ratios(self, equations: NormalEquations) -> FloatArray | None:
        score, info, variance = self._scores(equations)
        if variance is None:
            return None
        score[info == 0.0] = 0.0
        size = self._sizes
        ratios = np.multiply.outer(score, -size / variance)
        ratios -= np.multiply.outer(info, size * size / (2.0 * variance))
        return ratios

    def _add(self, equations: NormalEquations, mass: int) -> None:
        """The newest row as a moment after which k may have changed."""
        n = self._count
        self._slot[n], self._number[n], self._i[n] = equations.slot, equations.rows, equations.i
        self._open[n] = equations.open[:2]
        self._done[n] = 0.0
        self._log_mass[n] = math.log(mass)
        self._count = n + 1

    def _thin(self, equations: NormalEquations) -> None:
        """Keep fewer of the old moments; what the others hold goes on with their neighbours."""
        n = self._count
        age = equations.rows - self._number[:n]
        keep = np.zeros(n, dtype=bool)
        last = math.inf
        # From the oldest on: the beginning is always kept.
        for at, old in enumerate(age.tolist()):
            if last - old >= old / _PER_AGE:
                keep[at] = True
                last = old
        kept = np.flatnonzero(keep)
        ratios = self._log_ratios(equations)
        if ratios is None:
            ratios = np.zeros((n, len(self._sizes)))
        held = ratios + self._log_mass[:n]
        moved = np.logaddexp.reduceat(held, kept, axis=0) - ratios[kept]
        m = self._count = len(kept)
        self._log_mass[:m] = moved
        for array in (self._slot, self._number, self._i, self._open, self._done):
            array[:m] = array[kept]

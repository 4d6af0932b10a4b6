"""All segments of a campaign in one generalised least-squares fit.

Rows are means of p_T; each segment has its own constant, whatever else is fitted runs through
all of them. The covariance is that of what nobody saw: at PrK scale the temperature swing that
was declared, the gauge's step and a slow drift within each segment; where temperature is measured
densely an Ornstein-Uhlenbeck residual whose size and memory are learnt by restricted maximum
likelihood.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

from prkbench.analysis.campaign import Array, Campaign
from prkbench.analysis.independent import MOVING_AVERAGE
from prkbench.analysis.segments import Cut, Segment
from prkbench.units import DAY_S

MOST_ROWS = 480
SWING_TAU_S = 43200.0
_TAUS_S = (300.0, 600.0, 1200.0, 1800.0, 3600.0, 7200.0, 14400.0)
_SHARES = (1e-4, 0.1, 0.5, 0.9)
_TAU_SPREAD = 0.9
_DENSE_S = 600.0
GAS_RESIDUAL_K = 0.010
"""Standard deviation of the gas temperature that no sensor sees."""
_LEARNT_ROWS = 30


@dataclass(frozen=True)
class Rows:
    """Row means of the readings that count: `mean` averages any quantity given per reading."""

    campaign: Campaign
    segments: tuple[Segment, ...]
    kept: NDArray[np.intp]
    starts: NDArray[np.intp]
    sizes: Array
    segment: NDArray[np.intp]

    def mean(self, values: Array) -> Array:
        """Mean over each row of a quantity given at each reading of the campaign."""
        return np.asarray(np.add.reduceat(values[self.kept], self.starts) / self.sizes)

    @property
    def t_s(self) -> Array:
        """Mean time of each row."""
        return self.mean(self.campaign.t_s)

    def indicator(self, number: int) -> Array:
        """1 in a segment's rows, 0 elsewhere."""
        return np.asarray(self.segment == number, dtype=np.float64)

    def constants(self) -> list[Array]:
        """A column for each segment's constant."""
        return [self.indicator(number) for number in range(len(self.segments))]

    def lag(self) -> list[Array]:
        """The column of the sensor's thermal lag; none where temperature is not dense."""
        campaign = self.campaign
        if not dense(campaign) or len(self.kept) < 3 * len(self.segments) + 6:
            return []
        slope = np.gradient(campaign.temperature_k, campaign.t_s)
        return [self.mean(slope * campaign.reduced_pa / campaign.temperature_k)]

    def own(self, integral: Array) -> list[Array]:
        """Columns of minus the integral, one for each segment: their coefficients are k."""
        mean = self.mean(integral)
        return [-mean * self.indicator(number) for number in range(len(self.segments))]


def dense(campaign: Campaign) -> bool:
    """Whether temperature is known at every few minutes."""
    return campaign.doubt.temperature_known and campaign.step_s <= _DENSE_S


def rows_of(cut: Cut, campaign: Campaign, most: int = MOST_ROWS) -> Rows:
    """Average the readings that count into rows, by segment."""
    total = sum(len(cut.of(segment)) for segment in cut.segments)
    size = max(1, math.ceil(total / most))
    kept, starts, sizes, numbers = [], [], [], []
    first = 0
    for number, segment in enumerate(cut.segments):
        at = cut.of(segment)
        for chunk in np.array_split(at, max(2, round(len(at) / size))):
            starts.append(first)
            sizes.append(float(len(chunk)))
            numbers.append(number)
            first += len(chunk)
        kept.append(at)
    return Rows(
        campaign, cut.segments, np.concatenate(kept), np.array(starts, dtype=np.intp),
        np.array(sizes), np.array(numbers, dtype=np.intp),
    )  # fmt: skip


@dataclass(frozen=True)
class Fit:
    """Coefficients in the order of the columns, their covariance, chi2 per degree of freedom.

    cost: chi2 over the scale that the covariance was multiplied by, to compare models with.
    """

    beta: Array
    covariance: Array
    scale: float
    cost: float
    dof: int

    def contrast(self, weights: Array) -> tuple[float, float]:
        """Value and standard error of a combination of the coefficients."""
        return float(weights @ self.beta), math.sqrt(float(weights @ self.covariance @ weights))


class Whitener:
    """Solves against the Cholesky factor of a covariance; `learnt` where its size is not known."""

    def __init__(self, covariance: Array, learnt: bool) -> None:
        self.learnt = learnt
        self._factor = np.linalg.cholesky(covariance)
        self.log_det = 2.0 * float(np.sum(np.log(np.diag(self._factor))))

    @cached_property
    def _inverse(self) -> Array:
        # Many fits follow: one inverse costs less than all their substitutions.
        eye = np.eye(len(self._factor))
        return np.asarray(
            solve_triangular(self._factor, eye, lower=True, overwrite_b=True, check_finite=False)
        )

    def white(self, values: Array) -> Array:
        """A vector or the columns of a matrix with the correlation taken out."""
        return np.asarray(self._inverse @ values)

    def white_once(self, values: Array) -> Array:
        """The same for one that is tried and dropped: no inverse is made for it."""
        return np.asarray(solve_triangular(self._factor, values, lower=True, check_finite=False))

    def residual_maker(self, columns: list[Array]) -> Callable[[Array], Array]:
        """A function that whitens and takes out what these columns explain."""
        design = np.stack(columns, axis=1)
        q, _ = np.linalg.qr(self.white(design / np.linalg.norm(design, axis=0)))

        def rest(values: Array) -> Array:
            white = self.white(values)
            return np.asarray(white - q @ (q.T @ white))

        return rest

    def fit(self, columns: list[Array], y: Array, scale: float | None = None) -> Fit:
        """Fit y by the columns; `scale` replaces chi2/dof where another fit knows it."""
        design = np.stack(columns, axis=1)
        size = np.linalg.norm(design, axis=0)
        size[size == 0.0] = 1.0
        centre = float(y.mean())
        q, r = np.linalg.qr(self.white(design / size))
        target = self.white(y - centre)
        beta = np.linalg.lstsq(r, q.T @ target, rcond=None)[0]
        left = target - q @ (q.T @ target)
        dof = max(1, len(y) - len(columns))
        chi2 = float(left @ left)
        if scale is None:
            scale = max(chi2 / dof, 1e-30) if self.learnt else max(1.0, chi2 / dof)
        inverse = np.linalg.pinv(r)
        return Fit(
            beta / size, inverse @ inverse.T * scale / np.outer(size, size), scale, chi2 / scale,
            dof,
        )  # fmt: skip


def whitener(rows: Rows, extra: list[Array] | None = None) -> Whitener:
    """The covariance that fits a campaign: declared, or learnt with these extra columns fitted."""
    campaign = rows.campaign
    t = rows.t_s
    if dense(campaign) and len(t) >= _LEARNT_ROWS:
        columns = rows.constants() + rows.own(campaign.integral(campaign.driving_pa(1.0)))
        return _learnt(rows, t, columns + rows.lag() + (extra or []))
    doubt = campaign.doubt
    lag = np.abs(t[:, None] - t[None, :])
    swing = campaign.swing_pa
    covariance = (swing / 4.0) ** 2 * np.exp(-lag / SWING_TAU_S)
    # A day's swing of any phase is the likeliest of all that nobody measured.
    covariance += swing**2 / 8.0 * np.cos(2.0 * math.pi * lag / DAY_S)
    same = rows.segment[:, None] == rows.segment[None, :]
    along = np.zeros(len(t))
    for number in range(len(rows.segments)):
        inside = rows.segment == number
        span = float(np.ptp(t[inside])) or 1.0
        along[inside] = (t[inside] - t[inside].mean()) / span
    slow = (swing**2 + doubt.count_pa**2) / 6.0
    covariance += slow * np.outer(along, along) * same
    covariance += np.diag(doubt.count_pa**2 / 12.0 / rows.sizes + 1e-6 * swing**2 + 1e-6)
    return Whitener(covariance, learnt=False)


def expected(rows: Rows) -> tuple[Whitener, float]:
    """The covariance to be expected of a dense record, Pa^2, and the least scale it has.

    A short record's residual is easily taken for better than it is: its memory is then the
    configured one, its size at least that of the gas temperature that no sensor sees.
    """
    campaign = rows.campaign
    t = rows.t_s
    memory = np.exp(-np.abs(t[:, None] - t[None, :]) / campaign.expected_tau_s)
    white = 1e-3 * np.eye(len(t))
    size = GAS_RESIDUAL_K * float(campaign.pressure_pa.mean() / campaign.temperature_k.mean())
    return Whitener(memory + white, learnt=True), MOVING_AVERAGE * size**2


def _learnt(rows: Rows, t: Array, columns: list[Array]) -> Whitener:
    """Memory and share of white noise of greatest restricted likelihood."""
    lag = np.abs(t[:, None] - t[None, :])
    y = rows.mean(rows.campaign.reduced_pa)
    design = np.stack(columns, axis=1)
    norm = np.linalg.norm(design, axis=0)
    both = np.column_stack([design / np.where(norm == 0.0, 1.0, norm), y - y.mean()])
    best: tuple[float, Whitener] | None = None
    for tau in _TAUS_S:
        prior = math.log(tau / rows.campaign.expected_tau_s) / _TAU_SPREAD
        memory = np.exp(-lag / tau)
        for share in _SHARES:
            candidate = Whitener((1.0 - share) * memory + share * np.eye(len(t)), learnt=True)
            white = candidate.white_once(both)
            q, r = np.linalg.qr(white[:, :-1])
            target = white[:, -1]
            left = target - q @ (q.T @ target)
            dof = max(1, len(y) - len(columns))
            logs = np.log(np.maximum(np.abs(np.diag(r)), 1e-12))
            cost = (
                dof * math.log(max(float(left @ left) / dof, 1e-30))
                + candidate.log_det + 2.0 * float(np.sum(logs)) + prior * prior
            )  # fmt: skip
            if best is None or cost < best[0]:
                best = cost, candidate
    assert best is not None
    return best[1]

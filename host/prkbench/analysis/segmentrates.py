"""Decay constants of segments with errors that hold, and of groups of them that agree."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from prkbench.analysis.campaign import Array, Campaign
from prkbench.analysis.comparison import SAME, SURE, ratio_interval
from prkbench.analysis.independent import MOVING_AVERAGE
from prkbench.analysis.joint import Rows, Whitener, dense, expected
from prkbench.units import DAY_S

_FEW = 7
_STEADY = 0.004
"""Relative standard error by which a steady leak's k still varies: viscosity at 1-2 K, creep."""
_SHARED = 0.5
"""Part of that variance which segments of one record share: they have the same room."""


@dataclass(frozen=True)
class Rates:
    """k of every segment (1/s) and the covariance of all of them."""

    k_per_s: Array
    covariance: Array

    def pooled(self, numbers: list[int], volumes: Array | None = None) -> tuple[float, float]:
        """Weighted mean of k (times volume where given) over segments, and its error."""
        weight = np.ones(len(self.k_per_s)) if volumes is None else volumes
        k = (self.k_per_s * weight)[numbers]
        covariance = (self.covariance * np.outer(weight, weight))[np.ix_(numbers, numbers)]
        precision = np.linalg.pinv(covariance)
        total = float(precision.sum())
        if total <= 0.0:
            return float(k.mean()), math.sqrt(float(covariance.mean()))
        return float(precision.sum(axis=0) @ k) / total, math.sqrt(1.0 / total)

    def contrast(self, first: list[int], second: list[int], volumes: Array | None = None,
                 ) -> tuple[float, float]:  # fmt: skip
        """Difference second minus first of two groups' pooled k (times volume), and its error."""
        one, se_one = self.pooled(first, volumes)
        two, se_two = self.pooled(second, volumes)
        weight = np.ones(len(self.k_per_s)) if volumes is None else volumes
        shared = (self.covariance * np.outer(weight, weight))[np.ix_(first, second)]
        # Errors that both groups share (lag, a swing across the cut) must not make them surer.
        common = min(0.0, float(shared.mean()))
        return two - one, math.sqrt(se_one**2 + se_two**2 - 2.0 * common)


def segment_rates(rows: Rows, whitener: Whitener, exponent: float) -> Rates:
    """k of each segment under one exponent, with hard bounds where readings are few."""
    campaign = rows.campaign
    integral = campaign.integral(campaign.driving_pa(exponent))
    columns = rows.constants() + rows.own(integral) + rows.lag()
    fit = whitener.fit(columns, rows.mean(campaign.reduced_pa))
    count = len(rows.segments)
    k = fit.beta[count : 2 * count]
    covariance = fit.covariance[count : 2 * count, count : 2 * count].copy()
    if dense(campaign):
        likely, least = expected(rows)
        other = likely.fit(columns, rows.mean(campaign.reduced_pa), 1.0)
        scale = max(other.cost / other.dof * MOVING_AVERAGE, least)
        floors = np.diag(other.covariance)[count : 2 * count] * scale
        np.fill_diagonal(covariance, np.maximum(np.diag(covariance), floors))
    for number in range(count):
        floor = _least_error(rows, number, integral)
        if covariance[number, number] < floor**2:
            covariance[number, number] = floor**2
    shared = _relative_errors(rows, exponent) * k
    own = (1.0 - _SHARED) * (_STEADY * k) ** 2
    return Rates(k, covariance + np.outer(shared, shared) + np.diag(own))


def _relative_errors(rows: Rows, exponent: float) -> Array:
    """Relative standard error of every segment's k that averaging over segments leaves as it is.

    Sensors that disagree, and part of what a steady leak's k still varies by. Into all but a
    vacuum it is open whether a flow as p is choked, or as p - p_ref.
    """
    campaign = rows.campaign
    head = rows.mean(np.abs(campaign.pressure_pa - campaign.reference_pa))
    outside = float(campaign.reference_pa.mean()) / math.sqrt(3.0)
    either = outside if exponent == 1.0 and campaign.law == "viscous" and campaign.chokes else 0.0
    null = campaign.doubt.null_pa
    levels = [float(head[rows.segment == n].mean()) for n in range(len(rows.segments))]
    return np.array([
        math.hypot(null / max(level, null, 1.0), either / level, math.sqrt(_SHARED) * _STEADY)
        for level in levels
    ])  # fmt: skip


def _least_error(rows: Rows, number: int, integral: Array) -> float:
    """A third of the hard bound where a segment has few readings and no temperature.

    The bound [(p/T) dT + count]/I cannot be passed; half-widths in quadrature are then what
    2.58 standard errors are elsewhere.
    """
    campaign = rows.campaign
    inside = np.flatnonzero(rows.segment == number)
    readings = float(rows.sizes[inside].sum())
    t = rows.t_s[inside]
    if dense(campaign) or (readings >= _FEW and float(np.ptp(t)) >= DAY_S - campaign.step_s):
        return 0.0
    spanned = abs(float(np.ptp(rows.mean(integral)[inside])))
    return (campaign.swing_pa + campaign.doubt.count_pa) / max(spanned, 1e-30) / SURE


def group(rates: Rates, volumes: Array | None) -> list[list[int]]:
    """Segments in order, parted where k changes beyond what chance makes among so many.

    What is shown to be within SAME is the same, however surely it differs.
    A segment is held against all of the group before it; groups that a stray segment parted are
    not joined again, time runs one way.
    """
    count = len(rates.k_per_s)
    limit = SURE if count <= 4 else math.sqrt(SURE**2 + 2.0 * math.log(count / 4.0))
    groups = [[0]]
    for number in range(1, count):
        change, se = rates.contrast(groups[-1], [number], volumes)
        ratio = ratio_of(rates.pooled(groups[-1], volumes), rates.pooled([number], volumes))
        if abs(change) > limit * se and not same(ratio):
            groups.append([number])
        else:
            groups[-1].append(number)
    return groups


def same(ratio: tuple[float, float]) -> bool:
    """Whether an interval of a ratio of rates lies within what counts as unchanged."""
    return SAME[0] < ratio[0] <= ratio[1] < SAME[1]


def volumes_of(rows: Rows) -> Array | None:
    """Volume of each segment relative to the first; None where one is not known."""
    volumes = [segment.volume_m3 for segment in rows.segments]
    if any(volume is None for volume in volumes):
        return None
    first = volumes[0] or 1.0
    return np.array([(volume or first) / first for volume in volumes])


def ratio_of(one: tuple[float, float], two: tuple[float, float]) -> tuple[float, float]:
    """95 % interval of two over one, each (value, error); infinite where it is unbounded."""
    return ratio_interval(*two, *one) or (-math.inf, math.inf)


def campaign_bound(campaign: Campaign, k: float, se: float) -> float:
    """One-sided 95 % upper limit in lb/day."""
    return campaign.lb_per_day(max(0.0, k + 1.6449 * se))

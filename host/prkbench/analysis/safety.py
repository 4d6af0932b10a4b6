"""The safety view: how long the pressure lasts, how soon a limit is reached, how likely it is.

Every limit here is the user's own; without one there is no figure, only the reason why.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from prkbench.analysis.comparison import Z95
from prkbench.errors import UsageError
from prkbench.law import Law

CLASSES = 5


@dataclass(frozen=True)
class TimeUntil:
    """A time in s from now with its 95 % interval; infinite where it may never come."""

    time_s: float
    low_s: float
    high_s: float


@dataclass(frozen=True)
class RiskMatrix:
    """The user's 5 x 5 matrix: of each consequence class, its probability and likelihood class.

    likelihood: class 1 to 5 by the user's edges, of each consequence class; ratings: his own word
    of the cell, empty where he gave none. worst is (likelihood, consequence) of the cell with the
    largest product among those the user's lowest edge does not rule out, None if it rules out all.
    """

    probability: tuple[float, ...]
    likelihood: tuple[int, ...]
    ratings: tuple[str, ...]
    likelihood_edges: tuple[float, ...]
    consequence_edges_kg_per_s: tuple[float, ...]
    worst: tuple[int, int] | None


def decay_integral(
    law: Law, start_pa: float, end_pa: float, reference_pa: float, norm_pa: float
) -> float:
    """k times the time from one pressure to another under a law; infinite where it never comes.

    From dp/dt = -k x at constant temperature: linear ln((p - r)/(p_m - r)); choked ln(p/p_m);
    viscous (p_N/r) ln[(p - r)(p_m + r)/((p + r)(p_m - r))], into vacuum 2 p_N (1/p_m - 1/p).
    """
    if end_pa >= start_pa:
        return 0.0
    if law == "choked":
        return math.log(start_pa / end_pa) if end_pa > 0.0 else math.inf
    if end_pa <= reference_pa:
        return math.inf
    if law == "viscous":
        if reference_pa <= 1e-6 * end_pa:
            return 2.0 * norm_pa * (1.0 / end_pa - 1.0 / start_pa)
        at = (start_pa - reference_pa) * (end_pa + reference_pa)
        return norm_pa / reference_pa * math.log(
            at / ((start_pa + reference_pa) * (end_pa - reference_pa))
        )  # fmt: skip
    return math.log((start_pa - reference_pa) / (end_pa - reference_pa))


def reserve_time(
    law: Law, pressure_pa: float, minimum_pa: float, reference_pa: float, norm_pa: float,
    k_per_s: float, se_per_s: float,
) -> TimeUntil:  # fmt: skip
    """Time until a minimum pressure at the present law and rate; its interval is that of k."""
    need = decay_integral(law, pressure_pa, minimum_pa, reference_pa, norm_pa)
    low, high = k_per_s - Z95 * se_per_s, k_per_s + Z95 * se_per_s
    time, soonest, latest = (_over(need, k) for k in (k_per_s, high, low))
    return TimeUntil(time, soonest, latest)


def exceedance(k_per_s: float, se_per_s: float, limit_per_s: float) -> float:
    """P(k > limit), with the estimate's normal error and nothing known beforehand."""
    if se_per_s <= 0.0:
        return float(k_per_s > limit_per_s)
    return float(ndtr((k_per_s - limit_per_s) / se_per_s))


def time_to_limit(
    t_s: ArrayLike, k_per_s: ArrayLike, se_per_s: ArrayLike, limit_per_s: float
) -> TimeUntil:
    """When a rate that goes on changing as it did reaches a limit, counted from the last time.

    A weighted line through independent estimates of k in successive spans; the time is a ratio of
    two normal figures, so its interval is Fieller's. Zero where the limit is reached already;
    infinite where the rate does not grow, and the latest time is where it may not.
    """
    t, k, se = (np.asarray(a, dtype=np.float64) for a in (t_s, k_per_s, se_per_s))
    if not len(t) == len(k) == len(se) >= 3 or not (se > 0.0).all():
        raise UsageError(f"{len(t)} estimates: expected three or more with standard errors")
    ahead = t - t[-1]
    design = np.column_stack([np.ones_like(ahead), ahead])
    covariance = np.linalg.inv(design.T @ (design / se[:, None] ** 2))
    now, growth = covariance @ (design.T @ (k / se**2))
    # A line that misses its points is no better known than they lie about it.
    freedom = len(t) - 2
    misfit = float((((k - design @ [now, growth]) / se) ** 2).sum()) / freedom
    covariance = covariance * max(1.0, misfit)
    left = float(limit_per_s - now)
    if left <= 0.0:
        return TimeUntil(0.0, 0.0, 0.0)
    likely = left / float(growth) if growth > 0.0 else math.inf
    # Fieller: all times s at which the line less the limit is not severed from zero.
    z2 = Z95 * Z95
    a = float(growth**2 - z2 * covariance[1, 1])
    b = float(left * growth + z2 * covariance[0, 1])
    c = float(left**2 - z2 * covariance[0, 0])
    inside = b * b - a * c
    roots = []
    if inside >= 0.0 and a != 0.0:
        roots = sorted(s for s in ((b - math.sqrt(inside)) / a, (b + math.sqrt(inside)) / a)
                       if s > 0.0)  # fmt: skip
    soonest = 0.0 if c <= 0.0 else roots[0] if roots else math.inf
    latest = roots[-1] if a > 0.0 and roots else math.inf
    return TimeUntil(likely, soonest, latest)


def risk_matrix(
    rate_kg_per_s: float, se_kg_per_s: float, likelihood: tuple[float, ...],
    consequence_kg_per_s: tuple[float, ...], ratings: tuple[tuple[str, ...], ...] | None = None,
) -> RiskMatrix:  # fmt: skip
    """Place the rate in the user's 5 x 5 matrix.

    likelihood: four rising probabilities, consequence_kg_per_s: four rising rates; each parts five
    classes. The probability of a consequence class is that of a rate inside it. ratings[i][j] is
    the user's word for likelihood i + 1 and consequence j + 1.
    """
    for name, edges in (("likelihood", likelihood), ("consequence", consequence_kg_per_s)):
        if len(edges) != CLASSES - 1 or any(np.diff(edges) <= 0.0):
            raise UsageError(f"risk.{name}: expected four rising edges of five classes")
    above = [1.0, *(exceedance(rate_kg_per_s, se_kg_per_s, e) for e in consequence_kg_per_s), 0.0]
    probability = tuple(high - low for high, low in itertools.pairwise(above))
    classes = tuple(1 + int(np.searchsorted(likelihood, p, side="right")) for p in probability)
    words = tuple(
        "" if ratings is None else ratings[level - 1][j] for j, level in enumerate(classes)
    )
    cells = [(level, j + 1) for j, level in enumerate(classes) if probability[j] >= likelihood[0]]
    worst = max(cells, key=lambda cell: (cell[0] * cell[1], cell[1])) if cells else None
    return RiskMatrix(probability, classes, words, likelihood, consequence_kg_per_s, worst)


def _over(need: float, k: float) -> float:
    if need == 0.0:
        return 0.0
    return need / k if k > 0.0 else math.inf

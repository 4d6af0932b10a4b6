"""Whether an apparent change of the rate is the temperature's.

The raw change is what the pressure alone shows, the corrected one what is left once p_T and the
lag are taken. Where temperature was not recorded an apparent change no larger than the declared
swing can make cannot be told from one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from prkbench.analysis.campaign import T_REF_K, Array, Campaign
from prkbench.analysis.comparison import SURE
from prkbench.analysis.joint import Rows, Whitener, rows_of, whitener
from prkbench.analysis.segments import SETTLE_HATCH_S, Cut, Segment
from prkbench.analysis.testlog import HATCH_SHUT
from prkbench.units import DAY_S

_ROWS = 60
_STANDS_OUT = 1.2
_BASE_S = 0.9 * DAY_S
_CHANGE = 0.25
"""Relative change of the rate from which on it is no longer the same."""
_EXPLAINED = 2.0 / 3.0
_APPARENT = 3.6
_WINDOWS = 24


@dataclass(frozen=True)
class Apparent:
    """A stretch in which the pressure alone shows another rate than around it.

    raw, corrected: the change of k (1/s), the latter with its error (both None where temperature
    was not recorded); needed_k: the temperature change that would make it; explained: by the
    temperature that was measured.
    """

    span_s: tuple[float, float]
    raw: float
    corrected: tuple[float, float] | None
    needed_k: float
    measured_k: float | None
    explained: bool


def apparent_change(campaign: Campaign, cut: Cut, segment: Segment, exponent: float,
                    ) -> Apparent | None:  # fmt: skip
    """The largest apparent change in a segment that temperature made or may have made."""
    alone = Cut((segment,), cut.kept, (), ())
    rows = rows_of(alone, campaign, _ROWS)
    if len(rows.segment) < 16:
        return None
    if campaign.doubt.temperature_known:
        return _measured(campaign, alone, rows, exponent)
    return _unmeasured(campaign, rows, exponent, segment)


def _measured(campaign: Campaign, alone: Cut, rows: Rows, exponent: float) -> Apparent | None:
    t = rows.t_s
    window = _unusual(t, rows.mean(campaign.temperature_k))
    if window is None:
        return None
    begin, end = float(t[window[0]]), float(t[window[1]])
    measured = float(np.diff(rows.mean(campaign.temperature_k)[list(window)])[0])
    fine = rows_of(alone, campaign)
    integral = campaign.integral(campaign.driving_pa(exponent))
    extra = -fine.mean(_inside(campaign.t_s, integral, begin, end))
    columns = [*fine.constants(), -fine.mean(integral), extra]
    at = len(fine.segments)
    weigh = whitener(fine, [extra])
    plain = weigh.fit(columns, fine.mean(campaign.pressure_pa))
    fit = weigh.fit([*columns, *fine.lag()], fine.mean(campaign.reduced_pa))
    raw, left = float(plain.beta[at + 1]), float(fit.beta[at + 1])
    error = math.sqrt(float(fit.covariance[at + 1, at + 1]))
    base = abs(float(fit.beta[at]))
    upper = math.copysign(1.0, raw) * left + 1.6449 * error
    explained = abs(left) < SURE * error and upper < _EXPLAINED * abs(raw)
    if abs(raw) < max(_CHANGE * base, SURE * error):
        return None
    needed = _needed_k(campaign, raw, _spanned(campaign, integral, begin, end))
    return Apparent((begin, end), raw, (left, error), needed, measured, explained)


def _unusual(t: Array, temperature: Array) -> tuple[int, int] | None:
    """The shortest stretch with most of the largest change, if it stands out of the rest."""
    n = len(temperature)
    change = temperature[None, :] - temperature[:, None]
    # What a room does within a day of its own accord is only known after one.
    known = (t - t[0] >= _BASE_S)[:, None]
    later = np.triu(np.ones((n, n), dtype=bool), 1) & known
    if not later.any():
        return None
    most = float(np.max(np.abs(change[later])))
    i, j = np.nonzero((np.abs(change) >= 0.9 * most) & later)
    at = int(np.argmin(j - i))
    first, last = int(i[at]), int(j[at])
    before, after = temperature[: first + 1], temperature[last:]
    usual = max(float(np.ptp(before)), float(np.ptp(after)))
    return (first, last) if most > _STANDS_OUT * usual else None


def _unmeasured(campaign: Campaign, rows: Rows, exponent: float, segment: Segment,
                ) -> Apparent | None:  # fmt: skip
    t = rows.t_s
    begin = segment.began
    settled = t[0]
    if begin is None or begin.kind == HATCH_SHUT:
        settled = t[0] + SETTLE_HATCH_S[campaign.scale]
    integral = campaign.integral(campaign.driving_pa(exponent))
    y = rows.mean(campaign.reduced_pa)
    edges = np.unique(np.linspace(0, len(t) - 1, _WINDOWS + 1).round().astype(int))
    edges = edges[t[edges] >= settled]
    lag = np.abs(t[:, None] - t[None, :])
    columns = [*rows.constants(), -rows.mean(integral)]
    residual = _residual(columns, y)
    memory = _memory_s(t, residual)
    weigh = Whitener(np.exp(-lag / memory) + 0.1 * np.eye(len(t)), learnt=True)
    windows = [
        (int(first), int(last))
        for a, first in enumerate(edges)
        for last in edges[a + 1 :]
        if 4 <= last - first <= len(t) // 2
    ]
    if not windows:
        return None
    spans = [(float(t[first]), float(t[last])) for first, last in windows]
    extra = np.stack([-rows.mean(_inside(campaign.t_s, integral, *span)) for span in spans], axis=1)
    rest = weigh.residual_maker(columns)
    target, white = rest(y - y.mean()), rest(extra)
    power = np.einsum("ij,ij->j", white, white)
    # A window that the steady rate explains as well says nothing.
    power = np.maximum(power, 1e-12 * float(power.max()) + 1e-100)
    size = white.T @ target / power
    left = np.maximum(float(target @ target) - size**2 * power, 1e-12)
    scores = np.abs(size) * np.sqrt(power / (left / max(1, len(y) - 3)))
    at = int(np.argmax(scores))
    if scores[at] <= _APPARENT:
        return None
    change, span = float(size[at]), spans[at]
    base = weigh.fit([*columns, extra[:, at]], y).beta[-2]
    if abs(change) <= abs(float(base)):
        return None
    spanned = _spanned(campaign, integral, *span)
    moved = abs(change) * spanned
    count = campaign.doubt.count_pa
    # Two counts are the gauge's rounding, and more than the swing makes is no temperature.
    if not 2.0 * count < moved <= campaign.swing_pa + count:
        return None
    needed = _needed_k(campaign, change, spanned)
    return Apparent(span, change, None, needed, None, explained=False)


def _residual(columns: list[Array], y: Array) -> Array:
    design = np.stack(columns, axis=1)
    design = design / np.linalg.norm(design, axis=0)
    beta = np.linalg.lstsq(design, y - y.mean(), rcond=None)[0]
    return np.asarray(y - y.mean() - design @ beta)


def _memory_s(t: Array, residual: Array) -> float:
    """Correlation time of a residual from its neighbours, at least half a row."""
    step = float(np.median(np.diff(t)))
    power = float(residual @ residual)
    rho = float(residual[1:] @ residual[:-1]) / power if power > 0.0 else 0.0
    return -step / math.log(min(max(rho, 0.14), 0.97))


def _inside(t: Array, integral: Array, begin: float, end: float) -> Array:
    """The integral of what flows within a window only."""
    low, high = np.interp([begin, end], t, integral)
    return np.asarray(np.clip(integral, min(low, high), max(low, high)) - low)


def _spanned(campaign: Campaign, integral: Array, begin: float, end: float) -> float:
    return abs(float(np.diff(np.interp([begin, end], campaign.t_s, integral))[0]))


def _needed_k(campaign: Campaign, change: float, spanned: float) -> float:
    """Temperature change that moves the pressure as this change of k does."""
    return abs(change) * spanned * T_REF_K / float(campaign.pressure_pa.mean())

"""A leak that changes inside a segment, at no time that anybody wrote down.

The segment is regressed on the integrals of p and of p^2, which between them follow any flow law,
and a hinge at each row in turn; with the law fixed a leak of another law gives a false change
every time. A segment that falls far may also be fed, which a steady inflow stands for. Where no law
holds because the flow does not even fall as p does, the leak grows: then p alone is the law, since
p and p^2 with opposite signs, which no crack has, would follow the growth.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from prkbench.analysis.campaign import Array, Campaign
from prkbench.analysis.joint import Rows, Whitener, rows_of, whitener
from prkbench.analysis.segments import Cut, Segment, enough, split

LIMIT = 4.0
_CURVED = 0.1
_FAR = 0.5
_EDGE_ROWS = 3
_MOST_CHANGES = 3
_INSIDE = 9.0
_STEADY = 0.005


@dataclass(frozen=True)
class Kink:
    """Where the rate changes: reading, score, and the span of times that fit as well."""

    reading: int
    score: float
    change_per_s: float
    bracket_s: tuple[float, float]


def split_at_kinks(
    campaign: Campaign, cut: Cut, exponent: float, *, grows: bool = False
) -> tuple[Cut, list[Kink]]:
    """The cut with every segment parted where its leak changes, and the changes.

    Readings of which it is open whether they are before or after the change belong to neither
    part: counted to the wrong one they bend it, and a bend is taken for another flow law. grows:
    the record excludes every law of a steady leak, because it falls too little with the pressure.
    """
    found: list[Kink] = []
    todo = list(cut.segments)
    while todo and len(found) < _MOST_CHANGES:
        segment = todo.pop(0)
        kink = find_kink(campaign, cut, segment, exponent, grows=grows)
        if kink is None:
            continue
        parted = split(_without(campaign, cut, kink), segment, kink.reading)
        halves = [s for s in parted.segments if s not in cut.segments]
        if not all(enough(campaign, parted.kept, half) for half in halves):
            continue
        cut = parted
        found.append(kink)
        todo = halves + todo
    return cut, sorted(found, key=lambda kink: kink.reading)


def _without(campaign: Campaign, cut: Cut, kink: Kink) -> Cut:
    low, high = kink.bracket_s
    return replace(cut, kept=cut.kept & ~((campaign.t_s > low) & (campaign.t_s < high)))


def find_kink(
    campaign: Campaign, cut: Cut, segment: Segment, exponent: float, *, grows: bool = False
) -> Kink | None:
    """The likeliest change in one segment, None where none exceeds LIMIT."""
    alone = Cut((segment,), cut.kept, (), ())
    rows = rows_of(alone, campaign, 240)
    if len(rows.segment) < 2 * _EDGE_ROWS + 5:
        return None
    exponent = 1.0 if grows else exponent
    base = _base(rows, exponent, grows=grows)
    integral = rows.mean(campaign.integral(campaign.driving_pa(exponent)))
    hinges = np.stack(
        [np.maximum(integral - integral[j], 0.0) for j in range(len(integral))], axis=1
    )
    y = rows.mean(campaign.reduced_pa)
    weigh = whitener(rows)
    scores, change = _scores(weigh, base, hinges, y)
    at = int(np.argmax(np.abs(scores)))
    if weigh.learnt:
        # The residual's memory is learnt again without the change in it.
        weigh = whitener(rows, [hinges[:, at]])
        scores, change = _scores(weigh, base, hinges, y)
        at = int(np.argmax(np.abs(scores)))
    if abs(scores[at]) <= LIMIT:
        return None
    # What the temperature does to the viscosity is no change of the leak.
    if abs(float(change[at])) <= LIMIT * _STEADY * _level(rows, weigh, integral, y):
        return None
    near = np.flatnonzero(scores**2 > scores[at] ** 2 - _INSIDE)
    t = rows.t_s
    # A row's hinge is where its mean is, in the middle.
    reading = int(rows.kept[rows.starts[at] + int(rows.sizes[at]) // 2])
    low, high = max(0, int(near.min()) - 1), min(len(t) - 1, int(near.max()) + 1)
    return Kink(reading, float(scores[at]), -float(change[at]), (float(t[low]), float(t[high])))


def _level(rows: Rows, weigh: Whitener, integral: Array, y: Array) -> float:
    """The segment's k, whatever changes in it."""
    fit = weigh.fit([*rows.constants(), -integral, *rows.lag()], y)
    return abs(float(fit.beta[len(rows.segments)]))


def _base(rows: Rows, exponent: float, *, grows: bool) -> list[Array]:
    campaign = rows.campaign
    p = rows.mean(campaign.pressure_pa)
    span = float(np.ptp(p)) / float(p.max())
    columns = rows.constants() + rows.lag()
    if span < _CURVED or grows:
        return [*columns, rows.mean(campaign.integral(campaign.driving_pa(exponent)))]
    columns += [rows.mean(campaign.integral(campaign.driving_pa(n))) for n in (1.0, 2.0)]
    if span > _FAR:
        columns.append(rows.t_s - rows.t_s.mean())
    return columns


def _scores(weigh: Whitener, base: list[Array], hinges: Array, y: Array) -> tuple[Array, Array]:
    """Standardised hinge of every row, with the scale that its own fit leaves, and its size."""
    rest = weigh.residual_maker(base)
    target, white = rest(y - y.mean()), rest(hinges)
    power = np.einsum("ij,ij->j", white, white)
    whole = np.einsum("ij,ij->j", weigh.white(hinges), weigh.white(hinges))
    usable = power > 1e-8 * np.maximum(whole, 1e-300)
    usable[:_EDGE_ROWS] = usable[len(usable) - _EDGE_ROWS :] = False
    size = np.where(usable, white.T @ target / np.where(usable, power, 1.0), 0.0)
    left = float(target @ target) - size**2 * power
    dof = max(1, len(y) - len(base) - 2)
    scale = left / dof if weigh.learnt else np.maximum(1.0, left / dof)
    score = np.where(usable, size * np.sqrt(power / np.maximum(scale, 1e-30)), 0.0)
    return np.asarray(score), np.asarray(size)

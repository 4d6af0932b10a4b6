"""What changed between the segments of a campaign, and whether it may be said so.

Segments are parted into groups in which k (times the volume, where that is known) is steady.
Each boundary is INCREASED, REDUCED or RETURNED; a fall that nobody logged may be a larger volume.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from prkbench.analysis.backtrack import Onset, onset_of
from prkbench.analysis.campaign import T_REF_K, Array
from prkbench.analysis.comparison import SURE
from prkbench.analysis.exponent import FlowLaw
from prkbench.analysis.finding import Finding, odds_of
from prkbench.analysis.joint import Rows
from prkbench.analysis.kink import Kink
from prkbench.analysis.outcome import CANNOT_TELL, INCREASED, REDUCED, RETURNED, UNCHANGED
from prkbench.analysis.paths import EXTERNAL_LIMIT_LB_PER_DAY, level_of
from prkbench.analysis.segmentrates import (
    Rates,
    campaign_bound,
    group,
    ratio_of,
    same,
    volumes_of,
)
from prkbench.analysis.segments import Cut
from prkbench.analysis.verdict import show

_LOW = 0.8
_THERMAL_EXCLUDED = 3.0


@dataclass(frozen=True)
class Changes:
    """Findings about change, groups of segment numbers, k of the last group with its error."""

    findings: tuple[Finding, ...]
    reasons: tuple[str, ...]
    groups: tuple[tuple[int, ...], ...]
    last: tuple[float, float]
    onset: Onset | None


def compare(
    rows: Rows,
    rates: Rates,
    law: FlowLaw,
    kinks: Sequence[Kink],
    opened: Cut,
    earlier: tuple[float, float] | None,
) -> Changes:
    """Compare segments with one another and with an earlier test's interval (k in 1/s)."""
    volumes = volumes_of(rows)
    groups = group(rates, volumes)
    # With volumes known, k is that of the first volume at the same mass rate.
    last = rates.pooled(groups[-1], volumes)
    findings: list[Finding] = []
    reasons: list[str] = []
    onset: Onset | None = None
    for one, two in itertools.pairwise(groups):
        finding = _boundary(rows, rates, one, two, volumes, kinks)
        reasons.append(_thermal_size(rows, rates, one, two))
        if finding.word in (RETURNED, INCREASED):
            onset = _onset(rows, rates, two, law, kinks, opened)
            finding = finding.begun(onset)
        findings.append(finding)
    if len(groups) == 1:
        steady, why = _unchanged(rows, rates, volumes)
        findings += [steady] if steady else []
        reasons += [why] if why else []
    if earlier is not None:
        found = _since(rows, rates.pooled(groups[0], volumes), last, earlier)
        if found and found.word == RETURNED:
            onset = _onset(rows, rates, groups[0], law, kinks, opened)
            found = found.begun(onset)
        findings += [found] if found else []
    return Changes(
        tuple(findings), tuple(r for r in reasons if r), tuple(tuple(g) for g in groups), last,
        onset,
    )  # fmt: skip


def _boundary(rows: Rows, rates: Rates, one: list[int], two: list[int], volumes: Array | None,
              kinks: Sequence[Kink]) -> Finding:  # fmt: skip
    campaign = rows.campaign
    before, after = rates.pooled(one, volumes), rates.pooled(two, volumes)
    change, se = rates.contrast(one, two, volumes)
    odds = odds_of(change / se)
    at_h = campaign.t_s[rows.segments[two[0]].start] / 3600.0
    lb = campaign.lb_per_day
    what = f"from {show(lb(before[0]))} to {show(lb(after[0]))} lb/day at {at_h:.1f} h"
    low, high = ratio_of(before, after)
    if np.isfinite(low):
        what += f", by a factor of {max(low, 0.0):.2f} to {high:.2f} at 95 %"
    if change > 0.0:
        limit = EXTERNAL_LIMIT_LB_PER_DAY[campaign.scale]
        bound = campaign_bound(campaign, *before)
        if (
            before[0] < SURE * before[1]
            and bound < limit
            and lb(after[0] - SURE * after[1]) > bound
        ):
            return Finding(RETURNED, f"tight below {show(bound)} lb/day before, {what}", odds)
        return Finding(INCREASED, what, odds)
    if not _guarded(rows, two[0], kinks):
        return Finding(
            CANNOT_TELL, f"{what}: a smaller leak or a larger volume, nothing is logged", None,
            "a log of the hatches and the volume",
        )  # fmt: skip
    stopped = "" if after[0] - SURE * after[1] > 0.0 else "; whether it stopped is open"
    return Finding(REDUCED, f"{what}{stopped or ', not stopped'}", odds)


def _guarded(rows: Rows, second: int, kinks: Sequence[Kink]) -> bool:
    """Whether the log rules out that a fall in k is a larger volume."""
    campaign, segments = rows.campaign, rows.segments
    one, two = segments[second - 1], segments[second]

    def known(number: int) -> bool:
        shut = segments[number].hatch_shut is True
        return shut or any(entry.volume_m3 is not None for entry in campaign.log)

    logged = two.began is not None
    if two.unlogged:
        brackets = [k.bracket_s for k in kinks if k.reading == two.start]
        logged = any(low <= entry.t_s <= high for low, high in brackets for entry in campaign.log)
    return known(second - 1) and known(second) and logged and one.volume_m3 is not None


def _thermal_size(rows: Rows, rates: Rates, one: list[int], two: list[int]) -> str:
    """The temperature change that a boundary would need, where that rules temperature out."""
    campaign = rows.campaign
    change, _ = rates.contrast(one, two)
    head = rows.mean(campaign.pressure_pa - campaign.reference_pa)
    t = rows.t_s
    inside = np.isin(rows.segment, two)
    spanned = float(np.ptp(t[inside])) * float(head[inside].mean())
    needed = abs(change) * spanned * T_REF_K / float(campaign.pressure_pa.mean())
    swing = campaign.doubt.swing_k
    if swing > 0.0 and needed > _THERMAL_EXCLUDED * swing:
        return f"temperature excluded as its cause: {needed:.0f} K would be needed"
    return ""


def _unchanged(rows: Rows, rates: Rates, volumes: Array | None) -> tuple[Finding | None, str]:
    """One group: is it shown to be the same, and at lower pressure, too?"""
    count = len(rows.segments)
    if count < 2:
        return None, ""
    levels = level_of(rows)
    low = [n for n in range(count) if levels[n] < _LOW * levels[0]]
    sizes = [segment.volume_m3 for segment in rows.segments]
    other = [n for n in range(count) if sizes[n] != sizes[0]]
    second = low or other or list(range(1, count))
    first = [n for n in range(count) if n not in second]
    if not first:
        return None, ""
    one, two = rates.pooled(first, volumes), rates.pooled(second, volumes)
    if one[0] < SURE * one[1] or two[0] < SURE * two[1]:
        return None, ""
    interval = ratio_of(one, two)
    shown = f"{interval[0]:.2f} to {interval[1]:.2f}"
    if not same(interval):
        return None, f"segments agree, their ratio is {shown} at 95 %: too wide to call unchanged"
    how = "the same leak at a lower pressure, not healed" if low else "the rate is the same"
    return Finding(UNCHANGED, f"{how}: ratio {shown} at 95 %", 0.05), ""


def _since(rows: Rows, first: tuple[float, float], last: tuple[float, float],
           earlier: tuple[float, float]) -> Finding | None:  # fmt: skip
    """This record against an earlier one's interval."""
    campaign = rows.campaign
    lb = campaign.lb_per_day
    low, high = first[0] - SURE * first[1], first[0] + SURE * first[1]
    was = f"{show(lb(max(earlier[0], 0.0)))} to {show(lb(earlier[1]))} lb/day"
    odds = odds_of(SURE)
    if low > max(earlier[1], 0.0):
        if earlier[0] <= 0.0:
            return Finding(RETURNED, f"above the earlier bound of {show(lb(earlier[1]))} lb/day",
                           odds)  # fmt: skip
        return Finding(INCREASED, f"above the earlier {was}", odds)
    if last[0] + SURE * last[1] < earlier[0]:
        shut = all(segment.hatch_shut for segment in rows.segments)
        if not shut:
            return Finding(CANNOT_TELL, f"below the earlier {was}: a smaller leak or a larger "
                                        "volume", None, "a log of the hatches")  # fmt: skip
        stopped = ", not stopped" if last[0] > SURE * last[1] else ""
        return Finding(REDUCED, f"below the earlier {was}{stopped}", odds)
    if high < earlier[1] and low > earlier[0] > 0.0:
        return Finding(UNCHANGED, f"inside the earlier {was}", 0.05)
    return None


def _onset(rows: Rows, rates: Rates, two: list[int], law: FlowLaw, kinks: Sequence[Kink],
           opened: Cut) -> Onset | None:  # fmt: skip
    campaign = rows.campaign
    segment = rows.segments[two[0]]
    if segment.unlogged:
        brackets = [k.bracket_s for k in kinks if k.reading == segment.start]
        return Onset(*brackets[0]) if brackets else None
    kept = rows.kept
    inside = kept[(kept >= segment.start) & (kept < segment.stop)]
    start = campaign.t_s[segment.start]
    # With the hatch open the pressure is the station's: the last of it is where the leak starts.
    beside = [opened.of(s) for s in opened.segments if s.stop <= segment.start]
    k, _ = rates.pooled(two)
    if not len(inside) or k <= 0.0:
        return None
    if beside:
        at = beside[-1]
        before = float(campaign.pressure_pa[at[-min(3, len(at)) :]].mean())
        tight = [other for other in kept if campaign.t_s[other] < campaign.t_s[at[0]]]
        since = float(campaign.t_s[tight[-1]]) if tight else float(campaign.t_s[0])
        return onset_of(campaign, segment, int(inside[0]), since, before, k, law.exponent)
    earlier = kept[kept < segment.start]
    since = float(campaign.t_s[earlier[-1]]) if len(earlier) else float(campaign.t_s[0])
    return Onset(since, float(start))

"""From a campaign to a verdict: the steps in their order, and the priority of the words.

The gauge first, then segments, the flow law, rates, temperature, change, volume, two paths, the
return of a leak, and last whether there is one. A word is printed only where its own step reached
it; where a step that applies was not run the answer is CANNOT TELL, with what would decide.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from prkbench.analysis.campaign import Array, Campaign
from prkbench.analysis.changes import Changes, compare
from prkbench.analysis.exponent import FlowLaw, find_law
from prkbench.analysis.finding import Conclusion, Finding, in_order, odds_of
from prkbench.analysis.joint import Rows, Whitener, rows_of, whitener
from prkbench.analysis.kink import Kink, split_at_kinks
from prkbench.analysis.outcome import (
    CANNOT_TELL,
    DISTURBED,
    HATCH_ONLY,
    INCREASED,
    LEAK,
    MASKED,
    NO_VERDICT,
    REDUCED,
    RETURNED,
    SEALED,
    SENSOR,
    THERMAL,
    UNCHANGED,
)
from prkbench.analysis.paths import Paths, level_of, two_paths
from prkbench.analysis.segmentrates import Rates, campaign_bound, segment_rates, volumes_of
from prkbench.analysis.segments import SETTLE_FILL_S, Cut, cut, level_step
from prkbench.analysis.sensorhealth import sensor_fault
from prkbench.analysis.standing import leak_now, open_questions, volume_change
from prkbench.analysis.thermalcause import apparent_change
from prkbench.analysis.verdict import show

_RUN_LEVELS_SHARE = 0.05
_CHANGES = (RETURNED, INCREASED, REDUCED)
_MOST_JUMPS_TOLD = 5
_LOWEST_LAW = 1.0
"""Exponent of p below which no crack's flow goes."""
_OF_ONE_DECAY = (LEAK, SEALED, NO_VERDICT)


@dataclass(frozen=True)
class Earlier:
    """What an earlier test of the same volume gave, lb/day: 95 % interval, low <= 0 for sealed."""

    low_lb_per_day: float
    high_lb_per_day: float

    @property
    def tight(self) -> bool:
        """Whether it showed no leak."""
        return self.low_lb_per_day <= 0.0


def conclude(
    campaign: Campaign, earlier: Earlier | None = None, limit_lb_per_day: float | None = None
) -> Conclusion:
    """Examine a campaign; always returns at least one finding."""
    whole = cut(campaign)
    aside = _disturbed(whole)
    fault = sensor_fault(campaign, whole)
    if fault is not None:
        found = Finding(SENSOR, f"{fault}: nothing can be said of the leak",
                        decides="another gauge, or a step it must follow")  # fmt: skip
        return Conclusion(in_order([found, *aside]), ())
    tested, opened = _tested(whole)
    if not tested.segments:
        return Conclusion(
            in_order([Finding(NO_VERDICT, "no settled half hour with the hatch shut",
                              decides="a longer hold"), *aside]), ())  # fmt: skip
    station = _station(campaign, whole, opened)
    if station is not None and _levels_run(campaign, tested, station[0]):
        return _by_levels(campaign, tested, station, aside)
    rows = rows_of(tested, campaign)
    weigh = whitener(rows)
    law = find_law(rows, weigh)
    grows = len(law.excluded) > 1 and law.best is not None and law.best < _LOWEST_LAW
    tested, kinks = split_at_kinks(campaign, tested, law.exponent, grows=grows)
    if kinks:
        rows = rows_of(tested, campaign)
        weigh = whitener(rows)
        law = find_law(rows, weigh)
    rates = segment_rates(rows, weigh, law.exponent)
    changes = compare(rows, rates, law, kinks, opened, earlier_of(campaign, earlier))
    findings = list(changes.findings)
    was = earlier_of(campaign, earlier)
    reasons = [law.sentence, *changes.reasons]
    reasons += _other_law(rows, weigh, law, changes, kinks, opened, was)
    reasons += _unlogged(campaign, tested)
    findings += _thermal(campaign, tested, law, changes)
    findings += leak_now(campaign, changes, station is not None, limit_lb_per_day)
    doubts = open_questions(campaign, whole, findings)
    if any(not doubt.aside for doubt in doubts):
        # Supply that nobody logged makes a change of rate as easily as the leak does.
        reasons += [f.sentence for f in findings if f.word in _CHANGES]
        findings = [f for f in findings if f.word not in _CHANGES]
    findings += volume_change(rows) + doubts + aside
    return _conclusion(campaign, rows, rates, law, changes, findings, reasons)


def earlier_of(campaign: Campaign, earlier: Earlier | None) -> tuple[float, float] | None:
    """An earlier test's interval as decay constants of this campaign."""
    if earlier is None:
        return None
    k = campaign.conversion.k_from_lb_per_day
    return k(earlier.low_lb_per_day), k(earlier.high_lb_per_day)


def _conclusion(campaign: Campaign, rows: Rows, rates: Rates, law: FlowLaw, changes: Changes,
                findings: list[Finding], reasons: list[str]) -> Conclusion:  # fmt: skip
    volumes = volumes_of(rows)
    share = np.ones(len(rows.segments)) if volumes is None else volumes
    errors = np.sqrt(np.diag(rates.covariance)) * share
    lb = campaign.lb_per_day
    t = rows.t_s
    spans = [t[rows.segment == n] for n in range(len(rows.segments))]
    return Conclusion(
        in_order(findings), tuple(reasons), law, None, changes.onset,
        tuple((float(span[0]), float(span[-1])) for span in spans),
        tuple((lb(k), lb(k - 1.96 * se), lb(k + 1.96 * se))
              for k, se in zip((rates.k_per_s * share).tolist(), errors.tolist(), strict=True)),
        changes.last, campaign_bound(campaign, *changes.last),
    )  # fmt: skip


def _disturbed(whole: Cut) -> list[Finding]:
    if not whole.disturbed_s:
        return []
    spans = ", ".join(f"{a / 3600.0:.1f} to {b / 3600.0:.1f} h" for a, b in whole.disturbed_s[:3])
    return [Finding(DISTURBED, f"temperature moved faster than a room's heating does: {spans} "
                               "left out")]  # fmt: skip


def _unlogged(campaign: Campaign, tested: Cut) -> list[str]:
    """Name jumps that the log does not explain; the rates are silent about those at the end."""
    spans: list[list[int]] = []
    for n in np.searchsorted(campaign.t_s, tested.unlogged_jumps_s).tolist():
        if spans and campaign.t_s[n] - campaign.t_s[spans[-1][1]] <= SETTLE_FILL_S:
            spans[-1][1] = n
        else:
            spans.append([n, n])
    last = tested.segments[-1]
    lines = []
    for first, end in spans:
        change = campaign.pressure_pa[end] - campaign.pressure_pa[first - 1]
        short = "; what came after is too short to be told" if first >= last.stop else ""
        lines.append(
            f"at {campaign.t_s[first] / 3600.0:.1f} h the pressure went by {change:+.0f} Pa, and "
            f"nobody wrote why{short}"
        )
    return lines[:_MOST_JUMPS_TOLD]


def _tested(whole: Cut) -> tuple[Cut, Cut]:
    """Segments of the volume under test, and those with the hatch open beside them."""
    shut = any(segment.hatch_shut for segment in whole.segments)
    opened = tuple(s for s in whole.segments if s.hatch_shut is False and shut)
    kept = tuple(s for s in whole.segments if s not in opened)
    return replace(whole, segments=kept), replace(whole, segments=opened)


def _station(campaign: Campaign, whole: Cut, opened: Cut) -> tuple[Array, float] | None:
    """Pressure beyond the hatch at every reading and what it may be wrong by."""
    at = [whole.of(segment) for segment in opened.segments]
    readings = np.concatenate(at) if at else np.zeros(0, dtype=np.intp)
    if campaign.station_pa is not None:
        apart = campaign.pressure_pa - campaign.station_pa
        if len(readings):
            # With the hatch open both stand at one pressure: that nulls them.
            return campaign.station_pa + float(apart[readings].mean()), 2.0
        return campaign.station_pa, campaign.doubt.null_pa
    if not len(readings):
        return None
    level = float(campaign.pressure_pa[readings].mean())
    return np.full(len(campaign.t_s), level), max(campaign.doubt.count_pa, 2.0)


def _levels_run(campaign: Campaign, tested: Cut, station_pa: Array) -> bool:
    """Whether somebody set levels, or the pressure rises as only inflow makes it rise."""
    rows = rows_of(tested, campaign)
    levels = level_of(rows)
    set_by_hand = [p for p, s in zip(levels, tested.segments, strict=True) if level_step(s.began)]
    apart = float(station_pa.mean()) * _RUN_LEVELS_SHARE
    vented = [p for p in set_by_hand if p < float(station_pa.mean()) - apart]
    return len(vented) >= 1 and max(levels) - min(levels) > apart


def _by_levels(campaign: Campaign, tested: Cut, station: tuple[Array, float],
               aside: list[Finding]) -> Conclusion:  # fmt: skip
    rows = rows_of(tested, campaign)
    paths = two_paths(rows, whitener(rows), *station)
    lb = campaign.lb_per_day
    external = f"external leak {show(lb(paths.external_95[0]))} to " \
               f"{show(lb(paths.external_95[1]))} lb/day"  # fmt: skip
    hatch = f"hatch {show(lb(paths.hatch_95[0]))} to {show(lb(paths.hatch_95[1]))} lb/day"
    crossing = ""
    if paths.zero_crossing_pa is not None:
        low, high = (p / 1000.0 for p in paths.zero_crossing_pa)
        crossing = f"; dp/dt crosses zero at {low:.1f} to {high:.1f} kPa"
    sentence = f"{external}, {hatch} at 95 %{crossing}"
    z = min(abs(fit.external[0]) / max(fit.external[1], 1e-300) for fit in paths.fits)
    odds = odds_of(z) if paths.word in (MASKED, LEAK) else 0.05 if paths.word == SEALED else None
    if paths.word == HATCH_ONLY:
        odds = 0.05
    found = Finding(str(paths.word), sentence, odds, _what_decides(paths))
    return Conclusion(
        in_order([found, *aside]),
        (f"{len(paths.fits)} pairs of flow laws fit the levels",), None, paths,
        upper_lb_per_day=lb(paths.external_upper),
    )  # fmt: skip


def _what_decides(paths: Paths) -> str | None:
    if paths.word != CANNOT_TELL:
        return None
    if paths.missing:
        levels = ", ".join(f"{p / 1000.0:.0f}" for p in paths.missing)
        return f"holds at {levels} kPa"
    return "longer holds, temperature readings, gauges compared with the hatch open"


def _other_law(rows: Rows, weigh: Whitener, law: FlowLaw, changes: Changes, kinks: list[Kink],
               opened: Cut, earlier: tuple[float, float] | None) -> list[str]:  # fmt: skip
    """Say so where the verdict hangs on a law that was assumed."""
    for n in law.others:
        other = compare(rows, segment_rates(rows, weigh, n), law, kinks, opened, earlier)
        if {f.word for f in other.findings} != {f.word for f in changes.findings}:
            words = ", ".join(f.word for f in other.findings) or "no change"
            return [f"with exponent {n:g} instead: {words}; a wider span of pressure decides"]
    return []


def _thermal(campaign: Campaign, tested: Cut, law: FlowLaw, changes: Changes) -> list[Finding]:
    for segment in tested.segments:
        seen = apparent_change(campaign, tested, segment, law.exponent)
        if seen is None:
            continue
        begin, end = (t / 3600.0 for t in seen.span_s)
        raw = show(campaign.lb_per_day(seen.raw))
        if seen.corrected is None:
            return [Finding(
                CANNOT_TELL,
                f"from {begin:.0f} to {end:.0f} h the rate seems to change by {raw} lb/day; "
                f"{seen.needed_k:.1f} K would do that, and nobody read the temperature",
                decides="temperature readings to 0.2 K")]  # fmt: skip
        if not seen.explained:
            continue
        left = show(campaign.lb_per_day(seen.corrected[0]))
        found = [Finding(
            THERMAL,
            f"an apparent change by {raw} lb/day from {begin:.0f} to {end:.0f} h is the "
            f"temperature's: {seen.needed_k:.1f} K would make it, {seen.measured_k:+.1f} K were "
            f"measured, {left} lb/day are left", 0.01)]  # fmt: skip
        if not changes.findings and len(changes.groups) == 1:
            found.append(Finding(UNCHANGED, "the rate corrected for temperature is what it was"))
        return found
    return []


def applies(campaign: Campaign, found: Conclusion) -> bool:
    """Whether a conclusion says of a record what one decay through all of it cannot.

    That is: something was logged, there is more than one segment, or a word was reached that one
    decay does not know. Otherwise the fit through all of it tells the rate better.
    """
    if campaign.log or len(found.spans_s) > 1 or found.paths is not None:
        return True
    return any(word not in _OF_ONE_DECAY for word in found.words)

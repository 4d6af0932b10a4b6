"""Whether there is a leak now, and what cannot be told beside it."""

from __future__ import annotations

from prkbench.analysis.campaign import Campaign
from prkbench.analysis.changes import Changes
from prkbench.analysis.comparison import SURE
from prkbench.analysis.finding import Finding, odds_of
from prkbench.analysis.joint import Rows
from prkbench.analysis.outcome import (
    CANNOT_TELL,
    LEAK,
    NO_VERDICT,
    RETURNED,
    SEALED,
    THERMAL,
    VOLUME_CHANGED,
)
from prkbench.analysis.segmentrates import campaign_bound
from prkbench.analysis.segments import Cut
from prkbench.analysis.sensorhealth import all_equal
from prkbench.analysis.verdict import show

SEALED_LB_PER_DAY = {"prk": 0.15, "bench": float("inf")}
"""Without a limit of the user: what counts as sealed. A bench says its bound, whatever it is."""
_PRK_LARGEST_M3 = 7.4


def leak_now(campaign: Campaign, changes: Changes, station_known: bool, limit: float | None,
             ) -> list[Finding]:  # fmt: skip
    """Whether the last steady stretch leaks: LEAK, SEALED with its bound, or no verdict yet.

    station_known: the pressure beyond the hatch is known, so one level alone bounds nothing.
    """
    k, se = changes.last
    lb = campaign.lb_per_day
    bound = campaign_bound(campaign, k, se)
    if k > SURE * se:
        low, high = lb(k - 1.96 * se), lb(k + 1.96 * se)
        return [Finding(LEAK, f"{show(lb(k))} lb/day (95 %: {show(low)} to {show(high)})",
                        odds_of(k / se))]  # fmt: skip
    if k < -SURE * se:
        return [Finding(CANNOT_TELL, "the pressure rises: gas flows in or warms", None,
                        "pressure on both sides of the hatch, and the temperature")]  # fmt: skip
    if all_equal(campaign):
        return [Finding(CANNOT_TELL, "every reading is the same: a stuck gauge looks like this",
                        None, "a step of three counts or more")]  # fmt: skip
    most = SEALED_LB_PER_DAY[campaign.scale] if limit is None else limit
    text = f"any net leak is below {show(bound)} lb/day at 95 %"
    if bound >= most:
        return [Finding(NO_VERDICT, f"no leak shown; {text}", None, "a longer test")]
    if station_known:
        levels = "holds at 100, 90, 80, 70 and 50 % of the station's pressure"
        return [Finding(CANNOT_TELL, f"{text} at this one level; inflow past the hatch may hide "
                                     "more", None, levels)]  # fmt: skip
    return [Finding(SEALED, f"{text}; what leaks out and flows in past the hatch alike is not "
                            "bounded by it", 0.05)]  # fmt: skip


def volume_change(rows: Rows) -> list[Finding]:
    """VOLUME CHANGED where the log says so."""
    volumes = [segment.volume_m3 for segment in rows.segments]
    known = [volume for volume in volumes if volume is not None]
    if len(set(known)) < 2:
        return []
    steps = " to ".join(f"{v:g}" for v in dict.fromkeys(known))
    return [Finding(VOLUME_CHANGED, f"{steps} m3 by the log: rates are compared as k V")]


def open_questions(campaign: Campaign, whole: Cut, findings: list[Finding]) -> list[Finding]:
    """Where the leak is, and what else was at work, cannot always be told."""
    words = {finding.word for finding in findings}
    jumps = len(whole.unlogged_jumps_s)
    shared = campaign.scale == "bench" and campaign.station_pa is not None
    large = campaign.scale == "prk" and (campaign.volume_m3 or 0.0) > _PRK_LARGEST_M3
    if jumps and not campaign.log:
        return [Finding(CANNOT_TELL, f"gas was let in or out {jumps} times and nobody wrote how "
                                     "much: supply and use may hide a leak or make one", None,
                        "a log of every supply", aside=not (large or shared))]  # fmt: skip
    opened = any(s.hatch_shut is False for s in whole.segments)
    shut = any(s.hatch_shut for s in whole.segments)
    if LEAK in words and not shut and (large or opened) and not {THERMAL, RETURNED} & words:
        return [Finding(CANNOT_TELL, "where it is: several compartments are one volume", None,
                        "the same test with each hatch shut in turn", aside=True)]  # fmt: skip
    if large and not campaign.log and words & {SEALED, NO_VERDICT}:
        return [Finding(CANNOT_TELL, "nothing is logged for a volume of several compartments: "
                                     "supply and use may hide a leak", None,
                        "a log of hatches and supply", aside=False)]  # fmt: skip
    return []

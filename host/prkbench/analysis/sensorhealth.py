"""Whether the gauge can be believed at all: a dead one looks exactly like a sealed vessel."""

from __future__ import annotations

import numpy as np

from prkbench.analysis.campaign import P_REF_PA, Campaign
from prkbench.analysis.decayfit import Record
from prkbench.analysis.readingdoubt import stuck
from prkbench.analysis.segments import Cut, level_step

_STEP_COUNTS = 3.0
_REACTED = 0.5
"""Share of a predicted step that a live gauge shows at least; the rest is heat and lag."""
_REPEATS = 10
"""Minutes whose mean repeats to the last bit: noise of one count a sample never allows that."""
_SAME_PA = 1e-6
_EQUAL_READINGS = 12
_DRIFTED_PA = 10.0


def sensor_fault(campaign: Campaign, cut: Cut) -> str | None:
    """What is wrong with the gauge in one sentence, None where nothing shows."""
    return (
        _repeats(campaign) or _no_reaction(campaign) or _held_still(campaign)
        or _drifted_apart(campaign, cut)
    )  # fmt: skip


def all_equal(campaign: Campaign) -> bool:
    """Whether nothing proves that the gauge is alive: every reading is the same."""
    return bool(np.ptp(campaign.pressure_pa) == 0.0 and len(campaign.t_s) >= _EQUAL_READINGS)


def _repeats(campaign: Campaign) -> str | None:
    if campaign.scale != "bench":
        return None
    same = np.abs(np.diff(campaign.pressure_pa)) < _SAME_PA
    run = 0
    for number, equal in enumerate(same):
        run = run + 1 if equal else 0
        if run >= _REPEATS:
            hours = (campaign.t_s[number] - _REPEATS * campaign.step_s) / 3600.0
            return f"the raw counts repeat to the last bit from {hours:.1f} h on: the sensor sticks"
    return None


def _no_reaction(campaign: Campaign) -> str | None:
    """A logged step of three counts or more must show."""
    t, p = campaign.t_s, campaign.pressure_pa
    count = campaign.doubt.count_pa or 1.0
    for entry in campaign.log:
        if not level_step(entry) or not t[0] < entry.t_s < t[-1]:
            continue
        before = int(np.searchsorted(t, entry.t_s - 0.5)) - 1
        after = int(np.searchsorted(t, entry.t_s + 0.5))
        if before < 0 or after >= len(t):
            continue
        # A mean over a minute may straddle the step: the reading after shows all of it.
        moved = float(np.max(np.abs(p[after : after + 2] - p[before])))
        if entry.target_pa is None:
            # No size is stated: a gauge that gives the same readings around it is suspect, but
            # only where they were the same for long before, too.
            first = max(0, before - _EQUAL_READINGS)
            last = min(len(p), after + _EQUAL_READINGS)
            if float(np.ptp(p[first:last])) == 0.0 and last - first >= _EQUAL_READINGS:
                return f"does not react to the step logged at {entry.t_s / 3600.0:.1f} h"
            continue
        due = abs(entry.target_pa - float(p[before]))
        if due >= _STEP_COUNTS * count and moved < min(_REACTED * due, due - 2.0 * count):
            return (
                f"does not react to the step logged at {entry.t_s / 3600.0:.1f} h: "
                f"{due:.0f} Pa due, {moved:.0f} Pa shown"
            )
    return None


def _held_still(campaign: Campaign) -> str | None:
    """Equal readings where the temperature moves the pressure by two counts."""
    if campaign.scale == "bench" or not campaign.doubt.temperature_known:
        return None
    record = Record(
        campaign.t_s, campaign.pressure_pa, campaign.temperature_k, campaign.reference_pa
    )
    if stuck(record, campaign.doubt):
        return "repeats readings while the temperature moves the pressure by two steps"
    return None


def _drifted_apart(campaign: Campaign, cut: Cut) -> str | None:
    """Two sensors at one pressure, hatch open, must differ by the same at both times."""
    station = campaign.station_pa
    if station is None:
        return None
    apart = [
        float(np.mean((campaign.pressure_pa - station)[cut.of(segment)]))
        for segment in cut.segments
        if segment.hatch_shut is False
    ]
    if len(apart) < 2 or max(apart) - min(apart) < _DRIFTED_PA * P_REF_PA / 1e5:
        return None
    return (
        f"the two sensors' difference with the hatch open went from {apart[0]:.0f} to "
        f"{apart[-1]:.0f} Pa: one of them drifts"
    )

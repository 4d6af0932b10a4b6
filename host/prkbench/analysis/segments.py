"""Cuts a campaign into segments in which nothing but the leak changes the gas.

A segment ends where the log says that something was done to the gas, where the pressure jumps as
only a hand makes it jump, and at a gap. After a beginning the gas settles and is left out; so are
readings while something outside (a door) moves the temperature faster than rooms do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from prkbench.analysis.campaign import Array, Campaign
from prkbench.analysis.testlog import HATCH_OPENED, HATCH_SHUT, STEP, VENT, LogEntry
from prkbench.analysis.testlog import REPRESS as REPRESSED

Kept = NDArray[np.bool_]

SETTLE_START_S = {"prk": 0.0, "bench": 300.0}
"""After the start a chip warms itself, by 50 mK in two minutes or so, which the gas does not: what
is left of it then is under half of the 10 mK that nobody sees."""
SETTLE_FILL_S = 1800.0
SETTLE_LEVEL_S = 1200.0
SETTLE_HATCH_S = {"prk": 12 * 3600.0, "bench": 1200.0}
"""After the hatch was shut on gas that had been moved about: at PrK scale that takes long."""
LEAST_S = 1800.0
_DOOR_K_PER_S = 0.03 / 60.0
_DOOR_OVER_S = 600.0
_DOOR_BEFORE_S = 720.0
_DOOR_AFTER_S = 2700.0
_TREND = 5
"""Changes whose median is the trend that a jump stands out of."""
_LONG_GAPS = 6.5
"""Gaps of more than these steps end a segment of a dense record."""


@dataclass(frozen=True)
class Segment:
    """Readings start to stop - 1, of which those in the campaign's `kept` count.

    began: the entry that opened it, None at the record's start or where nobody wrote one down;
    hatch_shut: None where the log does not say; volume_m3: None where it is not known (a hatch was
    opened to something of unknown size). unlogged: it begins with a change found in the data.
    """

    start: int
    stop: int
    began: LogEntry | None = None
    hatch_shut: bool | None = None
    volume_m3: float | None = None
    unlogged: bool = False


@dataclass(frozen=True)
class Cut:
    """A campaign's segments with readings that count, and what was left out.

    kept: per reading; disturbed_s: spans (from, to) in s; unlogged_jumps: times of jumps that the
    log does not explain.
    """

    segments: tuple[Segment, ...]
    kept: Kept
    disturbed_s: tuple[tuple[float, float], ...]
    unlogged_jumps_s: tuple[float, ...]

    def of(self, segment: Segment) -> NDArray[np.intp]:
        """The readings of a segment that count."""
        return segment.start + np.flatnonzero(self.kept[segment.start : segment.stop])


def cut(campaign: Campaign) -> Cut:
    """Cut a campaign; segments without enough that counts are dropped."""
    t = campaign.t_s
    settled = t >= t[0] + SETTLE_START_S[campaign.scale] if len(t) else np.ones(0, dtype=bool)
    edges: dict[int, LogEntry | None] = {0: None}
    opened = _first_open(campaign)
    state = _State(False if opened else None, campaign.volume_m3)
    states: dict[int, _State] = {0: state}
    for entry in (entry for entry in campaign.log if entry.cuts):
        # A reading at the very time of an event may show either side of it.
        at = int(np.searchsorted(t, entry.t_s + 0.5))
        state = state.after(entry)
        skip = _settling_s(campaign, entry, opened)
        opened = opened or entry.kind == HATCH_OPENED
        if entry.t_s > t[0] or skip:
            settled &= ~((t >= entry.t_s - 0.5 * _slack(campaign)) & (t < entry.t_s + skip + 0.5))
        if at < len(t):
            edges[at] = entry
            states[at] = state
    jumps = []
    for at in _jumps(campaign):
        near = [e for e in edges if e and abs(e - at) <= 2]
        if near:
            continue
        edges[at] = None
        jumps.append(float(t[at]))
        settled &= ~((t >= t[at] - 0.5 * _slack(campaign)) & (t < t[at] + _after_jump(campaign)))
    for at in _gaps(campaign):
        edges.setdefault(at, None)
    doors = _disturbances(campaign, settled)
    kept = settled.copy()
    for begin, end in doors:
        kept &= ~((t >= begin) & (t <= end))
    segments = []
    order = sorted(edges)
    state = states[0]
    for first, stop in zip(order, [*order[1:], len(t)], strict=True):
        state = states.get(first, state)
        segment = Segment(first, stop, edges[first], state.hatch_shut, state.volume_m3)
        if enough(campaign, kept, segment):
            segments.append(segment)
    return Cut(tuple(segments), kept, tuple(doors), tuple(jumps))


def enough(campaign: Campaign, kept: Kept, segment: Segment) -> bool:
    """Whether a segment holds two readings, and in a dense record half an hour of them."""
    inside = np.flatnonzero(kept[segment.start : segment.stop])
    if len(inside) < 2:
        return False
    long = campaign.t_s[segment.start + inside[-1]] - campaign.t_s[segment.start + inside[0]]
    return bool(long >= LEAST_S - campaign.step_s and long > 0.0)


def split(cut_: Cut, segment: Segment, at: int) -> Cut:
    """The same cut with a segment parted at a reading where nobody wrote anything down."""
    first = replace(segment, stop=at)
    second = replace(segment, start=at, began=None, unlogged=True)
    parts: list[Segment] = []
    for other in cut_.segments:
        parts += [first, second] if other is segment else [other]
    return replace(cut_, segments=tuple(parts))


@dataclass(frozen=True)
class _State:
    """What the log says of the hatch and the volume so far."""

    hatch_shut: bool | None
    volume_m3: float | None

    def after(self, entry: LogEntry) -> _State:
        shut, volume = self.hatch_shut, self.volume_m3
        if entry.kind == HATCH_SHUT:
            shut = True
        elif entry.kind == HATCH_OPENED:
            # A hatch to a further vessel of known size leaves the one under test as it was.
            shut = shut if entry.added_m3 is not None else False
        if entry.volume_m3 is not None:
            volume = entry.volume_m3
        elif entry.added_m3 is not None:
            volume = None if volume is None else volume + entry.added_m3
        return _State(shut, volume)


def _first_open(campaign: Campaign) -> bool:
    """A hatch shut in mid-record was open before, whether or not that was written down."""
    hatch = [entry for entry in campaign.log if entry.kind in (HATCH_SHUT, HATCH_OPENED)]
    late = campaign.t_s[0] + 60.0 + campaign.step_s
    return bool(hatch) and hatch[0].kind == HATCH_SHUT and hatch[0].t_s > late


def _settling_s(campaign: Campaign, entry: LogEntry, opened: bool) -> float:
    if entry.kind == HATCH_SHUT:
        return SETTLE_HATCH_S[campaign.scale] if opened else 0.0
    if entry.fills:
        return SETTLE_FILL_S
    return SETTLE_LEVEL_S if entry.kind in (VENT, HATCH_OPENED) else 0.0


def _slack(campaign: Campaign) -> float:
    """How much earlier than written something may have been done, s."""
    return min(120.0, 0.5 * campaign.step_s)


def _after_jump(campaign: Campaign) -> float:
    return SETTLE_FILL_S if campaign.scale == "bench" else 1.0


def _jumps(campaign: Campaign) -> NDArray[np.intp]:
    """First readings after a jump that neither the leak nor the temperature makes."""
    change = np.diff(campaign.pressure_pa)
    if campaign.scale == "prk":
        # A fall may be a leak however fast, a rise that goes on inflow; a rise that stands alone
        # and is beyond gauge and temperature is a repress.
        padded = np.concatenate([[0.0], np.maximum(change, 0.0), [0.0]])
        alone = change - np.maximum(padded[:-2], padded[2:])
        return np.asarray(np.flatnonzero(alone > campaign.jump_pa) + 1)
    # What the temperature does at the same time, a door, is no hand on a valve.
    found = np.flatnonzero(
        np.minimum(_sudden(change), _sudden(np.diff(campaign.reduced_pa))) > campaign.jump_pa
    ) + 1  # fmt: skip
    return np.asarray(found[np.concatenate([[True], np.diff(found) > 2])] if len(found) else found)


def _sudden(change: Array) -> Array:
    """Change from one reading to the next against the trend of those before it.

    The trend is a median: a repress that falls into two minutes, a third of it into the first,
    would else raise what the second is held against.
    """
    if not len(change):
        return change
    before = np.concatenate([np.full(_TREND, np.median(change[:_TREND])), change[:-1]])
    return np.asarray(np.abs(change - np.median(sliding_window_view(before, _TREND), axis=1)))


def _gaps(campaign: Campaign) -> NDArray[np.intp]:
    if campaign.scale == "prk":
        return np.zeros(0, dtype=np.intp)
    steps = np.diff(campaign.t_s)
    return np.asarray(np.flatnonzero(steps > _LONG_GAPS * campaign.step_s) + 1)


def _disturbances(campaign: Campaign, settled: Kept) -> list[tuple[float, float]]:
    """Spans in which the temperature moved faster than a room's heating makes it move."""
    t = campaign.t_s
    if not campaign.doubt.temperature_known or campaign.step_s > 0.5 * _DOOR_OVER_S:
        return []
    lag = max(1, round(_DOOR_OVER_S / campaign.step_s))
    if len(t) <= lag:
        return []
    moved = np.abs(campaign.temperature_k[lag:] - campaign.temperature_k[:-lag])
    over = t[lag:] - t[:-lag]
    # Neither end may be of a gas that settles after somebody filled or vented.
    steady = settled[lag:] & settled[:-lag] & (over < 1.5 * _DOOR_OVER_S)
    spans: list[tuple[float, float]] = []
    for at in np.flatnonzero((moved > _DOOR_K_PER_S * over) & steady):
        begin, end = t[at] - _DOOR_BEFORE_S, t[at + lag] + _DOOR_AFTER_S
        if spans and begin <= spans[-1][1]:
            spans[-1] = (spans[-1][0], float(end))
        else:
            spans.append((float(begin), float(end)))
    return spans


def level_step(entry: LogEntry | None) -> bool:
    """Whether a segment began by somebody setting a pressure."""
    return entry is not None and entry.kind in (REPRESSED, VENT, STEP)

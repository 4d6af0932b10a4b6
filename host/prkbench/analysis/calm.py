"""Which minutes count for what is watched: settled after events, not disturbed by a door.

The rules and thresholds are those by which a record is cut into segments; here they are applied
minute by minute, as minutes and the operator's notes come. A disturbance is seen only once the
temperature has moved for some minutes, and then reaches back.
"""

from __future__ import annotations

import bisect
from collections import deque
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from prkbench.analysis import segments
from prkbench.analysis.independent import Used
from prkbench.analysis.testlog import HATCH_OPENED, HATCH_SHUT, VENT, LogEntry

SLOT_S = 60.0
OVER = round(segments._DOOR_OVER_S / SLOT_S)
"""Minutes over which the temperature's change is taken."""
_BEFORE = round(segments._DOOR_BEFORE_S / SLOT_S)
_AFTER = round(segments._DOOR_AFTER_S / SLOT_S)
_MOST_K = segments._DOOR_K_PER_S * segments._DOOR_OVER_S
_MOST_OVER = 1.5 * OVER
REACH = OVER + _BEFORE
"""So many minutes back a disturbance may be found to have begun."""
_FILL = round(segments.SETTLE_FILL_S / SLOT_S)
_LATE_S = 2.0 * SLOT_S
Span = tuple[int, int]


class Calm:
    """Push every minute that the node lets count, in time, and the log's entries before them.

    jump_pa: step of p_T from segment to segment that only a hand makes; settle_min: minutes that
    the node has left out already. `spans`: disturbed minutes (first, last), growing; `cuts`: how
    many events have ended a segment.
    """

    def __init__(self, jump_pa: float, settle_min: int) -> None:
        self._jump_pa, self._settle_min = jump_pa, settle_min
        self._entries: list[LogEntry] = []
        self._recent: deque[tuple[int, float]] = deque()
        self._segment: int | None = None
        self._y = 0.0
        self._skip_until = 0
        self._open = False
        self._hatch_seen = False
        self.spans: list[Span] = []
        self.cuts = 0
        self.begun_at: int | None = None
        """Slot at which the hatch was first shut, where it was open from the start."""

    def note(self, entry: LogEntry) -> None:
        """Take an entry of the operator's log, in any order, before the minutes after it."""
        if entry.cuts:
            bisect.insort(self._entries, entry, key=lambda one: one.t_s)

    def push(self, segment: int, slot: int, kelvin: float, y: float) -> tuple[bool, Span | None]:
        """Whether a minute counts so far, and the span that it shows to be disturbed, if any."""
        while self._entries and self._entries[0].t_s < (slot + 1) * SLOT_S:
            self._apply(self._entries.pop(0))
        if segment != self._segment:
            if self._segment is not None and abs(y - self._y) > self._jump_pa:
                self._skip_until = max(self._skip_until, slot - self._settle_min + _FILL)
            self._segment = segment
        self._y = y
        if slot < self._skip_until or self._open:
            return False, None
        found = self._door(slot, kelvin)
        return not self.disturbed(slot), found

    @property
    def spans_h(self) -> list[list[float]]:
        """Disturbed spans in hours since the record's start: from, to."""
        return [[max(first, 0) / 60.0, (last + 1) / 60.0] for first, last in self.spans]

    def disturbed(self, slot: int) -> bool:
        """Whether a minute lies in a span found so far."""
        return any(first <= slot <= last for first, last in self.spans[-2:])

    def _apply(self, entry: LogEntry) -> None:
        self.cuts += 1
        skip_s = 0.0
        if entry.kind == HATCH_SHUT:
            late = not self._hatch_seen and entry.t_s > _LATE_S
            if self._open or late:
                skip_s = segments.SETTLE_HATCH_S["bench"]
            self._open = False
            if late:
                self.begun_at = int(entry.t_s // SLOT_S)
        elif entry.kind == HATCH_OPENED:
            # A hatch to a further vessel of known size leaves the one under test as it was.
            self._open = self._open or entry.added_m3 is None
            skip_s = segments.SETTLE_LEVEL_S
        elif entry.kind == VENT:
            skip_s = segments.SETTLE_LEVEL_S
        elif entry.fills:
            skip_s = segments.SETTLE_FILL_S
        self._hatch_seen = self._hatch_seen or entry.kind in (HATCH_SHUT, HATCH_OPENED)
        # A minute counts again once its middle is past the settling, none in which it happened.
        after = int((entry.t_s + skip_s) // SLOT_S) + 1
        self._skip_until = max(self._skip_until, after)

    def _door(self, slot: int, kelvin: float) -> Span | None:
        recent = self._recent
        recent.append((slot, kelvin))
        while len(recent) > OVER + 1:
            recent.popleft()
        first, before = recent[0]
        if len(recent) <= OVER or slot - first >= _MOST_OVER:
            return None
        if abs(kelvin - before) <= _MOST_K * (slot - first) / OVER:
            return None
        begin, end = first - _BEFORE, slot + _AFTER
        if self.spans and begin <= self.spans[-1][1]:
            begin = self.spans[-1][0]
            self.spans[-1] = (begin, end)
        else:
            self.spans.append((begin, end))
        return self.spans[-1]


def calm_mask(
    used: Used, jump_pa: float, settle_min: int, log: Sequence[LogEntry] = ()
) -> tuple[NDArray[np.bool_], NDArray[np.int64], Calm]:
    """Which minutes of a record count, and their segments with the log's cuts in them."""
    calm = Calm(jump_pa, settle_min)
    for entry in log:
        calm.note(entry)
    counts, numbers = [], []
    columns = (used.segment, used.slot, used.t, used.y)
    for segment, slot, kelvin, y in zip(*(c.tolist() for c in columns), strict=True):
        counts.append(calm.push(segment, slot, kelvin, y)[0])
        numbers.append(segment + calm.cuts)
    keep = np.array(counts, dtype=bool)
    for first, last in calm.spans:
        keep &= (used.slot < first) | (used.slot > last)
    if calm.begun_at is not None:
        keep &= used.slot > calm.begun_at
    return keep, np.array(numbers, dtype=np.int64), calm


def calm_minutes(
    used: Used, jump_pa: float, settle_min: int, log: Sequence[LogEntry] = ()
) -> tuple[Used, Calm]:
    """The minutes of a record that count, and what was found to disturb the others."""
    keep, segment, calm = calm_mask(used, jump_pa, settle_min, log)
    left = Used(segment[keep], used.slot[keep], used.x[keep], used.t[keep], used.y[keep])
    return left, calm

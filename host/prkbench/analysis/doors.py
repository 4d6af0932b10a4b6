"""Recognises what moves the temperature faster than a room's heating does: a door, a hand.

The rule is that of the cut into segments: over ten minutes more than the threshold, from twelve
minutes before to three quarters of an hour after. Here it is applied minute by minute, as the
minutes come.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from prkbench.analysis import segments
from prkbench.analysis.independent import Used

SLOT_S = 60.0
OVER = round(segments._DOOR_OVER_S / SLOT_S)
"""Minutes over which the temperature's change is taken."""
BEFORE = round(segments._DOOR_BEFORE_S / SLOT_S)
AFTER = round(segments._DOOR_AFTER_S / SLOT_S)
MOST_K = segments._DOOR_K_PER_S * segments._DOOR_OVER_S
_MOST_OVER = 1.5 * OVER
REACH = OVER + BEFORE
"""So many minutes back a disturbance may be found to have begun."""


class Doors:
    """Push every settled minute; `spans` are the minutes (first, last) that do not count."""

    def __init__(self) -> None:
        self._recent: deque[tuple[int, float]] = deque()
        self.spans: list[tuple[int, int]] = []

    def push(self, slot: int, kelvin: float) -> tuple[int, int] | None:
        """Take a minute; the span that this one shows to be disturbed, if it does."""
        recent = self._recent
        recent.append((slot, kelvin))
        while len(recent) > OVER + 1:
            recent.popleft()
        first, before = recent[0]
        if len(recent) <= OVER or slot - first > _MOST_OVER:
            return None
        if abs(kelvin - before) <= MOST_K * (slot - first) / OVER:
            return None
        begin, end = first - BEFORE, slot + AFTER
        if self.spans and begin <= self.spans[-1][1]:
            self.spans[-1] = (self.spans[-1][0], end)
        else:
            self.spans.append((begin, end))
        return self.spans[-1]

    def restart(self) -> None:
        """Something was done to the gas: what is warm now was filled, not let in by a door."""
        self._recent.clear()

    def disturbed(self, slot: int) -> bool:
        """Whether a minute lies in a span found so far."""
        return bool(self.spans) and any(first <= slot <= last for first, last in self.spans[-2:])


def calm_minutes(used: Used) -> Used:
    """The minutes of a record that no disturbance reaches; segments and settling stay as given."""
    doors = Doors()
    segment = None
    for number, slot, kelvin in zip(
        used.segment.tolist(), used.slot.tolist(), used.t.tolist(), strict=True
    ):
        if number != segment:
            segment = number
            doors.restart()
        doors.push(slot, kelvin)
    if not doors.spans:
        return used
    keep = np.ones(len(used.slot), dtype=bool)
    for first, last in doors.spans:
        keep &= (used.slot < first) | (used.slot > last)
    return Used(used.segment[keep], used.slot[keep], used.x[keep], used.t[keep], used.y[keep])

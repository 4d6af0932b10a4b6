"""From block means to regression rows, cut where the record is disturbed.

A segment is a stretch with one gas filling: it ends at a repress or a vent (recognised as a jump
of pressure away from its trend, whether or not anybody said so, or by a valve that was open), after
a gap of more than five slots, and at a sensor's restart. A row needs its two neighbours, so it
comes one block later.
"""

from prknode.compat import const
from prknode.records import EV_GAP, EV_REPRESS, EV_VENT

MAX_BRIDGED = const(5)
"""Missing slots that the trapezoid bridges in I; a longer gap ends the segment."""

CONTINUES = const(0)
BEGINS = const(1)
GAP = const(2)
REPRESS = const(3)
VENT = const(4)
RESTART = const(5)
EVENT_CODES = (0, 0, EV_GAP, EV_REPRESS, EV_VENT, 0)
"""Event in the log for each of them, 0 for none."""


class Segmenter:
    """Decides for each valid block whether it continues the segment, and whether to skip it.

    jump: pressure change against the trend that ends a segment, Pa/4096; settle: blocks left
    out after a segment's beginning, twice as many where it began with gas let in or out: that
    warms and cools more than a run's own beginning.
    """

    def __init__(self, jump, settle):
        self._jump = jump
        self._settle = settle
        self.number = 0
        self._slot = -1
        self._p = 0
        self._trend = None  # (pressure change, slots it took)
        self._fresh = False
        self._skip_until = 0

    def step(self, slot, p, restarted, valve=CONTINUES):
        """Take a valid block; returns why a segment begins here, or CONTINUES.

        slot: its number; p: chamber, Pa/4096; restarted: a sensor was re-initialised inside it;
        valve: REPRESS or VENT when one was open inside it.
        """
        why = CONTINUES
        gap = slot - self._slot
        if self._slot < 0:
            why = BEGINS
        elif restarted:
            why = RESTART
        elif gap > MAX_BRIDGED + 1:
            why = GAP
        elif valve != CONTINUES:
            why = valve
        elif self._trend is not None:
            change, slots = self._trend
            # Both over the same time, cross-multiplied: no rounding.
            excess = (p - self._p) * slots - change * gap
            if excess > self._jump * slots:
                why = REPRESS
            elif excess < -self._jump * slots:
                why = VENT
        if why != CONTINUES:
            self.number += 1
            moved = why == REPRESS or why == VENT
            self._skip_until = slot + (2 * self._settle if moved else self._settle)
            self._trend = None
        elif not self._fresh:
            self._trend = (p - self._p, gap)
        # The disturbance lay somewhere inside the segment's first block: the step from that
        # block's mean to the next one's is part of it, no trend.
        self._fresh = why != CONTINUES
        self._slot = slot
        self._p = p
        return why

    def settled(self, slot):
        """Whether the segment's settling blocks are over at that slot."""
        return slot >= self._skip_until


class Row:
    """One regression row: y = c - k I + d D within a segment.

    i: running integral of x in half steps of the slot, Pa/4096; d: T[b+1] - T[b-1], K/2^20;
    y: p_T, Pa/4096.
    """

    __slots__ = ("d", "i", "segment", "slot", "y")

    def __init__(self, segment, slot, i, d, y):
        self.segment = segment
        self.slot = slot
        self.i = i
        self.d = d
        self.y = y


class Rows:
    """Forms rows from settled blocks; the integral is taken at block centres by the trapezoid."""

    def __init__(self):
        self._segment = 0
        self._last = None  # (slot, x, t, y, I) of the newest block
        self._before = None  # (slot, t) of the one before it

    def step(self, segment, slot, x, t, y):
        """Take one settled block; returns the Row of the block before it, or None."""
        row = None
        if segment != self._segment or self._last is None:
            self._segment = segment
            self._before = None
            self._last = (slot, x, t, y, 0)
            return None
        last_slot, last_x, last_t, last_y, last_i = self._last
        gap = slot - last_slot
        if gap == 1 and self._before is not None and self._before[0] == last_slot - 1:
            row = Row(segment, last_slot, last_i, t - self._before[1], last_y)
        self._before = (last_slot, last_t)
        self._last = (slot, x, t, y, last_i + gap * (last_x + x))
        return row


class Tens:
    """Sums the rows of ten adjacent blocks into one of ten minutes; all ten are needed.

    I and D of the sum are the sums of the minutes' own: what the lag of the sensor does to them
    within ten minutes adds up as they do. Differences of ten-minute means would show an air
    conditioner's swing folded into another one.
    """

    def __init__(self):
        self._segment = 0
        self._slot = -1
        self._n = 0
        self._i = 0
        self._d = 0
        self._y = 0

    def step(self, row):
        """Take the Row of a block; returns that of its ten minutes when it is the last one."""
        tens = row.slot // 10
        if tens != self._slot or row.segment != self._segment:
            self._slot = tens
            self._segment = row.segment
            self._n = 0
            self._i = 0
            self._d = 0
            self._y = 0
        self._n += 1
        self._i += row.i
        self._d += row.d
        self._y += row.y
        if self._n == 10:
            return Row(row.segment, tens, self._i, self._d, self._y)
        return None

"""Sums of raw counts over 60 s slots of the node's clock.

Per sample only small-int additions: the low and the high 12 bits of every raw count are summed
apart, so a sum stays below 2^30 for 2^18 samples (200 Hz for 60 s are 12000). A slot is a stretch
of time, not a number of samples: the sensors' own clocks are per cents off and would go straight
into the decay constant.
"""

from array import array

from prknode.compat import const
from prknode.hotpath import add_counts
from prknode.records import (
    BLOCK_FAULT,
    BLOCK_VALID,
    FLAG_FAULT,
    FLAG_RESTART,
    SAMPLE_HEAD,
)

SLOT_US = const(60000000)
_SLOT_HI = const(3)  # 60e6 = 3 * 2^24 + 9668352
_SLOT_LO = const(9668352)
_LOW = const(0xFFFFFF)
_WORDS = const(5)


class Block:
    """One finished slot: what a block record holds."""

    __slots__ = ("count", "first", "flags", "numbers", "pressures", "slot", "temperatures")

    def __init__(self, slot, first, flags, count, numbers, pressures, temperatures):
        self.slot = slot
        self.first = first
        self.flags = flags
        self.count = count
        self.numbers = numbers
        self.pressures = pressures
        self.temperatures = temperatures


class BlockSums:
    """Adds samples up; take() hands out a finished slot.

    sensors: how many; paired: bit mask of the sensors that must all have delivered for a sample
    to count (chamber and reference); expected: samples a full slot holds.
    """

    def __init__(self, sensors, paired, expected):
        self._sensors = sensors
        self._paired = paired
        self._needed = (expected * 3 + 3) // 4
        self._sums = array("i", [0] * (1 + _WORDS * sensors))  # see hotpath.add_counts
        self.start()

    def start(self):
        """Begin at slot 0, sample 0."""
        self.slot = 0
        self._end_hi = _SLOT_HI
        self._end_lo = _SLOT_LO
        self._first = 0
        self._count = 0
        self._flags = 0
        self._clear()

    def _clear(self):
        self._sums[0] = self._sensors
        for i in range(1, len(self._sums)):
            self._sums[i] = 0

    def ended(self, t_hi, t_lo):
        """Whether a time lies beyond the present slot; allocates nothing."""
        return t_hi > self._end_hi or (t_hi == self._end_hi and t_lo >= self._end_lo)

    def add(self, record, at, flags):
        """Take the sample record at that offset, in the present slot; allocates nothing."""
        self._count += 1
        if flags & (FLAG_RESTART | FLAG_FAULT):
            self._flags |= BLOCK_FAULT
        if flags & self._paired == self._paired:
            add_counts(record, at + SAMPLE_HEAD, flags, self._sums)

    def take(self):
        """Close the present slot and begin the next one; returns a Block, or None if empty."""
        block = None
        if self._count:
            sums = self._sums
            starts = range(1, len(sums), _WORDS)
            pressures = [(sums[j + 2] << 12) + sums[j + 1] for j in starts]
            temperatures = [(sums[j + 4] << 12) + sums[j + 3] for j in starts]
            flags = self._flags
            if self._complete():
                flags |= BLOCK_VALID
            block = Block(
                self.slot, self._first, flags, self._count,
                [sums[j] for j in starts], pressures, temperatures,
            )  # fmt: skip
        self._first += self._count
        self._count = 0
        self._flags = 0
        self._clear()
        self.slot += 1
        lo = self._end_lo + _SLOT_LO
        self._end_hi += _SLOT_HI + (lo >> 24)
        self._end_lo = lo & _LOW
        return block

    def _complete(self):
        for i in range(self._sensors):
            if self._paired & (1 << i) and self._sums[1 + _WORDS * i] < self._needed:
                return False
        return True

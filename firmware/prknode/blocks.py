"""Sums of raw counts over 60 s slots of the node's clock.

Per sample only small-int additions: the low and the high 12 bits of every raw count are summed
apart, so a sum stays below 2^30 for 2^18 samples (200 Hz for 60 s are 12000). A slot is a stretch
of time, not a number of samples: the sensors' own clocks are per cents off and would go straight
into the decay constant.
"""

from prknode.compat import const
from prknode.records import (
    BLOCK_FAULT,
    BLOCK_VALID,
    FLAG_FAULT,
    FLAG_RESTART,
    SAMPLE_HEAD,
    SENSOR_BYTES,
)

SLOT_US = const(60000000)
_SLOT_HI = const(3)  # 60e6 = 3 * 2^24 + 9668352
_SLOT_LO = const(9668352)
_LOW = const(0xFFFFFF)


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
        self._numbers = [0] * sensors
        # Four small-int sums a sensor: pressure low and high, temperature low and high.
        self._sums = [0] * (4 * sensors)
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
        for i in range(self._sensors):
            self._numbers[i] = 0
        for i in range(4 * self._sensors):
            self._sums[i] = 0

    def ended(self, t_hi, t_lo):
        """Whether a time lies beyond the present slot; allocates nothing."""
        return t_hi > self._end_hi or (t_hi == self._end_hi and t_lo >= self._end_lo)

    def add(self, record, at, flags):
        """Take the sample record at that offset, in the present slot; allocates nothing."""
        self._count += 1
        if flags & (FLAG_RESTART | FLAG_FAULT):
            self._flags |= BLOCK_FAULT
        if flags & self._paired != self._paired:
            return
        sums = self._sums
        numbers = self._numbers
        at += SAMPLE_HEAD
        j = 0
        for i in range(self._sensors):
            if flags & (1 << i):
                numbers[i] += 1
                middle = record[at + 1]
                sums[j] += record[at] | ((middle & 15) << 8)
                sums[j + 1] += (middle >> 4) | (record[at + 2] << 4)
                middle = record[at + 4]
                sums[j + 2] += record[at + 3] | ((middle & 15) << 8)
                sums[j + 3] += (middle >> 4) | (record[at + 5] << 4)
            at += SENSOR_BYTES
            j += 4

    def take(self):
        """Close the present slot and begin the next one; returns a Block, or None if empty."""
        block = None
        if self._count:
            sums = self._sums
            n = len(self._numbers)
            pressures = [(sums[4 * i + 1] << 12) + sums[4 * i] for i in range(n)]
            temperatures = [(sums[4 * i + 3] << 12) + sums[4 * i + 2] for i in range(n)]
            flags = self._flags
            if self._complete():
                flags |= BLOCK_VALID
            block = Block(
                self.slot, self._first, flags, self._count,
                list(self._numbers), pressures, temperatures,
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
            if self._paired & (1 << i) and self._numbers[i] < self._needed:
                return False
        return True

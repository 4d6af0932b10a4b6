"""Sums of raw counts over 60 s slots of the node's clock.

Per sample only small-int additions: the low and the high 12 bits of every raw count are summed
apart, so a sum stays below 2^30 for 2^18 samples (200 Hz for 60 s are 12000). A slot is a stretch
of time, not a number of samples: the sensors' own clocks are per cents off and would go straight
into the decay constant.
"""

from array import array

from prknode.compat import const
from prknode.hotpath import add_sample
from prknode.records import (
    BLOCK_FAULT,
    BLOCK_FILL,
    BLOCK_VALID,
    BLOCK_VENT,
    FLAG_FAULT,
    FLAG_FILL,
    FLAG_RESTART,
    FLAG_VENT,
)

SLOT_US = const(60000000)
_SLOT_HI = const(3)  # 60e6 = 3 * 2^24 + 9668352
_SLOT_LO = const(9668352)
_LOW = const(0xFFFFFF)
_COUNT = const(2)
_DISTURBED = const(3)
_END_HI = const(4)
_END_LO = const(5)
_HEAD = const(7)
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
        self._needed = (expected * 3 + 3) // 4
        # Sensors, paired, samples, what disturbed, end of the slot (hi, lo), the flags that
        # disturb; then for each sensor the number of its counts, and the sums of the low and the
        # high 12 bits of its pressures and of its temperatures.
        self._words = array("i", [0] * (_HEAD + _WORDS * sensors))
        self._words[0] = sensors
        self._words[1] = paired
        self._words[6] = FLAG_RESTART | FLAG_FAULT | FLAG_FILL | FLAG_VENT
        self.start()

    def start(self):
        """Begin at slot 0, sample 0."""
        self.slot = 0
        self._words[_END_HI] = _SLOT_HI
        self._words[_END_LO] = _SLOT_LO
        self._first = 0
        self._clear()

    def _clear(self):
        words = self._words
        words[_COUNT] = 0
        words[_DISTURBED] = 0
        for j in range(_HEAD, len(words)):
            words[j] = 0

    def add(self, record, at):
        """Take the sample record at that offset; allocates nothing.

        False, and not taken, when it lies beyond the present slot: take() first.
        """
        return add_sample(record, at, self._words) != 0

    def take(self):
        """Close the present slot and begin the next one; returns a Block, or None if empty."""
        words = self._words
        count = words[_COUNT]
        block = None
        if count:
            starts = range(_HEAD, len(words), _WORDS)
            pressures = [(words[j + 2] << 12) + words[j + 1] for j in starts]
            temperatures = [(words[j + 4] << 12) + words[j + 3] for j in starts]
            flags = BLOCK_FAULT if words[_DISTURBED] & (FLAG_RESTART | FLAG_FAULT) else 0
            if words[_DISTURBED] & FLAG_FILL:
                flags |= BLOCK_FILL
            if words[_DISTURBED] & FLAG_VENT:
                flags |= BLOCK_VENT
            if self._complete():
                flags |= BLOCK_VALID
            block = Block(
                self.slot, self._first, flags, count,
                [words[j] for j in starts], pressures, temperatures,
            )  # fmt: skip
        self._first += count
        self._clear()
        self.slot += 1
        lo = words[_END_LO] + _SLOT_LO
        words[_END_HI] += _SLOT_HI + (lo >> 24)
        words[_END_LO] = lo & _LOW
        return block

    def _complete(self):
        words = self._words
        for i in range(self._sensors):
            if words[1] & (1 << i) and words[_HEAD + _WORDS * i] < self._needed:
                return False
        return True

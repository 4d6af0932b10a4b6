"""The register model with what a board lacks made up for: trims, exact floats, a chamber.

A board's floats have 24 bits. The compensation needs more, so the host does it and sends raw
counts; microseconds since power-on would lose their units after 16 s, so the model's clock is set
back every few seconds.
"""

from prkbench.sim.bmp390_model import SENSORTIME_HZ, Bmp390

_SET_BACK_US = 1 << 22
"""Below 2^23 a single-precision float counts half microseconds."""
_WRAP_US = (1 << 24) * 1000000 // SENSORTIME_HZ
READING_BYTES = 6
MOST_READINGS = 32


class SentTrim:
    """What the model asks of a trim, for a chip whose raw counts come from elsewhere."""

    def __init__(self, words, crc):
        """words: the 21 bytes of registers 0x31..0x45; crc: the byte at 0x30."""
        self._words = bytes(words)
        self.crc = crc

    def pack(self):
        """The 21 bytes."""
        return self._words

    def raw_for(self, raw_p, raw_t):
        """What Readings.measure gave are raw counts already."""
        return raw_p, raw_t


class Readings:
    """Raw counts from the host, one reading a conversion, over again until new ones come.

    A reading is six bytes as in registers 0x04..0x09. The host sends more readings than there are
    conversions before it sends the next, each with its own noise.
    """

    def __init__(self):
        self._data = bytearray(MOST_READINGS * READING_BYTES)
        self._count = 0
        self._at = 0

    def __bool__(self):
        return self._count > 0

    def put(self, data):
        """Take the readings that hold from now on; ValueError unless they are whole."""
        count = len(data) // READING_BYTES
        if count * READING_BYTES != len(data) or not 1 <= count <= MOST_READINGS:
            raise ValueError("1 to %d readings of 6 bytes expected" % MOST_READINGS)
        self._data[: len(data)] = data
        self._count = count
        self._at = 0

    def measure(self, t_s, osr_p, osr_t):
        """The next reading as (raw pressure, raw temperature)."""
        at = self._at * READING_BYTES
        self._at = (self._at + 1) % self._count
        data = self._data
        return (
            data[at] | data[at + 1] << 8 | data[at + 2] << 16,
            data[at + 3] | data[at + 4] << 8 | data[at + 5] << 16,
        )


class PlayedChip(Bmp390):
    """The model on a clock that may run for months on single-precision floats."""

    def __init__(self, trim, readings, chip_id, clock_error):
        self._origin_us = 0
        self._wrap_us = int(_WRAP_US / (1.0 + clock_error))
        super().__init__(trim, readings.measure, chip_id=chip_id, clock_error=clock_error)

    def advance(self, us):
        """Move to an absolute time in us since the chip was made; an earlier one is now.

        The time of a write is noted in an interrupt, and the main loop may just have gone past it.
        """
        local = us - self._origin_us
        if local < self._now:
            return
        while local >= _SET_BACK_US:
            # Never further than to where the model has come: a conversion may be under way.
            super().advance(_SET_BACK_US)
            self._set_back(_SET_BACK_US)
            local -= _SET_BACK_US
        super().advance(local)

    def _set_back(self, us):
        self._origin_us += us
        self._now -= us
        self._ready_us -= us
        self._started_us -= us
        if self._done_us is not None:
            self._done_us -= us
        self._born_us -= us
        if self._now - self._born_us >= self._wrap_us:
            # Whole turns of the 24-bit sensor time.
            self._born_us += self._wrap_us

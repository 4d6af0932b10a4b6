"""Watches the chamber for a fast fall of pressure, and for a low pressure.

The slope is that of least squares over the newest bins of samples: ten samples at 5 Hz, two
seconds; longer for a threshold under 2.5 Pa/s, a lower rate or less oversampling, so that the
sensor's noise rings no more often. It is computed from raw counts, with the compensation's tangent
for their dependence on temperature, in small integers.

A fall is not taken for a leak while a valve that lets gas out is open, nor for two minutes after
it was announced. Nor while the gas of a fast fill cools down: that takes back two sevenths of the
rise at the most, hoses some more, so it rings when three eighths of it are lost again.
"""

from array import array

from prknode.blocks import Block
from prknode.compat import const
from prknode.compensate import PASCAL_BITS
from prknode.hotpath import add_level
from prknode.integers import round_div
from prknode.records import SAMPLE_HEAD, SENSOR_BYTES

FAST_FALL = const(1)
LOW_PRESSURE = const(2)
ALARM_NAMES = ("", "fast fall", "low pressure")

LEAST_MPA_S = const(2500)  # default threshold: this, or five times the planned rate
_TIMES_PLANNED = const(5)
_MOST_BINS = const(64)
_USUAL_BINS = const(16)
_MOST_SAMPLES = const(64)  # in a bin
_ANNOUNCING = ("VENT", "HATCH", "REPRESS", "VALVE", "STEP")  # notes that begin so
_QUIET_SLOTS = const(2)  # after an announcement
_COOLING_SLOTS = const(15)  # after a fast rise
_HYSTERESIS = 10 << PASCAL_BITS
_SMALL = const(0x3FFFFFFF)
_SHARE = const(4095)
_WARM = const(0x7FFFFF)

# Words of add_level.
_RAW_P = const(2)
_RAW_T = const(3)
_SUM_P = const(4)
_SUM_T = const(5)
_COUNT = const(6)


class Alarms:
    """Alarms of one node; begin() for each run.

    ringing: FAST_FALL and LOW_PRESSURE, those that rang and were not acknowledged; name, value: of
    the newest one, mPa/s or Pa that it rang at; hushed: a valve that lets gas out is open; level:
    of the newest bin, in raw counts above the tangent point; aimed: whether there is one, without
    which no sample is looked at.
    """

    def __init__(self):
        self._words = array("i", [0] * 8)
        self._bins = array("i", [0] * _MOST_BINS)
        self._slot = 0
        self._quiet_until = -1
        self.ringing = 0
        self.value = 0
        self.level = 0
        self.hushed = False
        self.aimed = False
        self.threshold_mpa_s = LEAST_MPA_S

    def begin(self, settings, estimator, samples):
        """A run begins with these settings; estimator: its decay.Estimator.

        samples: how many the slope is to be taken over, from starting.window_samples().
        """
        chamber = settings.chamber()
        bin_size = min(_MOST_SAMPLES, (samples + _USUAL_BINS - 1) // _USUAL_BINS)
        self._words[0] = 1 << chamber
        self._words[1] = SAMPLE_HEAD + SENSOR_BYTES * chamber
        # All temperatures of a bin, a 64th of them times the share, stay below 2^30.
        self._words[7] = _WARM // bin_size
        self._bin = bin_size
        self._number = n = min(_MOST_BINS, (samples + bin_size - 1) // bin_size)
        # So far apart all weights together stay below 2^30.
        self._far = _SMALL * 2 // (n * n)
        self._chamber = chamber
        self._estimator = estimator
        self._settings = settings
        self._low = settings["alarm_pa"] << PASCAL_BITS
        self._armed = True
        self._slot = 0
        self._quiet_until = -1
        self._cooling_until = -1
        self._base = 0
        self._peak = 0
        self._p = 0
        self.aimed = False
        self.threshold_mpa_s = settings["alarm_mpa_s"] or LEAST_MPA_S
        self.clear()

    def clear(self):
        """Acknowledge: what goes on falling rings again."""
        self.ringing = 0
        self._restart()

    def _restart(self):
        words = self._words
        words[_SUM_P] = 0
        words[_SUM_T] = 0
        words[_COUNT] = 0
        self._held = 0
        self._at = 0

    def announce(self):
        """A fall is to be expected in the next two minutes."""
        self._quiet_until = self._slot + _QUIET_SLOTS

    def hear(self, text):
        """An operator's note: one that does something to the gas announces a fall."""
        text = text.upper()
        for word in _ANNOUNCING:
            if text[: len(word)] == word:
                self.announce()

    # Every sample -------------------------------------------------------------------------

    def sample(self, record, at):
        """Take the sample record at that offset; whether an alarm rings because of it.

        Allocates nothing unless it does, or is the first of a run.
        """
        if not self.aimed and not self._aim_at(record, at):
            return False
        count = add_level(record, at, self._words)
        if not count:
            self._restart()
        return count == self._bin and self._bin_full()

    def _bin_full(self):
        """A bin is full: work out the slope up to it; whether it rings."""
        words = self._words
        # Of the temperature a millikelvin is dropped, or the product would be too long.
        newest = words[_SUM_P] + ((words[_SUM_T] >> 6) * self._share >> 6)
        words[_SUM_P] = 0
        words[_SUM_T] = 0
        words[_COUNT] = 0
        if self._falls:
            newest = -newest
        self.level = newest // self._bin
        at = self._at
        self._bins[at] = newest
        self._at = at + 1 if at + 1 < self._number else 0
        if self._held < self._number:
            self._held += 1
            if self._held < self._number:
                return False
        total = self._weigh(self._at, newest)
        if total < -self._limit:
            return self._fall(total)
        if total > self._limit:
            self._rise(self._bins[self._at] // self._bin)
        return False

    def _weigh(self, at, newest):
        """The sum of the bins' weights times how far they are from the newest, from `at` on."""
        far = self._far
        number = self._number
        total = 0
        weight = 1 - number
        while weight < number:
            apart = self._bins[at] - newest
            if apart > far:
                apart = far
            elif apart < -far:
                apart = -far
            total += weight * apart
            weight += 2
            at += 1
            if at == number:
                at = 0
        return total

    def _fall(self, total):
        if self.ringing & FAST_FALL or self.hushed or self._slot <= self._quiet_until:
            return False
        if self._slot <= self._cooling_until:
            if self.level > self._peak - (self._peak - self._base) * 3 // 8:
                return False
        self.value = total * self.threshold_mpa_s // self._limit
        self.name = ALARM_NAMES[FAST_FALL]
        self.ringing |= FAST_FALL
        return True

    def _rise(self, oldest):
        """A fast rise: what it warms will fall again."""
        if self._slot > self._cooling_until:
            self._base = oldest
            self._peak = oldest
        if self.level > self._peak:
            self._peak = self.level
        self._cooling_until = self._slot + _COOLING_SLOTS

    # Every slot ---------------------------------------------------------------------------

    def block(self, block):
        """A slot is over; whether the low pressure rings because of it."""
        self._slot = block.slot + 1
        if block.numbers[self._chamber]:
            self._aim(block)
        last = self._estimator.last
        if not self._low or last is None:
            return False
        if last.p >= self._low + _HYSTERESIS:
            self._armed = True
        if last.p >= self._low or not self._armed:
            return False
        self._armed = False
        self.value = round_div(last.p, 1 << PASCAL_BITS)
        self.name = ALARM_NAMES[LOW_PRESSURE]
        self.ringing |= LOW_PRESSURE
        return True

    def _aim_at(self, record, at):
        """Aim at the first sample in which every sensor delivered; whether this is one."""
        n = len(self._settings.sensors)
        if (record[at + 6] + 1) & ((1 << n) - 1):
            return False
        at += SAMPLE_HEAD
        counts = [
            record[i] | record[i + 1] << 8 | record[i + 2] << 16 for i in range(at, at + 6 * n, 3)
        ]
        return self._aim(Block(0, 0, 0, 1, [1] * n, counts[0::2], counts[1::2]))

    def _aim(self, block):
        """Take the tangent at a Block's means, and the threshold for the driving pressure there."""
        n = block.numbers[self._chamber]
        raw_p = block.pressures[self._chamber] // n
        raw_t = block.temperatures[self._chamber] // n
        estimator = self._estimator
        p, gain, warmer = estimator.chamber_tangent(raw_p, raw_t)
        if not gain:
            return False
        words = self._words
        if self.aimed:
            self._move(raw_p - words[_RAW_P], raw_t - words[_RAW_T])
        words[_RAW_P] = raw_p
        words[_RAW_T] = raw_t
        self._share = max(-_SHARE, min(_SHARE, warmer * 1024 // gain))
        self._falls = gain < 0
        self._p = p
        self._gain = gain = abs(gain)
        settings = self._settings
        if settings["planned"] and not settings["alarm_mpa_s"]:
            rate = settings["planned"] * abs(estimator.reduce(block).x) * 1000 >> PASCAL_BITS
            self.threshold_mpa_s = max(LEAST_MPA_S, _TIMES_PLANNED * rate // 10**18)
        # A slope of one level a bin sums up to n (n^2 - 1) / 6, and a bin to so many levels.
        n = self._number
        m = self._bin
        limit = self.threshold_mpa_s * m * m * n * (n * n - 1) << (2 * PASCAL_BITS)
        self._limit = max(1, min(_SMALL, limit // (6 * gain * settings["rate_mhz"])))
        self.aimed = True
        return True

    def _move(self, p, t):
        """Count the levels that are held from another tangent point, so many raw counts on."""
        words = self._words
        shift = p + ((t >> 6) * self._share >> 6)
        if self._falls:
            shift = -shift
        words[_SUM_P] -= p * words[_COUNT]
        words[_SUM_T] -= t * words[_COUNT]
        for i in range(self._number):
            self._bins[i] = max(-_SMALL, min(_SMALL, self._bins[i] - shift * self._bin))
        self.level -= shift
        self._base -= shift
        self._peak -= shift

    def level_of(self, pa):
        """The level at which the chamber, as estimated, has that pressure in Pa."""
        p = (pa << PASCAL_BITS) + self._estimator.chamber_offset() - self._p
        return round_div(p << PASCAL_BITS, self._gain)

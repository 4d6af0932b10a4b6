"""Watches the chamber for a fast fall of pressure, sample by sample, and for a low pressure.

The slope is that of least squares over the newest bins of samples: ten samples at 5 Hz, two
seconds; longer for a threshold under 2.5 Pa/s, a lower rate or less oversampling, so that the
sensor's noise rings no more often. It is computed from raw counts, with the compensation's tangent
for their dependence on temperature, in small integers.

A fall is not taken for a leak while a valve that lets gas out is open, nor for two minutes after
it was announced. Nor while the gas of a fast fill cools down: that takes back two sevenths of the
rise at the most, hoses some more, so it rings when three eighths of it are lost again.
"""

from array import array

from prknode.compat import const
from prknode.compensate import PASCAL_BITS
from prknode.hotpath import watch_level
from prknode.integers import icbrt, round_div
from prknode.records import FLAG_RESTART, SAMPLE_HEAD, SENSOR_BYTES

FAST_FALL = const(1)
LOW_PRESSURE = const(2)
ALARM_NAMES = ("", "fast fall", "low pressure")

_LEAST_MPA_S = const(2500)  # default threshold: this, or five times the planned rate
_TIMES_PLANNED = const(5)
_WINDOW_S = const(2)
_RATE_MHZ = const(5000)  # where that window and the threshold above belong together
_OSR = const(16)
_MOST_BINS = const(16)
_FEWEST_SAMPLES = const(4)
_QUIET_SLOTS = const(2)  # after an announcement
_COOLING_SLOTS = const(15)  # after a fast rise
_HYSTERESIS = 10 << PASCAL_BITS
_LIMIT_MAX = const(0x3FFFFFFF)
_MIDDLE = const(0x200000)  # what hotpath adds to a level, to a share, to a slope
_MIDDLE_SHARE = const(4096)
_MIDDLE_SLOPE = const(0x20000000)

# Words of watch_level.
_RAW_P = const(3)
_RAW_T = const(4)
_WARMTH = const(5)
_FALLS = const(6)
_LEVEL = const(7)
_SUM = const(8)
_TAKEN = const(9)
_BIN = const(10)
_HELD = const(11)
_BINS = const(12)
_LIMIT = const(13)
_SLOPE = const(14)
_FIRST = const(15)


class Alarms:
    """Alarms of one node; begin() for each run.

    ringing: FAST_FALL and LOW_PRESSURE, those that rang and were not acknowledged; value: mPa/s or
    Pa that the newest one rang at; hushed: a valve that lets gas out is open; aimed: whether a
    tangent has been taken, without which no sample is looked at.
    """

    def __init__(self):
        self._words = array("i", [0] * (_FIRST + _MOST_BINS))
        self.ringing = 0
        self.value = 0
        self.hushed = False
        self.aimed = False
        self.threshold_mpa_s = 0
        self._slot = 0
        self._quiet_until = -1

    def begin(self, settings, estimator):
        """A run begins with these settings; estimator: its decay.Estimator."""
        words = self._words
        chamber = settings.chamber()
        samples = window_samples(settings)
        words[0] = 1 << chamber
        words[1] = FLAG_RESTART
        words[2] = SAMPLE_HEAD + SENSOR_BYTES * chamber
        words[_BIN] = (samples + _MOST_BINS - 1) // _MOST_BINS
        words[_BINS] = (samples + words[_BIN] - 1) // words[_BIN]
        self._restart()
        self._chamber = chamber
        self._estimator = estimator
        self._setting = settings["alarm_mpa_s"]
        self._planned = settings["planned"]
        self._low = settings["alarm_pa"] << PASCAL_BITS
        self._period_us = 1000000000 // settings["rate_mhz"]
        self._armed = True
        self._slot = 0
        self._quiet_until = -1
        self._cooling_until = -1
        self._base = 0
        self._peak = 0
        self._p = 0
        self._gain = 1
        self.ringing = 0
        self.hushed = False
        self.aimed = False
        self.threshold_mpa_s = self._setting or _LEAST_MPA_S

    def _restart(self):
        self._words[_SUM] = 0
        self._words[_TAKEN] = 0
        self._words[_HELD] = 0

    # Every sample -------------------------------------------------------------------------

    def sample(self, record, at):
        """Take the sample record at that offset; whether an alarm rings because of it.

        Allocates nothing unless it does.
        """
        found = watch_level(record, at, self._words)
        return found != 0 and self._look(found)

    def _look(self, found):
        words = self._words
        newest = words[_FIRST + words[_BINS] - 1] // words[_BIN] - _MIDDLE
        if found == 2:
            self._rising(words[_FIRST] // words[_BIN] - _MIDDLE, newest)
            return False
        if self.ringing & FAST_FALL or self.hushed or self._slot <= self._quiet_until:
            return False
        if self._slot <= self._cooling_until:
            if newest > self._peak - (self._peak - self._base) * 3 // 8:
                return False
        self.value = (words[_SLOPE] - _MIDDLE_SLOPE) * self.threshold_mpa_s // words[_LIMIT]
        self.ringing |= FAST_FALL
        return True

    def _rising(self, oldest, newest):
        """A fast rise: what it warms will fall again."""
        if self._slot > self._cooling_until:
            self._base = oldest
            self._peak = newest
        if newest > self._peak:
            self._peak = newest
        self._cooling_until = self._slot + _COOLING_SLOTS

    def level(self):
        """The newest sample's pressure in units of raw counts above the tangent point."""
        return self._words[_LEVEL] - _MIDDLE

    def level_of(self, p):
        """The level at which the chamber has that pressure, Pa/4096 as estimated."""
        p += self._estimator.chamber_offset() - self._p
        return round_div(p << PASCAL_BITS, self._gain)

    # Every slot ---------------------------------------------------------------------------

    def aim(self, block):
        """Take the tangent at a Block's means, and the threshold for the driving pressure there."""
        n = block.numbers[self._chamber]
        raw_p = block.pressures[self._chamber] // n
        raw_t = block.temperatures[self._chamber] // n
        p, gain, warmer = self._estimator.chamber_tangent(raw_p, raw_t)
        if not gain:
            return
        words = self._words
        if self.aimed:
            self._move(raw_p, raw_t)
        words[_RAW_P] = raw_p
        words[_RAW_T] = raw_t
        share = max(1 - _MIDDLE_SHARE, min(_MIDDLE_SHARE - 1, warmer * 1024 // gain))
        words[_WARMTH] = share + _MIDDLE_SHARE
        words[_FALLS] = gain < 0
        self._p = p
        self._gain = abs(gain)
        if self._planned and not self._setting:
            self.threshold_mpa_s = default_mpa_s(self._planned, self._estimator.reduce(block).x)
        words[_LIMIT] = self._limit()
        self.aimed = True

    def _move(self, raw_p, raw_t):
        """Count the levels that are held from another tangent point."""
        words = self._words
        share = words[_WARMTH] - _MIDDLE_SHARE
        shift = raw_p - words[_RAW_P] + ((raw_t - words[_RAW_T] >> 4) * share >> 8)
        if words[_FALLS]:
            shift = -shift
        words[_LEVEL] = _moved(words[_LEVEL], shift, 1)
        words[_SUM] = _moved(words[_SUM], shift, words[_TAKEN])
        for i in range(_FIRST, _FIRST + words[_BINS]):
            words[i] = _moved(words[i], shift, words[_BIN])
        self._base -= shift
        self._peak -= shift

    def _limit(self):
        """What the slope's sum comes to at the threshold."""
        words = self._words
        bins = words[_BINS]
        m = words[_BIN]
        # Level counts in the time of a bin, times its samples, times the sum for a slope of one.
        per_bin = self.threshold_mpa_s * self._period_us * m * m << (2 * PASCAL_BITS)
        weight = bins * (bins * bins - 1)
        return max(1, min(_LIMIT_MAX, per_bin * weight // (6 * self._gain * 10**9)))

    def block(self, block):
        """A slot is over; whether the low pressure rings because of it."""
        self._slot = block.slot + 1
        last = self._estimator.last
        if block.numbers[self._chamber]:
            self.aim(block)
        if not self._low or last is None:
            return False
        if last.p >= self._low + _HYSTERESIS:
            self._armed = True
        if last.p >= self._low or not self._armed:
            return False
        self._armed = False
        self.value = round_div(last.p, 1 << PASCAL_BITS)
        self.ringing |= LOW_PRESSURE
        return True

    # What is said to it -------------------------------------------------------------------

    def announce(self):
        """A fall is to be expected in the next two minutes."""
        self._quiet_until = self._slot + _QUIET_SLOTS

    def clear(self):
        """Acknowledge: what goes on falling rings again."""
        self.ringing = 0
        self._restart()


def window_samples(settings):
    """Over how many samples the slope is taken, at these settings.

    The slope's noise goes as the noise of a sample times sqrt(rate) over the window to 3/2.
    """
    rate = settings["rate_mhz"]
    threshold = settings["alarm_mpa_s"]
    cube = (_WINDOW_S * rate) ** 3
    scale = 1000**3
    if threshold and threshold < _LEAST_MPA_S:
        cube *= _LEAST_MPA_S**2
        scale *= threshold**2
    noise = _RATE_MHZ * _OSR
    if rate * settings["osr_p"] < noise:
        cube *= noise
        scale *= rate * settings["osr_p"]
    return max(_FEWEST_SAMPLES, icbrt((cube + scale - 1) // scale))


def default_mpa_s(planned, x):
    """The threshold where none is set: planned k in 1e-18 1/s, driving pressure x in Pa/4096."""
    rate = planned * abs(x) * 1000 >> PASCAL_BITS
    return max(_LEAST_MPA_S, _TIMES_PLANNED * rate // 10**18)


def _moved(total, shift, n):
    """The sum of n levels, each less by the shift."""
    return max(0, min(2 * _MIDDLE * n, total - shift * n))

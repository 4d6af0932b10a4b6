"""From a wrapping tick counter to microseconds that never wrap.

The RP2040's ticks_us wraps every 2^30 us (17.9 min) and a count of microseconds past 2^30 is an
object on the heap there, so time is kept as two 24-bit halves of small ints: enough for 8.9 years.
"""

from array import array

from prknode.compat import const
from prknode.hotpath import look_back

TICKS_MASK = const(0x3FFFFFFF)
_HALF = const(0x20000000)
_LOW = const(0xFFFFFF)


def ticks_diff(later, earlier):
    """Signed difference of two tick counts, valid up to 8.9 minutes apart."""
    # The top bit of 30 is the sign; adding instead would leave the small ints on the way.
    return (((later - earlier) & TICKS_MASK) ^ _HALF) - _HALF


def ticks_add(ticks, us):
    """The tick count `us` microseconds later, 0 <= us <= TICKS_MASK; allocates nothing."""
    # Adding would leave the small ints near the end of a turn.
    return (ticks - (TICKS_MASK - us) - 1) & TICKS_MASK


class Elapsed:
    """Monotonic time since start() as two 24-bit halves, words 0 and 1, in microseconds.

    update() must be called at least once per period of the counter.
    """

    def __init__(self):
        self.words = array("i", (0, 0, 0, 0))  # hi and lo now, and as look_back() was asked
        self._last = 0

    def start(self, ticks):
        """Call this moment zero."""
        self.words[0] = 0
        self.words[1] = 0
        self._last = ticks

    def update(self, ticks):
        """Take a tick count; allocates nothing."""
        step = (ticks - self._last) & TICKS_MASK
        self._last = ticks
        words = self.words
        lo = words[1] + (step & _LOW)
        words[0] += (step >> 24) + (lo >> 24)
        words[1] = lo & _LOW

    def look_back(self, us):
        """Set words 2 and 3 to `us` before the last update; allocates nothing."""
        look_back(self.words, us)

    def at(self, ticks):
        """Microseconds at a tick count within 8.9 minutes of the last update, never less."""
        return self.microseconds() + max(0, ticks_diff(ticks, self._last))

    def microseconds(self):
        """The whole count; allocates on a board once it passes 2^30."""
        return self.words[0] << 24 | self.words[1]

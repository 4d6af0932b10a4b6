"""When each frame of a chip's FIFO was taken, on the node's clock.

A chip converts on its own clock, per cents fast or slow, and frames carry no time. What is known is
how many had come when the FIFO was looked at: the newest is then less than one period old. The
times run on with an estimated period, and only where they would break that rule are they moved. So
they never decrease, never lie ahead of the poll, and never drift. The period is what polls and
frames say over as long a stretch as there is, up to _WINDOW frames: it is right to one in so many.

All figures stay below 2^30 for periods up to 40 ms.
"""

from array import array

from prknode.compat import const
from prknode.hotpath import next_tick
from prknode.ticks import ticks_add, ticks_diff

_SHIFT = const(8)  # the period is kept in 1/256 us
_TICK = const(0)  # words of the time of the last frame, see hotpath.next_tick
_REST = const(1)
_STEP = const(2)
_WINDOW = const(4096)
_LEAST = const(64)  # frames that tell more of the period than its nominal value does
_PATIENCE = const(4)  # frames that may be missing before the grid is given up
_FINE_US = const(1 << 25)


class FrameClock:
    """Times of one chip's frames.

    period_us: nominal. poll() takes in what the FIFO holds, next() is the tick of one frame after
    the other. lost: frames that should have come before the ones of the last poll and did not.
    """

    def __init__(self, period_us):
        self._nominal = period_us << _SHIFT
        self._words = array("i", (0, 0, 0))
        self.lost = 0
        self.start(0)

    def start(self, now):
        """Begin a run: no frame is older than `now`."""
        self._period = self._nominal
        self._words[_TICK] = now
        self._words[_REST] = 0
        self._words[_STEP] = self._period
        self._locked = False
        self._counting = False
        self._overrun = False
        self._full_at = now
        self._base = now
        self._frames = 0
        self._enough = _LEAST

    def restart(self):
        """Another chip's frames follow, or the same one's after a gap: their phase is new."""
        self._locked = False
        self._overrun = False
        self._enough = _LEAST

    @property
    def period_us(self):
        """The present estimate of the chip's period, whole microseconds."""
        return self._period >> _SHIFT

    def poll(self, now, frames, full):
        """Take in a look at the FIFO at tick `now`; allocates nothing.

        frames: in it; full: it held no more, so that frames may be missing after these.
        """
        self.lost = 0
        if not frames:
            return
        if full and self._overrun:
            self._skip(self._period >> _SHIFT)
        self._place(now, frames, full)
        self._locked = True
        self._counting = True
        self._overrun = full
        self._full_at = now

    def _place(self, now, frames, full):
        """Give the frames their times, as steps from that of the one before them."""
        elapsed = ticks_diff(now, self._words[_TICK])
        whole = self._period >> _SHIFT
        behind = elapsed - ((frames * self._period + self._words[_REST]) >> _SHIFT)
        if full:
            # These frames follow on those before them; what is missing comes after.
            self._words[_STEP] = self._period
            self._rebase(now)
        elif not self._locked or behind > (whole if self._overrun else (_PATIENCE + 1) * whole):
            self._relock(elapsed, frames)
            self._rebase(now)
        else:
            self._words[_STEP] = self._period
            if behind > whole:
                self._words[_STEP] = ((elapsed - whole) << _SHIFT) // frames
            self._learn(now, frames)
        if behind < 0:
            self._words[_STEP] = (elapsed << _SHIFT) // frames

    def _rebase(self, now):
        """Begin a new stretch to learn the period from."""
        self._base = now
        self._frames = 0

    def _learn(self, now, frames):
        """Take the mean period since _rebase(), if it is at least as good as the one known."""
        count = self._frames + frames
        self._frames = count
        if count < self._enough:
            return
        elapsed = ticks_diff(now, self._base)
        period = ((elapsed // count) << _SHIFT) + ((elapsed % count) << _SHIFT) // count
        slack = self._nominal >> 3
        if period < self._nominal - slack:
            period = self._nominal - slack
        elif period > self._nominal + slack:
            period = self._nominal + slack
        self._period = period
        if count < _WINDOW:
            self._enough = count
        else:
            self._enough = _WINDOW
            self._rebase(now)

    def _skip(self, whole):
        """Full again: there was no room until frames were fetched after the last look.

        So the ones here begin at that look; those since the last one placed are missing.
        """
        self.lost = max(0, ticks_diff(self._full_at, self._words[_TICK])) // whole
        self._words[_TICK] = ticks_add(self._words[_TICK], self.lost * whole)

    def _relock(self, elapsed, frames):
        """Place the frames anew, and count what is missing before them."""
        whole = self._period >> _SHIFT
        if elapsed < _FINE_US:
            due = (elapsed << 4) // (self._period >> 4)
            age = ((elapsed << 4) % (self._period >> 4)) >> 4
        else:
            due = elapsed // whole
            age = elapsed % whole
        if not self._overrun:
            # Nothing tells how old the newest is, so it is taken to be half a period.
            age = whole >> 1
        if self._counting and due > frames:
            self.lost = due - frames
        ago = ((frames * self._period) >> _SHIFT) + age
        if ago < elapsed:
            self._words[_TICK] = ticks_add(self._words[_TICK], elapsed - ago)
            self._words[_REST] = 0
        self._words[_STEP] = self._period

    def next(self):
        """The tick of the next frame; allocates nothing."""
        return next_tick(self._words)

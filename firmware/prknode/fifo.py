"""Sampling above 12.5 Hz: the chips convert on their own clocks, the node empties their FIFOs.

The chamber's sensor is the time master: one sample for each of its frames, none lost, at the time
frameclock gives it. The chips' clocks are per cents apart, so of every other sensor a sample takes
the oldest frame not yet used, if there is one. The valid bit of a slow one is off now and then;
what a fast one delivers in excess is dropped, and counted in surplus(). Dropped frames go into no
sum: whatever the node computes can be computed again from its samples. Both happen evenly along
time, so means over a slot stay unbiased.

All FIFOs are looked at in one moment, then emptied up to there in pieces, one chip a step, so that
no step takes long and a stall in between disturbs nothing. The chips' interrupt pins are not used:
looking costs 1 % of the time at 200 Hz and two sensors on a 400 kHz bus, 0.3 % at 25 Hz, and never
finds a FIFO empty, so there is no more to be saved.
"""

from prknode.bmp390 import NACK, OK, SensorFault, conversion_us
from prknode.chipfifo import FIFO_FRAMES, FRAME_BYTES
from prknode.compat import const
from prknode.frameclock import FrameClock
from prknode.framequeue import PIECE, FrameQueue, piece
from prknode.hotpath import clear_counts, copy_frame
from prknode.records import SENSOR_BYTES
from prknode.ticks import ticks_add, ticks_diff

RATES_MHZ = (200000, 100000, 50000, 25000)
"""Rates of the chip's normal mode that its FIFO is used for, in millihertz: 200/2^n Hz."""

_POLL_PERIODS = const(8)
_MANY = const(12)  # frames whose transfer is left a step of its own
_POLL_US = const(100000)  # between polls at the most
_LATE_PERIODS = const(4)

_STOPPED = const(0)
_BEGINNING = const(1)
_WAITING = const(2)
_FETCHING = const(3)
_EMITTING = const(4)


class FifoSampler:
    """Turns FIFO frames into samples; the same interface as sampler.Sampler.

    sensors: Sensors; settings: Settings; chamber: index of the time master. While the chamber's
    sensor is out of order, another one's frames set the time. missed: frames of the time master
    that did not come or were lost when its FIFO was full, late: whether some are missing right
    before this sample.
    """

    def __init__(self, sensors, settings, chamber):
        self._sensors = sensors
        self._chamber = chamber
        self._queues = [FrameQueue(chip) for chip in sensors.chips]
        self._count = len(self._queues)
        self.valid = 0
        self.restarted = 0
        self.taken = 0
        self.missed = 0
        self.late = False
        self.rate_mhz = settings["rate_mhz"]
        self.period = 1000000000 // self.rate_mhz
        self._conversion = conversion_us(settings["osr_p"], settings["osr_t"])
        self._filtered = settings["iir"] != 0
        self._interval = min(_POLL_PERIODS * self.period, _POLL_US)
        self._silence = _LATE_PERIODS * self.period + self._interval
        self._clock = FrameClock(self.period)
        self._mode = _STOPPED
        self._due = 0
        self._master = chamber
        self._next_chip = 0
        self._most = 0
        self._hurry = False
        self._back = 0
        self._lost = 0

    def problem(self):
        """Why the settings cannot be sampled, or None."""
        if self.rate_mhz not in RATES_MHZ:
            return "above 12.5 Hz the rate is 25, 50, 100 or 200 Hz"
        if self._conversion > self.period:
            return "conversion takes %d us, the period is %d us: use less oversampling" % (
                self._conversion, self.period)  # fmt: skip
        return None

    def start(self, now):
        """Begin sampling as soon as the sensors have been brought up."""
        self._mode = _BEGINNING
        self.missed = 0
        self._clock.start(now)

    def stop(self):
        """End sampling; the sensors go to sleep."""
        self._mode = _STOPPED
        for i in range(len(self._queues)):
            if self._sensors.ready(i):
                try:
                    self._queues[i].fifo.rest()
                except OSError:
                    self._fail(i, NACK)

    def single(self, now):
        """Nothing to do: while this sampler is in charge it is running."""

    def step(self, now):
        """Do what is due; returns the microseconds until something is."""
        mode = self._mode
        if mode == _EMITTING:
            return 0
        if mode == _WAITING:
            wait = ticks_diff(self._due, now)
            if wait > 0:
                return wait
            self._poll(now)
        elif mode == _STOPPED:
            return self._sensors.settle(now)
        elif mode == _BEGINNING:
            if not self._sensors.settled():
                wait = self._sensors.settle(now)
                return 0 if self._sensors.settled() else wait
            self._begin(now)
            return self._interval
        if self._fetch():
            return 0
        return max(0, ticks_diff(self._due, now))

    def next_sample(self):
        """Put the next sample forth; False when there is none."""
        if self._mode != _EMITTING:
            return False
        master = self._master
        # The master first: without a frame of its there is no sample for the others' to be part of.
        found = self._queues[master].take()
        if found <= 0:
            if found:
                self._fail(master, -found)
            self._mode = _FETCHING if self._queues[master].unread else _WAITING
            return False
        valid = 1 << master
        i = 0
        while i < self._count:
            if i != master:
                found = self._queues[i].take()
                if found > 0:
                    valid |= 1 << i
                elif found < 0:
                    self._fail(i, -found)
            i += 1
        self.valid = valid
        self.restarted = valid & self._back
        self._back &= ~valid
        self.taken = self._clock.next()
        self.late = self._lost > 0
        self.missed += self._lost
        self._lost = 0
        return True

    def fill(self, out, at):
        """Write the six bytes of each sensor, ordered as in its registers; zeros where invalid."""
        i = 0
        while i < self._count:
            if self.valid & (1 << i):
                queue = self._queues[i]
                copy_frame(queue.data, queue.words, out, at)
            else:
                clear_counts(out, at)
            i += 1
            at += SENSOR_BYTES

    def surplus(self, i):
        """How many frames of sensor i were dropped since start()."""
        return self._queues[i].surplus

    # Sensors ------------------------------------------------------------------------------

    def _begin(self, now):
        for i in range(len(self._queues)):
            if self._sensors.ready(i):
                self._stream(i, now)
        self._back = 0
        self._lost = 0
        self._master = self._chamber
        self._clock.start(now)
        self._mode = _WAITING
        self._due = ticks_add(now, self._interval)

    def _stream(self, i, now):
        """Let sensor i run, from an empty queue."""
        queue = self._queues[i]
        queue.clear()
        queue.heard = now
        self._back |= 1 << i
        if i == self._master:
            self._clock.restart()
        try:
            queue.fifo.stream(RATES_MHZ.index(self.rate_mhz), self._filtered)
        except SensorFault as fault:
            self._sensors.fail(i, fault.args[0])
        except OSError:
            self._sensors.fail(i, NACK)

    def _fail(self, i, fault):
        self._queues[i].clear()
        self._sensors.fail(i, fault)

    # Frames -------------------------------------------------------------------------------

    def _poll(self, now):
        """Look at all FIFOs at once, and bring up what is down."""
        full = 0
        i = 0
        while i < self._count:
            if self._look(i, now):
                full |= 1 << i
            i += 1
        i = self._choose()
        if i != self._master:
            self._master = i
            self._clock.restart()
            # What the new master has left over is older than its frames' times will say.
            self._queues[i].keep(0)
        self._clock.poll(now, self._queues[i].unread, full & (1 << i))
        self._hurry = full != 0
        self._lost += self._clock.lost
        self._next_chip = 0
        self._mode = _FETCHING
        self._due = ticks_add(now, self._interval)

    def _look(self, i, now):
        """Note how many frames sensor i has, or bring it up; whether its FIFO is full."""
        if not self._sensors.ready(i):
            if self._sensors.bring_up(i, now):
                self._stream(i, now)
            return False
        queue = self._queues[i]
        found = queue.look(now)
        if found < 0:
            self._fail(i, -found)
        elif not queue.unread and ticks_diff(now, queue.heard) > self._silence:
            self._fail(i, queue.fifo.why_silent())
        return found >= FIFO_FRAMES * FRAME_BYTES

    def _choose(self):
        """The chamber's sensor if it delivers, else the first that does."""
        if self._delivers(self._chamber):
            return self._chamber
        for i in range(len(self._queues)):
            if self._delivers(i):
                return i
        return self._chamber

    def _delivers(self, i):
        return self._sensors.ready(i) and self._queues[i].delivered

    def _fetch(self):
        """Fetch a piece of each chip, or of one of them where there is more than a poll's worth.

        Samples follow once each has had its turn; False when there are none to fetch.
        """
        i = self._next_chip
        if i == 0 and not self._queues[self._master].unread:
            # Frames of others that came by now are left where they are.
            self._mode = _WAITING
            return False
        if i == 0:
            # A FIFO that was full loses frames: emptying it comes first.
            self._most = PIECE if self._hurry else self._together()
        while True:
            queue = self._queues[i]
            # More than one left over means a fast clock: the older ones are out of date.
            queue.keep(1)
            many = queue.unread > _MANY
            if self._sensors.ready(i):
                # One more than the master's lets a fast clock's excess come out bit by bit.
                result = queue.fetch(self._most + (i != self._master))
                if result != OK:
                    self._fail(i, result)
            i += 1
            if i == self._count:
                self._next_chip = 0
                self._mode = _EMITTING
                return True
            if many:
                self._next_chip = i
                return True

    def _together(self):
        """How many frames of the master to fetch: as many as the others have got to go with them.

        Lengths are fixed; a chip that has just a frame more or less must not get a longer piece.
        One that lags far behind, or is silent, holds nobody up.
        """
        unread = self._queues[self._master].unread
        least = unread
        i = 0
        while i < self._count:
            other = self._queues[i].unread
            if other < least and 2 * other > unread and self._delivers(i):
                least = other
            i += 1
        return piece(least)

"""Forced-mode sampling: all sensors triggered together on the node's clock.

One sample is trigger, wait, read. A sensor that fails is reset at the next tick, configured at the
one after, and takes part again; the others go on meanwhile, so a tick always ends in a sample.
"""

from prknode.bmp390 import LATE, NACK, OK, conversion_us
from prknode.compat import const
from prknode.hotpath import clear_counts, copy_counts
from prknode.records import SENSOR_BYTES
from prknode.ticks import ticks_add, ticks_diff

_POLL_US = const(1000)
_SLOWEST_US = const(15000000)

_STOPPED = const(0)
_BEGINNING = const(1)
_RUNNING = const(2)


class Sampler:
    """Turns ticks into samples.

    sensors: Sensors; settings: Settings. After step(), each next_sample() that returns True puts
    one sample forth: taken, its tick; valid, bit mask of the sensors that delivered; restarted,
    bit mask of those that came back with it; late, whether it came over a tenth of a period after
    its time; fill() writes its counts. missed: ticks since start() without a sample.
    """

    def __init__(self, sensors, settings):
        self._sensors = sensors
        self._count = len(sensors.chips)
        self.valid = 0
        self.restarted = 0
        self.taken = 0
        self.missed = 0
        self._mode = _STOPPED
        self._once = False
        self._converting = False
        self._ready = False
        self._due = 0
        self._scheduled = 0
        self._late_by = 0
        self._pending = 0
        self._tries = 0
        self.configure(settings)

    def configure(self, settings):
        """Take rate and oversampling from settings; the sensors are set up by their owner."""
        conversion = conversion_us(settings["osr_p"], settings["osr_t"])
        # The chip's own clock is per cents slow or fast: ask a little after the typical time.
        self._wait = conversion + conversion // 16 + 200
        # Whole microseconds: a rate may be off by a millionth, its time stamps never.
        self.period = 1000000000 // settings["rate_mhz"]
        # A slow sensor is given up before it makes the others miss a tick.
        spare = self.period - self._wait - _POLL_US
        self._patience = max(0, min(conversion, spare) // _POLL_US)

    def problem(self):
        """Why the settings cannot be sampled, or None."""
        if self.period > _SLOWEST_US:
            return "under 4 samples a minute"
        if self._wait + _POLL_US > self.period:
            return "conversion takes %d us, the period is %d us" % (self._wait, self.period)
        return None

    def start(self, now):
        """Begin sampling; the first sample is due as soon as the sensors have been brought up."""
        self._mode = _BEGINNING
        self._once = False
        self._converting = False
        self._ready = False
        self._due = now
        self.missed = 0

    def stop(self):
        """End sampling; a conversion under way is forgotten."""
        self._mode = _STOPPED
        self._converting = False

    def single(self, now):
        """Take one sample, when not running."""
        if self._mode == _STOPPED:
            self._once = True
            self._converting = False
            self._due = now

    def step(self, now):
        """Do what is due; returns the microseconds until something is."""
        if not self._converting:
            if self._once or self._mode == _BEGINNING:
                if not self._sensors.settled():
                    wait = self._sensors.settle(now)
                    return 0 if self._sensors.settled() else wait
                self._due = now
                if not self._once:
                    self._mode = _RUNNING
            elif self._mode == _STOPPED:
                return self._sensors.settle(now)
        wait = ticks_diff(self._due, now)
        if wait > 0:
            return wait
        return self._collect(now) if self._converting else self._trigger(now)

    def next_sample(self):
        """Put the next sample forth; False when there is none."""
        ready = self._ready
        self._ready = False
        return ready

    def fill(self, out, at):
        """Write the six bytes of each sensor, as in its registers; zeros where it is not valid."""
        i = 0
        while i < self._count:
            if self.valid & (1 << i):
                copy_counts(self._sensors.chips[i].data, 0, out, at)
            else:
                clear_counts(out, at)
            i += 1
            at += SENSOR_BYTES

    @property
    def late(self):
        """Whether the sample was triggered over a tenth of a period after it was due."""
        return self._late_by * 10 > self.period

    def _trigger(self, now):
        self.taken = now
        self.restarted = 0
        self._pending = 0
        self._tries = 0
        self.valid = 0
        i = 0
        while i < self._count:
            if self._trigger_one(i, now):
                self._pending |= 1 << i
            i += 1
        self._late_by = ticks_diff(now, self._due)
        self._scheduled = self._due
        if not self._pending:
            return self._finish(now)
        self._converting = True
        self._due = ticks_add(now, self._wait)
        return self._wait

    def _trigger_one(self, i, now):
        """Start a conversion, after bringing the sensor up where needed; whether one began."""
        if not self._sensors.ready(i):
            if not self._sensors.bring_up(i, now):
                return False
            self.restarted |= 1 << i
        return self._start(i)

    def _start(self, i):
        try:
            self._sensors.chips[i].trigger()
        except OSError:
            self._sensors.fail(i, NACK)
            return False
        return True

    def _collect(self, now):
        i = 0
        while i < self._count:
            if self._pending & (1 << i):
                self._read_one(i)
            i += 1
        if self._pending:
            self._tries += 1
            self._due = ticks_add(now, _POLL_US)
            return _POLL_US
        return self._finish(now)

    def _read_one(self, i):
        """Fetch a conversion; it stays pending while it may still come."""
        result = self._fetch(i)
        if result == LATE and self._tries < self._patience:
            return
        self._pending &= ~(1 << i)
        if result == OK:
            self.valid |= 1 << i
        else:
            self._sensors.fail(i, result)

    def _fetch(self, i):
        try:
            return self._sensors.chips[i].read()
        except OSError:
            return NACK

    def _finish(self, now):
        self._converting = False
        self._ready = True
        if self._once:
            self._once = False
            return 0
        due = ticks_add(self._scheduled, self.period)
        # A tick that is already past is not made up for: it is counted as missed.
        behind = ticks_diff(now, due)
        if behind > 0:
            ticks = (behind + self.period - 1) // self.period
            self.missed += ticks
            due = ticks_add(due, ticks * self.period)
        self._due = due
        return ticks_diff(due, now)

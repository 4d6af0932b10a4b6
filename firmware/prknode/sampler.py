"""Forced-mode sampling: all sensors triggered together on the node's clock.

One sample is trigger, wait, read. A sensor that fails is reset at the next tick, configured at the
one after, and takes part again; the others go on meanwhile, so a tick always ends in a sample.
"""

from prknode.bmp390 import ABSENT, LATE, NACK, OK, SensorFault, conversion_us
from prknode.compat import const
from prknode.ticks import TICKS_MASK, ticks_diff

_READY = const(0)
_DOWN = const(1)
_RESETTING = const(2)

_POLL_US = const(1000)
_BRINGUP_US = const(3000)
_RETRY_US = const(100000)


class Sampler:
    """Turns ticks into samples.

    chips: Bmp390 of each sensor; settings: Settings.
    After step() returns with `ready` set: data (six bytes a sensor) and valid (bit mask) hold a
    sample triggered at tick `taken`; `restarted` says that a sensor came back with it.
    faults: the present fault of each sensor; changed: bit mask of those that changed since
    the caller last cleared it.
    """

    def __init__(self, chips, settings):
        self._chips = chips
        n = len(chips)
        self._state = [_DOWN] * n
        self.faults = [ABSENT] * n
        self.changed = 0
        self.data = [chip.data for chip in chips]
        self.valid = 0
        self.ready = False
        self.restarted = False
        self.taken = 0
        self.missed = 0
        self._tried = 0
        self._running = False
        self._once = False
        self._converting = False
        self._due = 0
        self._scheduled = 0
        self._late_by = 0
        self._pending = 0
        self._tries = 0
        self.configure(settings)

    def configure(self, settings):
        """Take rate, oversampling and filter from settings; every sensor is set up again."""
        self._osr_p = settings["osr_p"]
        self._osr_t = settings["osr_t"]
        self._iir = settings["iir"]
        self._conversion = conversion_us(self._osr_p, self._osr_t)
        # The chip's own clock is per cents slow or fast: ask a little after the typical time.
        self._wait = self._conversion + self._conversion // 16 + 200
        self.period = 1000000000 // settings["rate_mhz"]
        self._tried = 0
        for i in range(len(self._chips)):
            self._state[i] = _DOWN

    def problem(self):
        """Why the settings cannot be sampled, or None."""
        if self._wait + _POLL_US > self.period:
            return "conversion takes %d us, the period is %d us" % (self._wait, self.period)
        return None

    def start(self, now):
        """Begin sampling; the first sample is due now."""
        self._running = True
        self._once = False
        self._converting = False
        self._due = now
        self.missed = 0

    def stop(self):
        """End sampling; a conversion under way is forgotten."""
        self._running = False
        self._converting = False

    def single(self, now):
        """Take one sample now, when not running."""
        if not self._running:
            self._once = True
            self._converting = False
            self._due = now

    def settled(self):
        """Whether bringing each sensor up has been tried to its end, well or badly."""
        return self._tried == (1 << len(self._chips)) - 1

    def step(self, now):
        """Do what is due; returns the microseconds until something is."""
        self.ready = False
        if self._converting:
            wait = ticks_diff(self._due, now)
            if wait > 0:
                return wait
            return self._collect(now)
        if not self._running and not self._once:
            return self._bring_up_idle(now)
        wait = ticks_diff(self._due, now)
        if wait > 0:
            return wait
        return self._trigger(now)

    def _trigger(self, now):
        pending = 0
        restarted = False
        for i in range(len(self._chips)):
            state = self._state[i]
            if state != _READY:
                if not self._bring_up(i):
                    continue
                restarted = True
            try:
                self._chips[i].trigger()
                pending |= 1 << i
            except OSError:
                self._fail(i, NACK)
        self.taken = now
        self.restarted = restarted
        self._pending = pending
        self._tries = 0
        self.valid = 0
        self._late_by = ticks_diff(now, self._due)
        self._scheduled = self._due
        self._converting = True
        self._due = (now + self._wait) & TICKS_MASK if pending else now
        if not pending:
            return self._finish(now)
        return self._wait

    def _collect(self, now):
        for i in range(len(self._chips)):
            bit = 1 << i
            if not self._pending & bit:
                continue
            try:
                result = self._chips[i].read()
            except OSError:
                result = NACK
            if result == LATE and self._tries * _POLL_US < self._conversion:
                continue
            self._pending &= ~bit
            if result == OK:
                self.valid |= bit
            else:
                self._fail(i, result)
        if self._pending:
            self._tries += 1
            self._due = (now + _POLL_US) & TICKS_MASK
            return _POLL_US
        return self._finish(now)

    def _finish(self, now):
        self._converting = False
        self.ready = True
        if self._once:
            self._once = False
            return 0
        due = (self._scheduled + self.period) & TICKS_MASK
        # A tick that is already past is not made up for: it is counted as missed.
        while ticks_diff(due, now) < 0:
            due = (due + self.period) & TICKS_MASK
            self.missed += 1
        self._due = due
        return ticks_diff(due, now)

    @property
    def late(self):
        """Whether the newest sample was triggered over a tenth of a period after it was due."""
        return self._late_by * 10 > self.period

    def _fail(self, i, fault):
        self._state[i] = _DOWN
        self._note(i, fault)

    def _note(self, i, fault):
        self._tried |= 1 << i
        if self.faults[i] != fault:
            self.faults[i] = fault
            self.changed |= 1 << i

    def _bring_up(self, i):
        """One step of bringing sensor i back; True once it is ready."""
        chip = self._chips[i]
        try:
            if self._state[i] == _DOWN:
                chip.reset()
                self._state[i] = _RESETTING
                return False
            chip.configure(self._osr_p, self._osr_t, self._iir)
        except SensorFault as fault:
            self._fail(i, fault.args[0])
            return False
        self._state[i] = _READY
        self._note(i, OK)
        return True

    def _bring_up_idle(self, now):
        """When nothing is sampled: keep trying sensors that are down, ten times a second."""
        wait = ticks_diff(self._due, now)
        if self._tried and 0 < wait <= _RETRY_US:
            return wait
        wait = _RETRY_US
        for i in range(len(self._chips)):
            if self._state[i] != _READY and not self._bring_up(i) and self._state[i] != _DOWN:
                wait = _BRINGUP_US
        self._due = (now + wait) & TICKS_MASK
        return wait

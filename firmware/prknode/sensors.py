"""The sensors of a node: which of them work, and how those that do not are brought back.

Bringing one up takes two steps at least RESET_US apart, reset and configure; whoever samples asks
for a step when it suits and goes on with the other sensors meanwhile.
"""

from prknode.bmp390 import ABSENT, OK, RESET_US, SensorFault
from prknode.compat import const
from prknode.ticks import ticks_add, ticks_diff

_DOWN = const(0)
_RESETTING = const(1)
_WAITING = const(2)
_READY = const(3)

_RETRY_US = const(100000)
_BRINGUP_US = const(3000)


class Sensors:
    """State of each sensor.

    chips: a Bmp390 each. faults: the present fault of each; faulty: the same as a bit mask;
    changed: bit mask of those whose fault changed since the caller last cleared it; failed: of
    those that failed in use since then.
    """

    def __init__(self, chips):
        self.chips = chips
        n = len(chips)
        self.faults = [ABSENT] * n
        self.faulty = (1 << n) - 1
        self.changed = 0
        self.failed = 0
        self._all = (1 << n) - 1
        self._tried = 0
        self._state = [_DOWN] * n
        self._since = [0] * n
        self._due = 0
        self._osr_p = 1
        self._osr_t = 1
        self._iir = 0

    def set_up(self, osr_p, osr_t, iir):
        """Take oversampling and filter; every sensor is set up again, step by step."""
        self._osr_p = osr_p
        self._osr_t = osr_t
        self._iir = iir
        self._tried = 0
        for i in range(len(self.chips)):
            self._state[i] = _DOWN

    def settled(self):
        """Whether bringing each sensor up has been tried to its end, well or badly."""
        return self._tried == self._all

    def ready(self, i):
        """Whether sensor i is set up."""
        return self._state[i] == _READY

    def fail(self, i, fault):
        """Sensor i failed in use: it has to be brought up again, at once."""
        self._state[i] = _DOWN
        self.failed |= 1 << i
        self._note(i, fault)

    def bring_up(self, i, now):
        """Take one step of bringing sensor i back, if one is due; True once it is ready."""
        chip = self.chips[i]
        state = self._state[i]
        since = ticks_diff(now, self._since[i])
        try:
            if state == _DOWN or (state == _WAITING and not 0 <= since < _RETRY_US):
                self._since[i] = now
                chip.reset()
                self._state[i] = _RESETTING
                return False
            if state != _RESETTING or 0 <= since < RESET_US:
                return False
            chip.configure(self._osr_p, self._osr_t, self._iir)
        except SensorFault as fault:
            self._state[i] = _WAITING
            self._since[i] = now
            self._note(i, fault.args[0])
            return False
        self._state[i] = _READY
        self._note(i, OK)
        return True

    def settle(self, now):
        """When nothing is sampled: bring up what is down; the microseconds until it goes on."""
        wait = ticks_diff(self._due, now)
        if self._tried and 0 < wait <= _RETRY_US:
            return wait
        wait = _RETRY_US
        for i in range(len(self.chips)):
            if self._state[i] != _READY:
                self.bring_up(i, now)
                if self._state[i] == _RESETTING:
                    wait = _BRINGUP_US
        self._due = ticks_add(now, wait)
        return wait

    def _note(self, i, fault):
        self._tried |= 1 << i
        if self.faults[i] != fault:
            self.faults[i] = fault
            self.changed |= 1 << i
            if fault == OK:
                self.faulty &= ~(1 << i)
            else:
                self.faulty |= 1 << i

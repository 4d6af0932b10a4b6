"""What acts on the chamber's pressure while it is measured: alarms, valves, the hold controller.

An alarm ends holding and shuts every valve, and so do the end of a run, a reset and a restart.
While a sensor that the run needs is out of order no valve lets gas in.
"""

from prknode.alarms import ALARM_NAMES, FAST_FALL, Alarms
from prknode.blocks import Block
from prknode.compat import const
from prknode.compensate import PASCAL_BITS
from prknode.hold import Hold
from prknode.records import EV_ALARM, EV_CLEARED, EV_HOLD, EV_VALVE, SAMPLE_HEAD, SENSOR_BYTES
from prknode.scpi import ScpiError
from prknode.settings import MAX_PA
from prknode.valves import FILL, Valves

_NO_SENSOR = const(0xFF)
_SLOWEST_MHZ = const(1000)  # slower than that a valve would wait for its sample
_NARROWEST_PA = const(20)
_LOWEST_PA = const(30000)  # the sensor's range


class Guard:
    """Alarms, valves and hold controller of one node.

    event(code, sensor, value, text) writes to the event log.
    """

    def __init__(self, board, event):
        self._event = event
        self._ticks = board.ticks_us
        self.alarms = Alarms()
        self.valves = Valves(board, self._valve_changed)
        self.hold = Hold()
        self._settings = None
        self._slot = 0
        self._top = 0
        self._stopped = False

    # The run ------------------------------------------------------------------------------

    def begin(self, settings, estimator):
        """A run begins."""
        self._settings = settings
        self._slot = 0
        self.alarms.begin(settings, estimator)

    def end(self):
        """The run has ended, or something else has that asks for shut valves."""
        self._end_hold("ended")
        self.valves.shut(self._ticks())

    def reset(self):
        """As after power-on, but for a run's settings."""
        self.end()
        self.alarms.clear()

    def forbid(self, stopped):
        """Whether a sensor that the run needs is out of order: then no gas is let in."""
        self._stopped = stopped
        if stopped:
            self.valves.shut(self._ticks(), fill_only=True)

    def sample(self, record, at):
        """Look at a sample of the run; whether an alarm rings because of it.

        Allocates nothing unless a valve moves, an alarm rings, or it is the first of the run.
        """
        alarms = self.alarms
        if not alarms.aimed:
            self._aim_at(record, at)
        if alarms.aimed and alarms.sample(record, at):
            self._ring(FAST_FALL)
            return True
        if self.valves.open or self.hold.high:
            self._control()
        return False

    def block(self, block):
        """Look at a finished slot; whether an alarm rings because of it."""
        self._slot = block.slot + 1
        rings = self.alarms.block(block)
        if rings:
            self._ring(self.alarms.ringing & ~FAST_FALL)
        self._aim_hold()
        return rings

    def _aim_at(self, record, at):
        """Aim the alarms at the first sample in which every sensor delivered."""
        n = len(self._settings.sensors)
        if record[at + 6] & ((1 << n) - 1) != (1 << n) - 1:
            return
        counts = []
        for i in range(at + SAMPLE_HEAD, at + SAMPLE_HEAD + SENSOR_BYTES * n, 3):
            counts.append(record[i] | record[i + 1] << 8 | record[i + 2] << 16)
        self.alarms.aim(Block(0, 0, 0, 1, [1] * n, counts[0::2], counts[1::2]))
        self._aim_hold()

    def _ring(self, which):
        self._event(EV_ALARM, _NO_SENSOR, self.alarms.value, ALARM_NAMES[which])
        self.end()

    # Valves -------------------------------------------------------------------------------

    def step(self, now):
        """Shut what has been open for too long; microseconds until the next look is due."""
        return self.valves.step(now)

    def set_valve(self, i, is_open, measuring):
        """Open or shut valve i, from 0, because somebody asks; ScpiError when it may not be."""
        valves = self.valves
        if is_open:
            if self.hold.active:
                raise ScpiError(-221, "holding a pressure")
            if self.alarms.ringing and measuring:
                raise ScpiError(-221, "alarm")
            if valves.roles[i] == FILL and not (measuring and self.alarms.aimed):
                raise ScpiError(-221, "FILL opens while measuring only")
            if valves.roles[i] == FILL and self._stopped:
                raise ScpiError(-221, "sensor fault")
        limit_us = 1000 * self._settings["valve_ms"] if self._settings else 0
        valves.set(i, is_open, self._ticks(), limit_us)

    def _valve_changed(self, i, is_open):
        number = i + 1
        value = number if is_open else -number
        self._event(EV_VALVE, _NO_SENSOR, value, "open" if is_open else "shut")
        alarms = self.alarms
        falling = self.valves.any_open(False)
        if alarms.hushed and not falling:
            alarms.announce()
        alarms.hushed = falling

    # Holding ------------------------------------------------------------------------------

    def start_hold(self, low, high, measuring):
        """Hold the chamber between two pressures in Pa; ScpiError when that cannot be."""
        if not _LOWEST_PA <= low <= high - _NARROWEST_PA or high > MAX_PA:
            raise ScpiError(-222, "30000 to 125000 Pa, low end first, 20 Pa apart")
        if self.valves.first(FILL) < 0:
            raise ScpiError(-241, "no valve FILL in config.json")
        if not measuring or self.alarms.ringing:
            raise ScpiError(-221, "alarm" if measuring else "INITiate first")
        if self._settings["rate_mhz"] < _SLOWEST_MHZ:
            raise ScpiError(-221, "1 Hz at least")
        self._event(EV_HOLD, _NO_SENSOR, 1, "%d,%d Pa" % (low, high))
        self.hold.begin(low, high)
        self._aim_hold()

    def stop_hold(self):
        """Hold nothing any more, and let no gas in."""
        self._end_hold("ended")
        self.valves.shut(self._ticks(), fill_only=True)

    def _end_hold(self, why):
        if self.hold.active:
            self._event(EV_HOLD, _NO_SENSOR, 0, why)
            self.hold.end()

    def _aim_hold(self):
        alarms = self.alarms
        if alarms.aimed:
            hold = self.hold
            hold.aim(*[alarms.level_of(pa << PASCAL_BITS) for pa in (hold.low, hold.high)])
            self._top = alarms.level_of(MAX_PA << PASCAL_BITS)

    def _control(self):
        """Move the valve that lets gas in as the newest sample asks for."""
        alarms = self.alarms
        valves = self.valves
        level = alarms.level()
        is_open = valves.any_open(True)
        if is_open and level >= self._top:
            valves.shut(self._ticks(), fill_only=True)
            return
        hold = self.hold
        if not hold.high or not alarms.aimed or hold.wants(level, is_open) == is_open:
            return
        if is_open:
            valves.shut(self._ticks(), fill_only=True)
        elif not self._stopped:
            if hold.may_open(self._slot, self._settings["represses_h"]):
                limit_us = 1000 * self._settings["valve_ms"]
                valves.set(valves.first(FILL), True, self._ticks(), limit_us)
            else:
                self._end_hold("too many represses")

    # What is said to it -------------------------------------------------------------------

    def announce(self, text):
        """A note of the operator's: one that begins with VENT or HATCH announces a fall."""
        word = text[:5].upper()
        if word[:4] == "VENT" or word == "HATCH":
            self.alarms.announce()

    def clear(self):
        """Acknowledge an alarm."""
        if self.alarms.ringing:
            self._event(EV_CLEARED, _NO_SENSOR, self.alarms.ringing, "")
        self.alarms.clear()

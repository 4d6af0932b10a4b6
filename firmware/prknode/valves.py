"""The board's valves, and the chamber held in a band of pressures through one of them.

config.json names them in its board section: "valves": [{"pin": 10, "role": "FILL"}]. FILL lets gas
into the chamber, VENT lets it out, HATCH joins the chamber to its neighbour. All of them are shut
when the node starts, when a run ends, and when an alarm rings. One of FILL is open for a limited
time only and never above the sensors' range, whoever opened it.

Holding: the valve opens when the pressure has come down to the low end of the band and shuts at the
high one. Never more represses than allowed in any hour of 60 slots: then holding ends, for the leak
is larger than it was meant for, or nothing comes through the valve.

This module is loaded on a board with valves only, and not above 12.5 Hz.
"""

from prknode.compat import const
from prknode.records import EV_HOLD, EV_VALVE, FLAG_FILL, FLAG_VENT
from prknode.scpi import ScpiError, whole
from prknode.settings import MAX_PA, SettingError
from prknode.ticks import ticks_diff

ROLES = ("FILL", "VENT", "HATCH")

_NO_SENSOR = const(0xFF)
_NEVER = const(0x1FFFFFFF)
_HOUR = const(60)  # slots
_SLOWEST_MHZ = const(1000)  # slower than that a valve would wait for its sample
_NARROWEST_PA = const(20)
_LOWEST_PA = const(30000)


class Valves:
    """The valves of a node.

    board: see board.Board; alarms: alarms.Alarms; event(code, sensor, value, text) writes to the
    event log. roles: one word a valve; open: bit mask of those open; used: of those that were
    since the sample before; low, high: the band held in Pa, 0 when none is.
    """

    def __init__(self, board, alarms, event):
        self._board = board
        self._alarms = alarms
        self._event = event
        self.roles = board.valves()
        self._fills = 0
        for i in range(len(self.roles)):
            if self.roles[i] not in ROLES:
                raise SettingError("valves: the roles are " + ", ".join(ROLES))
            board.set_valve(i, False)
            if self.roles[i] == "FILL":
                self._fills |= 1 << i
        self.open = 0
        self.used = 0
        self.low = 0
        self.high = 0
        self._settings = None
        self._since = 0
        self._slot = 0
        self._stopped = False
        self._aimed = False
        self._represses = []

    def begin(self, settings):
        """A run begins."""
        self._settings = settings
        self._slot = 0
        self._stopped = False
        self._aimed = False

    def block(self, block):
        """A slot is over: the tangent has changed."""
        self._slot = block.slot + 1
        self._aim()

    def _aim(self):
        alarms = self._alarms
        self._aimed = alarms.aimed
        if not self._aimed:
            return
        self._top, self._low_level, self._high_level = [
            alarms.level_of(pa) for pa in (MAX_PA, self.low, self.high)
        ]

    def flags(self):
        """What a sample's flags have to say; those shut by now are told of once more."""
        used = self.used
        self.used = self.open
        return (FLAG_FILL if used & self._fills else 0) | (FLAG_VENT if used & ~self._fills else 0)

    # Valves -------------------------------------------------------------------------------

    def set(self, i, is_open):
        """Open or shut valve i, from 0, and write it down."""
        bit = 1 << i
        if bool(self.open & bit) == is_open:
            return
        self._board.set_valve(i, is_open)
        self.used |= bit
        self.open ^= bit
        if is_open and self._fills & bit:
            self._since = self._board.ticks_us()
        text = "%s %s" % (self.roles[i], "open" if is_open else "shut")
        self._event(EV_VALVE, _NO_SENSOR, i + 1 if is_open else -1 - i, text)
        # Gas may go out through what does not let it in: a fall is no leak then, nor right after.
        alarms = self._alarms
        falling = bool(self.open & ~self._fills)
        if alarms.hushed and not falling:
            alarms.announce()
        alarms.hushed = falling

    def shut(self, which=-1):
        """Shut all valves, or those of a bit mask."""
        for i in range(len(self.roles)):
            if which & (1 << i):
                self.set(i, False)

    def command(self, i, is_open, measuring):
        """Open or shut valve i because somebody asks; ScpiError when it may not be."""
        if is_open:
            if self.high:
                raise ScpiError(-221, "holding a pressure")
            if measuring and self._alarms.ringing:
                raise ScpiError(-221, "alarm")
            if self._fills & (1 << i):
                if not measuring or not self._alarms.aimed or self._stopped:
                    raise ScpiError(-221, "FILL opens while measuring only")
                self._aim()
        self.set(i, is_open)

    def forbid(self, stopped):
        """Whether a sensor that the run needs is out of order: then no gas is let in."""
        self._stopped = stopped
        if stopped:
            self.shut(self._fills)

    def step(self, now):
        """Shut what has been open for too long; microseconds until the next look is due."""
        if not self.open & self._fills:
            return _NEVER
        limit = 1000 * self._settings["valve_ms"]
        left = limit - ticks_diff(now, self._since)
        if 0 < left <= limit:
            return left
        self.shut(self._fills)
        return _NEVER

    # Holding ------------------------------------------------------------------------------

    def hold(self, low, high, measuring):
        """Hold the chamber between two pressures in Pa; ScpiError when that cannot be."""
        if not _LOWEST_PA <= low <= high - _NARROWEST_PA or high > MAX_PA:
            raise ScpiError(-222, "30000 to 125000 Pa, low end first, 20 Pa apart")
        if not self._fills:
            raise ScpiError(-241, "no valve has the role FILL")
        if not measuring or self._alarms.ringing:
            raise ScpiError(-221, "INITiate first" if not self._alarms.ringing else "alarm")
        if self._settings["rate_mhz"] < _SLOWEST_MHZ:
            raise ScpiError(-221, "1 Hz at least")
        self._event(EV_HOLD, _NO_SENSOR, 1, "%d,%d Pa" % (low, high))
        self.low = low
        self.high = high
        self._represses = []
        self._aim()

    def end(self, why="ended"):
        """Hold nothing any more, and shut all valves."""
        if self.high:
            self._event(EV_HOLD, _NO_SENSOR, 0, why)
        self.low = 0
        self.high = 0
        self.shut()

    def control(self):
        """Move the valve that lets gas in as the newest sample asks for; whether holding ended.

        Allocates nothing unless it moves.
        """
        if not self._aimed:
            self._aim()
            return False
        level = self._alarms.level
        filling = self.open & self._fills
        if filling:
            if level >= self._top or (self.high and level >= self._high_level):
                self.shut(self._fills)
        elif self.high and level <= self._low_level and not self._stopped:
            return self._repress()
        return False

    def _repress(self):
        self._represses = [s for s in self._represses if self._slot - s < _HOUR]
        if len(self._represses) >= self._settings["represses_h"]:
            self.end("too many represses")
            return True
        self._represses.append(self._slot)
        self.set(self.roles.index("FILL"), True)
        return False


# Commands: handlers and table as in commands.


def _hold(node, suffixes, parameters):
    if parameters[0].upper() == "OFF":
        node.valves.end()
    elif len(parameters) < 2:
        raise ScpiError(-109, "low and high pressure, or OFF")
    else:
        low, high = [whole(p, 0, MAX_PA) for p in parameters]
        node.valves.hold(low, high, node.measuring)
    node.show_state()


def _band(node, suffixes, parameters):
    return "%d,%d" % (node.valves.low, node.valves.high)


def _number(node, suffix):
    n = len(node.valves.roles)
    if not 1 <= suffix <= n:
        raise ScpiError(-114, "valves are 1 to %d" % n)
    return suffix - 1


def _set_valve(node, suffixes, parameters):
    i = _number(node, suffixes[0])
    word = parameters[0].upper()
    if word not in ("0", "1", "OFF", "ON"):
        raise ScpiError(-224, "ON or OFF")
    node.valves.command(i, word in ("1", "ON"), node.measuring)


def _valve(node, suffixes, parameters):
    return str(node.valves.open >> _number(node, suffixes[0]) & 1)


TABLE = (
    "SOURce:PRESsure:HOLD", _hold, 1, 2,
    "SOURce:PRESsure:HOLD?", _band, 0, 0,
    "OUTPut:VALVe<n>[:STATe]", _set_valve, 1, 1,
    "OUTPut:VALVe<n>[:STATe]?", _valve, 0, 0,
)  # fmt: skip

"""The board's valves: which are open, and for how long those that let gas in may be.

config.json names them in its board section: "valves": [{"pin": 10, "role": "FILL"}]. FILL lets gas
into the chamber, VENT lets it out, HATCH joins the chamber to its neighbour. All of them are shut
when the node starts; one of FILL is open for a limited time only, whoever opened it.
"""

from prknode.compat import const
from prknode.settings import SettingError
from prknode.ticks import ticks_diff

FILL = "FILL"
ROLES = (FILL, "VENT", "HATCH")

_NEVER = const(0x1FFFFFFF)


class Valves:
    """The valves of a node.

    log(number, is_open) is told of every change, number from 0. roles: one word a valve; open: bit
    mask of those open; used: whether one was open since the caller last cleared it.
    """

    def __init__(self, board, log):
        self._board = board
        self._log = log
        self.roles = board.valves()
        for role in self.roles:
            if role not in ROLES:
                raise SettingError("valves: the roles are " + ", ".join(ROLES))
        self.open = 0
        self.used = False
        self._since = 0
        self._limit_us = 0
        for i in range(len(self.roles)):
            board.set_valve(i, False)

    def first(self, role):
        """Number of the first valve of that role, or -1."""
        return self.roles.index(role) if role in self.roles else -1

    def any_open(self, fill):
        """Whether one is open that lets gas in (fill), or one that may let it out."""
        for i in range(len(self.roles)):
            if self.open & (1 << i) and (self.roles[i] == FILL) == fill:
                return True
        return False

    def set(self, i, is_open, now, limit_us=0):
        """Open or shut valve i; limit_us: how long one that lets gas in may be open."""
        bit = 1 << i
        if bool(self.open & bit) == is_open:
            return
        self._board.set_valve(i, is_open)
        self.used = True
        if is_open:
            self.open |= bit
            if self.roles[i] == FILL:
                self._since = now
                self._limit_us = limit_us
        else:
            self.open &= ~bit
        self._log(i, is_open)

    def shut(self, now, fill_only=False):
        """Shut all valves, or those that let gas in."""
        for i in range(len(self.roles)):
            if not fill_only or self.roles[i] == FILL:
                self.set(i, False, now)

    def step(self, now):
        """Shut what has been open for too long; microseconds until the next look is due."""
        if not self.any_open(True):
            return _NEVER
        left = self._limit_us - ticks_diff(now, self._since)
        if left <= 0 or left > self._limit_us:
            self.shut(now, fill_only=True)
            return _NEVER
        return left

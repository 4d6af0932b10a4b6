"""Holds the chamber in a band of pressures with small represses through a valve.

The valve opens when the pressure has come down to the low end and shuts at the high one, on
single samples. Never more represses than allowed in any hour of 60 slots: then holding ends, for
the leak is larger than it was meant for, or nothing comes through the valve.
"""

from prknode.compat import const

_HOUR = const(60)  # slots


class Hold:
    """The controller. low, high: the band in Pa, 0 when nothing is held."""

    def __init__(self):
        self.low = 0
        self.high = 0
        self._low_level = 0
        self._high_level = 0
        self._openings = []

    @property
    def active(self):
        """Whether a pressure is being held."""
        return self.high > 0

    def begin(self, low, high):
        """Hold the chamber between these pressures, Pa; aim() has to follow."""
        self.low = low
        self.high = high
        self._openings = []

    def end(self):
        """Hold nothing."""
        self.low = 0
        self.high = 0

    def aim(self, low_level, high_level):
        """The levels of alarms.Alarms that the band's ends have now."""
        self._low_level = low_level
        self._high_level = high_level

    def wants(self, level, is_open):
        """Whether the valve is to be open, at that level and as it is now; allocates nothing."""
        return level < self._high_level if is_open else level <= self._low_level

    def may_open(self, slot, most):
        """Note a repress in that slot; False when it would be one more than `most` an hour."""
        self._openings = [s for s in self._openings if slot - s < _HOUR]
        if len(self._openings) >= most:
            return False
        self._openings.append(slot)
        return True

"""When the chamber has settled: its temperature drifts slowly enough for the planned leak."""

from prknode.compat import const

_SPAN = const(20)  # blocks, minutes
# 0.5 degF/h over 20 min in K/2^20, for a rig without a planned leak (ANSI/ANS-56.8's figure).
_QUIET = const(97090)


class Stability:
    """Settled once |dT/dt| p/T has been at most a tenth of the planned dp/dt over 20 minutes.

    planned: the planned decay constant, 1e-18 1/s, 0 if there is none.
    """

    def __init__(self, planned):
        self._planned = planned
        self._temperatures = []
        self.settled = False

    def restart(self):
        """A new segment has begun."""
        self._temperatures = []
        self.settled = False

    def step(self, p, x, t):
        """Take a settled block: p, x in Pa/4096, t in K/2^20; returns whether it is settled now."""
        history = self._temperatures
        history.append(t)
        if len(history) > _SPAN + 1:
            history.pop(0)
        if not self.settled and len(history) > _SPAN:
            change = abs(t - history[0])
            if self._planned:
                drift = change * p * 10 * 10**18
                self.settled = drift <= _SPAN * 60 * self._planned * abs(x) * t
            else:
                self.settled = change <= _QUIET
        return self.settled

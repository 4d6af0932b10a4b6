"""Pressure held by small represses: how many there were, and the leak from each tooth of the saw.

A tooth is what lies between two represses. Its leak is the fall of p_T over it, divided by the
integral of the driving pressure, both from its first regression row to its last; p_T without the
sensor's thermal lag, by the configured one: the gas of a repress cools faster than the sensor. The
mean over all complete teeth has a standard error from their spread, which knows what no single
tooth shows; as there may be few, it is widened by Student's t.
"""

from prknode.compat import const
from prknode.integers import isqrt, round_div
from prknode.records import NO_SE
from prknode.regression import RATE_UNIT
from prknode.segments import REPRESS

_RECURRING = const(2)  # represses from which the pressure counts as held
_LEAST_SLOTS = const(2)  # between the ends of a tooth
# (t / 1.96 at 97.5 %)^2 for one to five degrees of freedom, in 1/10000; then 1 + a/n + b/n^2 from
# above, within 1 %: the standard error is meant to be multiplied by 1.96.
_STUDENT = (420253, 48189, 26365, 20060, 17201)
_STUDENT_A = const(24200)
_STUDENT_B = const(59000)
_PATIENCE = const(10)  # slots that a repress may be overdue


class Teeth:
    """Counts represses and averages the leak over complete teeth.

    count: represses; number: teeth in the mean.
    """

    def __init__(self):
        self.count = 0
        self.number = 0
        self._sum = 0
        self._squares = 0
        self._newest = 0  # slot of the newest repress
        self._begun = -1  # of the newest segment
        self._interval = 0
        self._after_repress = False
        self._first = None  # (slot, y, integral of x in half steps) of the tooth's first row
        self._last = None

    def begin(self, slot, why):
        """A segment begins at that slot, for one of the reasons of segments.*."""
        repress = why == REPRESS
        # A valve that stays open begins a segment with every slot: still one repress.
        if repress and not (self._after_repress and slot - self._begun == 1):
            if self._after_repress:
                self._close()
                self._interval = slot - self._newest
            self.count += 1
            self._newest = slot
        self._begun = slot
        self._after_repress = repress
        self._first = None

    def step(self, row, p_lag, t_two):
        """Take a segments.Row of the present segment.

        p_lag / t_two: coefficient of its D by the configured lag, (Pa/4096)/(K/2^20).
        """
        if row.slot <= self._begun:
            return
        self._last = row.slot, row.y - round_div(p_lag * row.d, t_two), row.i
        if self._first is None:
            self._first = self._last

    def _close(self):
        """Take the tooth that a repress has ended into the mean, if it was long enough."""
        if self._first is None:
            return
        begun, high, start = self._first
        ended, low, end = self._last
        integral = end - start
        if ended - begun < _LEAST_SLOTS or not integral:
            return
        fall = high - low
        if integral < 0:
            fall = -fall
            integral = -integral
        k = round_div(2 * RATE_UNIT * fall, 60 * integral)
        self.number += 1
        self._sum += k
        self._squares += k * k

    def holding(self, slot):
        """Whether represses keep coming: two at least, none overdue by more than an interval."""
        if self.count < _RECURRING:
            return False
        return slot - self._newest <= 2 * self._interval + _PATIENCE

    def mean(self):
        """(k, standard error) in 1e-18 1/s; NO_SE where there are fewer than two teeth."""
        n = self.number
        if not n:
            return 0, NO_SE
        k = round_div(self._sum, n)
        if n < 2:
            return k, NO_SE
        freedom = n - 1
        if freedom <= len(_STUDENT):
            wider = _STUDENT[freedom - 1]
        else:
            wider = 10000 + _STUDENT_A // freedom + _STUDENT_B // (freedom * freedom)
        spread = n * self._squares - self._sum * self._sum
        return k, isqrt(spread * wider // (n * n * freedom * 10000))

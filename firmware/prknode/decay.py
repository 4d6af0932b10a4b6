"""The estimator: finished blocks in, block and result records out.

The same code runs on the board and in the host's replay; its input is the sums of raw counts and
the set-up of the run, so a replay of logged samples must give the same bytes.
"""

import struct

from prknode.compensate import (
    KELVIN_BITS,
    MAX_K,
    MAX_PA,
    MIN_K,
    MIN_PA,
    PASCAL_BITS,
    ZERO_CELSIUS,
    Compensation,
)
from prknode.integers import round_div
from prknode.law import driving_pressure
from prknode.records import (
    BLOCK_FAST,
    BLOCK_FAULT,
    BLOCK_FILL,
    BLOCK_RANGE,
    BLOCK_VALID,
    BLOCK_VENT,
    HOLDING,
    MEASURING,
    RESULT,
    SETTLING,
)
from prknode.regression import solve
from prknode.segments import CONTINUES, REPRESS, VENT, Rows, Segmenter, Tens
from prknode.settings import LONG_ROWS
from prknode.stability import Stability
from prknode.teeth import Teeth
from prknode.window import UNIT, Window

_FAST_PA = 50 << PASCAL_BITS
_FAST_K = (1 << KELVIN_BITS) // 10
_SHORT_LAG_ROWS = 30
_BATCH_ROWS = 240


class Reduced:
    """A block in physical units: p, p_ref, x, y in Pa/4096; t in K/2^20."""

    __slots__ = ("p", "p_ref", "t", "x", "y")

    def __init__(self, p, p_ref, t, x, y):
        self.p = p
        self.p_ref = p_ref
        self.t = t
        self.x = x
        self.y = y


class Estimator:
    """Windowed decay constant of one run.

    settings: Settings in force; trims: the 21 trim bytes of each sensor, in order; windows: from
    windows_for(settings), made here if not given.
    """

    def __init__(self, settings, trims, windows=None):
        self._settings = settings
        self._compensation = [Compensation(trim) for trim in trims]
        self._chamber = settings.chamber()
        self._reference = settings.reference()
        self._offsets = [_pascals(s.offset_mpa, 1000) for s in settings.sensors]
        self._fixed_reference = settings["reference_pa"] << PASCAL_BITS
        self._t_ref = round_div(settings["t_ref_mk"] << KELVIN_BITS, 1000)
        self._norm = settings["norm_pa"] << PASCAL_BITS
        self._law = settings["law"]
        self._short, self._long = windows or windows_for(settings)
        self._sealed = settings["sealed_se"]
        self._segmenter = Segmenter(_pascals(settings["jump_pa"], 1), settings["settle_min"])
        self._rows = Rows()
        self._tens = Tens()
        self._stability = Stability(settings["planned"])
        self.teeth = Teeth()
        self._previous = None
        self._faulted = False
        self._valve = CONTINUES
        self.state = SETTLING
        self.estimate = None
        self.long_estimate = None
        self.last = None
        self.event = CONTINUES
        self.used = False

    def reduce(self, block):
        """Compensate a block's means: a Reduced."""
        p, celsius = self._sensor(block, self._chamber)
        t = celsius + ZERO_CELSIUS
        if self._reference is None:
            p_ref = self._fixed_reference
        else:
            p_ref = self._sensor(block, self._reference)[0]
        # Below any temperature the chip can measure the block is out of range anyway.
        divisor = max(t, MIN_K)
        x = driving_pressure(self._law, p, p_ref, self._norm, divisor, self._t_ref)
        return Reduced(p, p_ref, t, x, round_div(p * self._t_ref, divisor))

    def _sensor(self, block, index):
        n = block.numbers[index]
        compensation = self._compensation[index]
        celsius = compensation.celsius(n, block.temperatures[index])
        p = compensation.pascal(n, block.pressures[index], celsius)
        return p - self._offsets[index], celsius

    def step(self, block):
        """Take a finished Block; sets its FAST and RANGE flags, updates state and estimates.

        After it, event says whether a segment began and why (segments.*), and used whether the
        block counts in the fit.
        """
        self.event = CONTINUES
        self.used = False
        # What happened in a block that does not count ends the segment at the next one that does.
        if block.flags & BLOCK_FAULT:
            self._faulted = True
        if block.flags & (BLOCK_FILL | BLOCK_VENT):
            self._valve = REPRESS if block.flags & BLOCK_FILL else VENT
        if not block.flags & BLOCK_VALID:
            if self._faulted and self.state == MEASURING:
                self.state = SETTLING
            return
        now = self.reduce(block)
        self._flag(block, now)
        self.last = now
        if block.flags & BLOCK_RANGE:
            return
        segmenter = self._segmenter
        self.event = segmenter.step(block.slot, now.p, self._faulted, self._valve)
        self._faulted = False
        self._valve = CONTINUES
        if self.event != CONTINUES:
            self._stability.restart()
            self.teeth.begin(block.slot, self.event)
        if segmenter.settled(block.slot):
            self.used = True
            self._settled(segmenter.number, block.slot, now)
        if self.teeth.holding(block.slot):
            self.state = HOLDING
        else:
            self.state = MEASURING if self._stability.settled else SETTLING

    def _settled(self, segment, slot, now):
        self._stability.step(now.p, now.x, now.t)
        row = self._rows.step(segment, slot, now.x, now.t, now.y)
        if row is not None:
            self._short.add(row)
            lag = (now.p * self._settings["lag_s"], now.t * 120)
            self.teeth.step(row, *lag)
            if self._short.rows >= _SHORT_LAG_ROWS:
                lag = None
            self.estimate = solve(self._short, 60, lag, self._sealed, _BATCH_ROWS)
            tens = self._tens.step(row)
            if tens is not None:
                self._long.add(tens)
                self.long_estimate = solve(self._long, 60, None, 0, _BATCH_ROWS // 10)

    def _flag(self, block, now):
        if not (MIN_PA <= now.p <= MAX_PA and MIN_K <= now.t <= MAX_K):
            block.flags |= BLOCK_RANGE
        if self._reference is not None and not MIN_PA <= now.p_ref <= MAX_PA:
            block.flags |= BLOCK_RANGE
        previous = self._previous
        if previous is not None:
            slots = block.slot - previous[0]
            if (
                abs(now.p - previous[1]) > _FAST_PA * slots
                or abs(now.t - previous[2]) > _FAST_K * slots
            ):
                block.flags |= BLOCK_FAST
        self._previous = (block.slot, now.p, now.t)

    def chamber_tangent(self, raw_p, raw_t):
        """Compensation.tangent() of the chamber's sensor."""
        return self._compensation[self._chamber].tangent(raw_p, raw_t)

    def chamber_offset(self):
        """What is taken off the chamber's pressure, Pa/4096."""
        return self._offsets[self._chamber]

    @property
    def segment(self):
        """Number of the present segment."""
        return self._segmenter.number

    def windows(self):
        """The short and the long Window."""
        return self._short, self._long

    def pack_result(self, data, at, slot):
        """Write the result record of a slot at that offset: what the node knows after it."""
        none = _NOTHING
        short = self.estimate or none
        long = self.long_estimate or none
        last = self.last or _NO_BLOCK
        struct.pack_into(
            RESULT, data, at, slot, self.state, short.basis,
            short.rows, long.rows, len(self._short.segments),
            short.k, short.se, long.k, long.se,
            _u32(last.p), _u32(last.p_ref), _u32(last.t),
        )  # fmt: skip


def windows_for(settings, old=None):
    """Empty short and long Window for these settings, in the memory of old ones where it fits."""
    rho = settings["rho1024"]
    capacity = settings["window_min"]
    ten = round_div(rho**10, UNIT**9)
    if old is None:
        return Window(capacity, rho), Window(LONG_ROWS, ten, sums=True)
    short, long = old
    if short.capacity == capacity:
        short.clear(rho)
    else:
        short = Window(capacity, rho)
    long.clear(ten)
    return short, long


def _u32(value):
    return max(0, min(value, 0xFFFFFFFF))


def _pascals(value, per_pascal):
    return round_div(value << PASCAL_BITS, per_pascal)


_NOTHING = solve(Window(1, 0), 60)
_NO_BLOCK = Reduced(0, 0, 0, 0, 0)

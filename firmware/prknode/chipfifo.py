"""The BMP390's normal mode and its 512-byte FIFO (datasheet sections 3.3 and 3.6).

Apart from bmp390, so that a node that samples in forced mode need not hold it in memory.
"""

from prknode.bmp390 import (
    CMD,
    CONF_ERR,
    ERR_REG,
    ERRORS,
    EVENT,
    LATE,
    NACK,
    POR,
    POR_BIT,
    PWR_CTRL,
    SLEEP,
    SensorFault,
)
from prknode.compat import const

# fmt: off
_FIFO_DATA     = const(0x14)
_FIFO_CONFIG_1 = const(0x17)
_FIFO_CONFIG_2 = const(0x18)
_ODR           = const(0x1D)

_NORMAL        = const(0x33)  # both sensors enabled, mode 11
_FLUSH         = const(0xB0)
_ON            = const(0x1B)  # on, stop when full, pressure and temperature
_OFF           = const(0x02)
_FILTERED      = const(0x08)

FRAME_SAMPLE   = const(0x94)  # then temperature, then pressure: the registers have it reversed
FRAME_ERROR    = const(0x44)
# fmt: on
FRAME_BYTES = const(7)
FIFO_FRAMES = const(73)
"""Sample frames that the FIFO holds."""

_STATE = const(4)  # 0x10..0x13: event, interrupt status, FIFO length; in one read


class ChipFifo:
    """The FIFO of one chip: a Bmp390 that has been configured."""

    def __init__(self, chip):
        self._chip = chip
        self._state = bytearray(_STATE)

    def stream(self, rate, filtered):
        """Start converting at 200/2^rate Hz into the FIFO, on the chip's own clock.

        filtered: frames hold what the chip's filter gives. Raises SensorFault with CONF_ERR when a
        conversion takes longer than the period, with POR when the chip has reset itself meanwhile,
        and OSError when it does not acknowledge.
        """
        chip = self._chip
        chip.write(PWR_CTRL, SLEEP)
        chip.write(_ODR, rate)
        # The FIFO comes after everything that would put a configuration frame into it.
        chip.write(_FIFO_CONFIG_2, _FILTERED if filtered else 0)
        chip.write(_FIFO_CONFIG_1, _ON)
        chip.write(CMD, _FLUSH)
        chip.write(PWR_CTRL, _NORMAL)
        if chip.register(ERR_REG) & ERRORS:
            raise SensorFault(POR if chip.register(EVENT) & POR_BIT else CONF_ERR)

    def rest(self):
        """End stream(): sleep, FIFO off and empty. Raises OSError."""
        self._chip.write(PWR_CTRL, SLEEP)
        self._chip.write(_FIFO_CONFIG_1, _OFF)

    def waiting(self):
        """Bytes in the FIFO, or a fault (NACK, POR) negated; allocates nothing."""
        state = self._state
        try:
            self._chip.read_into(EVENT, state)
        except OSError:
            return -NACK
        if state[0] & POR_BIT:
            return -POR
        return state[2] | (state[3] & 1) << 8

    def why_silent(self):
        """The fault of a chip whose frames stay away: CONF_ERR, LATE, or NACK."""
        try:
            return CONF_ERR if self._chip.register(ERR_REG) & ERRORS else LATE
        except OSError:
            return NACK

    def fetch(self, view):
        """Fill the view with bytes of the FIFO; False when the chip does not acknowledge.

        A frame that is cut short stays in the FIFO and comes again with the next call.
        """
        try:
            self._chip.read_into(_FIFO_DATA, view)
        except OSError:
            return False
        return True

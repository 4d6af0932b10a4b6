# https://github.com/adafruit/Adafruit_CircuitPython_BMP3XX
"""The chip read by Adafruit's adafruit_bmp3xx as it is, behind the interface of bmp390.

A reading of the library triggers a conversion, waits for it without bound and fetches it, in one
call. Here that call is made twice: trigger() lets it go as far as its wait; read() makes it again
with the trigger withheld, and it gets past its wait only when the chip has finished. What ends it
early is an exception out of the bus, so the node never waits and all sensors convert together.
Samples are the raw counts that the library fetched; its floating-point result is not used.
"""

from prknode.bmp390 import (
    ABSENT,
    CHIP_ID,
    CONF_ERR,
    ERR_REG,
    ERRORS,
    EVENT,
    LATE,
    NO_DRIVER,
    POR,
    POR_BIT,
    PWR_CTRL,
    READY,
    STATUS,
    TRIM_CRC,
    WRONG_ID,
    Bmp390,
    SensorFault,
)
from prknode.compat import const
from prknode.compensate import TRIM_BYTES

_DATA = const(0x04)
_TRIM = const(0x31)

# What the library is being called for.
_BRING_UP = const(0)
_TRIGGER = const(1)
_READ = const(2)

_MOST_TRANSFERS = const(32)
"""In one call; version 1.3.27 makes 9 when it is built, 5 a reading."""


class Unfinished(Exception):
    """The library would wait now, or has been at it for too long."""


class BusioBus:
    """busio.I2C as far as the library uses it, over a bus like machine.I2C.

    data: the six bytes of the reading that the library fetched last; fetched: whether it has since
    begin(); trim: the trim bytes that it computes with.
    """

    def __init__(self, bus):
        self._bus = bus
        self._one = bytearray(1)
        self._register = 0
        self._purpose = _BRING_UP
        self._left = 0
        self.data = bytearray(6)
        self.fetched = False
        self.trim = bytes(TRIM_BYTES)

    def begin(self, purpose):
        """The library is called next, for that purpose."""
        self._purpose = purpose
        self._left = _MOST_TRANSFERS
        self.fetched = False

    def try_lock(self):
        """Nobody else is on the bus while the library is."""
        return True

    def unlock(self):
        """See try_lock()."""

    def writeto(self, address, buffer, start=0, end=None):
        """Register address, then what to write from there on. Raises OSError and Unfinished.

        The address alone is kept for the read that follows; with nothing at all the library asks
        whether anybody is there, which few buses can send as it stands.
        """
        self._spend()
        sent = bytes(memoryview(buffer)[start : len(buffer) if end is None else end])
        if not sent:
            self._bus.readfrom_mem_into(address, CHIP_ID, self._one)
            return
        self._register = sent[0]
        if len(sent) == 1 or (self._purpose == _READ and sent[0] == PWR_CTRL):
            return
        self._bus.writeto_mem(address, sent[0], sent[1:])

    def readfrom_into(self, address, buffer, start=0, end=None):
        """Burst read from the register written before. Raises OSError and Unfinished."""
        self._spend()
        register = self._register
        purpose = self._purpose
        if purpose == _TRIGGER and register == STATUS:
            raise Unfinished
        view = memoryview(buffer)[start : len(buffer) if end is None else end]
        self._bus.readfrom_mem_into(address, register, view)
        if register == _TRIM:
            self.trim = bytes(view)
        elif purpose == _READ:
            if register == STATUS and view[0] & READY != READY:
                raise Unfinished
            if register == _DATA:
                self.data[:] = view
                self.fetched = True

    def _spend(self):
        self._left -= 1
        if self._left < 0:
            raise Unfinished


class AdafruitBmp3xx(Bmp390):
    """One chip; see bmp390.Bmp390, whose faults it tells apart, too.

    Forced mode only, and a reading leaves 1.5 kB of garbage.
    """

    def __init__(self, bus, address):
        super().__init__(bus, address)
        self._wire = BusioBus(bus)
        self._library = None
        self.data = self._wire.data

    def reset(self):
        """Build the library's object, which identifies, reads the trim bytes and soft-resets.

        Raises SensorFault with NO_DRIVER, ABSENT, WRONG_ID or LATE.
        """
        try:
            # Here and not above: it is missing on most boards, and installed at any time.
            from adafruit_bmp3xx import BMP3XX_I2C

            self._wire.begin(_BRING_UP)
            self._library = BMP3XX_I2C(self._wire, self.address)
        except ImportError:
            raise SensorFault(NO_DRIVER)
        except (OSError, ValueError):
            raise SensorFault(ABSENT)
        except RuntimeError:
            raise SensorFault(WRONG_ID)
        except Unfinished:
            raise SensorFault(LATE)

    def configure(self, osr_p, osr_t, iir):
        """Check what the library has read, and set oversampling and filter through it.

        Raises SensorFault with ABSENT, WRONG_ID, TRIM_CRC, CONF_ERR or LATE.
        """
        library = self._library
        wire = self._wire
        try:
            self.identify()
            # It read them before the reset, perhaps while the chip was starting.
            if wire.trim != self.trim:
                raise SensorFault(TRIM_CRC)
            wire.begin(_BRING_UP)
            library.pressure_oversampling = osr_p
            library.temperature_oversampling = osr_t
            # It names the filter by the weight of all readings, 2^n, not of the earlier, 2^n - 1.
            library.filter_coefficient = iir + 1 if iir else 0
            set_up = (
                library.pressure_oversampling == osr_p and library.temperature_oversampling == osr_t
            )
            if self.register(ERR_REG) & ERRORS or not set_up:
                raise SensorFault(CONF_ERR)
        except OSError:
            raise SensorFault(ABSENT)
        except Unfinished:
            raise SensorFault(LATE)
        self._same = 0

    def trigger(self):
        """Start one forced conversion; raises OSError when the chip does not acknowledge."""
        self._measure(_TRIGGER)

    def read(self):
        """Fetch a conversion into data; returns OK, or what is wrong (LATE: not ready yet).

        Raises OSError when the chip does not acknowledge.
        """
        fetched = self._measure(_READ)
        # The library would go on reading a chip that lost its settings.
        if self.register(EVENT) & POR_BIT:
            return POR
        return self.check(self.data, 0) if fetched else LATE

    def _measure(self, purpose):
        """Let the library measure; whether it came to the end."""
        self._wire.begin(purpose)
        try:
            self._library.pressure  # noqa: B018
        except Unfinished:
            return False
        return self._wire.fetched

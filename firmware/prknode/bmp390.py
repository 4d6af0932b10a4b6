# https://www.bosch-sensortec.com/media/boschsensortec/downloads/datasheets/bst-bmp390-ds002.pdf
"""BMP390 and BMP388 at register level: raw counts out, every wait bounded, faults told apart.

The driver never sleeps: bring-up is two calls at least 2 ms apart, reset() and configure(). Then a
conversion is trigger() and, conversion_us later, read().
"""

from prknode.compat import const
from prknode.compensate import TRIM_BYTES, trim_crc
from prknode.settings import FILTERS, OVERSAMPLINGS

# fmt: off
CHIP_ID    = const(0x00)
ERR_REG    = const(0x02)
STATUS     = const(0x03)  # 0x10 cmd_rdy, 0x20 pressure ready, 0x40 temperature ready
EVENT      = const(0x10)  # 0x01 power-on or soft reset since the last read
PWR_CTRL   = const(0x1B)
_OSR       = const(0x1C)
_ODR       = const(0x1D)
_CONFIG    = const(0x1F)
_NVM_CRC   = const(0x30)
CMD        = const(0x7E)

READY      = const(0x60)
POR_BIT    = const(0x01)
SLEEP      = const(0x03)  # both sensors enabled, mode 00
_FORCED    = const(0x13)  # both sensors enabled, mode 01
_SOFT_RESET = const(0xB6)
ERRORS     = const(0x07)  # fatal, command, configuration

BMP390_ID  = const(0x60)
BMP388_ID  = const(0x50)

# What can be wrong with a sensor.
OK         = const(0)
ABSENT     = const(1)  # nobody acknowledges the address
WRONG_ID   = const(2)  # somebody does, but it is no BMP390/BMP388
TRIM_CRC   = const(3)  # the trim bytes do not match their checksum
CONF_ERR   = const(4)  # the chip refuses the configuration
NACK       = const(5)  # it stopped answering in mid-run
LATE       = const(6)  # no data long after they were due
STUCK      = const(7)  # the same raw counts over and over, beyond the noise's odds
POR        = const(8)  # it reset itself
RANGE      = const(9)  # a reading outside what the chip can measure
FRAME      = const(10)  # bytes from the FIFO that are no frames
NO_DRIVER  = const(11)  # the library that the configuration asks for is not installed
# fmt: on
FAULT_NAMES = (
    "OK",
    "ABSENT",
    "WRONG_ID",
    "TRIM_CRC",
    "CONF_ERR",
    "NACK",
    "LATE",
    "STUCK",
    "POR",
    "RANGE",
    "FRAME",
    "NO_DRIVER",
)  # fmt: skip

RESET_US = const(2500)
"""Time from reset() to configure(): start-up takes 2 ms."""

_BURST = const(14)  # 0x03..0x10: status, pressure, temperature, sensor time, event; in one read
_DATA = const(1)
_EVENT_AT = const(13)
_SAME = const(8)  # identical readings in a row; noise makes even two a rarity


class SensorFault(Exception):
    """A sensor cannot be used; args[0] is one of the codes above."""


def conversion_us(osr_p, osr_t):
    """Typical conversion time of pressure and temperature in microseconds (section 3.9.2)."""
    return 234 + 392 + osr_p * 2020 + 163 + osr_t * 2020


class Bmp390:
    """One chip.

    bus: like machine.I2C (readfrom_mem_into, writeto_mem); address: 0x76 or 0x77.
    data: the six bytes of the newest reading (pressure, temperature; low byte first).
    """

    def __init__(self, bus, address):
        self._bus = bus
        self.address = address
        self._burst = bytearray(_BURST)
        view = memoryview(self._burst)
        self.data = view[_DATA : _DATA + 6]
        self._last = bytearray(6)
        self._same = 0
        self._one = bytearray(1)
        self._forced = bytes((_FORCED,))
        self._arrived = 0
        self.chip_id = 0
        self.trim = bytes(TRIM_BYTES)

    def register(self, register):
        """The value of one register. Raises OSError."""
        self._bus.readfrom_mem_into(self.address, register, self._one)
        return self._one[0]

    def read_into(self, register, view):
        """Burst read from that register on. Raises OSError; allocates nothing."""
        self._bus.readfrom_mem_into(self.address, register, view)

    def write(self, register, value):
        """Set one register. Raises OSError."""
        self._one[0] = value
        self._bus.writeto_mem(self.address, register, self._one)

    def reset(self):
        """Soft reset; configure() may follow after RESET_US. Raises SensorFault(ABSENT)."""
        try:
            self.write(CMD, _SOFT_RESET)
        except OSError:
            raise SensorFault(ABSENT)

    def configure(self, osr_p, osr_t, iir):
        """Identify the chip, read and check its trim bytes, set oversampling and filter.

        Raises SensorFault with ABSENT, WRONG_ID, TRIM_CRC or CONF_ERR, or with POR when the chip
        has reset itself meanwhile.
        """
        try:
            self.identify()
            osr = OVERSAMPLINGS.index(osr_p) | OVERSAMPLINGS.index(osr_t) << 3
            self.write(_OSR, osr)
            self.write(_ODR, 0)
            self.write(_CONFIG, FILTERS.index(iir) << 1)
            self.write(PWR_CTRL, SLEEP)
            if self.register(ERR_REG) & ERRORS or self.register(_OSR) != osr:
                raise SensorFault(POR if self.register(EVENT) & POR_BIT else CONF_ERR)
        except OSError:
            raise SensorFault(ABSENT)
        self._same = 0

    def identify(self):
        """Take chip id and trim bytes, and clear the events and errors of its reset.

        Raises OSError, or SensorFault with WRONG_ID or TRIM_CRC.
        """
        self.chip_id = self.register(CHIP_ID)
        if self.chip_id not in (BMP390_ID, BMP388_ID):
            raise SensorFault(WRONG_ID)
        nvm = bytearray(TRIM_BYTES + 1)
        self._bus.readfrom_mem_into(self.address, _NVM_CRC, nvm)
        trim = bytes(nvm[1:])
        # A chip that stores no checksum has 0x00 there.
        if nvm[0] and trim_crc(trim) != nvm[0]:
            raise SensorFault(TRIM_CRC)
        self.trim = trim
        self.register(EVENT)  # reading clears the reset we asked for
        self.register(ERR_REG)

    def trigger(self):
        """Start one forced conversion; raises OSError when the chip does not acknowledge."""
        self._arrived = 0
        self._bus.writeto_mem(self.address, PWR_CTRL, self._forced)

    def read(self):
        """Fetch a conversion into data; returns OK, or what is wrong (LATE: not ready yet).

        Raises OSError when the chip does not acknowledge. Allocates nothing.
        """
        burst = self._burst
        self._bus.readfrom_mem_into(self.address, STATUS, burst)
        if burst[_EVENT_AT] & POR_BIT:
            return POR
        # Reading the data clears their flags, so one that came first has to be remembered.
        self._arrived |= burst[0]
        if self._arrived & READY != READY:
            return LATE
        return self.check(burst, _DATA)

    def check(self, data, at):
        """OK, STUCK or RANGE for the six bytes of raw counts at that offset of a new reading.

        Allocates nothing.
        """
        last = self._last
        same = True
        for i in range(6):
            byte = data[at + i]
            if byte != last[i]:
                same = False
                last[i] = byte
        # Within the chip's range no count comes near either end of the 24 bits.
        if last[2] == 0 or last[2] == 0xFF or last[5] == 0 or last[5] == 0xFF:
            return RANGE
        if not same:
            self._same = 0
            return OK
        self._same += 1
        return STUCK if self._same >= _SAME else OK

"""Compensation of BMP390/BMP388 block means in exact integers.

The datasheet's floating-point formula (BST-BMP390-DS002 section 8.5, BST-BMP388-DS001 section 9)
has only powers of two as divisors, so with the sum of n raw counts every term is a fraction of
integers: temperature and pressure are each computed exactly and rounded once.
"""

import struct

from prknode.integers import round_div

TRIM_BYTES = 21
PASCAL_BITS = 12
"""Pressures are integers of Pa / 2^12."""
KELVIN_BITS = 20
"""Temperatures are integers of K / 2^20."""
ZERO_CELSIUS = 286418534
"""273.15 K in K / 2^20; 4e-7 K from the exact value, the same for every sensor."""

MIN_PA = 30000 << PASCAL_BITS
MAX_PA = 125000 << PASCAL_BITS
MIN_K = ZERO_CELSIUS - (40 << KELVIN_BITS)
MAX_K = ZERO_CELSIUS + (85 << KELVIN_BITS)


def trim_crc(data):
    """CRC-8 of the 21 trim bytes as the chip stores it at 0x30 (poly 0x1D, start and end 0xFF)."""
    crc = 0xFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = ((crc << 1) ^ 0x1D) & 0xFF if crc & 0x80 else crc << 1
    return crc ^ 0xFF


class Compensation:
    """Turns sums of raw counts of one sensor into pressure and temperature.

    trim: the 21 bytes of registers 0x31..0x45.
    """

    def __init__(self, trim):
        if len(trim) != TRIM_BYTES:
            raise ValueError("21 trim bytes expected")
        (
            self._t1, self._t2, self._t3,
            p1, p2, self._p3, self._p4,
            self._p5, self._p6, self._p7, self._p8,
            self._p9, self._p10, self._p11,
        ) = struct.unpack("<HHbhhbbHHbbhbb", trim)  # fmt: skip
        self._p1 = p1 - 16384
        self._p2 = p2 - 16384

    def celsius(self, n, total):
        """Temperature of the mean of n raw temperatures that sum to total, in degC / 2^20."""
        d = total - n * (self._t1 << 8)
        return round_div(d * n * (self._t2 << 18) + d * d * self._t3, (n * n) << 28)

    def kelvin(self, n, total):
        """The same in K / 2^20."""
        return self.celsius(n, total) + ZERO_CELSIUS

    def pascal(self, n, total, celsius):
        """Pressure of the mean of n raw pressures that sum to total, in Pa / 2^12.

        celsius: the temperature of the same block in degC / 2^20, as celsius() returns it.
        """
        t = celsius
        t2 = t * t
        t3 = t2 * t
        # Every term over the common divisor 2^97 (times n, n^2, n^3 for the powers of the count).
        c0 = (self._p5 << 100) + ((self._p6 * t) << 71) + ((self._p7 * t2) << 49)
        c0 += (self._p8 * t3) << 22
        c1 = (self._p1 << 77) + ((self._p2 * t) << 48) + ((self._p3 * t2) << 25) + self._p4 * t3
        c2 = (self._p9 << 49) + ((self._p10 * t) << 29)
        c3 = self._p11 << 32
        p = ((c3 * total + c2 * n) * total + c1 * n * n) * total + c0 * n * n * n
        return round_div(p, (n * n * n) << 85)

    def tangent(self, raw_p, raw_t):
        """(p, its growth over 4096 raw pressures, its growth over 16384 raw temperatures).

        All in Pa / 2^12. Taken for a plane it is wrong by 0.6 Pa at 2 kPa from here.
        """
        p = self.pascal(1, raw_p, self.celsius(1, raw_t))
        beside = self.pascal(1, raw_p + 4096, self.celsius(1, raw_t))
        warmer = self.pascal(1, raw_p, self.celsius(1, raw_t + 16384))
        return p, beside - p, warmer - p

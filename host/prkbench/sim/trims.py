"""The BMP390's factory trim: its 21 bytes, its CRC, and the compensation both ways.

Source: BMP390 datasheet (BST-BMP390-DS002), section 3.11 (trim registers) and appendix 8
(floating-point compensation). Written from the formulas alone, so that the firmware's integer
version has an independent oracle.
"""

from __future__ import annotations

import math
import struct
from dataclasses import astuple, dataclass, fields
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from prkbench.errors import UsageError

TRIM_FORMAT = "<HHbhhbbHHbbhbb"
TRIM_SIZE = 21
RAW_MAX = 0xFFFFFF

Number = TypeVar("Number", float, NDArray[np.float64])


def crc8(data: bytes) -> int:
    """CRC-8 of the trim bytes as the chip stores it at 0x30.

    Polynomial 0x1D, start 0xFF, result inverted.
    """
    crc = 0xFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = ((crc << 1) ^ 0x1D) & 0xFF if crc & 0x80 else (crc << 1) & 0xFF
    return crc ^ 0xFF


@dataclass(frozen=True)
class Trim:
    """The fourteen trim words of one chip, as integers from its non-volatile memory."""

    t1: int
    t2: int
    t3: int
    p1: int
    p2: int
    p3: int
    p4: int
    p5: int
    p6: int
    p7: int
    p8: int
    p9: int
    p10: int
    p11: int

    @classmethod
    def unpack(cls, data: bytes) -> Trim:
        """Read the 21 bytes of registers 0x31-0x45; UsageError on any other length."""
        if len(data) != TRIM_SIZE:
            raise UsageError(f"a trim is {TRIM_SIZE} bytes (registers 0x31-0x45), got {len(data)}")
        return cls(*struct.unpack(TRIM_FORMAT, data))

    def pack(self) -> bytes:
        """Return the 21 bytes of registers 0x31-0x45; UsageError if a word does not fit."""
        try:
            return struct.pack(TRIM_FORMAT, *astuple(self))
        except struct.error as exc:
            raise UsageError(f"a trim word does not fit its register: {exc}") from exc

    @property
    def crc(self) -> int:
        """The checksum the chip holds at 0x30 for these words."""
        return crc8(self.pack())

    @cached_property
    def coefficients(self) -> tuple[float, ...]:
        """The fourteen words scaled to the datasheet's real coefficients (t1..t3, p1..p11)."""
        return (
            self.t1 * 2.0**8,
            self.t2 / 2.0**30,
            self.t3 / 2.0**48,
            (self.p1 - 2.0**14) / 2.0**20,
            (self.p2 - 2.0**14) / 2.0**29,
            self.p3 / 2.0**32,
            self.p4 / 2.0**37,
            self.p5 * 2.0**3,
            self.p6 / 2.0**6,
            self.p7 / 2.0**8,
            self.p8 / 2.0**15,
            self.p9 / 2.0**48,
            self.p10 / 2.0**48,
            self.p11 / 2.0**65,
        )

    def compensate(self, raw_p: Number, raw_t: Number) -> tuple[Number, Number]:
        """Turn raw counts into (pressure Pa, temperature degC), scalars or arrays alike."""
        t1, t2, t3, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11 = self.coefficients
        above = raw_t - t1
        t = above * t2 + above * above * t3
        offset = p5 + p6 * t + p7 * t * t + p8 * t * t * t
        slope = p1 + p2 * t + p3 * t * t + p4 * t * t * t
        square = raw_p * raw_p
        pressure = offset + raw_p * slope + square * (p9 + p10 * t) + square * raw_p * p11
        return pressure, t

    def raw_for(self, pressure_pa: float, temperature_c: float) -> tuple[float, float]:
        """Return the unrounded (raw_p, raw_t) that compensate to this pressure and temperature.

        Temperature is the root of a quadratic; pressure starts from the root of the quadratic
        part and is polished by Newton's method. Precise to 1e-6 counts for a plausible trim.
        UsageError where the polynomials have no such root (far outside the chip's range).
        """
        t1, t2, t3, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11 = self.coefficients
        t = temperature_c
        try:
            # This form of the root stays exact when t3 is nearly or wholly zero.
            raw_t = t1 + 2.0 * t / (t2 + math.sqrt(t2 * t2 + 4.0 * t3 * t))
            missing = p5 + t * (p6 + t * (p7 + t * p8)) - pressure_pa
            slope = p1 + t * (p2 + t * (p3 + t * p4))
            bend = p9 + p10 * t
            x = 2.0 * missing / (math.sqrt(slope * slope - 4.0 * bend * missing) - slope)
        except (ValueError, ZeroDivisionError) as exc:
            raise UsageError(
                f"no raw counts give {pressure_pa:g} Pa at {temperature_c:g} degC with this trim"
            ) from exc
        twice, thrice = 2.0 * bend, 3.0 * p11
        # The cubic term is small: each step squares an error that starts at a few counts in 1e5.
        for _ in range(3):
            x -= (missing + x * (slope + x * (bend + x * p11))) / (slope + x * (twice + x * thrice))
        return x, raw_t


# Two chips whose trim words their owners published; the second is a BMP388 on a test bench.
PUBLISHED_TRIMS = (
    Trim(27427, 18776, -10, -164, -2866, 35, 0, 25578, 31086, -13, -10, 17322, 18, -60),
    Trim(27355, 18817, -10, -702, -3205, 35, 0, 26419, 31923, -13, -10, 16689, 11, -60),
)

# How far a made-up chip may stray from the published ones, word by word.
_SPREAD = Trim(800, 600, 3, 700, 700, 4, 2, 1500, 1500, 5, 5, 1500, 12, 12)


def is_sensible(trim: Trim) -> bool:
    """Whether a trim describes a usable chip.

    Over 300-1250 hPa and -40..85 degC the raw counts lie well inside 24 bits, pressure falls
    steadily with the raw count, and temperature rises with it.
    """
    t1, t2, t3, p1, p2, p3, p4, _, _, _, _, p9, p10, p11 = trim.coefficients
    for t in (-40.0, 0.0, 25.0, 85.0):
        slope = p1 + t * (p2 + t * (p3 + t * p4))
        for pressure in (30000.0, 75000.0, 125000.0):
            try:
                raw_p, raw_t = trim.raw_for(pressure, t)
            except UsageError:
                return False
            if not (0x080000 < raw_p < 0xF80000 and 0x080000 < raw_t < 0xF80000):
                return False
            if slope + raw_p * (2.0 * (p9 + p10 * t) + 3.0 * raw_p * p11) >= -1e-3:
                return False
            if t2 + 2.0 * (raw_t - t1) * t3 <= 0.0:
                return False
    return True


def plausible_trim(rng: np.random.Generator) -> Trim:
    """Draw the trim of a made-up but sensible chip near the published ones."""
    while True:
        base = PUBLISHED_TRIMS[int(rng.integers(len(PUBLISHED_TRIMS)))]
        words = []
        for field in fields(Trim):
            spread = getattr(_SPREAD, field.name)
            words.append(getattr(base, field.name) + int(rng.integers(-spread, spread + 1)))
        trim = Trim(*words)
        if is_sensible(trim):
            return trim

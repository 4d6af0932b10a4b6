"""Register-level model of one BMP390 or BMP388, from the datasheet's facts alone.

Source: BMP390 datasheet (BST-BMP390-DS002), sections 3 (modes, timing, filter, FIFO) and 4
(registers). Time is pushed in by `advance`; the chip runs on its own RC clock, `clock_error`
fast. The sensing element is a function `measure(t_s, osr_p, osr_t) -> (Pa, degC)`.

This file and bmp390_fifo.py also run under MicroPython, on a board that plays the chip
(tools/chip_target): nothing in them may need what only CPython has.
"""

from __future__ import annotations

from collections.abc import Callable

from prkbench.errors import UsageError
from prkbench.sim.bmp390_fifo import EMPTY_SAMPLE, Fifo
from prkbench.sim.trims import RAW_MAX, Trim

Measure = Callable[[float, int, int], "tuple[float, float]"]

CHIP_ID_BMP390 = 0x60
CHIP_ID_BMP388 = 0x50

CHIP_ID, REV_ID, ERR_REG, STATUS, DATA = 0x00, 0x01, 0x02, 0x03, 0x04
SENSORTIME, EVENT, INT_STATUS, FIFO_LENGTH, FIFO_DATA = 0x0C, 0x10, 0x11, 0x12, 0x14
FIFO_WTM, FIFO_CONFIG_1, FIFO_CONFIG_2, INT_CTRL, IF_CONF = 0x15, 0x17, 0x18, 0x19, 0x1A
PWR_CTRL, OSR, ODR, CONFIG, NVM_CRC, NVM, CMD = 0x1B, 0x1C, 0x1D, 0x1F, 0x30, 0x31, 0x7E

FATAL_ERR, CMD_ERR, CONF_ERR = 0x01, 0x02, 0x04
CMD_RDY, DRDY_PRESS, DRDY_TEMP = 0x10, 0x20, 0x40
POR_DETECTED, ITF_ACT_PT = 0x01, 0x02
INT_FWM, INT_FFULL, INT_DRDY = 0x01, 0x02, 0x08
SOFT_RESET, FIFO_FLUSH = 0xB6, 0xB0

SENSORTIME_HZ = 25600
START_UP_US = 2000
ODR_SLOWEST = 17
IIR_COEFFICIENTS = (0, 1, 3, 7, 15, 31, 63, 127)

# Writable bits, register by register; every other register ignores writes.
_WRITABLE = {
    FIFO_WTM: 0xFF,
    FIFO_WTM + 1: 0x01,
    FIFO_CONFIG_1: 0x1F,
    FIFO_CONFIG_2: 0x1F,
    INT_CTRL: 0x7F,
    IF_CONF: 0x07,
    PWR_CTRL: 0x33,
    OSR: 0x3F,
    ODR: 0x1F,
    CONFIG: 0x0E,
}
_RESET_VALUES = {
    DATA + 2: 0x80,
    DATA + 5: 0x80,
    FIFO_WTM: 0x01,
    FIFO_CONFIG_1: 0x02,
    FIFO_CONFIG_2: 0x02,
    INT_CTRL: 0x02,
    OSR: 0x02,
}


def conversion_us(osr_p: int, osr_t: int, press_en: bool = True, temp_en: bool = True) -> int:
    """Nominal conversion time in us; oversampling as register codes 0..5 (x1..x32)."""
    return 234 + press_en * (392 + 2020 * (1 << osr_p)) + temp_en * (163 + 2020 * (1 << osr_t))


class Bmp390:
    """One chip on the bus. Registers are read and written; `advance` moves its time.

    `clock_error` is the relative excess of its clock: +0.02 makes conversions 2 % shorter and
    the data rate 2 % higher. A chip is built as it is just after power-on.
    """

    def __init__(
        self,
        trim: Trim,
        measure: Measure,
        *,
        chip_id: int = CHIP_ID_BMP390,
        clock_error: float = 0.0,
    ) -> None:
        if chip_id not in (CHIP_ID_BMP390, CHIP_ID_BMP388):
            raise UsageError(f"chip id is {chip_id:#x}, expected 0x60 (BMP390) or 0x50 (BMP388)")
        if not -0.5 < clock_error < 0.5:
            raise UsageError(f"clock error is {clock_error:g}, expected a few per cent")
        self.trim = trim
        self._measure = measure
        self._chip_id = chip_id
        self._rate = 1.0 + clock_error
        self._now = 0
        self._frozen: tuple[int, int] | None = None
        self._raw = (EMPTY_SAMPLE, EMPTY_SAMPLE)
        self.fifo = Fifo()
        self.conversions = 0
        self._iir: tuple[float, float] | None = None
        self._done_us: float | None = None
        self.power_on_reset()

    def advance(self, us: int) -> None:
        """Move to an absolute time in us; UsageError if it lies in the past."""
        end = self._done_us
        if end is not None and end <= us:
            while end is not None and end <= us:
                self._finish(end)
                end = self._done_us
        elif us < self._now:
            raise UsageError(f"time went back from {self._now} us to {us} us")
        self._now = us

    def _start(self, start_us: float) -> None:
        """Begin a conversion; its end is in host time, on the chip's clock."""
        regs = self._regs
        osr = regs[OSR]
        control = regs[PWR_CTRL]
        took = conversion_us(
            min(osr & 7, 5), min(osr >> 3, 5), bool(control & 1), bool(control & 2)
        )
        self._osr = osr
        self._started_us = start_us
        self._done_us = start_us + took / self._rate

    def _finish(self, end_us: float) -> None:
        """Latch the conversion that ends now, and start the next one in normal mode."""
        regs = self._regs
        control = regs[PWR_CTRL]
        press, temp = control & 1, control & 2
        if press or temp:
            self._convert(self._osr, press, temp, 0.5e-6 * (self._started_us + end_us))
        if control & 0x30 == 0x30:
            period = (5000 << regs[ODR]) / self._rate
            self._start(self._started_us + period)
            return
        regs[PWR_CTRL] = control & 0x03
        self._done_us = None

    def _convert(self, osr: int, press: int, temp: int, t_s: float) -> None:
        """Measure, filter, and put the result into data registers, FIFO and status."""
        regs = self._regs
        pa, degc = self._measure(t_s, 1 << min(osr & 7, 5), 1 << min(osr >> 3, 5))
        raw_p, raw_t = self.trim.raw_for(pa, degc)
        raw = (round(raw_p), round(raw_t))
        if not (0 <= raw[0] <= RAW_MAX and 0 <= raw[1] <= RAW_MAX):
            raw = (min(max(raw[0], 0), RAW_MAX), min(max(raw[1], 0), RAW_MAX))
        if self._frozen is not None:
            raw = self._frozen
        self._raw = raw
        self.conversions += 1
        coefficient = regs[CONFIG] >> 1
        filtered = self._filter(raw, IIR_COEFFICIENTS[coefficient]) if coefficient else raw
        status = CMD_RDY
        if press:
            regs[DATA : DATA + 3] = filtered[0].to_bytes(3, "little")
            status |= DRDY_PRESS
        if temp:
            regs[DATA + 3 : DATA + 6] = filtered[1].to_bytes(3, "little")
            status |= DRDY_TEMP
        regs[STATUS] |= status
        regs[INT_STATUS] |= INT_DRDY
        if regs[FIFO_CONFIG_1] & 1:
            use_filter = regs[FIFO_CONFIG_2] & 0x18 == 0x08
            p, t = filtered if use_filter else raw
            select = regs[FIFO_CONFIG_1]
            self.fifo.push_sample(
                p if press and select & 0x08 else None, t if temp and select & 0x10 else None
            )
            self._fifo_flags()

    def _filter(self, raw: tuple[int, int], coefficient: int) -> tuple[int, int]:
        """Apply the chip's IIR: y = (c y + x)/(c + 1).

        Begun by the first sample after a reset, after entering normal mode and after a change
        of coefficient.
        """
        if self._iir is None:
            self._iir = (float(raw[0]), float(raw[1]))
        else:
            p, t = self._iir
            whole = coefficient + 1
            self._iir = ((p * coefficient + raw[0]) / whole, (t * coefficient + raw[1]) / whole)
        return round(self._iir[0]), round(self._iir[1])

    def _fifo_flags(self) -> None:
        regs = self._regs
        watermark = regs[FIFO_WTM] | regs[FIFO_WTM + 1] << 8
        if watermark and self.fifo.length >= watermark:
            regs[INT_STATUS] |= INT_FWM
        if self.fifo.full:
            regs[INT_STATUS] |= INT_FFULL

    def power_on_reset(self) -> None:
        """Return to the power-on state, as after a supply dip or a soft reset."""
        regs = bytearray(0x80)
        regs[CHIP_ID] = self._chip_id
        regs[REV_ID] = 0x01
        for reg, value in _RESET_VALUES.items():
            regs[reg] = value
        regs[EVENT] = POR_DETECTED
        trim = self.trim.pack()
        regs[NVM : NVM + len(trim)] = trim
        regs[NVM_CRC] = self.trim.crc
        self._regs = regs
        self._iir = None
        self._started_us = 0.0
        self._osr = regs[OSR]
        self._done_us = None
        self._born_us = self._now
        self._ready_us = self._now + START_UP_US
        self.fifo.reset()

    def freeze(self, frozen: bool = True, raw: tuple[int, int] | None = None) -> None:
        """Stick: conversions go on, but their raw counts no longer change (or do again).

        raw: the pressure and temperature counts they all give; None: those of the last one.
        """
        self._frozen = (raw or self._raw) if frozen else None

    def save(self) -> object:
        """Return all that can change, for `restore`."""
        return dict(self.__dict__, _regs=bytes(self._regs), fifo=self.fifo.copy())

    def restore(self, saved: object) -> None:
        """Go back to what `save` returned; what is measured is not part of the chip."""
        assert isinstance(saved, dict)
        self.__dict__.update(saved)
        self._regs = bytearray(self._regs)
        self.fifo = self.fifo.copy()

    @property
    def interrupt(self) -> bool:
        """Whether an enabled interrupt is pending, before the pin's polarity is applied."""
        enabled = self._regs[INT_CTRL]
        mask = (enabled >> 3) & 0x03 | (INT_DRDY if enabled & 0x40 else 0)
        return bool(self._regs[INT_STATUS] & mask)

    def read(self, reg: int) -> int:
        """Read one register, with the side effects of reading it."""
        return self.read_burst(reg, 1)[0]

    def peek(self, reg: int) -> int:
        """Return what `read` would, without its side effects."""
        return self.peek_burst(reg, 1)[0]

    def peek_burst(self, reg: int, n: int) -> bytes:
        """Return what `read_burst` would, without its side effects."""
        self._refresh(reg, reg + n)
        if reg <= FIFO_DATA < reg + n:
            before = bytes(self._regs[reg:FIFO_DATA])
            return before + self.fifo.peek(n - len(before), self._sensor_time())
        data = bytes(self._regs[reg : reg + n])
        return data + bytes(n - len(data))

    def read_burst(self, reg: int, n: int) -> bytes:
        """Read n bytes from consecutive registers; the address stops at FIFO_DATA.

        Clears error, event and interrupt flags and the data-ready bits of what was read.
        """
        regs = self._regs
        self._refresh(reg, reg + n)
        if self._done_us is not None and self._started_us <= self._now:
            regs[EVENT] |= ITF_ACT_PT
        end = reg + n
        if reg <= FIFO_DATA < end:
            head = bytes(regs[reg:FIFO_DATA])
            data = head + self.fifo.pop(n - len(head), self._sensor_time())
            end = FIFO_DATA
        else:
            data = bytes(regs[reg:end])
            if len(data) < n:
                data += bytes(n - len(data))
        if reg <= INT_STATUS:
            if reg <= ERR_REG < end:
                regs[ERR_REG] &= FATAL_ERR
            if reg < DATA + 3 and end > DATA:
                regs[STATUS] &= ~DRDY_PRESS
            if reg < DATA + 6 and end > DATA + 3:
                regs[STATUS] &= ~DRDY_TEMP
            if reg <= EVENT < end:
                regs[EVENT] = 0
            if reg <= INT_STATUS < end:
                regs[INT_STATUS] = 0
        return data

    def write(self, reg: int, value: int) -> None:
        """Write one register; read-only registers ignore it."""
        if reg == CMD:
            self._command(value)
            return
        mask = _WRITABLE.get(reg)
        if mask is None:
            return
        regs = self._regs
        old = regs[reg]
        if reg == PWR_CTRL:
            self._set_power(old, value & mask)
            return
        regs[reg] = value & mask
        if reg in (OSR, ODR):
            self._check_timing()
        if reg in (OSR, ODR, CONFIG) and regs[reg] != old:
            self.fifo.push_config_change()
        if reg == CONFIG and regs[reg] != old:
            self._iir = None
        if reg in (FIFO_CONFIG_1, FIFO_CONFIG_2) and regs[reg] != old:
            self.fifo.configure(regs[FIFO_CONFIG_1], regs[FIFO_CONFIG_2])

    def _refresh(self, reg: int, end: int) -> None:
        """Bring the registers that are computed up to date, for a read from reg up to end."""
        regs = self._regs
        if self._now >= self._ready_us:
            regs[STATUS] |= CMD_RDY
        if reg < SENSORTIME + 3:
            regs[SENSORTIME : SENSORTIME + 3] = self._sensor_time().to_bytes(3, "little")
        if end > FIFO_LENGTH:
            regs[FIFO_LENGTH : FIFO_LENGTH + 2] = self.fifo.length.to_bytes(2, "little")

    def _sensor_time(self) -> int:
        elapsed = (self._now - self._born_us) * self._rate
        return int(elapsed * SENSORTIME_HZ / 1e6) & 0xFFFFFF

    def _command(self, value: int) -> None:
        regs = self._regs
        if self._now < self._ready_us:
            regs[ERR_REG] |= CMD_ERR
        elif value == SOFT_RESET:
            self.power_on_reset()
        elif value == FIFO_FLUSH:
            self.fifo.flush()
        elif value:
            regs[ERR_REG] |= CMD_ERR

    def _fits(self) -> bool:
        regs = self._regs
        osr_p, osr_t, odr = regs[OSR] & 7, regs[OSR] >> 3, regs[ODR]
        if osr_p > 5 or osr_t > 5 or odr > ODR_SLOWEST:
            return False
        enabled = regs[PWR_CTRL]
        took = conversion_us(osr_p, osr_t, bool(enabled & 1), bool(enabled & 2))
        return took <= 5000 << odr

    def _check_timing(self) -> None:
        """In normal mode, refuse settings whose conversion exceeds the output period."""
        regs = self._regs
        if regs[PWR_CTRL] & 0x30 == 0x30 and not self._fits():
            # The chip falls back to sleep and says so; no conversion follows.
            regs[ERR_REG] |= CONF_ERR
            regs[PWR_CTRL] &= 0x03
            self._done_us = None
            self.fifo.push_config_error()

    def _set_power(self, old: int, new: int) -> None:
        regs = self._regs
        regs[PWR_CTRL] = new
        mode = new & 0x30
        if mode == 0x30:
            self._check_timing()
            if regs[PWR_CTRL] & 0x30 and old & 0x30 != 0x30:
                self._iir = None
                self._start(float(self._now))
        elif mode == 0:
            self._done_us = None
        elif self._done_us is None:
            self._start(float(self._now))

"""Sensors on an I2C block of the emulated RP2040.

The emulator hands over single events (start, address, byte, stop) and goes on when it is told; how
long they take on a real wire, and who answers, is decided here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rp2040py.clock.clock import IClock
from rp2040py.peripherals.i2c import ENABLE, R_TX_EMPTY, RPI2C, I2CMode, I2CState

from prkbench.sim.bus import BusDevice

_TICK_NS = 8.0
_OVERHEAD_TICKS = 8
_BYTE_BITS = 9
_STEP_BITS = 1
_LOOK_AHEAD = 32


class I2cWire:
    """One bus: devices by their 7-bit address; everything else does not acknowledge.

    hears: False while the pins are not switched to I2C, so that nobody is heard: the emulator
    itself does not look.
    """

    def __init__(
        self,
        block: RPI2C,
        clock: IClock,
        devices: Mapping[int, BusDevice],
        hears: Callable[[], bool] = lambda: True,
    ) -> None:
        self._block = block
        self._clock = clock
        self._devices = devices
        self._hears = hears
        self._next: Callable[[], None] | None = None
        self._alarm = clock.create_alarm(self._elapsed)
        self._device: BusDevice | None = None
        self._register: int | None = None
        self._reading = False
        self._shown = b""
        self._count = 0
        block.on_start = self._on_start
        block.on_connect = self._on_connect
        block.on_write_byte = self._on_write
        block.on_read_byte = self._on_read
        block.on_stop = self._on_stop
        _let_go_when_disabled(block, self._forget)

    # Wire time ----------------------------------------------------------------------------

    def _after(self, bits: int, then: Callable[[], None]) -> None:
        """Go on once that many bits have passed over the wire, as on a real bus.

        Completed at once, a burst of six bytes would take 51 us instead of 235 at 400 kHz.
        """
        block = self._block
        ticks = block.scl_low_period + block.scl_high_period + _OVERHEAD_TICKS
        self._next = then
        self._alarm.schedule(bits * ticks * _TICK_NS)

    def _elapsed(self) -> None:
        then, self._next = self._next, None
        if then is not None:
            then()

    def _now_us(self) -> int:
        return int(self._clock.nanos // 1000)

    def _forget(self) -> None:
        self._alarm.cancel()
        self._next = None
        self._end_read()
        self._device = None

    # Events -------------------------------------------------------------------------------

    def _on_start(self, _repeated: bool) -> None:
        self._end_read()
        self._after(_STEP_BITS, self._block.complete_start)

    def _on_connect(self, address: int, mode: I2CMode) -> None:
        device = self._devices.get(address) if self._hears() else None
        if device is not None and mode == I2CMode.WRITE:
            self._register = None
            if not device.acknowledges():
                device = None
        self._device = device
        if device is None:
            self._after(_BYTE_BITS, self._refuse)
            return
        device.device.advance(self._now_us())
        self._reading = mode == I2CMode.READ
        self._count = 0
        self._shown = b""
        if not device.hung:
            self._after(_BYTE_BITS, self._acknowledge)

    def _acknowledge(self) -> None:
        self._block.complete_connect(True)

    def _refuse(self) -> None:
        """Nobody acknowledges: EIO on the board.

        The port waits for an empty transmit FIFO before it looks for the abort; without that flag
        it would run into its time-out and find the next transfer spoilt.
        """
        block = self._block
        block.complete_connect(False)
        block.int_raw |= R_TX_EMPTY
        block.check_interrupts()

    def _on_write(self, value: int) -> None:
        device = self._device
        if device is not None:
            if self._register is None:
                self._register = value
            else:
                device.device.write(self._register, value)
                self._register += 1
        self._after(_BYTE_BITS, self._written)

    def _written(self) -> None:
        self._block.complete_write(True)

    def _on_read(self, _ack: bool) -> None:
        self._after(_BYTE_BITS, self._give)

    def _give(self) -> None:
        device, register = self._device, self._register
        if device is None or register is None:
            self._block.complete_read(0xFF)
            return
        if self._count == len(self._shown):
            # A burst is one moment's data: shown now, and taken when it is known how long it was.
            ahead = max(_LOOK_AHEAD, 2 * self._count)
            self._shown = device.device.peek_burst(register, ahead)
        value = self._shown[self._count]
        self._count += 1
        self._block.complete_read(value)

    def _end_read(self) -> None:
        if self._device is not None and self._reading and self._register is not None:
            self._device.device.read_burst(self._register, self._count)
        self._reading = False

    def _on_stop(self) -> None:
        self._end_read()
        self._device = None
        self._after(_STEP_BITS, self._block.complete_stop)


def _let_go_when_disabled(block: RPI2C, forget: Callable[[], None]) -> None:
    """Disabling the block ends a transfer that a hung device never completed.

    The emulator keeps its state then, and every later transfer would wait for ever.
    """
    write = block.write_uint32

    def write_uint32(offset: int, value: int) -> None:
        if offset == _IC_ENABLE and not value & ENABLE and block._state != I2CState.IDLE:
            forget()
            block._state = I2CState.IDLE
            block._busy = False
            block._stop = False
            block._pending_restart = False
        write(offset, value)

    block.write_uint32 = write_uint32  # type: ignore[method-assign]


_IC_ENABLE = 0x6C

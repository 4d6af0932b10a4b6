"""Sensors on an I2C bus whose pins the program moves by itself.

MicroPython's port for the RP2040 does so for transfers without data, which its I2C block cannot do
and which `scan()` is made of; all others go through the block (i2c_wire).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rp2040py.gpio_pin import GPIOPin, GPIOPinState

from prkbench.sim.bus import BusDevice

_ADDRESS_BITS = 8


class BitBangedWire:
    """Listens on two pins and acknowledges the addresses of the devices, nothing that follows.

    bit_banged: whether the pins are the program's now; else they belong to the I2C block.
    """

    def __init__(
        self,
        sda: GPIOPin,
        scl: GPIOPin,
        devices: Mapping[int, BusDevice],
        bit_banged: Callable[[], bool],
    ) -> None:
        self._sda = sda
        self._scl = scl
        self._devices = devices
        self._bit_banged = bit_banged
        self._bits: int | None = None
        self._count = 0
        self._pulling = False
        sda.add_listener(self._on_sda)
        scl.add_listener(self._on_scl)

    def _on_sda(self, now: GPIOPinState, before: GPIOPinState) -> None:
        """While SCL is high: a start condition, or a stop condition."""
        if not self._bit_banged() or not _high(self._scl.value) or _high(now) == _high(before):
            return
        self._let_go()
        self._bits = None if _high(now) else 0
        self._count = 0

    def _on_scl(self, now: GPIOPinState, before: GPIOPinState) -> None:
        if self._bits is None or _high(now) == _high(before) or not self._bit_banged():
            return
        if _high(now):
            if self._count < _ADDRESS_BITS:
                self._bits = self._bits << 1 | _high(self._sda.value)
            self._count += 1
        elif self._count == _ADDRESS_BITS:
            if self._acknowledged(self._bits):
                self._pulling = True
                self._sda.set_input_value(False)
        elif self._count > _ADDRESS_BITS:
            self._let_go()

    def _acknowledged(self, head: int) -> bool:
        # Not counted as a transfer: the node never asks for one; the port adds it to end a read
        # whose beginning has failed, and no other bus of ours does.
        device = self._devices.get(head >> 1)
        return device is not None and not head & 1 and device.listens()

    def _let_go(self) -> None:
        if self._pulling:
            self._pulling = False
            self._sda.release_input()


def _high(state: GPIOPinState) -> bool:
    """Whether a pin that is only ever pulled down, or let go, is high on a bus with pull-ups."""
    return state != GPIOPinState.LOW

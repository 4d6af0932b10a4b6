"""A busio.I2C as the node wants its buses: register transfers, one kind of error."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator

from prkbench.local.usb_bridge import BusioI2C


class RegisterBus:
    """Like machine.I2C as far as the node uses it; OSError for whatever goes wrong."""

    def __init__(self, i2c: BusioI2C) -> None:
        self._i2c = i2c

    def readfrom_mem_into(
        self, address: int, register: int, buffer: bytearray | memoryview
    ) -> None:
        """Burst read."""
        # Some bridges' drivers take nothing but a bytearray.
        data = bytearray(len(buffer))
        with self._taken():
            self._i2c.writeto_then_readfrom(address, bytes((register,)), data)
        buffer[:] = data

    def writeto_mem(self, address: int, register: int, buffer: bytes) -> None:
        """Burst write."""
        with self._taken():
            self._i2c.writeto(address, bytes((register, *buffer)))

    @contextlib.contextmanager
    def _taken(self) -> Iterator[None]:
        try:
            if not self._i2c.try_lock():
                raise OSError(errno.EBUSY, "another user has the bus")
            try:
                yield
            finally:
                self._i2c.unlock()
        except (RuntimeError, ValueError) as error:
            # A bridge that was unplugged, depending on its driver.
            raise OSError(errno.EIO, str(error)) from error

"""A busio.I2C over simulated chips, and a clock that lets the node of this process run fast."""

import select
import threading

from prkbench.local.host_board import HostClock
from prknode.ticks import TICKS_MASK

STATUS = 0x03
NOT_READY = 0x10


class FastClock(HostClock):
    """Simulated time: it passes whenever the node rests, unless its ring is half full.

    So a fast node never outruns the logger, as the virtual node's parent sees to.
    """

    def __init__(self):
        self.now_us = 0

    def ticks_us(self):
        return (TICKS_MASK - 5_000_000 + self.now_us) & TICKS_MASK

    def rest(self, line, us, busy, fill_percent):
        held = fill_percent >= 50
        if not select.select([line], [], [], 0.002 if held or not busy else 0)[0] and not held:
            self.now_us += us


class WallClock(HostClock):
    """The real one, told in microseconds since it was made, for the chips."""

    def __init__(self):
        self._first = super().ticks_us()

    @property
    def now_us(self):
        return (self.ticks_us() - self._first) & TICKS_MASK


class ModelI2C:
    """What Blinka's busio.I2C offers, over register models by address.

    pulled, hung: address -> range of its transfers that nobody acknowledges, or during which its
    status says that no data are ready. transfers: how many each address has seen; error: what a
    transfer that is not acknowledged raises.
    """

    def __init__(self, chips, clock):
        self.chips = chips
        self.clock = clock
        self.pulled = {}
        self.hung = {}
        self.transfers = dict.fromkeys(chips, 0)
        self.error = OSError("I2C slave address was NACK'd")
        self._lock = threading.Lock()

    def try_lock(self):
        return self._lock.acquire(blocking=False)

    def unlock(self):
        self._lock.release()

    def _chip(self, address):
        assert self._lock.locked()
        if address not in self.chips:
            raise self.error
        n = self.transfers[address]
        self.transfers[address] = n + 1
        if n in self.pulled.get(address, ()):
            raise self.error
        chip = self.chips[address]
        chip.advance(self.clock.now_us)
        return chip, n in self.hung.get(address, ())

    def writeto(self, address, buffer, *, start=0, end=None):
        chip, _ = self._chip(address)
        for i, value in enumerate(buffer[1:]):
            chip.write(buffer[0] + i, value)

    def writeto_then_readfrom(self, address, buffer_out, buffer_in, *, in_start=0, in_end=None):
        # Drivers of real bridges fill a bytearray byte by byte.
        assert type(buffer_in) is bytearray
        chip, hung = self._chip(address)
        (register,) = buffer_out
        for i, value in enumerate(chip.read_burst(register, len(buffer_in))):
            buffer_in[i] = NOT_READY if hung and register + i == STATUS else value

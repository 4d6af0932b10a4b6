"""The chip target without its board: a stand-in for machine.I2CTarget, and scripts to compare.

Runs under CPython with the host's modules and under MicroPython with what lies on the board.
"""

import sys

try:
    from micropython import heap_lock, heap_unlock
except ImportError:

    def heap_lock():
        """CPython has no heap to lock."""

    heap_unlock = heap_lock

from played import port as played_port
from played.chip import PlayedChip, Readings, SentTrim

from prkbench.sim.bmp390_model import (
    CMD,
    CONFIG,
    FIFO_CONFIG_1,
    FIFO_CONFIG_2,
    FIFO_DATA,
    ODR,
    OSR,
    PWR_CTRL,
    Bmp390,
)
from prknode.bmp390 import Bmp390 as Driver
from prknode.bmp390 import trim_crc
from prknode.chipfifo import ChipFifo

TRIM_WORDS = bytes(range(60, 81))
NEVER = 1 << 29


class Dice:
    """Whole random numbers that are the same under every interpreter."""

    def __init__(self, seed):
        self._state = seed

    def below(self, n):
        self._state = (self._state * 1103515245 + 12345) & 0x7FFFFFFF
        return (self._state >> 8) % n


def count_up():
    """A sensing element whose every reading is another, far from the ends of the range."""
    n = [0]

    def measure(t_s, osr_p, osr_t):
        n[0] += 1
        return 0x700000 + 7 * n[0], 0x800000 - 3 * n[0]

    return measure


def plain_chip(clock_error=0.0125):
    return Bmp390(SentTrim(TRIM_WORDS, trim_crc(TRIM_WORDS)), count_up(), clock_error=clock_error)


def register_script(steps=400):
    """What a chip says to a long random treatment, as lines of text."""
    dice = Dice(7)
    chip = plain_chip()
    now = 0
    lines = []
    for _ in range(steps):
        now += dice.below(20000)
        chip.advance(now)
        what = dice.below(12)
        if what == 0:
            chip.write(PWR_CTRL, (0x03, 0x13, 0x33, 0x33)[dice.below(4)])
        elif what == 1:
            chip.write(OSR, dice.below(4) | dice.below(3) << 3)
        elif what == 2:
            chip.write(ODR, dice.below(6))
        elif what == 3:
            chip.write(FIFO_CONFIG_1, (0x1B, 0x1F, 0x19, 0x02)[dice.below(4)])
            chip.write(FIFO_CONFIG_2, (0x00, 0x08, 0x01)[dice.below(3)])
        elif what == 4:
            chip.write(CONFIG, dice.below(8) << 1)
        elif what == 5:
            chip.write(CMD, (0xB0, 0xB0, 0xB0, 0xB6, 0x11)[dice.below(5)])
        elif what < 9:
            first = dice.below(0x40)
            lines.append(chip.read_burst(first, 1 + dice.below(20)).hex())
        elif what == 9:
            lines.append(chip.peek_burst(0x70, 24).hex())
        else:
            lines.append(chip.read_burst(FIFO_DATA, 1 + dice.below(120)).hex())
    lines.append("%d conversions" % chip.conversions)
    return lines


# The bus --------------------------------------------------------------------------------------


class Hung(Exception):
    """The clock line is held and nobody is going to let it go."""


class StandIn:
    """machine.I2CTarget on the RP2 port, event by event.

    A byte asked for holds the bus until write(). After the last byte of a read one more is asked
    for; until it is written, too, no later read asks for any. What was written beyond what was
    sent is dropped when the next read begins. Handlers run with the heap locked.
    """

    def __init__(self):
        self.port = None
        self._flags = 0
        self._in = []
        self._out = []
        self._asks = True

    def irq(self):
        return self

    def flags(self):
        return self._flags

    def readinto(self, buffer):
        buffer[0] = self._byte
        return 1

    def write(self, data):
        self._written = data[0]
        self._asks = True
        return 1

    def _tell(self, flags):
        self._flags = flags
        heap_lock()
        try:
            self.port.on_event(self)
        finally:
            heap_unlock()

    def receive(self, data):
        """A write transaction."""
        self._tell(played_port.ADDRESSED_TO_WRITE)
        for byte in data:
            self._byte = byte
            self._tell(played_port.BYTE_HERE)
        self._tell(played_port.WRITE_ENDED)

    def send(self, n, main_loop, give_up=NEVER):
        """A read transaction of n bytes; give_up: the controller ends it when held at that byte."""
        self._tell(played_port.ADDRESSED_TO_READ)
        data = bytearray()
        for i in range(n):
            self._ask()
            tries = 0
            while self._written is None:
                if i == give_up:
                    self._tell(played_port.READ_ENDED)
                    return None
                main_loop()
                tries += 1
                if tries > 3:
                    raise Hung("byte %d of %d" % (i, n))
            data.append(self._written)
        self._ask()
        self._tell(played_port.READ_ENDED)
        return data

    def _ask(self):
        if not self._asks:
            raise Hung("an earlier request was never answered")
        self._asks = False
        self._written = None
        self._tell(played_port.BYTE_WANTED)


class PortBus:
    """machine.I2C over one TargetPort; microseconds pass only when a test lets them.

    lazy: the board's main loop comes round only while the bus is held.
    """

    def __init__(self, chip, lazy):
        self.us = 0
        self._lazy = lazy
        self._target = StandIn()
        self.port = played_port.TargetPort(chip, self._target, self._ticks, int, self._unlock)
        self._target.port = self.port

    def _ticks(self):
        return self.us & 0x3FFFFFFF

    def _to_us(self, ticks):
        return self.us - (self.us - ticks & 0x3FFFFFFF)

    def _unlock(self, state):
        """Nothing interrupts here."""

    def main_loop(self):
        self.port.serve(self._to_us)

    def pass_us(self, us):
        self.us += us
        if not self._lazy:
            self.main_loop()

    def readfrom_mem_into(self, address, register, buffer):
        self._target.receive(bytes((register,)))
        buffer[:] = self._target.send(len(buffer), self.main_loop)
        if not self._lazy:
            self.main_loop()

    def writeto_mem(self, address, register, buffer):
        pairs = []
        for value in buffer:
            pairs += [register, value]
        self._target.receive(bytes(pairs))
        if not self._lazy:
            self.main_loop()

    def abandon(self, register, n, at):
        """A read that the controller gives up when the bus is held at that byte."""
        self._target.receive(bytes((register,)))
        return self._target.send(n, self.main_loop, at)


class DirectBus:
    """The same over a chip alone."""

    def __init__(self, chip):
        self.us = 0
        self._chip = chip

    def pass_us(self, us):
        self.us += us

    def readfrom_mem_into(self, address, register, buffer):
        self._chip.advance(self.us)
        buffer[:] = self._chip.read_burst(register, len(buffer))

    def writeto_mem(self, address, register, buffer):
        self._chip.advance(self.us)
        for value in buffer:
            self._chip.write(register, value)


def driver_script(bus, seconds=2):
    """What the firmware's own driver gets over a bus, as lines of text: forced mode, then FIFO."""
    lines = []
    driver = Driver(bus, 0x76)
    bus.pass_us(5000)
    driver.reset()
    bus.pass_us(3000)
    driver.configure(2, 1, 0)
    lines.append("%x %s" % (driver.chip_id, driver.trim.hex()))
    for _ in range(5 * seconds):
        driver.trigger()
        bus.pass_us(3000)
        early = driver.read()
        bus.pass_us(17000)
        lines.append("%d %d %s" % (early, driver.read(), bytes(driver.data).hex()))
        bus.pass_us(180000)
    fifo = ChipFifo(driver)
    driver.configure(1, 1, 0)
    fifo.stream(0, False)
    for n in range(20 * seconds):
        # Now and then a stall, and pieces that cut a frame in two.
        bus.pass_us(40000 if n % 7 else 330000)
        lines.append("%d waiting" % fifo.waiting())
        for size in (7 * 12, 7 * 3 + 4, 520 if n % 5 == 4 else 1):
            piece = bytearray(size)
            fifo.fetch(piece)
            lines.append(bytes(piece).hex())
    fifo.rest()
    lines.append("%d" % fifo.waiting())
    return lines


def sent_readings(n=32):
    readings = Readings()
    data = bytearray()
    for i in range(n):
        data += (0x700000 + 7 * i).to_bytes(3, "little") + (0x800000 - 3 * i).to_bytes(3, "little")
    readings.put(data)
    return readings


def played_chip(clock_error=0.0125):
    trim = SentTrim(TRIM_WORDS, trim_crc(TRIM_WORDS))
    return PlayedChip(trim, sent_readings(), 0x60, clock_error)


def port_script(lazy):
    return driver_script(PortBus(played_chip(), lazy))


SCRIPTS = {
    "registers": register_script,
    "port": lambda: port_script(False),
    "lazy": lambda: port_script(True),
}

if __name__ == "__main__":
    for text in SCRIPTS[sys.argv[1]]():
        print(text)

"""Entry point of a Pico that plays BMP390s: chip n on I2C peripheral n, both on one bus."""

import gc
import select
import sys
import time

import machine
from played import port as played_port
from played.console import Console

ADDRESSES = (0x76, 0x77)
PINS = ((4, 5), (6, 7))
"""SDA and SCL of each peripheral."""
_COLLECT_BYTES = 48000
"""Often and little: a controller that waits for a byte waits for the collection, too."""


class Uptime:
    """Microseconds since the start, from ticks that wrap every 18 minutes."""

    def __init__(self):
        self._ticks = time.ticks_us()
        self._us = 0

    def update(self):
        """To be called within every nine minutes."""
        now = time.ticks_us()
        self._us += time.ticks_diff(now, self._ticks)
        self._ticks = now

    def at(self, ticks):
        """The time of these ticks, which are near the present."""
        return self._us + time.ticks_diff(ticks, self._ticks)


def open_port(n, chip):
    """Put a chip on the bus."""
    target_class = machine.I2CTarget
    expected = (
        target_class.IRQ_ADDR_MATCH_READ, target_class.IRQ_ADDR_MATCH_WRITE,
        target_class.IRQ_READ_REQ, target_class.IRQ_WRITE_REQ,
        target_class.IRQ_END_READ, target_class.IRQ_END_WRITE,
    )  # fmt: skip
    if expected != (0x01, 0x02, 0x04, 0x08, 0x10, 0x20):
        raise ValueError("this MicroPython numbers I2CTarget's events otherwise")
    sda, scl = PINS[n]
    target = target_class(n, ADDRESSES[n], sda=machine.Pin(sda), scl=machine.Pin(scl))
    port = played_port.TargetPort(
        chip, target, time.ticks_us, machine.disable_irq, machine.enable_irq
    )
    target.irq(port.on_event, played_port.EVENTS, hard=True)
    return port


def run():
    """Serve the bus and the host's lines until Ctrl-C."""
    gc.threshold(_COLLECT_BYTES)
    uptime = Uptime()
    console = Console(len(PINS), open_port)
    poll = select.poll()
    poll.register(sys.stdin, select.POLLIN)
    one = bytearray(1)
    line = bytearray()
    while True:
        uptime.update()
        for port in console.ports:
            if port is not None:
                port.serve(uptime.at)
        taken = 0
        # A few bytes at a time: a controller may be waiting.
        while taken < 64 and poll.poll(0):
            if not sys.stdin.buffer.readinto(one):
                break
            taken += 1
            if one[0] == 10:
                sys.stdout.write(console.answer(line) + "\n")
                line = bytearray()
                break
            if len(line) < 512:
                line.append(one[0])


run()

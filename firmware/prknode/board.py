"""The board: the only file that touches `machine`.

Another board (the virtual one, a test's) offers the same methods:

    begin(), end()            take over and give back the serial line
    ticks_us()                microseconds, wrapping at ticks.TICKS_MASK
    bus(n)                    I2C bus n: readfrom_mem_into(address, register, buffer),
                              writeto_mem(address, register, buffer); OSError when not acknowledged
    read_into(buffer) -> n    bytes the host has sent, never waiting
    write(view) -> n          bytes the line has taken, never waiting
    idle(us, node)            rest for us microseconds at most, or until the host sends something
    config() -> dict          config.json; its board section may be completed
    unique_id() -> str        of the board
    valves() -> tuple         role of each valve: FILL, VENT or HATCH
    set_valve(i, is_open)     open or shut valve i, from 0
    new_run_id() -> int       1 .. 2^32 - 1, not seen before
    memory() -> (used, free)  heap bytes after the last collect()
    collect()                 collect garbage
    reset(), reset_cause()    restart; why it last started, as a word
    crashed(error)            report a crash and wait a little
"""

import binascii
import gc
import json
import os
import select
import sys
import time

import machine

from prknode.app import print_exception
from prknode.ticks import TICKS_MASK, ticks_diff

_CAUSES = {"PWRON_RESET": "power", "WDT_RESET": "watchdog", "SOFT_RESET": "soft reset"}
_LONGEST_MS = 1000
_PACKET = 64
_SLOW_US = 20000  # a packet that took longer had to wait for the host
_TRUST = 512  # bytes taken without a pause that show a host which reads again
_MASK = TICKS_MASK


class Board:
    """A microcontroller running MicroPython, with its sensors on machine.I2C."""

    def __init__(self, path="config.json"):
        with open(path) as file:
            config = json.load(file)
        if "i2c" not in config.get("board", {}):
            from prknode.boards import completed  # memory only where it is needed

            config = completed(config, sys.implementation._machine)
        self._config = config
        self._buses = [
            _Bus(
                machine.I2C(
                    bus["id"],
                    sda=machine.Pin(bus["sda"]),
                    scl=machine.Pin(bus["scl"]),
                    freq=bus.get("freq", 400000),
                    timeout=50000,
                )
            )
            for bus in self._config["board"]["i2c"]
        ]
        valves = self._config["board"].get("valves", ())
        self._roles = tuple(valve["role"] for valve in valves)
        self._pins = [machine.Pin(valve["pin"], machine.Pin.OUT, value=0) for valve in valves]
        self._in = sys.stdin.buffer
        self._out = sys.stdout.buffer
        poll_in = select.poll()
        poll_in.register(sys.stdin, select.POLLIN)
        poll_out = select.poll()
        poll_out.register(sys.stdout, select.POLLOUT)
        # poll() would make a list each time.
        self._poll_in = poll_in.ipoll
        self._poll_out = poll_out.ipoll
        self._one = bytearray(1)
        self._careful = 0
        self._memory = 0, 0

    def begin(self):
        """Nothing to take over: Ctrl-C must go on reaching the REPL."""

    def end(self):
        """Whoever uses the prompt now finds the valves shut."""
        for pin in self._pins:
            pin(0)

    def ticks_us(self):
        """Microseconds, wrapping."""
        return time.ticks_us() & _MASK

    def bus(self, number):
        """I2C bus by its place in the list; OSError on use when there is no such bus."""
        return self._buses[number] if number < len(self._buses) else _NoBus()

    def read_into(self, buffer):
        """Bytes waiting on the serial line, one by one: readinto would wait for a full buffer."""
        n = 0
        while n < len(buffer):
            for _ in self._poll_in(0):
                break
            else:
                break
            if not self._in.readinto(self._one):
                break
            buffer[n] = self._one[0]
            n += 1
        return n

    def write(self, view):
        """Write as much as the line takes at once, a packet of USB at a time.

        That there is room means room for one byte; for the rest of a packet MicroPython waits up to
        half a second. A host that sends on without waiting for its answer, or that has kept a
        packet waiting, gets single bytes until it is seen to read.
        """
        for _ in self._poll_in(0):
            self._careful = _TRUST
        n = 0
        while n < len(view):
            for _ in self._poll_out(0):
                break
            else:
                if self._careful:
                    self._careful = _TRUST
                break
            if self._careful:
                self._one[0] = view[n]
                if not self._out.write(self._one):
                    break
                n += 1
                self._careful -= 1
                continue
            begun = self.ticks_us()
            written = self._out.write(view[n : n + _PACKET])
            if ticks_diff(self.ticks_us(), begun) > _SLOW_US:
                self._careful = _TRUST
            if not written:
                break
            n += written
        return n

    def idle(self, us, node):
        """Wait for input or until the time is up, whichever is first."""
        ms = us // 1000
        if ms > 0:
            for _ in self._poll_in(ms if ms < _LONGEST_MS else _LONGEST_MS):
                break
        elif us > 50:
            time.sleep_us(us)

    def config(self):
        """config.json as a dict, with the board section that boards.json has for it."""
        return self._config

    def valves(self):
        """Roles of the valves in the board section: "valves": [{"pin": 10, "role": "FILL"}]."""
        return self._roles

    def set_valve(self, i, is_open):
        """Drive the pin of valve i: high is open."""
        self._pins[i](1 if is_open else 0)

    def unique_id(self):
        """The chip's serial number in hexadecimal."""
        return binascii.hexlify(machine.unique_id()).decode()

    def new_run_id(self):
        """A random run id."""
        return int.from_bytes(os.urandom(4), "little") or 1

    def memory(self):
        """Heap bytes used and free right after the last collection.

        Asking the heap itself takes 40 ms on an RP2040.
        """
        return self._memory

    def collect(self):
        """Collect garbage."""
        gc.collect()
        self._memory = gc.mem_alloc(), gc.mem_free()

    def reset(self):
        """Restart the board."""
        machine.reset()

    def reset_cause(self):
        """Why the board last started."""
        cause = machine.reset_cause()
        for name in _CAUSES:
            if getattr(machine, name, None) == cause:
                return _CAUSES[name]
        return "reset"

    def crashed(self, error):
        """Show what went wrong and give the user time to press Ctrl-C before the restart."""
        print_exception(error)
        time.sleep_ms(1000)


class _Bus:
    """An I2C bus that leaves the heap alone."""

    def __init__(self, i2c):
        self.readfrom_mem_into = i2c.readfrom_mem_into
        self._writeto = i2c.writeto
        self._writeto_mem = i2c.writeto_mem
        self._pair = bytearray(2)

    def writeto_mem(self, address, register, buffer):
        """Write registers; a single one without the heap, on which the machine would join the
        two parts."""
        if len(buffer) != 1:
            self._writeto_mem(address, register, buffer)
            return
        self._pair[0] = register
        self._pair[1] = buffer[0]
        self._writeto(address, self._pair)


class _NoBus:
    """A bus that the board does not have."""

    def readfrom_mem_into(self, address, register, buffer):
        raise OSError(19)

    def writeto_mem(self, address, register, buffer):
        raise OSError(19)

"""Serves the sensors and the clock of a virtual node to its child process.

One request is answered by one reply; layouts are those of child/virtual_board.py, which is read
from there so that there is one definition. Writes may be posted (they ride on the next request),
and the reply to an idle brings the reads that followed the last idle like it, so a sample costs two
exchanges instead of six. Prefetched values are peeked; the reads take effect when the child says
that it used them, at the same simulated time, so nothing differs from asking one by one.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from prkbench.sim.child import virtual_board as layout
from prknode.ticks import TICKS_MASK

FIRST_TICKS = TICKS_MASK - 5_000_000
"""The simulated tick counter starts 5 s before it wraps, so that every run crosses the wrap."""


class Device(Protocol):
    """A chip on the simulated bus, driven in absolute microseconds."""

    def advance(self, us: int) -> None:
        """Bring the chip to this time."""

    def read_burst(self, register: int, count: int) -> bytes:
        """Read with side effects."""

    def peek_burst(self, register: int, count: int) -> bytes:
        """Read without side effects."""

    def write(self, register: int, value: int) -> None:
        """Write one register."""


@dataclass
class Fault:
    """Makes a device not acknowledge transfers first .. first + count - 1 of its own counting."""

    first: int
    count: int


@dataclass
class BusDevice:
    """A device at an address, with the faults that tests put between it and the bus."""

    device: Device
    faults: list[Fault] = field(default_factory=list)
    transfers: int = 0

    def acknowledges(self) -> bool:
        """Count one transfer; whether it goes through."""
        n = self.transfers
        self.transfers = n + 1
        return not any(f.first <= n < f.first + f.count for f in self.faults)


Address = tuple[int, int]


@dataclass(frozen=True)
class Request:
    """What the child asks: an operation, time to let pass, its state and the bytes it took in."""

    op: int
    sequence: int
    us: int
    busy: bool
    fill_percent: int
    received: int


class Bridge:
    """Buses and clock of one virtual node.

    devices: (bus, address) -> Device. now_us is simulated time since power-on.
    """

    def __init__(self, devices: Mapping[Address, Device], absent: frozenset[Address]) -> None:
        self.devices = {at: BusDevice(device) for at, device in devices.items()}
        self.now_us = 0
        self._absent = absent
        self._nack = False
        self._payload = b""
        self._reads: dict[bool, list[tuple[int, int, int, int]]] = {True: [], False: []}
        self._offered: list[tuple[int, int, int, int]] = []
        self._since_idle: list[tuple[int, int, int, int]] = []
        self._key = False

    def restart(self) -> None:
        """The child has started again: forget what was offered to the old one."""
        self._offered = []
        self._since_idle = []
        self._reads = {True: [], False: []}
        self._key = False

    @property
    def strict(self) -> bool:
        """Whether the child must have every write acknowledged: some may not be."""
        return bool(self._absent) or any(d.faults for d in self.devices.values())

    def take(self, message: bytes) -> Request:
        """Carry out the bus traffic of one request; idle and begin are left to the caller."""
        op, sequence, used, state, us, received, posted = struct.unpack_from(
            layout.REQUEST, message, 0
        )
        self._nack = False
        self._payload = b""
        for bus, address, register, count in self._offered[:used]:
            self._since_idle.append((bus, address, register, count))
            self._read(bus, address, register, count)
        self._offered = []
        at = layout.REQUEST_SIZE
        end = at + posted
        wrote = False
        while at < end:
            bus, address, register, count = message[at : at + 4]
            data = message[at + 4 : at + 4 + count]
            at += 4 + count
            if op == layout.OP_READ and at >= end:
                length = data[0] | data[1] << 8
                self._since_idle.append((bus, address, register, length))
                self._payload = self._read(bus, address, register, length)
            else:
                wrote = True
                self._write(bus, address, register, data)
        if op == layout.OP_IDLE:
            self._reads[self._key] = self._since_idle
            self._since_idle = []
            self._key = wrote
        return Request(op, sequence, us, bool(state & 1), state >> 1, received)

    def reply(self, request: Request, more_input: bool) -> bytes:
        """The reply at the present simulated time, padded to its fixed length."""
        flags = 0
        if self._nack:
            flags |= layout.FLAG_NACK
        if more_input:
            flags |= layout.FLAG_INPUT
        strict = self.strict
        if strict:
            flags |= layout.FLAG_STRICT
        payload = self._payload
        if request.op == layout.OP_IDLE and not strict:
            payload = self._prefetch()
        ticks = (FIRST_TICKS + self.now_us) & TICKS_MASK
        head = struct.pack(layout.REPLY, request.sequence, flags, len(payload), ticks)
        return (head + payload).ljust(layout.REPLY_FIXED, b"\0")

    def _prefetch(self) -> bytes:
        parts = []
        room = layout.REPLY_FIXED - layout.REPLY_SIZE
        for bus, address, register, count in self._reads[self._key]:
            room -= 4 + count
            if room < 0 or count > 32:
                break
            chip = self.devices[bus, address].device
            chip.advance(self.now_us)
            parts.append(bytes((bus, address, register, count)))
            parts.append(chip.peek_burst(register, count))
            self._offered.append((bus, address, register, count))
        return b"".join(parts)

    def _device(self, bus: int, address: int) -> Device | None:
        entry = self.devices.get((bus, address))
        if entry is None or (bus, address) in self._absent or not entry.acknowledges():
            self._nack = True
            return None
        entry.device.advance(self.now_us)
        return entry.device

    def _read(self, bus: int, address: int, register: int, count: int) -> bytes:
        chip = self._device(bus, address)
        return b"" if chip is None else chip.read_burst(register, count)

    def _write(self, bus: int, address: int, register: int, data: bytes) -> None:
        chip = self._device(bus, address)
        if chip is not None:
            for i, value in enumerate(data):
                chip.write(register + i, value)

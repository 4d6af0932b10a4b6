"""Serves the sensors and the clock of a virtual node to its child process.

Layouts are those of child/virtual_board.py, used from there so that there is one definition. To
save exchanges the reply to an idle brings a rehearsal of what the node is going to do next if it
goes on as before: the chips really carry it out, and what the child then does differently is taken
back and done again as it was, so nothing differs from asking step by step.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from prkbench.sim.child import virtual_board as layout
from prknode.ticks import TICKS_MASK

FIRST_TICKS = TICKS_MASK - 5_000_000
"""The simulated tick counter starts 5 s before it wraps, so that every run crosses the wrap."""

_REHEARSED_CYCLES = 16
_LARGEST_READ = 32
_REQUEST = struct.Struct(layout.REQUEST)
_REPLY = struct.Struct(layout.REPLY)
_STEP = struct.Struct(layout.STEP)


class Device(Protocol):
    """A chip on the simulated bus, driven in absolute microseconds."""

    def advance(self, us: int) -> None:
        """Bring the chip to this time."""

    def read_burst(self, reg: int, n: int) -> bytes:
        """Read with side effects."""

    def peek_burst(self, reg: int, n: int) -> bytes:
        """Read without side effects."""

    def write(self, reg: int, value: int) -> None:
        """Write one register."""

    def save(self) -> object:
        """All that can change, for restore()."""

    def restore(self, saved: object) -> None:
        """Go back to what save() gave."""


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


class Read(NamedTuple):
    """One burst read: bus, address, register, count."""

    bus: int
    address: int
    register: int
    count: int


@dataclass
class Step:
    """Writes, a time to pass, and the reads that follow it."""

    posted: bytes
    us: int
    reads: list[Read]


class Request(NamedTuple):
    """What the child asks: an operation, time to let pass, its state and the bytes it took in."""

    op: int
    sequence: int
    us: int
    busy: bool
    fill_percent: int
    received: int


class Bridge:
    """Buses and clock of one virtual node.

    devices: (bus, address) -> Device; absent: addresses nobody acknowledges. now_us is simulated
    time since power-on.
    """

    def __init__(self, devices: Mapping[Address, Device], absent: frozenset[Address]) -> None:
        self.devices = {at: BusDevice(device) for at, device in devices.items()}
        self.now_us = 0
        self._absent = absent
        self._nack = False
        self._payload = b""
        self._history: deque[Step] = deque(maxlen=4)
        self._pending: Step | None = None
        self._script: list[Step] = []
        self._script_start = 0
        self._saved: dict[Address, tuple[object, int]] = {}

    def restart(self) -> None:
        """The child has started again: forget what the old one was expected to do."""
        self._history.clear()
        self._pending = None
        self._script = []
        self._saved = {}

    @property
    def strict(self) -> bool:
        """Whether the child must have every write acknowledged: some may not be."""
        return bool(self._absent) or any(d.faults for d in self.devices.values())

    # Requests -----------------------------------------------------------------------------

    def take(self, message: bytes) -> Request:
        """Carry out the bus traffic of one request; letting time pass is left to the caller."""
        op, sequence, steps, reads, us, received, posted, state = _REQUEST.unpack_from(message)
        self._nack = False
        self._payload = b""
        self._settle_script(steps, reads)
        writes = message[layout.REQUEST_SIZE : layout.REQUEST_SIZE + posted]
        if op == layout.OP_READ:
            # The last entry posted is the read itself: header and a 16-bit count.
            read = Read(*writes[-6:-3], writes[-2] | writes[-1] << 8)
            self._carry_out(writes[:-6])
            self._note_read(read)
            self._payload = self._read(read)
        else:
            self._carry_out(writes)
        if op == layout.OP_IDLE:
            if self._pending is not None:
                self._history.append(self._pending)
            self._pending = Step(writes, us, [])
        return Request(op, sequence, us, bool(state & 1), state >> 1, received)

    def _note_read(self, read: Read) -> None:
        if self._pending is not None:
            self._pending.reads.append(read)

    def _carry_out(self, posted: bytes) -> None:
        at = 0
        end = len(posted)
        while at < end:
            bus, address, register, count = posted[at : at + 4]
            at += 4
            chip = self._device(bus, address)
            if chip is not None:
                for i in range(count):
                    chip.write(register + i, posted[at + i])
            at += count

    def _device(self, bus: int, address: int) -> Device | None:
        entry = self.devices.get((bus, address))
        if entry is None or (bus, address) in self._absent or not entry.acknowledges():
            self._nack = True
            return None
        entry.device.advance(self.now_us)
        return entry.device

    def _read(self, read: Read) -> bytes:
        chip = self._device(read.bus, read.address)
        return b"" if chip is None else chip.read_burst(read.register, read.count)

    def reply(self, request: Request, flags: int, rehearse: bool) -> bytes:
        """The reply at the present simulated time; rehearse: the node goes on undisturbed.

        flags: what the caller has to tell the child (layout.FLAG_INPUT, FLAG_INTERRUPT).
        """
        undisturbed = rehearse and not flags
        if self._nack:
            flags |= layout.FLAG_NACK
        strict = self.strict
        if strict:
            flags |= layout.FLAG_STRICT
        payload = self._payload
        ticks = self._ticks()
        if request.op == layout.OP_IDLE and not strict:
            payload = self._rehearse(_REHEARSED_CYCLES if undisturbed else 0)
        return _REPLY.pack(request.sequence, flags, len(payload), ticks) + payload

    def _ticks(self) -> int:
        return (FIRST_TICKS + self.now_us) & TICKS_MASK

    # Rehearsal ----------------------------------------------------------------------------

    def _expected(self) -> list[Step]:
        """The steps of one cycle if the node does again what it did twice, else nothing.

        The first one is the step whose reads come next.
        """
        history = self._history
        if len(history) < 4 or self._pending is None:
            return []
        if history[0] != history[2] or history[1] != history[3]:
            return []
        first, second = history[2], history[3]
        pending = self._pending
        if (pending.posted, pending.us) != (first.posted, first.us):
            return []
        return [first, second]

    def _rehearse(self, cycles: int) -> bytes:
        """Carry out the expected steps; the payload that tells the child how they end."""
        cycle = self._expected()
        if not cycle:
            return b""
        parts: list[bytes] = []
        self._script = [cycle[0]]
        self._script_start = self.now_us
        self._saved = {at: (d.device.save(), d.transfers) for at, d in self.devices.items()}
        self._show(Step(b"", 0, cycle[0].reads), parts)
        for n in range(1, 2 * cycles):
            step = cycle[n & 1]
            # The reads of the step before are taken for granted, then this step begins.
            self._take_reads(self._script[-1].reads)
            self._carry_out(step.posted)
            self.now_us += step.us
            self._script.append(step)
            self._show(step, parts)
        return b"".join(parts)

    def _show(self, step: Step, parts: list[bytes]) -> None:
        """Append one step with the reads that follow it, looked at without side effects."""
        reads = []
        for read in step.reads:
            if read.count > _LARGEST_READ:
                break
            chip = self.devices[read.bus, read.address].device
            chip.advance(self.now_us)
            reads.append(bytes(read) + chip.peek_burst(read.register, read.count))
        found = b"".join(reads)
        parts.append(_STEP.pack(len(step.posted), step.us, self._ticks(), len(found)))
        parts.append(step.posted)
        parts.append(found)

    def _take_reads(self, reads: list[Read]) -> None:
        for read in reads:
            self._read(read)

    def _settle_script(self, steps: int, reads: int) -> None:
        """The child used this many steps after the first, and this many reads of the last one."""
        script = self._script
        if not script:
            return
        self._script = []
        if steps != len(script) - 1:
            # It did something else: go back and do what it really did.
            self.now_us = self._script_start
            for at, (saved, transfers) in self._saved.items():
                self.devices[at].device.restore(saved)
                self.devices[at].transfers = transfers
            for n in range(steps):
                self._take_reads(script[n].reads)
                self._carry_out(script[n + 1].posted)
                self.now_us += script[n + 1].us
        last = script[steps].reads[:reads]
        self._take_reads(last)
        self._nack = False
        if steps:
            if self._pending is not None:
                self._history.append(script[steps - 1])
            self._pending = Step(script[steps].posted, script[steps].us, [])
        for read in last:
            self._note_read(read)

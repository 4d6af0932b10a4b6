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
from dataclasses import dataclass
from typing import NamedTuple

from prkbench.sim.bus import Address, BusDevice, Device, Read, Saved, Step
from prkbench.sim.child import virtual_board as layout
from prknode.ticks import TICKS_MASK

FIRST_TICKS = TICKS_MASK - 5_000_000
"""The simulated tick counter starts 5 s before it wraps, so that every run crosses the wrap."""

REHEARSED_CYCLES = 32
_LARGEST_READ = 32
_REQUEST = struct.Struct(layout.REQUEST)
_REPLY = struct.Struct(layout.REPLY)
_STEP = struct.Struct(layout.STEP)


class Request(NamedTuple):
    """What the child asks: an operation, time to let pass, its state and the bytes it took in."""

    op: int
    sequence: int
    steps: int
    reads: int
    us: int
    busy: bool
    fill_percent: int
    received: int
    posted: bytes


@dataclass
class _Ahead:
    """The rehearsal after the present one, made while the child plays that.

    script, payload: as they will be if the child goes on as before; start_us, saved: the end of
    the present rehearsal, to come back to if it does not.
    """

    script: list[Step]
    payload: bytes
    start_us: int
    saved: Saved
    next_saved: Saved
    next_start_us: int


class Bridge:
    """Buses and clock of one virtual node.

    devices: (bus, address) -> Device; absent: addresses nobody acknowledges; rehearsed_cycles:
    how many trigger-and-read cycles a rehearsal spans, 0 for none. now_us is simulated time since
    power-on, while no rehearsal is under way.
    """

    def __init__(
        self,
        devices: Mapping[Address, Device],
        absent: frozenset[Address],
        rehearsed_cycles: int = REHEARSED_CYCLES,
    ) -> None:
        self.devices = {at: BusDevice(device) for at, device in devices.items()}
        self.now_us = 0
        self._absent = absent
        self._cycles = rehearsed_cycles
        self._nack = False
        self._payload = b""
        self._history: deque[Step] = deque(maxlen=4)
        self._pending: Step | None = None
        self._cycle: list[Step] = []
        self._script: list[Step] = []
        self._script_start = 0
        self._saved: Saved = {}
        self._ahead: _Ahead | None = None
        self._foreseen = False
        self._held: Request | None = None
        self._passed_us = 0

    def restart(self) -> None:
        """The child has started again: forget what the old one was expected to do."""
        self._give_up_ahead()
        self._shut_valves()
        self._history.clear()
        self._pending = None
        self._script = []
        self._saved = {}

    def _shut_valves(self) -> None:
        """Nobody drives them: a board whose power is cut lets go of its outputs."""
        valves = self.devices.get(layout.VALVE_BLOCK)
        if valves is not None:
            valves.device.advance(self.now_us)
            valves.device.power_on_reset()

    @property
    def strict(self) -> bool:
        """Whether the child must have every write acknowledged: some may not be."""
        return bool(self._absent) or any(d.faults for d in self.devices.values())

    @property
    def time_us(self) -> int:
        """Simulated time at the request under way, whatever has been rehearsed beyond it."""
        ahead = self._ahead
        return ahead.start_us if self._foreseen and ahead is not None else self.now_us

    # Requests -----------------------------------------------------------------------------

    def take(self, message: bytes) -> Request:
        """Take in one request and carry out its bus traffic, unless it was carried out ahead.

        Letting time pass is left to the caller: pass_time() before reply().
        """
        op, sequence, steps, reads, us, received, posted, state = _REQUEST.unpack_from(message)
        writes = message[layout.REQUEST_SIZE : layout.REQUEST_SIZE + posted]
        request = Request(
            op, sequence, steps, reads, us, bool(state & 1), state >> 1, received, writes
        )
        self._foreseen = self._is_foreseen(request)
        if not self._foreseen:
            self._give_up_ahead()
            self._carry_out_request(request)
        self._passed_us = 0
        return request

    def pass_time(self, us: int) -> None:
        """Let simulated time pass before the reply."""
        self._passed_us = us
        if not self._foreseen:
            self.now_us += us

    def _carry_out_request(self, request: Request) -> None:
        self._nack = False
        self._payload = b""
        self._settle_script(request.steps, request.reads)
        writes = request.posted
        if request.op == layout.OP_READ:
            # The last entry posted is the read itself: header, and the count as its two bytes.
            read = Read.of(writes[-6:])
            self._carry_out(writes[:-6])
            if self._pending is not None:
                self._pending.reads.append(read)
            self._payload = self._read(read)
        else:
            self._carry_out(writes)
        if request.op == layout.OP_IDLE and not self._goes_on(request):
            if self._pending is not None:
                self._history.append(self._pending)
            self._pending = Step(writes, request.us, [])

    def _goes_on(self, request: Request) -> bool:
        """Whether this idle is the last one again, which a command had cut short at its start."""
        pending = self._pending
        return (
            pending is not None
            and not self._passed_us
            and not request.posted
            and not pending.reads
            and request.us == pending.us
        )

    def _carry_out(self, posted: bytes) -> None:
        at = 0
        end = len(posted)
        while at < end:
            bus, address, register, count = posted[at : at + 4]
            at += 4
            # Outputs are driven whether or not anything hangs on them.
            missing = (bus, address) == layout.VALVE_BLOCK and (bus, address) not in self.devices
            chip = None if missing else self._device(bus, address)
            if chip is not None:
                for i in range(count):
                    chip.write(register + i, posted[at + i])
            at += count

    def _device(self, bus: int, address: int) -> Device | None:
        entry = self.devices.get((bus, address))
        known = entry is not None and (bus, address) not in self._absent
        # A transfer that hangs would time out; here no time passes in transfers.
        if entry is None or not known or not entry.acknowledges() or entry.hung:
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
        strict = self.strict
        if self._foreseen:
            self._foreseen = False
            ahead = self._ahead
            if not strict and not self._passed_us and ahead is not None:
                # A command came: the clock stands still, and what was made ahead is kept for after.
                self._held = self._held or request
                ticks = (FIRST_TICKS + ahead.start_us) & TICKS_MASK
                return _REPLY.pack(request.sequence, flags, 0, ticks)
            if undisturbed and not strict and ahead is not None:
                self._ahead = self._held = None
                self._script, self._script_start = ahead.script, ahead.next_start_us
                self._saved = ahead.next_saved
                ticks = (FIRST_TICKS + ahead.next_start_us) & TICKS_MASK
                return _REPLY.pack(request.sequence, 0, len(ahead.payload), ticks) + ahead.payload
            passed_us = self._passed_us
            held = self._held is not None
            self._give_up_ahead()
            if not held or request.posted:
                self._carry_out_request(request)
            self.now_us += passed_us
        if self._nack:
            flags |= layout.FLAG_NACK
        if strict:
            flags |= layout.FLAG_STRICT
        payload = self._payload
        ticks = (FIRST_TICKS + self.now_us) & TICKS_MASK
        if request.op == layout.OP_IDLE and not strict:
            payload = self._rehearse(self._cycles if undisturbed else 0)
        return _REPLY.pack(request.sequence, flags, len(payload), ticks) + payload

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

    def _save(self) -> Saved:
        return {at: (d.device.save(), d.transfers) for at, d in self.devices.items()}

    def _restore(self, saved: Saved) -> None:
        for at, (state, transfers) in saved.items():
            entry = self.devices[at]
            entry.device.restore(state)
            entry.transfers = transfers

    def _rehearse(self, cycles: int) -> bytes:
        """Carry out the expected steps; the payload that tells the child how they end."""
        cycle = self._cycle = self._expected()
        if not cycle or any(r.count > _LARGEST_READ for step in cycle for r in step.reads):
            return b""
        size = sum(
            layout.STEP_SIZE + len(step.posted) + sum(4 + r.count for r in step.reads)
            for step in cycle
        )
        room = (layout.MAX_REPLY - layout.REPLY_SIZE) // size
        if not room:
            return b""
        self._script_start = self.now_us
        self._saved = self._save()
        self._script, payload = self._play(cycle, max(1, 2 * min(cycles, room)))
        return payload

    def prepare(self) -> None:
        """Rehearse what will follow the present rehearsal; for while the child is busy with it."""
        if len(self._script) < 2 or self._ahead is not None:
            return
        start_us = self.now_us
        saved = self._save()
        self._take_reads(self._script[-1].reads)
        first = self._cycle[0]
        self._carry_out(first.posted)
        self.now_us += first.us
        next_start_us, next_saved = self.now_us, self._save()
        script, payload = self._play(self._cycle, len(self._script))
        self._ahead = _Ahead(script, payload, start_us, saved, next_saved, next_start_us)

    def _play(self, cycle: list[Step], count: int) -> tuple[list[Step], bytes]:
        """Carry out that many steps, of which the first has begun; reads of the last are to come.

        Returns the steps and what tells the child of them.
        """
        parts: list[bytes] = []
        step = Step(b"", 0, cycle[0].reads)
        script = [cycle[0]]
        for n in range(1, count + 1):
            # The reads of the step before are taken for granted, then the next step begins.
            found = self._show(step.reads, take=n < count)
            ticks = (FIRST_TICKS + self.now_us) & TICKS_MASK
            parts.append(_STEP.pack(len(step.posted), step.us, ticks, len(found)))
            parts.append(step.posted)
            parts.append(found)
            if n < count:
                step = cycle[n & 1]
                self._carry_out(step.posted)
                self.now_us += step.us
                script.append(step)
        return script, b"".join(parts)

    def _show(self, reads: list[Read], *, take: bool) -> bytes:
        """What these reads find, each with its header; with or without their side effects."""
        parts = []
        for read in reads:
            entry = self.devices[read.bus, read.address]
            chip = entry.device
            chip.advance(self.now_us)
            parts.append(read.head)
            if take:
                entry.transfers += 1
                parts.append(chip.read_burst(read.register, read.count))
            else:
                parts.append(chip.peek_burst(read.register, read.count))
        return b"".join(parts)

    def _take_reads(self, reads: list[Read]) -> None:
        for read in reads:
            self._read(read)

    def _is_foreseen(self, request: Request) -> bool:
        """Whether the child has played the whole rehearsal and asks for what was made ahead."""
        if self._ahead is None:
            return False
        first = self._cycle[0]
        if self._held is not None:
            return request.op == layout.OP_IDLE and (request.us, request.posted) == (first.us, b"")
        return (
            request.op == layout.OP_IDLE
            and request.steps == len(self._script) - 1
            and request.reads == len(self._script[-1].reads)
            and request.us == first.us
            and request.posted == first.posted
        )

    def _give_up_ahead(self) -> None:
        """Go back to the end of the present rehearsal, and do what was held back since."""
        ahead, held = self._ahead, self._held
        self._ahead = self._held = None
        if ahead is not None:
            self.now_us = ahead.start_us
            self._restore(ahead.saved)
        if held is not None:
            self._carry_out_request(held)
            self._passed_us = 0

    def _settle_script(self, steps: int, reads: int) -> None:
        """The child used this many steps after the first, and this many reads of the last one."""
        script = self._script
        if not script:
            return
        self._script = []
        steps = min(steps, len(script) - 1)
        if steps != len(script) - 1:
            # It did something else: go back and do what it really did.
            self.now_us = self._script_start
            self._restore(self._saved)
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
        if self._pending is not None:
            self._pending.reads.extend(last)

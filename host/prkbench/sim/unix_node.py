"""A virtual node: the real firmware in a child process, its sensors and clock served from here.

The child is MicroPython's unix port where there is one for this platform, else CPython. Simulated
time runs as fast as the machine goes, or in step with the wall clock. When fast it stands still
while a command or an answer is under way, while the host has left half of the node's ring unread,
and while the node has nothing to do, so a fast node never outruns its reader and a seeded run does
not depend on when commands arrive.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from prkbench.errors import DeviceError
from prkbench.sim.bridge import REHEARSED_CYCLES, Bridge, Request
from prkbench.sim.bus import Address, BusDevice, Device
from prkbench.sim.child import virtual_board as layout
from prkbench.sim.child_process import ChildProcess, Interpreter, default_interpreter
from prkbench.sim.console import Console, State
from prkbench.sim.typed_lines import TypedLines
from prkbench.sim.virtual_line import PublicLine, PublicTerminal, Watch

HEAP = "1M"
"""Heap of the MicroPython child; its objects are twice as large as a board's."""

_HOLD_FILL_PERCENT = 50
_DRAIN_POLL_MS = 1
_HURRY_MS = 5
_WAIT_MS = 200
_LONGEST_SETTLING_US = 1_000_000
_FAILED_STARTS = 3
_SLOWEST_MHZ = 10
_REBOOT = b"\r\nMPY: soft reboot\r\n"


class VirtualNode:
    """Serves one node on a serial line until stopped.

    devices: simulated chips by (bus, address); absent: addresses that nobody acknowledges;
    config: what config.json on the virtual board holds; unique_id: hexadecimal, also the source of
    run ids; realtime: simulated time keeps step with the wall clock; line: where to serve, a new
    pseudo-terminal unless given; rehearsed_cycles: see Bridge, of no influence on the outcome;
    typed: what an operator types meanwhile, when time is not real.
    """

    def __init__(
        self,
        devices: Mapping[Address, Device],
        config: Mapping[str, Any],
        *,
        unique_id: str = "0001",
        realtime: bool = False,
        interpreter: Interpreter | None = None,
        absent: frozenset[Address] = frozenset(),
        heap: str = HEAP,
        line: PublicLine | None = None,
        rehearsed_cycles: int = REHEARSED_CYCLES,
        typed: TypedLines | None = None,
    ) -> None:
        self._typed = typed or TypedLines()
        period_us = 1e9 / float(config.get("rate_mhz", _SLOWEST_MHZ))
        self._rehearsal_us = (rehearsed_cycles + 2) * round(period_us)
        self.bridge = Bridge(devices, absent, rehearsed_cycles)
        self.interpreter: Interpreter = interpreter or default_interpreter()
        self.exchanges = 0
        self._realtime = realtime
        self._unique_id = unique_id
        self._heap = heap
        self._public = line or PublicTerminal()
        self._console = Console(self._public)
        self._watch = Watch()
        self.flash = Path(tempfile.mkdtemp(prefix="prknode-"))
        self._install(config)
        self._child: ChildProcess | None = None
        self._starts = 0
        self._failed_starts = 0
        self._reset_asked = False
        self._undisturbed = False
        self._begun_us = 0
        self._stop = False
        self._wall_origin = time.monotonic()

    @property
    def port(self) -> str:
        """What to open: the path of the pseudo-terminal, or a socket:// address."""
        return self._public.port

    @property
    def devices(self) -> dict[Address, BusDevice]:
        """The chips as they hang on the bus, by (bus, address)."""
        devices = self.bridge.devices
        return {at: devices[at] for at in devices if at != layout.VALVE_BLOCK}

    def _install(self, config: Mapping[str, Any]) -> None:
        import prknode

        source = Path(prknode.__file__).parent
        shutil.copytree(
            source, self.flash / "prknode", ignore=shutil.ignore_patterns("__pycache__")
        )
        main = source.parent / "main.py"
        if not main.exists():
            # An installed package keeps it with the host's own files.
            main = Path(layout.__file__).parents[2] / "firmware_files" / "main.py"
        shutil.copy(main, self.flash / "main.py")
        (self.flash / "config.json").write_text(json.dumps(dict(config)))

    def boot(self) -> None:
        """Nothing has to be waited for: what is sent before the child is there waits for it."""

    # The child ----------------------------------------------------------------------------

    def start(self, what: Literal["main", "repl"] = "main") -> None:
        """Start, or start again, the child: with its main.py, or a bare raw REPL."""
        self._child = ChildProcess(
            self.interpreter, self.flash, self._unique_id, what, self._heap, self._starts
        )
        self._starts += 1
        self._reset_asked = False
        self.bridge.restart()
        self._console.attach(self._child.terminal, raw_repl=what == "repl")

    def _end_child(self, *, keep_input: bool) -> None:
        if self._child is None:
            return
        self._watch.only(set())
        self._child.kill()
        self._console.detach(keep_input=keep_input)
        self._child.close()
        self._child = None

    def close(self) -> None:
        """End the child and remove what it left."""
        self._end_child(keep_input=False)
        self._watch.only(set())
        self._public.close()
        shutil.rmtree(self.flash, ignore_errors=True)

    def stop(self) -> None:
        """Make serve() return; may be called from a signal handler or another thread."""
        self._stop = True

    def kill_child(self) -> None:
        """Cut the child's power: what it held in memory is lost."""
        if self._child is not None:
            os.kill(self._child.pid, signal.SIGKILL)

    def _after_exit(self) -> None:
        """The child is gone: start it again as the board would come back."""
        console = self._console
        without_repl = self.interpreter == "cpython" and console.state is not State.NODE
        if console.state is State.STARTING or without_repl:
            self._failed_starts += 1
            if self._failed_starts == _FAILED_STARTS:
                raise DeviceError(
                    f"the {self.interpreter} child ended {_FAILED_STARTS} times before the node "
                    "ran: expected a working interpreter and firmware, reinstall prkbench"
                )
        reset = self._reset_asked
        raw = console.state is State.REPL and console.raw and not reset
        # A board's own soft reset keeps what the host has typed ahead.
        self._end_child(keep_input=not reset)
        if self._stop:
            return
        if not reset:
            self._public.write(_REBOOT)
        # From the raw REPL a soft reset comes back to the raw REPL and runs no main.py.
        self.start("repl" if raw and self.interpreter == "micropython" else "main")

    # The loop -----------------------------------------------------------------------------

    def serve(self) -> None:
        """Serve until stop(). DeviceError when no interpreter can be started."""
        while not self._stop:
            if self._child is None:
                self.start()
            if self._look(_WAIT_MS):
                self._serve_request()
            elif self._child is not None and self._child.ended():
                self._after_exit()

    def _look(self, timeout_ms: int) -> bool:
        """Pass bytes between host and child; whether the child has a request by then."""
        child = self._child
        assert child is not None
        console = self._console
        fds = {child.terminal.master, child.requests}
        public = self._public.readable
        if console.wants_input:
            fds.update(public)
        self._watch.only(fds)
        ready = self._watch.ready(min(timeout_ms, _HURRY_MS) if console.hurry else timeout_ms)
        if child.terminal.master in ready:
            console.pass_output()
            if child.ended():
                return True
        if not ready.isdisjoint(public):
            console.take_input()
        if console.hurry:
            console.look()
        else:
            console.feed()
        self._public.flush()
        return child.requests in ready

    def _serve_request(self) -> None:
        child = self._child
        assert child is not None
        message = child.request()
        if not message:
            self._after_exit()
            return
        self.exchanges += 1
        request = self.bridge.take(message)
        self._undisturbed = False
        op = request.op
        if op == layout.OP_IDLE:
            if not self._console.settled and (
                not request.busy or self.bridge.now_us > self._begun_us + _LONGEST_SETTLING_US
            ):
                self._console.node_settled()
            self._idle(request)
        elif op == layout.OP_STARTED:
            self._console.child_started()
        elif op == layout.OP_BEGIN:
            if self._realtime:
                self._catch_up()
            self._failed_starts = 0
            self._begun_us = self.bridge.now_us
            self._console.node_begins()
        elif op == layout.OP_END:
            self._console.node_ends()
        elif op == layout.OP_RESET:
            self._reset_asked = True
            self._after_exit()
            return
        flags = 0
        if self._console.forwarded > request.received:
            flags |= layout.FLAG_INPUT
        if self._console.interrupted and self._console.state is State.NODE:
            flags |= layout.FLAG_INTERRUPT
        child.reply(self.bridge.reply(request, flags, self._undisturbed))
        if self._undisturbed:
            self.bridge.prepare()

    def _catch_up(self) -> None:
        """Time went on while no node was running."""
        now_us = int((time.monotonic() - self._wall_origin) * 1e6)
        self.bridge.now_us = max(self.bridge.now_us, now_us)

    def _idle(self, request: Request) -> None:
        if self._realtime:
            self._idle_real(request)
        else:
            self._idle_fast(request)

    def _idle_fast(self, request: Request) -> None:
        """Let the time asked for pass at once, unless the clock has to stand still."""
        self._look(0)
        while not self._cut_short(request):
            drained = self._public.drained
            if request.busy and request.fill_percent < _HOLD_FILL_PERCENT and drained:
                left_us = self._typed.left_us(self.bridge.time_us)
                if left_us is None or left_us > 0:
                    us = request.us if left_us is None else min(request.us, left_us)
                    self.bridge.pass_time(us)
                    # A rehearsal would run past the line: step by step up to it.
                    self._undisturbed = left_us is None or left_us > self._rehearsal_us
                    return
                if self._console.type(self._typed.next()):
                    self._typed.done()
                    continue
            self._look(_DRAIN_POLL_MS if request.busy and not drained else _WAIT_MS)

    def _idle_real(self, request: Request) -> None:
        end = self.bridge.now_us + request.us
        while True:
            now = int((time.monotonic() - self._wall_origin) * 1e6)
            if now >= end or self._cut_short(request):
                self.bridge.pass_time(max(0, min(now, end) - self.bridge.now_us))
                return
            self._look(max(1, min(_WAIT_MS, (end - now) // 1000)))

    def _cut_short(self, request: Request) -> bool:
        """Whether the child has to be answered before the time it asked for has passed."""
        return (
            self._stop
            or self._console.forwarded > request.received
            or self._console.interrupted
            or self._child is None
            or self._child.ended()
        )

"""A virtual node: the real firmware in a child process, its sensors and clock served from here.

The child is MicroPython's unix port where there is one for this platform, else CPython. Simulated
time runs as fast as the machine goes, or in step with the wall clock. When fast it stands still
while a command or an answer is under way, while the host has left half of the node's ring unread,
and while the node has nothing to do, so a fast node never outruns its reader and a seeded run does
not depend on when commands arrive.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from prkbench.errors import DeviceError
from prkbench.sim.bridge import Address, Bridge, Device, Request
from prkbench.sim.child import virtual_board as layout
from prkbench.sim.virtual_line import ChildTerminal, PublicTerminal

Interpreter = Literal["micropython", "cpython"]

HEAP = "1M"
"""Heap of the MicroPython child; its objects are twice as large as a board's."""

_CHILD = Path(layout.__file__).parent
_HOLD_FILL_PERCENT = 50
_DRAIN_POLL_MS = 1
_CTRL_A, _CTRL_B, _CTRL_D = b"\x01", b"\x02", b"\x04"
_REBOOT = b"\r\nMPY: soft reboot\r\n"


def default_interpreter() -> Interpreter:
    """MicroPython where its unix port is installed, else CPython."""
    return "micropython" if importlib.util.find_spec("micropython_unix") else "cpython"


class VirtualNode:
    """Serves one node on a pseudo-terminal until stopped.

    devices: simulated chips by (bus, address); absent: addresses that nobody acknowledges;
    config: what config.json on the virtual board holds; unique_id: hexadecimal, also the source of
    run ids; realtime: simulated time keeps step with the wall clock.
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
    ) -> None:
        self.bridge = Bridge(devices, absent)
        self.interpreter: Interpreter = interpreter or default_interpreter()
        self._realtime = realtime
        self._unique_id = unique_id
        self._heap = heap
        self._flash = Path(tempfile.mkdtemp(prefix="prknode-"))
        self._install(config)
        self._public = PublicTerminal()
        self._child: subprocess.Popen[bytes] | None = None
        self._terminal: ChildTerminal | None = None
        self._requests = self._replies = -1
        self._poll = select.poll()
        self._poll.register(self._public.master, select.POLLIN)
        self._forwarded = 0
        self._starts = 0
        self._in_node = False
        self._raw_repl = False
        self._tail = b""
        self._swallow = b""
        self._reset_asked = False
        self._undisturbed = False
        self._stop = False
        self._wall_origin = time.monotonic()
        self.exchanges = 0

    @property
    def port(self) -> str:
        """Path of the pseudo-terminal to open."""
        return self._public.port

    def _install(self, config: Mapping[str, Any]) -> None:
        import prknode

        source = Path(prknode.__file__).parent
        shutil.copytree(
            source, self._flash / "prknode", ignore=shutil.ignore_patterns("__pycache__")
        )
        (self._flash / "config.json").write_text(json.dumps(dict(config)))

    # The child ----------------------------------------------------------------------------

    def start(self, what: Literal["main", "repl"] = "main") -> None:
        """Start, or start again, the child: the node, or a bare REPL."""
        if self.interpreter == "cpython" and what == "repl":
            what = "main"
        request_out, request_in = os.pipe()
        reply_out, reply_in = os.pipe()
        terminal = ChildTerminal()
        script = [
            str(_CHILD / "start.py"),
            str(request_in), str(reply_out), str(self._flash), self._unique_id, what,
            str(self._starts),
        ]  # fmt: skip
        self._starts += 1
        if self.interpreter == "micropython":
            command = [
                sys.executable, "-m", "micropython_unix", "-X", f"heapsize={self._heap}", "-i",
            ]  # fmt: skip
        else:
            command = [sys.executable, "-u"]

        def claim_terminal() -> None:
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        try:
            self._child = subprocess.Popen(
                command + script,
                stdin=terminal.slave,
                stdout=terminal.slave,
                stderr=terminal.slave,
                pass_fds=(request_in, reply_out),
                start_new_session=True,
                preexec_fn=claim_terminal,
            )
        except OSError as error:
            raise DeviceError(f"cannot start the virtual node's interpreter: {error}") from error
        finally:
            os.close(request_in)
            os.close(reply_out)
        self._terminal = terminal
        self._requests = request_out
        self._replies = reply_in
        self._in_node = False
        self._forwarded = 0
        self._reset_asked = False
        self.bridge.restart()
        self._poll.register(terminal.master, select.POLLIN)
        self._poll.register(request_out, select.POLLIN)

    def _end_child(self) -> None:
        if self._child is None or self._terminal is None:
            return
        for fd in (self._terminal.master, self._requests):
            self._poll.unregister(fd)
        with contextlib.suppress(ProcessLookupError):
            self._child.kill()
        self._child.wait()
        self._pass_output()
        self._terminal.close()
        os.close(self._requests)
        os.close(self._replies)
        self._child = self._terminal = None

    def close(self) -> None:
        """End the child and remove what it left."""
        self._end_child()
        self._public.close()
        shutil.rmtree(self._flash, ignore_errors=True)

    def stop(self) -> None:
        """Make serve() return; may be called from a signal handler or another thread."""
        self._stop = True

    # The loop -----------------------------------------------------------------------------

    def serve(self) -> None:
        """Serve until stop()."""
        while not self._stop:
            if self._child is None:
                self.start()
            self._turn(500)

    def _turn(self, timeout_ms: int) -> None:
        """Wait for something to happen on any line, and do it."""
        ready = {fd for fd, _ in self._poll.poll(timeout_ms)}
        assert self._terminal is not None
        if self._public.master in ready:
            self._take_host_input()
        if self._terminal is not None and self._terminal.master in ready:
            self._pass_output()
        if self._requests in ready:
            self._serve_request()
        elif self._child is not None and self._child.poll() is not None:
            self._after_exit()
        self._public.flush()

    def _serve_request(self) -> None:
        message = os.read(self._requests, 4096)
        if not message:
            self._after_exit()
            return
        self.exchanges += 1
        request = self.bridge.take(message)
        self._undisturbed = False
        if request.op == layout.OP_IDLE:
            self._idle(request)
        elif request.op == layout.OP_BEGIN:
            self._in_node = True
            if self._terminal is not None:
                self._terminal.for_node()
                # What the host sent while the child was starting is still to be taken in.
                self._forwarded = self._terminal.waiting
        elif request.op == layout.OP_END:
            self._in_node = False
            if self._terminal is not None:
                self._terminal.for_repl()
        elif request.op == layout.OP_RESET:
            self._reset_asked = True
            self._after_exit()
            return
        if self._child is not None:
            more = self._forwarded > request.received
            with contextlib.suppress(BrokenPipeError):
                os.write(self._replies, self.bridge.reply(request, more, self._undisturbed))

    def _idle(self, request: Request) -> None:
        if self._realtime:
            self._idle_real(request)
        else:
            self._idle_fast(request)

    def _idle_fast(self, request: Request) -> None:
        """Let the time asked for pass at once, unless the clock has to stand still."""
        self._look(0)
        while not self._stop:
            if self._forwarded > request.received:
                return
            if request.busy and request.fill_percent < _HOLD_FILL_PERCENT and self._public.drained:
                self.bridge.now_us += request.us
                self._undisturbed = True
                return
            self._look(_DRAIN_POLL_MS if request.busy and not self._public.drained else 200)
            if self._child is None or self._child.poll() is not None:
                return

    def _idle_real(self, request: Request) -> None:
        end = self.bridge.now_us + request.us
        while not self._stop:
            now = int((time.monotonic() - self._wall_origin) * 1e6)
            if now >= end or self._forwarded > request.received:
                self.bridge.now_us = max(self.bridge.now_us, min(now, end))
                return
            self._look(max(1, min(200, (end - now) // 1000)))
            if self._child is None or self._child.poll() is not None:
                return

    def _look(self, timeout_ms: int) -> None:
        """Pass bytes between host and child; wait at most that long for some."""
        assert self._terminal is not None
        for fd, _ in self._poll.poll(timeout_ms):
            if fd == self._public.master:
                self._take_host_input()
            elif fd == self._terminal.master:
                self._pass_output()
        self._public.flush()

    # Bytes --------------------------------------------------------------------------------

    def _take_host_input(self) -> None:
        data = self._public.read()
        if not data or self._terminal is None:
            return
        if not self._in_node:
            self._watch_repl(data)
        self._forwarded += len(data) - data.count(b"\x03")
        view = memoryview(data)
        deadline = time.monotonic() + 2.0
        while view and time.monotonic() < deadline:
            try:
                view = view[os.write(self._terminal.master, view) :]
            except BlockingIOError:
                time.sleep(0.001)
            except OSError:
                return

    def _watch_repl(self, data: bytes) -> None:
        """Keep track of raw and friendly REPL, for what a soft reset has to come back to."""
        last = max(data.rfind(_CTRL_A), data.rfind(_CTRL_B))
        if last >= 0:
            self._raw_repl = data[last : last + 1] == _CTRL_A

    def _pass_output(self) -> None:
        if self._terminal is None:
            return
        with contextlib.suppress(BlockingIOError, OSError):
            data = os.read(self._terminal.master, 65536)
            if self._swallow:
                data = self._swallow_banner(data)
            self._public.write(data)

    def _swallow_banner(self, data: bytes) -> bytes:
        """Hide the child's start-up text, which a board would not print after a soft reset."""
        self._tail += data
        at = self._tail.find(self._swallow)
        if at < 0:
            return b""
        rest = self._tail[at:]
        self._tail = self._swallow = b""
        return rest

    def _after_exit(self) -> None:
        """The child is gone: start it again as the board would come back."""
        reset = self._reset_asked
        raw = self._raw_repl and not reset and not self._in_node
        self._end_child()
        if self._stop:
            return
        if reset:
            self._raw_repl = False
            self.start()
            return
        self._public.write(_REBOOT)
        if raw:
            # From the raw REPL a soft reset comes back to the raw REPL and runs no main.py.
            self._swallow = b"raw REPL"
            self.start("repl")
            self._enter_raw_repl()
        else:
            self.start()

    def _enter_raw_repl(self) -> None:
        assert self._terminal is not None
        deadline = time.monotonic() + 5.0
        seen = b""
        while time.monotonic() < deadline:
            if self._poll.poll(100):
                with contextlib.suppress(BlockingIOError, OSError):
                    seen += os.read(self._terminal.master, 65536)
            if b">>> " in seen:
                os.write(self._terminal.master, _CTRL_A)
                return

    def kill_child(self) -> None:
        """Cut the child's power: what it held in memory is lost."""
        if self._child is not None:
            os.kill(self._child.pid, signal.SIGKILL)

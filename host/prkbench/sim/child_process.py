"""The process in which a virtual node's firmware runs: its start, its pipes, its end."""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import os
import subprocess
import sys
import termios
from pathlib import Path
from typing import Literal

from prkbench.errors import DeviceError
from prkbench.sim.child import virtual_board as layout
from prkbench.sim.virtual_line import ChildTerminal

Interpreter = Literal["micropython", "cpython"]

_FILES = Path(layout.__file__).parent


def default_interpreter() -> Interpreter:
    """MicroPython where its unix port is installed, else CPython."""
    return "micropython" if importlib.util.find_spec("micropython_unix") else "cpython"


def _claim_terminal() -> None:
    # With the terminal as its own, the child gets Ctrl-C as a signal, and SIGHUP when we are gone.
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class ChildProcess:
    """One interpreter with its own terminal and two pipes; a board between power-on and reset.

    flash: folder that is the root of the board's file system; what: run main.py, or only a REPL;
    heap: of MicroPython, as its option wants it ("1M"); starts: how often the board was started
    before, which keeps its run ids apart. DeviceError when it cannot be started.
    """

    def __init__(
        self,
        interpreter: Interpreter,
        flash: Path,
        unique_id: str,
        what: Literal["main", "repl"],
        heap: str,
        starts: int = 0,
    ) -> None:
        request_out, request_in = os.pipe()
        reply_out, reply_in = os.pipe()
        self.terminal = ChildTerminal()
        command = [sys.executable, "-u"]
        if interpreter == "micropython":
            command = [sys.executable, "-m", "micropython_unix", "-X", f"heapsize={heap}", "-i"]
        command += [
            str(_FILES / "start.py"), str(request_in), str(reply_out), str(flash), unique_id, what,
            str(starts),
        ]  # fmt: skip
        try:
            self._process = subprocess.Popen(
                command,
                stdin=self.terminal.slave,
                stdout=self.terminal.slave,
                stderr=self.terminal.slave,
                pass_fds=(request_in, reply_out),
                start_new_session=True,
                preexec_fn=_claim_terminal,
            )
        except OSError as error:
            self.terminal.close()
            os.close(request_out)
            os.close(reply_in)
            raise DeviceError(f"cannot start the virtual node's interpreter: {error}") from error
        finally:
            os.close(request_in)
            os.close(reply_out)
        self.requests = request_out
        self._replies = reply_in
        self.pid = self._process.pid

    def request(self) -> bytes:
        """The request that is waiting; b"" when the child is gone."""
        return os.read(self.requests, 4096)

    def reply(self, data: bytes) -> None:
        """Answer a request; a child that is gone needs none."""
        with contextlib.suppress(BrokenPipeError):
            os.write(self._replies, data)

    def ended(self) -> bool:
        """Whether the process is gone."""
        return self._process.poll() is not None

    def kill(self) -> None:
        """Cut its power; terminal and pipes can still be read."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """Give back terminal and pipes, after kill()."""
        self.terminal.close()
        os.close(self.requests)
        os.close(self._replies)

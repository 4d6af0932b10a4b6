"""The emulated board's USB serial port as a pseudo-terminal that notices who opens it."""

from __future__ import annotations

import contextlib
import os
import select
import termios
from collections.abc import Iterator

from prkbench.sim.virtual_line import PublicTerminal, unread


class UsbTerminal(PublicTerminal):
    """A pseudo-terminal that sees whether a program has it open, as a board sees DTR.

    For that this side keeps only its own end open: then the system tells when the last program
    has closed the other. It looks whenever it is read.
    """

    def __init__(self) -> None:
        super().__init__()
        os.close(self._slave)
        self._poll = select.poll()
        self._poll.register(self.master, select.POLLIN)
        self._open = False
        self.readable = ()

    def read(self) -> bytes:
        """See PublicLine; a program that has left is read to its end first."""
        data = b""
        with contextlib.suppress(OSError):
            data = os.read(self.master, 4096)
        hung_up = any(what & select.POLLHUP for _, what in self._poll.poll(0))
        if hung_up and self._open:
            self._forget_output()
        self._open = not hung_up
        # One that was hung up would be readable all the time, with nothing to read.
        self.readable = (self.master,) if self._open else ()
        return data

    def _forget_output(self) -> None:
        """What the last program did not read is not for the next one."""
        self._backlog = b""
        with self._far_end() as far:
            termios.tcflush(far, termios.TCIFLUSH)

    @contextlib.contextmanager
    def _far_end(self) -> Iterator[int]:
        far = os.open(self.port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        try:
            yield far
        finally:
            os.close(far)

    def flush(self) -> None:
        """See PublicLine; nothing goes to a terminal that nobody has open."""
        if self._open:
            super().flush()

    @property
    def drained(self) -> bool:
        """See PublicLine."""
        if self._backlog:
            return False
        try:
            with self._far_end() as far:
                return not unread(far)
        except OSError:
            # A program may have it for itself: then there is no telling.
            return True

    @property
    def attached(self) -> bool:
        """See PublicLine."""
        return self._open

    @property
    def blocked(self) -> bool:
        """See PublicLine."""
        return not self._open or bool(self._backlog)

    def close(self) -> None:
        """See PublicLine."""
        os.close(self.master)

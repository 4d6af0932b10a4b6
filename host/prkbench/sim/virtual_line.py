"""The serial line of a virtual node: one side for the host tool, one terminal for the child.

Between them stands the node's server, which passes bytes both ways, counts what the child has not
taken in yet, and sees whether the host has read what it was sent. Ctrl-C becomes SIGINT by the
child's own terminal settings, as MicroPython leaves them: while Python code runs the terminal
makes the signal, at the REPL the byte arrives.
"""

from __future__ import annotations

import array
import contextlib
import fcntl
import os
import select
import socket
import termios
from typing import Protocol

from prkbench.errors import DeviceError, UsageError

_CTRL_C = 0x03
_BACKLOG = 1 << 16
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def _set_raw(fd: int, *, signals: bool) -> None:
    """Raw mode, every byte as it is; signals: Ctrl-C makes SIGINT."""
    iflag, oflag, cflag, lflag, ispeed, ospeed, cc = termios.tcgetattr(fd)
    iflag &= ~(
        termios.IGNBRK | termios.BRKINT | termios.PARMRK | termios.ISTRIP
        | termios.INLCR | termios.IGNCR | termios.ICRNL | termios.IXON
    )  # fmt: skip
    lflag &= ~(termios.ECHO | termios.ECHONL | termios.ICANON | termios.ISIG | termios.IEXTEN)
    oflag &= ~termios.OPOST
    if signals:
        lflag |= termios.ISIG | termios.NOFLSH
        cc[termios.VINTR] = bytes((_CTRL_C,))
        for other in (termios.VQUIT, termios.VSUSP):
            cc[other] = b"\0"
    termios.tcsetattr(fd, termios.TCSANOW, [iflag, oflag, cflag, lflag, ispeed, ospeed, cc])


def unread(terminal: int) -> int:
    """Bytes that the one side of a terminal has sent and the other has not read yet."""
    count = array.array("i", [0])
    fcntl.ioctl(terminal, termios.FIONREAD, count)
    return count[0]


class ChildTerminal:
    """The child's own terminal; a new one for every start of the child."""

    def __init__(self) -> None:
        self.master, self.slave = os.openpty()
        os.set_blocking(self.master, False)
        _set_raw(self.slave, signals=True)

    @property
    def waiting(self) -> int:
        """Bytes that the child has not read yet."""
        return unread(self.slave)

    @property
    def at_prompt(self) -> bool:
        """Whether the child waits at its REPL, where it takes Ctrl-C as a byte."""
        return not termios.tcgetattr(self.slave)[3] & termios.ISIG

    def discard_input(self) -> None:
        """Drop what the child has not read yet."""
        termios.tcflush(self.slave, termios.TCIFLUSH)

    def take_back(self) -> bytes:
        """Read what the child will not read any more."""
        os.set_blocking(self.slave, False)
        with contextlib.suppress(OSError):
            return os.read(self.slave, _BACKLOG)
        return b""

    def close(self) -> None:
        """Close both ends."""
        os.close(self.master)
        os.close(self.slave)


class PublicLine(Protocol):
    """The side that a tool opens; `port` is what it opens."""

    port: str

    @property
    def readable(self) -> tuple[int, ...]:
        """File descriptors on which something new shows."""

    def read(self) -> bytes:
        """What the host has sent, b"" if nothing."""

    def write(self, data: bytes) -> None:
        """Send to the host; beyond a backlog the oldest bytes are lost, as on a line unread."""

    def flush(self) -> None:
        """Send as much of the backlog as the line takes."""

    @property
    def drained(self) -> bool:
        """Whether the host has read everything that was sent, as far as can be seen."""

    @property
    def attached(self) -> bool:
        """Whether a program has it open, as far as can be seen."""

    @property
    def blocked(self) -> bool:
        """Whether it takes no more for now."""

    def close(self) -> None:
        """Give back what is open."""


class PublicTerminal:
    """A pseudo-terminal; `port` is its path."""

    def __init__(self) -> None:
        self.master, self._slave = os.openpty()
        os.set_blocking(self.master, False)
        _set_raw(self._slave, signals=False)
        self.port = os.ttyname(self._slave)
        self.readable: tuple[int, ...] = (self.master,)
        self._backlog = b""

    def read(self) -> bytes:
        """See PublicLine."""
        with contextlib.suppress(BlockingIOError):
            return os.read(self.master, 4096)
        return b""

    def write(self, data: bytes) -> None:
        """See PublicLine."""
        self._backlog = (self._backlog + data)[-_BACKLOG:]
        self.flush()

    def flush(self) -> None:
        """See PublicLine."""
        while self._backlog:
            try:
                n = os.write(self.master, self._backlog)
            except BlockingIOError:
                return
            self._backlog = self._backlog[n:]

    @property
    def drained(self) -> bool:
        """See PublicLine."""
        return not self._backlog and not unread(self._slave)

    @property
    def attached(self) -> bool:
        """See PublicLine; this side holds it open all the time and sees no other."""
        return True

    @property
    def blocked(self) -> bool:
        """See PublicLine."""
        return bool(self._backlog)

    def close(self) -> None:
        """See PublicLine."""
        os.close(self.master)
        os.close(self._slave)


class PublicSocket:
    """A TCP port on the loopback interface for one host at a time; a newcomer replaces it."""

    def __init__(self, host: str, port: int) -> None:
        if host not in _LOOPBACK:
            raise UsageError(
                f"a virtual node is not served on {host!r}: it has no protection, so only "
                "localhost is allowed"
            )
        try:
            self._listener = socket.create_server(
                (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET
            )
        except OSError as error:
            raise DeviceError(f"cannot listen on {host}:{port}: {error.strerror}") from error
        self._listener.setblocking(False)
        shown = f"[{host}]" if ":" in host else host
        self.port = f"socket://{shown}:{self._listener.getsockname()[1]}"
        self._peer: socket.socket | None = None
        self._backlog = b""

    @property
    def readable(self) -> tuple[int, ...]:
        """See PublicLine."""
        if self._peer is None:
            return (self._listener.fileno(),)
        return (self._listener.fileno(), self._peer.fileno())

    def read(self) -> bytes:
        """See PublicLine."""
        with contextlib.suppress(BlockingIOError):
            peer, _ = self._listener.accept()
            self._drop()
            peer.setblocking(False)
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._peer = peer
        if self._peer is None:
            return b""
        try:
            data = self._peer.recv(4096)
        except BlockingIOError:
            return b""
        except OSError:
            data = b""
        if not data:
            self._drop()
        return data

    def _drop(self) -> None:
        self._backlog = b""
        if self._peer is not None:
            self._peer.close()
            self._peer = None

    def write(self, data: bytes) -> None:
        """See PublicLine; with nobody connected nothing is kept."""
        if self._peer is not None:
            self._backlog = (self._backlog + data)[-_BACKLOG:]
            self.flush()

    def flush(self) -> None:
        """See PublicLine."""
        while self._backlog and self._peer is not None:
            try:
                n = self._peer.send(self._backlog)
            except BlockingIOError:
                return
            except OSError:
                self._drop()
                return
            self._backlog = self._backlog[n:]

    @property
    def drained(self) -> bool:
        """See PublicLine: here that the host's system has it, its program maybe not yet."""
        return not self._backlog

    @property
    def attached(self) -> bool:
        """See PublicLine."""
        return self._peer is not None

    @property
    def blocked(self) -> bool:
        """See PublicLine."""
        return self._peer is None or bool(self._backlog)

    def close(self) -> None:
        """See PublicLine."""
        self._drop()
        self._listener.close()


class Watch:
    """poll() over a set of descriptors that may change."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self._fds: set[int] = set()

    def only(self, fds: set[int]) -> None:
        """Watch these for input, and no others."""
        if fds == self._fds:
            return
        for fd in self._fds - fds:
            self._poll.unregister(fd)
        for fd in fds - self._fds:
            self._poll.register(fd, select.POLLIN)
        self._fds = fds

    def ready(self, timeout_ms: int) -> set[int]:
        """Wait at most that long; the descriptors on which something has come."""
        return {fd for fd, _ in self._poll.poll(timeout_ms)}

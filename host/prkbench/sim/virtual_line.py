"""The serial line of a virtual node: a pseudo-terminal for the host tool, one for the child.

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
import termios

_CTRL_C = 0x03
_BACKLOG = 1 << 16


def _set_raw(fd: int, *, signals: bool, newlines: bool) -> None:
    """Raw mode; signals: Ctrl-C makes SIGINT; newlines: LF goes out as CR LF."""
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
    if newlines:
        oflag |= termios.OPOST | termios.ONLCR
    termios.tcsetattr(fd, termios.TCSANOW, [iflag, oflag, cflag, lflag, ispeed, ospeed, cc])


def _unread(fd: int) -> int:
    """Bytes waiting to be read on that side of a terminal."""
    count = array.array("i", [0])
    fcntl.ioctl(fd, termios.FIONREAD, count)
    return count[0]


class ChildTerminal:
    """The child's own terminal; a new one for every start of the child."""

    def __init__(self) -> None:
        self.master, self.slave = os.openpty()
        os.set_blocking(self.master, False)
        self.for_repl()

    def for_repl(self) -> None:
        """As a REPL user expects it: Ctrl-C interrupts, new lines begin at the left."""
        _set_raw(self.slave, signals=True, newlines=True)

    def for_node(self) -> None:
        """As the node needs it: every byte goes out as it is."""
        _set_raw(self.slave, signals=True, newlines=False)

    @property
    def waiting(self) -> int:
        """Bytes that the child has not read yet."""
        return _unread(self.slave)

    def close(self) -> None:
        """Close both ends."""
        os.close(self.master)
        os.close(self.slave)


class PublicTerminal:
    """The side that a serial tool opens; `port` is its path."""

    def __init__(self) -> None:
        self.master, self._slave = os.openpty()
        os.set_blocking(self.master, False)
        _set_raw(self._slave, signals=False, newlines=False)
        self.port = os.ttyname(self._slave)
        self._backlog = b""

    def fileno(self) -> int:
        """For poll()."""
        return self.master

    def read(self) -> bytes:
        """What the host has sent, b"" if nothing."""
        with contextlib.suppress(BlockingIOError):
            return os.read(self.master, 4096)
        return b""

    def write(self, data: bytes) -> None:
        """Send to the host; beyond a backlog the oldest bytes are lost, as on a line unread."""
        self._backlog = (self._backlog + data)[-_BACKLOG:]
        self.flush()

    def flush(self) -> None:
        """Send as much of the backlog as the terminal takes."""
        while self._backlog:
            try:
                n = os.write(self.master, self._backlog)
            except BlockingIOError:
                return
            self._backlog = self._backlog[n:]

    @property
    def drained(self) -> bool:
        """Whether the host has read everything that was sent."""
        return not self._backlog and not _unread(self._slave)

    def close(self) -> None:
        """Close both ends."""
        os.close(self.master)
        os.close(self._slave)

"""This computer as the board of a node: a bus, the monotonic clock, one end of a socket pair."""

from __future__ import annotations

import os
import select
import socket
import time
from collections.abc import Mapping
from typing import Any

from prkbench.local.register_bus import RegisterBus
from prknode.node import Node
from prknode.ticks import TICKS_MASK


class Stopped(BaseException):
    """Ends the node's loop, which catches every Exception."""


class _Restart(Exception):
    """The node asked for a restart."""


class HostClock:
    """The node's time is this computer's, which no change of the wall clock disturbs."""

    def ticks_us(self) -> int:
        """Microseconds, wrapping as prknode.ticks has it."""
        return time.monotonic_ns() // 1000 & int(TICKS_MASK)

    def rest(self, line: socket.socket, us: int, busy: bool, fill_percent: int) -> None:  # noqa: ARG002
        """Let that much time pass, or less if something comes on the line."""
        select.select([line], [], [], us / 1e6)


class HostBoard:
    """What prknode.board describes.

    bus: the one there is, number 0; line: this end of the serial line; failure: what the node
    ended with, if it crashed.
    """

    def __init__(
        self,
        bus: RegisterBus,
        line: socket.socket,
        config: Mapping[str, Any],
        unique_id: str,
        clock: HostClock,
    ) -> None:
        self._bus = bus
        self._line = line
        self._config = dict(config)
        self._unique_id = unique_id
        self._clock = clock
        self._stop = False
        self.failure: Exception | None = None
        line.setblocking(False)

    def stop(self) -> None:
        """Make the node's loop end at its next rest; may be called from another thread."""
        self._stop = True

    def begin(self) -> None:
        """The line is ours alone."""

    def end(self) -> None:
        """The other end learns that nobody is there any more."""
        self._line.close()

    def ticks_us(self) -> int:
        """Microseconds, wrapping."""
        return self._clock.ticks_us()

    def bus(self, number: int) -> RegisterBus:  # noqa: ARG002
        """The one bus there is."""
        return self._bus

    def read_into(self, buffer: bytearray) -> int:
        """Bytes the host has sent; Stopped when it has closed the line."""
        try:
            n = self._line.recv_into(buffer)
        except BlockingIOError:
            return 0
        except OSError:
            n = 0
        if not n:
            raise Stopped
        return n

    def write(self, view: memoryview) -> int:
        """Bytes the line has taken."""
        try:
            return self._line.send(view)
        except BlockingIOError:
            return 0
        except OSError:
            raise Stopped from None

    def idle(self, us: int, node: Node) -> None:
        """Rest for that long at most, or until the host sends something."""
        if self._stop:
            raise Stopped
        if us > 0:
            self._clock.rest(self._line, us, node.busy, node.fill_percent())

    def config(self) -> dict[str, Any]:
        """The configuration."""
        return self._config

    def valves(self) -> tuple[str, ...]:
        """A bridge to sensors drives no valves."""
        return ()

    def set_valve(self, i: int, is_open: bool) -> None:
        """There is none to open or shut."""

    def unique_id(self) -> str:
        """Who this node is."""
        return self._unique_id

    def new_run_id(self) -> int:
        """A random run id."""
        return int.from_bytes(os.urandom(4), "little") or 1

    def memory(self) -> tuple[int, int]:
        """Heap bytes used and free; CPython has no such figures."""
        return 0, 0

    def collect(self) -> None:
        """CPython collects by itself."""

    def reset(self) -> None:
        """Start the node anew, without what it held."""
        raise _Restart

    def reset_cause(self) -> str:
        """Why the node last started."""
        return "process"

    def crashed(self, error: Exception) -> None:
        """End a node that failed: whoever opened it has to tell its user."""
        if isinstance(error, _Restart):
            return
        self.failure = error
        raise Stopped from error

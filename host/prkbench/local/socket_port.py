"""One end of a socket pair, with the calls of a serial port that transport.Transport makes."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

_CHUNK = 4096


class SocketPort:
    """Reads and writes within `timeout` seconds; OSError when the other end is gone."""

    def __init__(self, line: socket.socket, timeout_s: float) -> None:
        self._line = line
        self._held = bytearray()
        self.timeout: float | None = timeout_s

    def read(self, count: int) -> bytes:
        """So many bytes, or those that came in time."""
        self._receive(lambda: len(self._held) >= count)
        return self._take(count)

    def read_until(self, end: bytes, limit: int) -> bytes:
        """Bytes up to and with `end`, at most limit, or those that came in time."""
        self._receive(lambda: end in self._held or len(self._held) >= limit)
        found = self._held.find(end)
        return self._take(limit if found < 0 else min(limit, found + len(end)))

    def write(self, data: bytes) -> None:
        """Send all."""
        self._line.settimeout(self.timeout)
        self._line.sendall(data)

    def close(self) -> None:
        """Close this end."""
        self._line.close()

    def _receive(self, enough: Callable[[], bool]) -> None:
        end = time.monotonic() + (self.timeout or 0.0)
        while not enough():
            left = end - time.monotonic()
            if left <= 0.0:
                return
            self._line.settimeout(left)
            try:
                data = self._line.recv(_CHUNK)
            except TimeoutError:
                return
            if not data:
                raise OSError("the node has ended")
            self._held += data

    def _take(self, count: int) -> bytes:
        data = bytes(self._held[:count])
        del self._held[:count]
        return data

"""What an operator types at a virtual node while a tool logs it: lines at simulated times.

A line goes in between the host's own, and the clock stands still until the node has taken it: so a
note has the same time in every run, however fast the host is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable


class TypedLines:
    """Lines still to be typed, each with its time in s since the node's power-on."""

    def __init__(self, lines: Iterable[tuple[float, str]] = ()) -> None:
        self._lines = deque(
            (round(t_s * 1e6), line.encode("ascii") + b"\n")
            for t_s, line in sorted(lines, key=lambda entry: entry[0])
        )

    def left_us(self, now_us: int) -> int | None:
        """Return how long the clock may run before the next line, None where there is none."""
        return self._lines[0][0] - now_us if self._lines else None

    def next(self) -> bytes:
        """Return the next line; it stays until `done`."""
        return self._lines[0][1]

    def done(self) -> None:
        """The next line has been typed."""
        self._lines.popleft()

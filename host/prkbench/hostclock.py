"""The host's clock for a recording: wall time when it began, and from there on what never jumps."""

from __future__ import annotations

import time


class HostClock:
    """Nanoseconds since 1970 that nobody sets while the process lives; they count sleep, too."""

    def __init__(self) -> None:
        self._offset = time.time_ns() - _steady_ns()

    def now_ns(self) -> int:
        """The time now."""
        return _steady_ns() + self._offset


def _steady_ns() -> int:
    # Linux's monotonic clock stands still while the computer sleeps, the node's does not.
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    return time.monotonic_ns()

"""How far the emulated board's time may go ahead of what the host has seen of it."""

from __future__ import annotations

import time
from collections.abc import Callable

_LONGEST_LAG_US = 1e6
"""Emulation that is slower than the board is not made up for beyond this."""


class Pace:
    """Holds emulated time to the wall clock, from the last restart() on."""

    def __init__(self, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._monotonic_s = monotonic_s
        self._origin_us = 0.0
        self.restart(0.0)

    def _wall_us(self) -> float:
        return self._monotonic_s() * 1e6

    def restart(self, now_us: float) -> None:
        """Emulated time and wall clock are together now."""
        self._origin_us = self._wall_us() - now_us

    def allowance_us(self, now_us: float) -> float:
        """How much emulated time is behind the wall clock; negative: ahead of it."""
        behind = self._wall_us() - self._origin_us - now_us
        if behind > _LONGEST_LAG_US:
            self._origin_us += behind - _LONGEST_LAG_US
            return _LONGEST_LAG_US
        return behind

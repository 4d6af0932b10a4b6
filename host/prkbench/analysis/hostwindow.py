"""The node's sliding window with running sums beside it, for a replay that need not spare memory.

On the board the sums of six batches are added up anew each minute, since running sums in every row
would double the window's memory; that is most of what a replay in CPython costs. Differences of
running sums are the same whole numbers.
"""

from __future__ import annotations

import itertools
from collections import deque
from typing import Any

from prknode.decay import windows_for
from prknode.settings import Settings
from prknode.window import Window


class HostWindow(Window):
    """A Window whose `batches` are differences of running sums."""

    def clear(self, rho1024: int) -> None:
        """Forget everything, and begin anew with this correlation."""
        super().clear(rho1024)  # type: ignore[no-untyped-call]
        # The sums before the oldest row of a full window are wanted as well.
        self._running: deque[tuple[int, int, int]] = deque([(0, 0, 0)], self.capacity + 1)

    def add(self, row: Any) -> None:
        """Take a Row; the oldest one leaves when the window is full."""
        super().add(row)  # type: ignore[no-untyped-call]
        i, d, y = self._running[-1]
        self._running.append((i + row.i, d + row.d, y + row.y))

    def batches(self, number: int) -> list[tuple[int, int, int]]:
        """Sums of I, D, y over `number` equal runs of the newest rows."""
        size = self.rows // number
        last = len(self._running) - 1
        ends = [self._running[last - size * n] for n in range(number, -1, -1)]
        return [
            (later[0] - earlier[0], later[1] - earlier[1], later[2] - earlier[2])
            for earlier, later in itertools.pairwise(ends)
        ]


def host_windows(settings: Settings) -> tuple[HostWindow, HostWindow]:
    """Empty short and long window for these settings, as `prknode.decay.windows_for` makes them."""
    short, long = windows_for(settings)
    return (
        HostWindow(short.capacity, short._rho),  # type: ignore[no-untyped-call]
        HostWindow(long.capacity, long._rho, sums=True),  # type: ignore[no-untyped-call]
    )

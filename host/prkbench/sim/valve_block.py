"""The valves that a virtual board drives: a device on a bus of its own, moving a plant's passages.

A board's outputs are no chip, but what passes them takes the same way as a chip's registers: so a
rehearsal that is taken back takes the valves back with it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from prkbench.sim.plant.events import SetOpen
from prkbench.sim.plant.plant import Plant
from prkbench.sim.transducer import Transducer

_US = 1e-6


class ValveBlock:
    """Valves by number from 0: register n is valve n, 1 open and 0 shut.

    passages: of the plant, one a valve, shut at time zero; sensors: what measures in the plant and
    has to follow. moves: what was done, in order of time.
    """

    def __init__(
        self, plant: Plant, passages: Sequence[str], sensors: Iterable[Transducer]
    ) -> None:
        self._plant = plant
        self._passages = tuple(passages)
        self._sensors = tuple(sensors)
        self._open = [False] * len(self._passages)
        self._now_s = 0.0
        self.moves: list[SetOpen] = []

    def advance(self, us: int) -> None:
        """Take note of the time."""
        self._now_s = us * _US

    def write(self, reg: int, value: int) -> None:
        """Open or shut a valve now; one that nothing hangs on moves nothing."""
        if reg < len(self._open) and self._open[reg] != bool(value):
            self._open[reg] = bool(value)
            self._change([*self.moves, SetOpen(self._now_s, self._passages[reg], bool(value))])

    def _change(self, moves: list[SetOpen]) -> None:
        forward = len(moves) > len(self.moves)
        self.moves = moves
        changed_s = self._plant.steer(moves)
        if changed_s < math.inf:
            for sensor in self._sensors:
                sensor.replan(changed_s, bend=forward)

    def read_burst(self, reg: int, n: int) -> bytes:
        """Return how the valves from `reg` on stand."""
        return self.peek_burst(reg, n)

    def peek_burst(self, reg: int, n: int) -> bytes:
        """Return how the valves from `reg` on stand."""
        return bytes(self._open[reg : reg + n]).ljust(n, b"\0")

    def power_on_reset(self) -> None:
        """Shut all valves: a board that starts drives none of them."""
        for reg in range(len(self._open)):
            self.write(reg, 0)

    def freeze(self, frozen: bool = True, raw: tuple[int, int] | None = None) -> None:
        """Nothing: valves convert nothing."""

    def save(self) -> object:
        """Return how many moves there were, for `restore`."""
        return len(self.moves)

    def restore(self, saved: object) -> None:
        """Take back all moves since `save`."""
        assert isinstance(saved, int)
        if saved < len(self.moves):
            self._change(self.moves[:saved])
            self._open = [False] * len(self._passages)
            for move in self.moves:
                self._open[self._passages.index(move.passage)] = move.open

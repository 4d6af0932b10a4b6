"""The same node in this process, over the same kind of chips: what the board must come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from inprocess_node import Board
from pico_bench import CLOCK_ERRORS, PASCALS, SENSORS, SETTINGS
from played_chip import Counts, PlayedChip

from prknode.node import Node


class ReferenceNode:
    """A node with these settings whose chips play these counts from INIT on."""

    def __init__(self, settings: Mapping[str, Any], counts: Sequence[Sequence[Counts]]) -> None:
        made = zip((1, 2), PASCALS, CLOCK_ERRORS, strict=True)
        self.chips = [PlayedChip(*one) for one in made]
        self._board = Board(dict(zip(SENSORS, self.chips, strict=True)), 1)  # type: ignore[arg-type]
        self.node = Node(self._board, {**SETTINGS, **settings}, 4096)
        self._pass(500_000)
        for chip, played in zip(self.chips, counts, strict=True):
            chip.play(played)
        self.node.initiate()

    def _pass(self, us: int) -> None:
        board = self._board
        end = board.now_us + us
        while board.now_us < end:
            wait = max(50, self.node.step(board.ticks_us()))
            board.now_us = min(end, board.now_us + wait)

    def samples(self, seconds: float) -> bytes:
        """The records of that much time."""
        self._pass(round(seconds * 1e6))
        ring = self.node.samples
        data = bytearray(ring.size * ring.next)
        ring.read_into(0, ring.next, data, 0)
        return bytes(data)

"""The node's sums over 60 s slots, made by numpy: the same whole numbers, a hundred times faster.

Sums of integers have no rounding, so what `prknode.blocks.BlockSums` adds up sample by sample may
be added in any order; the tests hold both against each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from prknode.blocks import SLOT_US, Block
from prknode.records import (
    BLOCK_FAULT,
    BLOCK_FILL,
    BLOCK_VALID,
    BLOCK_VENT,
    FLAG_FAULT,
    FLAG_FILL,
    FLAG_RESTART,
    FLAG_VENT,
    SAMPLE_HEAD,
    sample_size,
)

IntArray = NDArray[np.int64]

_DISTURBING = FLAG_RESTART | FLAG_FAULT | FLAG_FILL | FLAG_VENT


@dataclass
class _Slot:
    """Sums of one slot: samples, disturbing flags, and (n, pressures, temperatures) a sensor."""

    slot: int
    count: int
    disturbed: int
    sums: IntArray

    def join(self, later: _Slot) -> None:
        """Add what came later in the same slot."""
        self.count += later.count
        self.disturbed |= later.disturbed
        self.sums = self.sums + later.sums


class SlotSums:
    """Takes sample records in sequence, in pieces of any length, and hands out finished blocks.

    sensors, paired, expected: as for `prknode.blocks.BlockSums`.
    """

    def __init__(self, sensors: int, paired: int, expected: int) -> None:
        self._sensors = sensors
        self._paired = paired
        self._needed = (expected * 3 + 3) // 4
        self._first = 0
        self._open: _Slot | None = None

    def add(self, payload: bytes) -> Iterator[Block]:
        """Take whole records; yields the blocks of the slots that they ended."""
        for slot in self._slots(payload):
            if self._open is not None and self._open.slot == slot.slot:
                self._open.join(slot)
                continue
            yield from self.end()
            self._open = slot

    def end(self) -> Iterator[Block]:
        """Close the slot under way; yields its block, if it has samples."""
        slot, self._open = self._open, None
        if slot is None:
            return
        flags = BLOCK_FAULT if slot.disturbed & (FLAG_RESTART | FLAG_FAULT) else 0
        flags |= BLOCK_FILL if slot.disturbed & FLAG_FILL else 0
        flags |= BLOCK_VENT if slot.disturbed & FLAG_VENT else 0
        numbers, pressures, temperatures = slot.sums.tolist()
        due = [n for i, n in enumerate(numbers) if self._paired >> i & 1]
        if all(n >= self._needed for n in due):
            flags |= BLOCK_VALID
        yield Block(slot.slot, self._first, flags, slot.count, numbers, pressures, temperatures)
        self._first += slot.count

    def _slots(self, payload: bytes) -> Iterator[_Slot]:
        table = np.frombuffer(payload, dtype=np.uint8).reshape(-1, sample_size(self._sensors))
        if not len(table):
            return
        t_us = sum(table[:, i].astype(np.int64) << 8 * i for i in range(6))
        flags = table[:, 6].astype(np.int64) | table[:, 7].astype(np.int64) << 8
        # The node never goes back to a slot that is closed.
        reached = 0 if self._open is None else self._open.slot
        slot = np.maximum(np.maximum.accumulate(t_us // SLOT_US), reached)
        starts = np.flatnonzero(np.diff(slot, prepend=-1))
        counted = flags & self._paired == self._paired
        sums = np.zeros((3, self._sensors, len(starts)), dtype=np.int64)
        for i in range(self._sensors):
            used = (counted & (flags >> i & 1 == 1)).astype(np.int64)
            sums[0, i] = np.add.reduceat(used, starts)
            for quantity in (0, 1):
                at = SAMPLE_HEAD + 6 * i + 3 * quantity
                raw = sum(table[:, at + n].astype(np.int64) << 8 * n for n in range(3))
                sums[1 + quantity, i] = np.add.reduceat(raw * used, starts)
        counts = np.diff(starts, append=len(table))
        disturbed = np.bitwise_or.reduceat(flags & _DISTURBING, starts)
        for n, first in enumerate(starts.tolist()):
            yield _Slot(int(slot[first]), int(counts[n]), int(disturbed[n]), sums[:, :, n])

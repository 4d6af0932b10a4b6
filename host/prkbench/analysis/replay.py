"""Replays a run's samples through the node's own estimator and compares byte for byte.

The modules are those that ran on the board. Every block and every result record that the node
sent must come out identical; the first that does not is named.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from prkbench.analysis.hostwindow import host_windows
from prkbench.analysis.slotsums import SlotSums
from prkbench.node_setup import settings_of
from prkbench.runfile import Kind, Run, RunFile
from prknode.blocks import Block
from prknode.decay import Estimator, Reduced
from prknode.records import (
    BLOCK_VALID,
    RESULT_SIZE,
    block_size,
    pack_block,
)
from prknode.unpack import unpack_block

_AT_ONCE = 20_000
"""Samples summed at once: chunks of a slow node hold a few."""


@dataclass
class ReplayedBlock:
    """One block as the estimator saw it: its record's fields, its physical values, its use."""

    slot: int
    count: int
    flags: int
    reduced: Reduced | None
    segment: int
    settled: bool


@dataclass
class Replay:
    """What the replay gave and how it compares.

    differing_bits counts over all blocks and results compared; first_difference names the first.
    estimator holds the windows as they stood at the end.
    """

    estimator: Estimator
    blocks: list[ReplayedBlock] = field(default_factory=list)
    results: list[bytes] = field(default_factory=list)
    compared: int = 0
    differing_bits: int = 0
    first_difference: str | None = None
    not_replayable: int = 0

    @property
    def exact(self) -> bool:
        """Whether everything compared was identical, and there was something to compare."""
        return self.compared > 0 and self.differing_bits == 0


class Replayer:
    """Feeds one run's sample records to the node's estimator."""

    def __init__(self, setup: dict[str, Any]) -> None:
        settings, trims = settings_of(setup)
        self.sensors = len(settings.sensors)
        self._sums = SlotSums(self.sensors, settings.paired(), 60 * settings["rate_mhz"] // 1000)
        self.replay = Replay(Estimator(settings, trims, host_windows(settings)))

    def feed(self, payload: bytes) -> None:
        """Take sample records in sequence."""
        for block in self._sums.add(payload):
            self._close(block)

    def finish(self) -> None:
        """Close the slot under way, as the node did when the next sample came."""
        for block in self._sums.end():
            self._close(block)

    def _close(self, block: Block) -> None:
        replay = self.replay
        estimator = replay.estimator
        estimator.step(block)
        record = bytearray(block_size(self.sensors))
        pack_block(
            record, 0, block.slot, block.first, block.flags, block.count,
            block.numbers, block.pressures, block.temperatures,
        )  # fmt: skip
        result = bytearray(RESULT_SIZE)
        estimator.pack_result(result, 0, block.slot)
        valid = bool(block.flags & BLOCK_VALID)
        replay.blocks.append(
            ReplayedBlock(
                block.slot,
                block.count,
                block.flags,
                estimator.last if valid else None,
                estimator.segment,
                estimator.used,
            )
        )
        replay.results.append(bytes(record) + bytes(result))


def replay_run(file: RunFile, run: Run, on_progress: Callable[[int], None] | None = None) -> Replay:
    """Replay one run of a run file and compare it with what the node recorded.

    on_progress is told the number of samples done.
    """
    replayer = Replayer(run.setup)
    done = waiting = 0
    pieces: list[bytes] = []
    for chunk in file.chunks(run.run_id, Kind.SAMPLE):
        pieces.append(chunk.payload)
        waiting += chunk.count
        if waiting >= _AT_ONCE:
            replayer.feed(b"".join(pieces))
            done += waiting
            waiting = 0
            pieces.clear()
            if on_progress is not None:
                on_progress(done)
    replayer.feed(b"".join(pieces))
    if on_progress is not None:
        on_progress(done + waiting)
    recorded_blocks = file.payload(run.run_id, Kind.BLOCK)
    size = block_size(replayer.sensors)
    if len(recorded_blocks) // size > len(replayer.replay.blocks):
        replayer.finish()
    replay = replayer.replay
    _compare(replay, file, run, recorded_blocks, size)
    return replay


def _compare(replay: Replay, file: RunFile, run: Run, blocks: bytes, size: int) -> None:
    results = file.payload(run.run_id, Kind.RESULT)
    number = len(blocks) // size
    for n in range(number):
        theirs = blocks[n * size : (n + 1) * size]
        theirs += results[n * RESULT_SIZE : (n + 1) * RESULT_SIZE]
        if n >= len(replay.results):
            replay.not_replayable += 1
            continue
        replay.compared += 1
        ours = replay.results[n]
        if ours == theirs:
            continue
        bits = sum((a ^ b).bit_count() for a, b in zip(ours, theirs, strict=False))
        bits += 8 * abs(len(ours) - len(theirs))
        replay.differing_bits += bits
        if bits and replay.first_difference is None:
            slot = unpack_block(theirs[:size], (size - 12) // 14)[0]
            replay.first_difference = f"run {run.run_id}, slot {slot}: {bits} bits differ"

"""An estimator after three days of one slow decay, as files for the board.

Both windows are full, in one segment: every solution has its six-batch error.
"""

from __future__ import annotations

import functools
import json
import random
from typing import Any

from prknode.blocks import Block
from prknode.decay import Estimator
from prknode.records import BLOCK_VALID, RESULT_SIZE
from prknode.settings import LONG_ROWS, Settings

SAMPLES = 12000
"""A slot at 200 Hz: the largest sums there are."""

_AHEAD = 11
_PARTS = ("", "_segmenter", "_rows", "_tens", "_stability", "_short", "_long")
_KEPT = {"": ("_previous", "_faulted", "state"), "_short": ("_start", "rows", "segments")}
_KEPT["_long"] = _KEPT["_short"]


def _block(slot: int, noise: random.Random) -> Block:
    """Some 0.3 Pa a minute down on the chamber, a degree of noon and night on both."""
    counts = [7_184_279 + 60 * slot // 10, 6_400_000]
    pressures = [SAMPLES * c + noise.randrange(-40, 40) * SAMPLES for c in counts]
    temperatures = [SAMPLES * 8_771_699 + noise.randrange(-20, 20) * SAMPLES for _ in counts]
    n = [SAMPLES] * len(counts)
    return Block(slot, SAMPLES * slot, BLOCK_VALID, SAMPLES, n, pressures, temperatures)


@functools.cache
def filled(config: str, trims: tuple[bytes, ...]) -> tuple[dict[str, bytes], list[tuple[int, str]]]:
    """Files for the board, and (slot, result in hexadecimal) of each of the blocks that follow.

    config: of the node, as JSON.
    """
    noise = random.Random(5)
    estimator = Estimator(Settings(json.loads(config)), list(trims))
    short, long = estimator.windows()
    slot = 0
    while long.rows < LONG_ROWS or (slot + 5) % 10:
        estimator.step(_block(slot, noise))
        slot += 1
    assert short.rows == short.capacity
    state: dict[str, dict[str, Any]] = {}
    for name in _PARTS:
        part = getattr(estimator, name) if name else estimator
        kept = _KEPT.get(name) or vars(part)
        state[name] = {key: getattr(part, key) for key in kept}
    files = {
        "filled.json": json.dumps(state).encode(),
        "_short.bin": bytes(short._data),
        "_long.bin": bytes(long._data),
    }
    # The board has the windows, but no estimate until its first step.
    estimator.estimate = estimator.long_estimate = None
    ahead, results = [], []
    for _ in range(_AHEAD):
        block = _block(slot, noise)
        ahead.append((slot, SAMPLES, block.pressures, block.temperatures))
        result = bytearray(RESULT_SIZE)
        estimator.step(block)
        estimator.pack_result(result, 0, slot)
        results.append((slot, result.hex()))
        slot += 1
    files["next.json"] = json.dumps(ahead).encode()
    return files, results

"""The estimator with both windows full, as filled_windows.py on the host worked them out."""

import binascii
import gc
import json
import time

from prknode.blocks import Block
from prknode.records import BLOCK_VALID, RESULT_SIZE
from prknode.regression import solve
from prknode.segments import Row


def fill(node):
    """Put the running node's estimator into that state."""
    estimator = node.estimator
    with open("filled.json") as file:
        state = json.load(file)
    for name in state:
        part = getattr(estimator, name) if name else estimator
        for key in state[name]:
            setattr(part, key, state[name][key])
    for name in ("_short", "_long"):
        with open(name + ".bin", "rb") as file:
            file.readinto(getattr(estimator, name)._data)


def _blocks():
    with open("next.json") as file:
        for slot, n, pressures, temperatures in json.load(file):
            yield Block(slot, n * slot, BLOCK_VALID, n, [n] * len(pressures), pressures,
                        temperatures)  # fmt: skip


def steps(node, weighed):
    """Step through the blocks that follow: (slot, us, heap bytes, result in hexadecimal) of each.

    weighed: slots whose heap bytes are wanted, -1 for the others: counting takes long.
    """
    estimator = node.estimator
    result = bytearray(RESULT_SIZE)
    found = []
    for block in _blocks():
        gc.collect()
        used = gc.mem_alloc() if block.slot in weighed else 0
        begun = time.ticks_us()
        estimator.step(block)
        estimator.pack_result(result, 0, block.slot)
        took = time.ticks_diff(time.ticks_us(), begun)
        used = gc.mem_alloc() - used if block.slot in weighed else -1
        found.append((block.slot, took, used, binascii.hexlify(result).decode()))
    return found


def _timed(function, *arguments):
    gc.collect()
    begun = time.ticks_us()
    function(*arguments)
    return time.ticks_diff(time.ticks_us(), begun)


def parts(node):
    """Microseconds of what a step consists of, and of a collection; spoils the windows."""
    estimator = node.estimator
    short, long = estimator.windows()
    block = next(_blocks())
    slot, i, d, y = short.row(short.rows - 1)
    segment = short.segments[-1][0]
    return {
        "compensation": _timed(estimator.reduce, block),
        "short solution": _timed(solve, short, 60, None, 0, 240),
        "long solution": _timed(solve, long, 600, None, 0, 24),
        "moments": _timed(short.add, Row(segment, slot + 1, i + 10**8, d, y)),
        "collection": _timed(node.board.collect),
    }

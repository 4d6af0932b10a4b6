"""Runs a node on a board for ever; what main.py calls."""

import sys

from prknode.compat import const
from prknode.node import Node
from prknode.records import sample_size
from prknode.ticks import ticks_diff

_RING_RECORDS = const(4096)
_RING_SENSORS = const(2)


def run(board):
    """Step the node and idle in between; a crash is printed and the node starts again.

    KeyboardInterrupt passes through, so that Ctrl-C always reaches the REPL.
    """
    board.begin()
    try:
        while True:
            node = None
            try:
                config = board.config()
                node = Node(board, config, ring_records(config))
                board.collect()
                while True:
                    now = board.ticks_us()
                    wait = node.step(now)
                    # What the step itself took counts: else every tick would come late.
                    spent = ticks_diff(board.ticks_us(), now)
                    board.idle(max(0, wait - spent), node)
            except Exception as error:
                board.crashed(error)
            # Two nodes do not fit on a board: the old one goes before the new one is built.
            node = None
            board.collect()
    finally:
        board.end()


def ring_records(config):
    """Samples for the node's ring: what the board has room for, of as many sensors as it has."""
    room = config.get("board", {}).get("ring_records", _RING_RECORDS)
    sensors = config.get("sensors")
    # What is no list is refused by Settings, which says so.
    n = len(sensors) if isinstance(sensors, list) else _RING_SENSORS
    return room * sample_size(_RING_SENSORS) // sample_size(n)


def print_exception(error, stream=None):
    """Print a traceback under MicroPython and CPython alike."""
    show = getattr(sys, "print_exception", None)
    if show is not None:
        show(error, stream or sys.stdout)
    else:
        import traceback

        traceback.print_exception(error, file=stream or sys.stdout)

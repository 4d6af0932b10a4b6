"""Runs a node on a board for ever; what main.py calls."""

import sys

from prknode.boards import ring_records
from prknode.node import Node
from prknode.ticks import ticks_diff


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


def print_exception(error, stream=None):
    """Print a traceback under MicroPython and CPython alike."""
    show = getattr(sys, "print_exception", None)
    if show is not None:
        show(error, stream or sys.stdout)
    else:
        import traceback

        traceback.print_exception(error, file=stream or sys.stdout)

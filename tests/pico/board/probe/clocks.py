"""Other clocks for the node: one about to wrap, and one that runs faster than the board's."""

import time

from prknode.board import Board

_MASK = 0x3FFFFFFF


def wraps_in(board, us):
    """Let the node's ticks wrap in that many microseconds; only while nothing is measured."""
    offset = (time.ticks_us() + us) & _MASK
    # Subtracting stays within the small ints, adding would not.
    board.ticks_us = lambda: (time.ticks_us() - offset) & _MASK


def hasten(board, shift):
    """Let time pass 2**shift times as fast for the node; its sensors have to keep pace."""
    mask = _MASK >> shift
    board.ticks_us = lambda: (time.ticks_us() & mask) << shift
    board.idle = lambda us, node: Board.idle(board, us >> shift, node)


def ordinary(board):
    """Back to the board's own clock."""
    for name in ("ticks_us", "idle"):
        if name in board.__dict__:
            delattr(board, name)

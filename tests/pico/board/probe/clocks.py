"""Other clocks for the node: about to wrap, later, faster than the board's; and stalls."""

import time

import machine

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


def set_time(node, us):
    """Call this moment that many microseconds since INIT."""
    node._time.words[0] = us >> 24
    node._time.words[1] = us & 0xFFFFFF


def stall(ms):
    """Hold the node up; the processor sleeps."""
    time.sleep_ms(ms)


def stall_hard(ms):
    """Hold the node up with interrupts off, as erasing flash does: USB is not served either."""
    state = machine.disable_irq()
    begun = time.ticks_us()
    while time.ticks_diff(time.ticks_us(), begun) < ms * 1000:
        pass
    machine.enable_irq(state)


def write_flash(size):
    """Write a file of so many bytes; how long that took, in microseconds."""
    begun = time.ticks_us()
    with open("scratch", "wb") as file:
        for _ in range(size // 256):
            file.write(bytes(256))
    return time.ticks_diff(time.ticks_us(), begun)

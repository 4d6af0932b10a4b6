"""The loop of app.run, from the outside: with the heap locked, with its memory counted."""

import gc
import io
import sys
import time

import micropython

from prknode.ticks import ticks_diff


def _turn(node, board, ms):
    end = time.ticks_add(time.ticks_ms(), ms)
    while time.ticks_diff(end, time.ticks_ms()) > 0:
        now = board.ticks_us()
        wait = node.step(now)
        spent = ticks_diff(board.ticks_us(), now)
        board.idle(max(0, wait - spent), node)


def locked(node, ms):
    """Run for that long with the heap locked.

    Returns (samples before, samples after, ticks before, ticks after), or the traceback of what
    was raised.
    """
    board = node.board
    samples = node.samples
    first = samples.next
    begun = board.ticks_us()
    error = None
    # Tells where it was raised, though there is no memory for a traceback then.
    micropython.alloc_emergency_exception_buf(256)
    micropython.heap_lock()
    try:
        _turn(node, board, ms)
    except MemoryError as raised:
        error = raised
    finally:
        micropython.heap_unlock()
    if error:
        return _where(error)
    return first, samples.next, begun, board.ticks_us()


def _where(error):
    text = io.StringIO()
    sys.print_exception(error, text)
    return text.getvalue()


def wasteful(node, ms):
    """The same, with one small list a sample."""
    push = node.samples.push

    def waste():
        push()
        return [node]

    node.samples.push = waste
    try:
        return locked(node, ms)
    finally:
        del node.samples.push


def heap_bytes(node, ms):
    """Run for that long; (samples taken, heap bytes they cost)."""
    gc.collect()
    first = node.samples.next
    before = gc.mem_alloc()
    _turn(node, node.board, ms)
    return node.samples.next - first, gc.mem_alloc() - before

"""Sampling through FIFOs at 200 Hz: the same under both interpreters, and without the heap."""

from fake_board import FakeBoard, ask, crank, make_config, tell
from runner import run

from prknode.node import Node

try:
    from micropython import heap_lock, heap_unlock
except ImportError:  # another interpreter, or a package of the same name

    def heap_lock():
        pass

    def heap_unlock():
        pass


S = 1000000


def bench(ring_records):
    """A node measuring at 200 Hz, its chips 2 % apart, shortly before its ticks wrap."""
    board = FakeBoard(0x3FFFFFFF - 3 * S, make_config(rate_mhz=200000, osr_p=1, osr_t=1))
    # Parts in a thousand: 4950 us and 5050 us a frame.
    board.chamber.clock_error = -10
    board.ambient.clock_error = 10
    node = Node(board, board.config(), ring_records)
    crank(node, board, S // 2)
    assert tell(node, board, "INIT") == ""
    return board, node


def test_two_hundred_hertz_for_ten_seconds_gives_a_record_a_frame():
    board, node = bench(4096)
    crank(node, board, 10 * S)
    # 10 s of frames of 4950 us; up to a poll's may still be in the FIFO.
    assert 2010 <= node.samples.next <= 2021
    assert node.events.next == 2, node.events.next  # INIT, and the state after it


def test_sampling_from_the_fifo_allocates_nothing():
    board, node = bench(1024)
    crank(node, board, S)
    before = node.samples.next
    heap_lock()
    try:
        for _ in range(2000):
            wait = node.step(board.now)
            board.pass_us(wait if wait > 50 else 50)
    finally:
        heap_unlock()
    assert node.samples.next - before > 1000


def test_a_stall_that_fills_the_fifo_allocates_nothing_but_its_event():
    board, node = bench(1024)
    crank(node, board, S)
    board.pass_us(300000)
    heap_lock()
    try:
        for _ in range(40):
            wait = node.step(board.now)
            board.pass_us(wait if wait > 50 else 50)
    finally:
        heap_unlock()
    board.pass_us(500000)
    crank(node, board, S)
    events = node.events.next
    assert events == 3, events


def test_readings_are_answered_meanwhile():
    board, node = bench(1024)
    crank(node, board, S)
    first, second = ask(node, board, "MEAS:PRES? (@1,2)").decode().split(",")
    assert "9.91E37" not in (first, second)
    assert tell(node, board, "ABOR") == ""


if __name__ == "__main__":
    run(globals())

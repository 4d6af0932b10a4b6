"""Sampling through FIFOs at 200 Hz: the same under both interpreters, and without the heap."""

from fake_board import FakeBoard, FakeBus, FakeChip, ask, crank, make_config, tell
from runner import run

from prknode.node import Node
from prknode.ticks import TICKS_MASK, ticks_diff

try:
    from micropython import heap_lock, heap_unlock
except ImportError:  # another interpreter, or a package of the same name

    def heap_lock():
        pass

    def heap_unlock():
        pass


S = 1000000
_FRAMES = 73


class FifoChip(FakeChip):
    """A chip that also fills a FIFO in normal mode; frame_us: its period."""

    def __init__(self, board, seed, frame_us):
        self._frame_us = frame_us
        self._frames = 0
        self._due = 0
        super().__init__(board, seed)

    def _fill(self):
        while ticks_diff(self._board.now, self._due) >= 0:
            self._due = (self._due + self._frame_us) & TICKS_MASK
            if self._frames < _FRAMES:
                self._frames += 1

    def read(self, register, buffer):
        if self._registers[0x1B] == 0x33:
            self._fill()
        if register == 0x14:
            for at in range(0, len(buffer), 7):
                self._frames -= 1
                self._noise = (self._noise * 109 + 89) & 0xFFFF
                buffer[at] = 0x94
                buffer[at + 1] = self._noise >> 8
                buffer[at + 2] = 0x20
                buffer[at + 3] = 0x7E
                buffer[at + 4] = self._noise & 0xFF
                buffer[at + 5] = self._noise >> 8
                buffer[at + 6] = 0x66
            return
        self._registers[0x12] = self._frames * 7 & 0xFF
        self._registers[0x13] = self._frames * 7 >> 8
        FakeChip.read(self, register, buffer)

    def write(self, register, buffer):
        if register == 0x1B and buffer[0] == 0x33:
            self._frames = 0
            self._due = (self._board.now + self._frame_us) & TICKS_MASK
        FakeChip.write(self, register, buffer)


def bench(ring_records):
    """A node measuring at 200 Hz, its chips 2 % apart, shortly before its ticks wrap."""
    board = FakeBoard(0x3FFFFFFF - 3 * S, make_config(rate_mhz=200000, osr_p=1, osr_t=1))
    board.chamber = FifoChip(board, 1, 4950)
    board.ambient = FifoChip(board, 2, 5050)
    board._bus = FakeBus({0x76: board.chamber, 0x77: board.ambient})
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

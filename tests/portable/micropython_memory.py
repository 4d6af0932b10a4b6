"""What only MicroPython can show: the hot path allocates nothing, and the heap does not grow."""

import gc

import micropython

# As main.py does: compiling seventy kilobytes of source would leave the heap in small pieces.
gc.threshold(4096)

from fake_board import FakeBoard, ask, crank, make_config
from runner import run

from prknode.node import Node

gc.threshold(-1)

S = 1000000
GROWTH_BYTES = 2048
"""Less than one lost object a block would show as: 50 blocks of 48 bytes."""


class QuietBoard(FakeBoard):
    """Holds nothing of what is sent, as a board's serial line does not: only the last byte."""

    def __init__(self, now, config):
        FakeBoard.__init__(self, now, config)
        self._last = bytearray(1)

    def write(self, view):
        self._last[0] = view[len(view) - 1]
        self.sent = self._last
        return len(view)


def bench(rate_mhz, ring_records=256, **settings):
    board = QuietBoard(0x3FFFFFFF - 3 * S, make_config(rate_mhz=rate_mhz, **settings))
    node = Node(board, board.config(), ring_records)
    crank(node, board, S // 2)
    ask(node, board, "INIT;*OPC?")
    assert node.measuring
    return board, node


def turn(node, board, us):
    """The loop of app.run for that long, without allocating anything itself."""
    while us > 0:
        wait = node.step(board.now)
        if node.busy and node.fill_percent() > 100:
            return
        if wait < 50:
            wait = 50
        board.pass_us(wait)
        us -= wait


def locked(node, board, seconds):
    """Turn the loop with the heap locked; how many samples that took."""
    before = node.samples.next
    micropython.heap_lock()
    try:
        turn(node, board, seconds * S)
    finally:
        micropython.heap_unlock()
    return node.samples.next - before


def check_sampling(rate_mhz, hold=None, **settings):
    board, node = bench(rate_mhz, **settings)
    if hold:
        crank(node, board, S)
        ask(node, board, "SOUR:PRES:HOLD " + hold)
        assert node.valves.high
    board.ambient.clock_error = 20
    for _ in range(3):
        # Into the slot, past its opening.
        slot = node.blocks_ring.next
        while node.blocks_ring.next == slot:
            crank(node, board, S)
        # The tick counter wraps in the first round.
        taken = locked(node, board, 50)
        assert abs(taken - 50 * rate_mhz // 1000) <= 1 + rate_mhz // 5000, taken
        assert node.blocks_ring.next == slot + 1


def test_one_hertz_allocates_nothing_between_two_blocks():
    check_sampling(1000)


def test_five_hertz_allocates_nothing_between_two_blocks():
    check_sampling(5000)


def test_twelve_hertz_allocates_nothing_between_two_blocks():
    check_sampling(12500)


def test_two_hundred_hertz_allocate_nothing_between_two_blocks():
    check_sampling(200000, osr_p=1, osr_t=1)


def test_holding_a_pressure_allocates_nothing_while_no_valve_moves():
    # The chamber lies above the band, so the valve stays shut.
    check_sampling(5000, hold="105000,106000", board={"valves": [{"pin": 1, "role": "FILL"}]})


def test_an_idle_node_allocates_nothing():
    board, node = bench(5000)
    ask(node, board, "ABOR;*OPC?")
    assert not node.measuring
    crank(node, board, S)
    micropython.heap_lock()
    try:
        turn(node, board, 10 * S)
    finally:
        micropython.heap_unlock()


def test_the_lock_notices_one_allocation():
    board, node = bench(5000)
    crank(node, board, 5 * S)
    ring = node.samples
    push = ring.push

    class Wasteful:
        """The ring, but for one small list a sample."""

        size = ring.size
        data = ring.data
        capacity = ring.capacity
        next = 0
        at = 0

        def push(self):
            self.waste = [self.next]

        def fill_percent(self):
            return 0

    node.samples = Wasteful()
    noticed = False
    try:
        locked(node, board, 2)
    except MemoryError:
        noticed = True
    assert noticed
    assert push


def test_fifty_minutes_of_sampling_leave_the_heap_as_it_was():
    board, node = bench(1000, 1024)
    used = []
    for minute in range(91):
        crank(node, board, 60 * S)
        # The host fetches what is new and asks for the state, as a logger does.
        ask(node, board, "DATA:READ? %d,200" % (60 * minute))
        ask(node, board, "CALC:DEC?;:DATA:BLOC? %d,2;:SYST:MEM?" % minute)
        # Before that, windows grow, and names are met for the first time.
        if minute % 10 == 0 and minute >= 40:
            gc.collect()
            used.append(gc.mem_alloc())
    print("heap used after each ten minutes:", used, "free:", gc.mem_free())
    assert max(used) - min(used) < GROWTH_BYTES
    assert node.blocks_ring.next > 59


def test_a_new_run_takes_the_place_of_the_old_one():
    board, node = bench(1000, 1024)
    used = []
    for _ in range(4):
        crank(node, board, 130 * S)
        run_id = node.run_id
        ask(node, board, "ABOR;:INIT;*OPC?")
        assert node.run_id == run_id + 1
        gc.collect()
        used.append(gc.mem_alloc())
    assert max(used) - min(used) < GROWTH_BYTES


if __name__ == "__main__":
    run(globals())

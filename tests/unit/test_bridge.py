"""The bridge between node and chips: rehearsing is a matter of speed and of nothing else.

Parent and child side run here in one process, with the pipes replaced by calls.
"""

import os
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from prkbench.sim.bridge import Bridge
from prkbench.sim.chamber import BenchSpec
from prkbench.sim.child import virtual_board as layout
from prkbench.sim.elements import Orifice, ViscousCapillary
from prkbench.sim.faults import Fault
from prkbench.sim.plant.spec import Passage, Reservoir
from prkbench.sim.world import World
from prknode.ticks import TICKS_MASK

COMMANDS = (*range(7, 60, 4), *range(-59, -7, 4))
"""Cycles in which a command may come after triggering; negative: after reading."""
CHIPS = ((0, 0x76), (0, 0x77))


class Busy:
    """A node that measures and has nothing waiting, as an idling board sees it."""

    busy = True

    def fill_percent(self) -> int:
        return 0


BUSY = Busy()


class Pipes:
    """Both pipes of a child: what it writes is answered by the bridge at once.

    hold: whether this idle is cut short at its start, as by a command from the host.
    """

    def __init__(self, bridge: Bridge, held: Iterator[bool], prepare: bool) -> None:
        self._bridge = bridge
        self._held = held
        self._prepare = prepare
        self._answer = b""
        self.exchanges = 0

    def write(self, message: bytes) -> None:
        self.exchanges += 1
        bridge = self._bridge
        request = bridge.take(bytes(message))
        undisturbed = flags = 0
        if request.op == layout.OP_IDLE:
            if next(self._held):
                flags = layout.FLAG_INPUT
            else:
                bridge.pass_time(request.us)
                undisturbed = 1
        self._answer = bridge.reply(request, flags, bool(undisturbed))
        if undisturbed and self._prepare:
            bridge.prepare()

    def readinto(self, buffer: memoryview) -> int:
        n = len(buffer)
        buffer[:] = self._answer[:n]
        self._answer = self._answer[n:]
        return n


def board_on(bridge: Bridge, held: Iterator[bool], prepare: bool) -> layout.VirtualBoard:
    """A child's board whose pipes end in this bridge."""
    ends = os.pipe()
    board = layout.VirtualBoard(ends[1], ends[0], "1", 0)
    board._requests.close()
    board._replies.close()
    board._requests = board._replies = Pipes(bridge, held, prepare)
    return board


def world() -> World:
    spec = BenchSpec(ViscousCapillary(0.16e-3, 1.5)).plant()
    # 100 um at 10 bar: some 300 Pa/s, which no reading can miss.
    fill = Passage("fill", Orifice(100e-6), "bottle", "chamber", open=False)
    spec = replace(
        spec,
        passages=(*spec.passages, fill),
        reservoirs=(*spec.reservoirs, Reservoir("bottle", 1e6)),
    )
    return World(spec, 3, {CHIPS[0]: "chamber", CHIPS[1]: "ambient"}, valves=("fill",))


def play(
    cycles: int,
    prepare: bool,
    deviations: Sequence[int],
    seed: int,
    commands: Sequence[int] = (),
) -> tuple[list[bytes], int, list[int]]:
    """What the chips say to a node that mostly repeats itself; and the exchanges it took.

    deviations: before these cycles the node does something else. Commands come at random; in these
    cycles commands that touch the bus, where one can come: the last thing returned tells where.
    """
    commands_taken: list[int] = []
    moments = random.Random(seed)
    asked: list[bool] = []
    bridge = Bridge(world().devices, frozenset(), cycles)
    held = iter(lambda: asked.pop() if asked else moments.random() < 0.2, None)
    board = board_on(bridge, held, prepare)
    bus = board.bus(0)
    seen: list[bytes] = []

    def rest(us: int) -> None:
        # As the node does it: a command cuts the rest short, then the rest of it is slept.
        end = (board.ticks_us() + us) & TICKS_MASK
        while (left := (end - board.ticks_us()) & TICKS_MASK) and left < 1 << 29:
            board.idle(left, BUSY)

    def read(address: int, register: int, n: int) -> None:
        data = bytearray(n)
        bus.readfrom_mem_into(address, register, data)
        seen.append(bytes(data) + board.ticks_us().to_bytes(4, "little"))

    def command(n: int, us: int) -> None:
        """A command comes just now, where a rehearsal ends, and has the node read something."""
        if n in commands and board._step_at >= board._step_end:
            commands_taken.append(n)
            asked.append(True)
            board.idle(us, BUSY)
            read(0x77, 0x1B, 1)

    def deviate(n: int) -> None:
        kind = deviations.index(n) % 6
        if kind == 0:
            rest(777)
        elif kind == 1:
            read(0x77, 0x00, 1)
        elif kind == 2:
            bus.writeto_mem(0x76, 0x7E, b"\xb6")
            rest(3000)
            bus.writeto_mem(0x76, 0x1C, b"\x0c")
        elif kind == 3:
            read(0x76, 0x03, 14)
        elif kind == 4:
            moved = deviations.index(n) // 6
            board.set_valve(0, moved == 0)
        else:
            bus.writeto_mem(0x77, 0x1F, b"\x02")

    rest(5000)
    for _, address in CHIPS:
        bus.writeto_mem(address, 0x1C, b"\x0c")
    for n in range(60):
        if n in deviations and n % 2:
            deviate(n)
        for _, address in CHIPS:
            bus.writeto_mem(address, 0x1B, b"\x13")
        command(n, 42000)
        rest(42000)
        if n in deviations and n % 2 == 0:
            deviate(n)
        for _, address in CHIPS:
            read(address, 0x03, 14)
        command(-n, 958000)
        rest(958000)
    return seen, board._requests.exchanges, commands_taken


@settings(max_examples=15, deadline=None, phases=(Phase.generate,))
@given(
    # Short rehearsals end often, so deviations fall on their ends, too.
    cycles=st.sampled_from((1, 2, 3, 32)),
    prepare=st.sampled_from((True, True, False)),
    deviations=st.permutations((6, 10, 17, 20, 25, 31, 38, 41, 46, 53, 57, 59)),
    seed=st.integers(0, 1000),
)
def test_whatever_is_rehearsed_the_node_finds_the_same(
    cycles: int, prepare: bool, deviations: Sequence[int], seed: int
) -> None:
    rehearsed, _, commands = play(cycles, prepare, deviations, seed, COMMANDS)
    plain, _, _ = play(0, False, deviations, seed + 1, commands)
    assert rehearsed == plain


def test_rehearsing_saves_nearly_all_exchanges_of_a_steady_node() -> None:
    _, plain, _ = play(0, False, [], 1)
    _, rehearsed, _ = play(16, True, [], 1)
    # Five cycles until it is known what the node does, then one exchange for sixteen cycles,
    # and two for each command.
    assert rehearsed < plain / 3


def test_a_transfer_that_nobody_acknowledges_is_an_oserror_and_leaves_the_others() -> None:
    bridge = Bridge(world().chips, frozenset({(0, 0x70)}), 32)
    board = board_on(bridge, iter(lambda: False, None), True)
    bus = board.bus(0)
    one = bytearray(1)
    for _ in range(3):
        with pytest.raises(OSError, match="5"):
            bus.readfrom_mem_into(0x70, 0x00, one)
        with pytest.raises(OSError, match="5"):
            bus.writeto_mem(0x70, 0x1B, b"\x13")
        bus.readfrom_mem_into(0x76, 0x00, one)
        assert one == b"\x60"


def test_a_fault_hits_just_the_transfers_it_names() -> None:
    bridge = Bridge(world().chips, frozenset(), 32)
    bridge.devices[CHIPS[0]].faults.append(Fault("nack", 2, 2))
    bus = board_on(bridge, iter(lambda: False, None), True).bus(0)
    outcome = ""
    for _ in range(6):
        try:
            bus.readfrom_mem_into(0x76, 0x00, bytearray(1))
            outcome += "+"
        except OSError:
            outcome += "-"
    assert outcome == "++--++"


def test_a_fifo_burst_passes_whole() -> None:
    bridge = Bridge(world().chips, frozenset(), 32)
    bus = board_on(bridge, iter(lambda: False, None), True).bus(0)
    burst = bytearray(511)
    bus.readfrom_mem_into(0x76, 0x14, burst)
    assert bytes(burst[:6]) == b"\x80\x00" * 3, "empty frames of an idle chip"
    assert bytes(burst[-2:]) in (b"\x00\x80", b"\x80\x00")


def test_a_rehearsal_never_outgrows_the_childs_buffer(monkeypatch: pytest.MonkeyPatch) -> None:
    # A bring-up reads far more than a sample does: 2 x 5 reads of 32 bytes after every idle.
    replies = []
    reply = Bridge.reply

    def watched(bridge: Bridge, *arguments: object) -> bytes:
        replies.append(reply(bridge, *arguments))  # type: ignore[arg-type]
        return replies[-1]

    monkeypatch.setattr(Bridge, "reply", watched)
    board = board_on(Bridge(world().chips, frozenset()), iter(lambda: False, True), True)
    trims = []
    for _ in range(40):
        for us in (2000, 3000):
            board.idle(us, BUSY)
            buffer = bytearray(32)
            for bus, address in CHIPS * 5:
                board.bus(bus).readfrom_mem_into(address, 0x30, buffer)
            trims.append(bytes(buffer))
    assert len(set(trims)) == 1
    assert 1000 < max(len(r) for r in replies) <= layout.MAX_REPLY


def test_a_valve_that_nothing_hangs_on_and_one_of_a_node_that_ends_do_no_harm() -> None:
    without = board_on(Bridge(world().chips, frozenset()), iter(lambda: False, None), True)
    without.set_valve(0, True)
    without.idle(5000, BUSY)
    bench = world()
    bridge = Bridge(bench.devices, frozenset())
    board = board_on(bridge, iter(lambda: False, None), True)
    board._config = {"board": {"valves": [{"role": "FILL"}]}}
    # Nothing is ever left in these pipes.
    board._poll_replies = SimpleNamespace(poll=lambda _: [])
    for end in (board.end, bridge.restart):
        board.set_valve(0, True)
        board.idle(2_000_000, BUSY)
        assert bridge.devices[layout.VALVE_BLOCK].device.peek_burst(0, 1) == b"\1"
        end()
        assert bridge.devices[layout.VALVE_BLOCK].device.peek_burst(0, 1) == b"\0"
    assert [move.open for move in bench.devices[layout.VALVE_BLOCK].moves] == [True, False] * 2

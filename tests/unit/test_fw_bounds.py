"""Small integers only: what the hot path computes never leaves a board's small-int range.

On a board an integer beyond +-2^30 is an object on the heap. CPython and the unix port have wider
small ints, so there the firmware's own source is run with every arithmetic result checked.
"""

import ast
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import prknode

LIMIT = 1 << 30
FIRMWARE = Path(prknode.__file__).parent
CHECK = "__checked__"
MAX_SAMPLES = 1 << 18
MONTH_AT_200_HZ = 200 * 86400 * 30
TICKS = st.integers(0, LIMIT - 1)
# So that the ticks wrap while the results are looked at, which begins 1.5 s later.
WRAPPING = st.integers(LIMIT - 2_500_000, LIMIT - 1_500_000)
RAW = st.integers(0, 0xFFFFFF)
# What the driver takes for a reading: no count near either end of its 24 bits.
RATES = (
    {"rate_mhz": 1000},
    {"rate_mhz": 12500},
    {"rate_mhz": 25000, "osr_p": 8, "osr_t": 1},
    {"rate_mhz": 200000, "osr_p": 1, "osr_t": 1},
)
READING = st.integers(0x10000, 0xFEFF00)


class Watch:
    """Checks results while it is on, and counts them."""

    def __init__(self) -> None:
        self.on = False
        self.seen = 0

    def __call__(self, value: Any) -> Any:
        if self.on and type(value) is int:
            self.seen += 1
            assert -LIMIT <= value < LIMIT, f"{value} does not fit a small int"
        return value


class Checked(ast.NodeTransformer):
    """Passes the result of every operation through the watch."""

    def _wrap(self, node: ast.expr) -> ast.Call:
        return ast.Call(ast.Name(CHECK, ast.Load()), [node], [])

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        return self._wrap(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        self.generic_visit(node)
        return self._wrap(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.stmt:
        self.generic_visit(node)
        target = node.target
        read = ast.parse(ast.unparse(target), mode="eval").body
        result = self._wrap(ast.BinOp(read, node.op, node.value))
        return ast.Assign([target], result)


class Loader(importlib.abc.Loader):
    def __init__(self, path: Path, watch: Watch) -> None:
        self._path = path
        self._watch = watch

    def exec_module(self, module: ModuleType) -> None:
        tree = ast.fix_missing_locations(Checked().visit(ast.parse(self._path.read_text())))
        module.__dict__[CHECK] = self._watch
        exec(compile(tree, str(self._path), "exec"), module.__dict__)


class Finder(importlib.abc.MetaPathFinder):
    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname.split(".")[0] != "prknode":
            return None
        name = fullname.partition(".")[2]
        file = FIRMWARE / f"{name or '__init__'}.py"
        return importlib.util.spec_from_file_location(
            fullname,
            file,
            loader=Loader(file, self._watch),
            submodule_search_locations=None if name else [str(FIRMWARE)],
        )


@pytest.fixture(scope="module")
def firmware() -> Iterator[tuple[Watch, Any, Any, Any, Any]]:
    """The watch, and the modules fake_board, node, blocks and ticks of a checked firmware."""
    watch = Watch()
    finder = Finder(watch)
    mine = ("prknode", "fake_board")
    saved = {n: m for n, m in sys.modules.items() if n.split(".")[0] in mine}
    for name in saved:
        del sys.modules[name]
    sys.meta_path.insert(0, finder)
    try:
        import fake_board

        from prknode import blocks, node, ticks

        yield watch, fake_board, node, blocks, ticks
    finally:
        sys.meta_path.remove(finder)
        for name in [n for n in sys.modules if n.split(".")[0] in mine]:
            del sys.modules[name]
        sys.modules.update(saved)


@settings(deadline=None, max_examples=25)
@given(
    TICKS | WRAPPING,
    st.tuples(READING, READING),
    st.tuples(READING, READING),
    st.sampled_from(RATES),
    st.integers(0, 0xFFFFFF - 10),
    st.integers(0, MONTH_AT_200_HZ),
)
def test_sampling_stays_in_small_ints_for_years(
    firmware: tuple[Watch, Any, Any, Any, Any],
    start: int,
    chamber: tuple[int, int],
    ambient: tuple[int, int],
    rate: dict[str, int],
    hi: int,
    taken: int,
) -> None:
    watch, fake_board, node_module, _, ticks = firmware
    board = fake_board.FakeBoard(start, fake_board.make_config(**rate))
    board.chamber.pressure, board.chamber.temperature = chamber
    board.ambient.pressure, board.ambient.temperature = ambient
    node = node_module.Node(board, board.config(), 32)
    fake_board.crank(node, board, 500_000)
    assert fake_board.tell(node, board, "INIT") == ""
    # As after years: the time's high half, the slot's end beside it, a ring often round.
    node._time.words[0] = node.uptime.words[0] = hi
    node._sums._words[4] = hi + 4
    node.samples.next = node.samples.taken = taken
    fake_board.crank(node, board, 1_000_000)
    before, seen = node.samples.next, watch.seen
    watch.on = True
    try:
        for _ in range(100):
            wait = node.step(board.now)
            assert node.busy
            assert 0 <= node.fill_percent() <= 100
            board.now = (board.now + max(wait, 50)) & ticks.TICKS_MASK
    finally:
        watch.on = False
    assert node.samples.next - before >= 20
    # Some hundred operations a sample: the firmware looked at is the one that ran.
    assert watch.seen - seen > 2000


@settings(deadline=None, max_examples=25)
@given(
    st.tuples(READING, READING),
    st.lists(st.tuples(READING, READING), min_size=10, max_size=80),
    st.sampled_from((*RATES, {"alarm_mpa_s": 100}, {**RATES[3], "alarm_mpa_s": 100})),
)
def test_the_alarms_slope_stays_in_small_ints_for_any_counts(
    firmware: tuple[Watch, Any, Any, Any, Any],
    start: tuple[int, int],
    played: list[tuple[int, int]],
    rate: dict[str, int],
) -> None:
    watch, fake_board, node_module, _, _ = firmware
    board = fake_board.FakeBoard(7, fake_board.make_config(**rate))
    node = node_module.Node(board, board.config(), 32)
    fake_board.crank(node, board, 500_000)
    assert fake_board.tell(node, board, "INIT") == ""
    alarms = node.alarms
    # What rings is no everyday work: the slope is looked at, but nothing comes of it.
    alarms._fall = lambda total: watch.on and None
    for pressure, temperature in [start, *played * 7]:
        record = bytearray(20)
        record[6] = 3
        record[8:11] = record[14:17] = pressure.to_bytes(3, "little")
        record[11:14] = record[17:20] = temperature.to_bytes(3, "little")
        watch.on = alarms.aimed
        try:
            alarms.sample(record, 0)
        finally:
            watch.on = False
    assert alarms._held > 0


def block_sums(blocks: Any, samples: int, count: int) -> tuple[Any, list[int]]:
    """Sums as after that many samples of the largest counts, and one more record of a count."""
    sums = blocks.BlockSums(1, 1, 1)
    sums._words[7:12] = array("i", [samples] + [samples * 0xFFF] * 4)
    record = [0] * 6 + [1, 0] + [count & 0xFF, count >> 8 & 0xFF, count >> 16] * 2
    return sums, record


@given(RAW)
def test_sums_of_two_to_the_eighteen_samples_stay_in_small_ints(
    firmware: tuple[Watch, Any, Any, Any, Any], count: int
) -> None:
    watch, _, _, blocks, _ = firmware
    sums, record = block_sums(blocks, MAX_SAMPLES - 1, count)
    watch.on = True
    try:
        sums.add(record, 0)
    finally:
        watch.on = False


def test_sums_beyond_that_are_noticed(firmware: tuple[Watch, Any, Any, Any, Any]) -> None:
    watch, _, _, blocks, _ = firmware
    sums, record = block_sums(blocks, MAX_SAMPLES + 100, 0xFFFFFF)
    watch.on = True
    try:
        with pytest.raises(AssertionError, match="small int"):
            sums.add(record, 0)
    finally:
        watch.on = False


@given(TICKS, st.lists(TICKS, max_size=50), st.integers(0, 0xFFFFFF - 5000))
def test_time_stays_in_small_ints(
    firmware: tuple[Watch, Any, Any, Any, Any], start: int, steps: list[int], hi: int
) -> None:
    watch, _, _, _, ticks = firmware
    elapsed = ticks.Elapsed()
    elapsed.start(start)
    elapsed.words[0] = hi
    now, total = start, hi << 24
    for step in steps:
        now = (now + step) % LIMIT
        total += step
        watch.on = True
        try:
            elapsed.update(now)
            ticks.ticks_diff(now, start)
            ticks.ticks_diff(start, now)
        finally:
            watch.on = False
        assert elapsed.microseconds() == total


@settings(deadline=None)
@given(st.integers(1, 200))
def test_slot_ends_stay_in_small_ints_for_all_48_bits_of_time(
    firmware: tuple[Watch, Any, Any, Any, Any], steps: int
) -> None:
    watch, _, _, blocks, _ = firmware
    sums = blocks.BlockSums(1, 1, 1)
    slot = (1 << 48) // 60_000_000 - steps - 1
    end = (slot + 1) * 60_000_000
    sums.slot, sums._words[4], sums._words[5] = slot, end >> 24, end & 0xFFFFFF
    watch.on = True
    try:
        for _ in range(steps):
            assert sums.take() is None
    finally:
        watch.on = False
    end += steps * 60_000_000
    assert not sums.add(end.to_bytes(6, "little") + bytes(8), 0)
    assert sums.add((end - 1).to_bytes(6, "little") + bytes(8), 0)

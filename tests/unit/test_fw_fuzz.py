"""Records that come back as they went in, and text that nobody should have sent."""

import contextlib
import struct

import pytest
from fake_board import FakeBoard, ask, crank, make_config
from headers import patterns
from hypothesis import given, settings
from hypothesis import strategies as st

from prknode import commands
from prknode.catalogue import all_settings
from prknode.hotpath import pack_head
from prknode.integers import format_decimal, isqrt, parse_decimal, round_div
from prknode.node import Node
from prknode.records import (
    BLOCK_SENSOR_SIZE,
    EVENT_SIZE,
    RESULT,
    RESULT_SIZE,
    block_size,
    pack_block,
    pack_event,
)
from prknode.ring import Ring
from prknode.scpi import ScpiError, channels, match, quoted, split_command, split_outside, whole
from prknode.unpack import unpack_block, unpack_event

U16, U32 = st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF)
U48 = st.integers(0, (1 << 48) - 1)
I64, U64 = st.integers(-(1 << 63), (1 << 63) - 1), st.integers(0, (1 << 64) - 1)
I32 = st.integers(-(1 << 31), (1 << 31) - 1)
PLAIN = st.text(st.characters(min_codepoint=1, max_codepoint=126), max_size=52)

PIECES = st.sampled_from(
    [
        *patterns(),
        *(part for p in patterns() for part in p.replace("[", ":").split(":")),
        *("MIN", "MAX", "DEF", "(@1)", "(@1:2)", "(@9)", "(@", "'", '"', '"x"', ";", ":", ",", " "),
        *(
            "?",
            "*",
            "0",
            "1",
            "-1",
            "1e9",
            "1e99",
            "0.001",
            "200",
            "9" * 60,
            "\t",
            "()",
            "##",
            "\r",
        ),
    ]
)
LINES = st.lists(PIECES | st.text(st.characters(max_codepoint=255), max_size=4), max_size=12).map(
    "".join
)


@given(st.lists(st.tuples(U16, U48, U48), min_size=1, max_size=4), U32, U32, U16, U16)
def test_block_records_come_back(
    sensors: list[tuple[int, int, int]], slot: int, first: int, flags: int, count: int
) -> None:
    data = bytearray(block_size(len(sensors)))
    columns = [list(column) for column in zip(*sensors, strict=True)]
    pack_block(data, 0, slot, first, flags, count, *columns)
    assert unpack_block(bytes(data), len(sensors)) == (slot, first, flags, count, *columns)
    assert block_size(2) - block_size(1) == BLOCK_SENSOR_SIZE


@given(U48, st.integers(0, 255), st.integers(0, 254) | st.none(), I32, PLAIN)
def test_event_records_come_back(
    t_us: int, code: int, sensor: int | None, value: int, text: str
) -> None:
    data = bytearray(EVENT_SIZE)
    pack_event(data, 0, t_us, code, 0xFF if sensor is None else sensor, value, text)
    assert unpack_event(bytes(data)) == (t_us, code, sensor, value, text)


@given(st.tuples(U32, *[st.integers(0, 255)] * 2, *[U16] * 3, I64, U64, I64, U64, U32, U32, U32))
def test_result_records_come_back(values: tuple[int, ...]) -> None:
    data = struct.pack(RESULT, *values)
    assert len(data) == RESULT_SIZE
    assert struct.unpack(RESULT, data) == values


@given(U48)
def test_sample_times_come_back(t_us: int) -> None:
    data = bytearray(8)
    pack_head(data, 0, [0, 0, t_us >> 24, t_us & 0xFFFFFF], 0)
    assert int.from_bytes(data, "little") == t_us


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 40), st.data())
def test_a_ring_gives_back_what_it_still_holds(
    size: int, capacity: int, count: int, data: st.DataObject
) -> None:
    ring = Ring(size, capacity)
    pushed = []
    for n in range(count):
        record = bytes((n * 7 + i) & 0xFF for i in range(size))
        ring.data[ring.at : ring.at + size] = record
        ring.push()
        pushed.append(record)
    first = data.draw(st.integers(ring.oldest, ring.next))
    n = data.draw(st.integers(0, ring.next - first))
    out = bytearray(n * size)
    ring.read_into(first, n, out, 0)
    assert bytes(out) == b"".join(pushed[first : first + n])


@given(st.integers(-(10**39), 10**39), st.integers(0, 18))
def test_decimal_text_is_exact(value: int, scale: int) -> None:
    assert parse_decimal(format_decimal(value, scale), scale) == value


@given(st.text(max_size=12) | st.from_regex(r"[+-]?[0-9.]{1,8}(e[+-]?[0-9]{1,3})?"))
def test_text_is_a_decimal_number_or_a_value_error(text: str) -> None:
    try:
        value = parse_decimal(text, 3)
    except ValueError:
        return
    assert isinstance(value, int)
    assert float(value) == pytest.approx(float(text.strip()) * 1000, rel=1e-12, abs=0.5000001)


@given(st.integers(0, 1 << 1200))
def test_isqrt_is_the_floor_of_the_root(n: int) -> None:
    root = isqrt(n)
    assert root * root <= n < (root + 1) * (root + 1)


@given(st.integers(), st.integers(1))
def test_round_div_is_within_half(a: int, b: int) -> None:
    assert -b <= 2 * (a - b * round_div(a, b)) < b


class Bare:
    """As much of a node as finding a command needs."""

    valves = None


@given(LINES)
def test_parsing_raises_nothing_but_scpi_errors(text: str) -> None:
    for call in (
        lambda: split_outside(text, ";"),
        lambda: split_command(text),
        lambda: channels(text, 2),
        lambda: quoted(text),
        lambda: whole(text, 0, 5),
        lambda: commands._find(Bare, text.upper()),
        lambda: [match(pattern, text.upper()) for pattern in patterns()],
    ):
        with contextlib.suppress(ScpiError):
            call()


@given(st.text(max_size=20))
def test_settings_take_text_or_raise_a_value_error(text: str) -> None:
    for item in all_settings():
        try:
            value = item.check(item.parse(text))
        except ValueError:
            continue
        assert item.parse(item.show(value)) == value


@settings(deadline=None, max_examples=60)
@given(st.lists(LINES, max_size=5), st.booleans())
def test_the_node_survives_whatever_it_is_sent(lines: list[str], measuring: bool) -> None:
    board = FakeBoard(0, make_config())
    node = Node(board, board.config(), 32)
    crank(node, board, 300_000)
    if measuring:
        ask(node, board, "INIT")
    for line in lines:
        board.incoming.extend(line.encode("latin-1") + b"\n")
        crank(node, board, 200_000)
    before = node.samples.next
    # Two runs are enough for readings of up to a sample each on one line.
    crank(node, board, 20_000_000)
    board.sent.clear()
    assert ask(node, board, "*OPC?") == b"1"
    if node.measuring:
        assert node.samples.next > before


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=600))
def test_the_node_survives_any_bytes(data: bytes) -> None:
    board = FakeBoard(0, make_config())
    node = Node(board, board.config(), 32)
    crank(node, board, 100_000)
    board.incoming.extend(data + b"\n")
    crank(node, board, 2_000_000)
    assert ask(node, board, "*OPC?") == b"1"

"""The board's own layer over a stand-in for `machine`: bus, serial line, idling, reset."""

import gc
import importlib
import io
import json
import os
import select
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from prknode import app
from prknode.ticks import TICKS_MASK

FIRMWARE = Path(__file__).parents[2] / "firmware"
MACHINE = "Seeed Studio XIAO RP2040 with RP2040"
I2C_PINS = {"i2c": [{"id": 0, "sda": 4, "scl": 5}]}


class Busy:
    """A node that measures and has nothing waiting, as an idling board sees it."""

    busy = True

    def fill_percent(self) -> int:
        return 0


BUSY = Busy()


class Poll:
    """As MicroPython's poll object: ipoll() makes no list."""

    make = staticmethod(select.poll)

    def __init__(self) -> None:
        self._poll = Poll.make()
        self.register = self._poll.register

    def ipoll(self, timeout_ms: int) -> Iterator[tuple[int, int]]:
        return iter(self._poll.poll(timeout_ms))


class Pin:
    def __init__(self, number: int) -> None:
        self.number = number


class I2C:
    made: list[tuple[Any, ...]]
    written: list[tuple[int, bytes]]

    def __init__(self, number: int, *, sda: Pin, scl: Pin, freq: int, timeout: int) -> None:
        I2C.made.append((number, sda.number, scl.number, freq, timeout))

    def readfrom_mem_into(self, address: int, register: int, buffer: bytearray) -> None:
        buffer[:] = bytes((address, register)).ljust(len(buffer), b"\xff")

    def writeto_mem(self, address: int, register: int, buffer: bytes) -> None:
        I2C.written.append((address, bytes((register, *buffer))))

    def writeto(self, address: int, data: bytes) -> None:
        I2C.written.append((address, bytes(data)))


@pytest.fixture
def line() -> Iterator[SimpleNamespace]:
    """The host's ends of the serial line: `to_node` to write, `from_node` to read."""
    node_in, to_node = os.pipe()
    from_node, node_out = os.pipe()
    os.set_blocking(from_node, False)
    yield SimpleNamespace(to_node=to_node, from_node=from_node, ends=(node_in, node_out))
    for fd in (node_in, to_node, from_node, node_out):
        os.close(fd)


@pytest.fixture
def make(line: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """A function that builds a Board with that configuration."""
    machine = ModuleType("machine")
    I2C.made = []
    I2C.written = []
    resets: list[None] = []
    slept: list[int] = []
    for name, value in (
        ("Pin", Pin), ("I2C", I2C), ("unique_id", lambda: b"\xe6\x01"),
        ("reset", lambda: resets.append(None)), ("reset_cause", lambda: 3),
        ("PWRON_RESET", 1), ("WDT_RESET", 3),
    ):  # fmt: skip
        setattr(machine, name, value)
    monkeypatch.setitem(sys.modules, "machine", machine)
    monkeypatch.delitem(sys.modules, "prknode.board", raising=False)
    monkeypatch.setattr(select, "poll", Poll)
    monkeypatch.setattr(time, "ticks_us", lambda: (1 << 30) + 7, raising=False)
    monkeypatch.setattr(time, "sleep_us", slept.append, raising=False)
    monkeypatch.setattr(time, "sleep_ms", slept.append, raising=False)
    monkeypatch.setattr(sys.implementation, "_machine", MACHINE, raising=False)
    monkeypatch.setattr(gc, "mem_alloc", lambda: 5, raising=False)
    monkeypatch.setattr(gc, "mem_free", lambda: 6, raising=False)
    path = tmp_path / "config.json"

    def build(**config: Any) -> Any:
        path.write_text(json.dumps(config))
        # Only now: the test runner puts its own streams in place when the test begins.
        for stream, fd, mode in (("stdin", line.ends[0], "rb"), ("stdout", line.ends[1], "wb")):
            raw = io.FileIO(fd, mode, closefd=False)
            monkeypatch.setattr(sys, stream, SimpleNamespace(buffer=raw, fileno=raw.fileno))
        module = importlib.import_module("prknode.board")
        board = module.Board(str(path))
        board.resets, board.slept = resets, slept
        return board

    return build


def test_buses_are_those_of_the_configuration(make: Any) -> None:
    board = make(board={"i2c": [{"id": 1, "sda": 6, "scl": 7, "freq": 100000}]})
    assert I2C.made == [(1, 6, 7, 100000, 50000)]
    # The list's first is bus 0 of the sensors, whatever machine.I2C calls it.
    buffer = bytearray(3)
    board.bus(0).readfrom_mem_into(0x76, 4, buffer)
    assert buffer == b"\x76\x04\xff"
    board.bus(0).writeto_mem(0x76, 0x1B, b"\x13")
    board.bus(0).writeto_mem(0x76, 0x17, b"\x1b\x02")
    assert I2C.written == [(0x76, b"\x1b\x13"), (0x76, b"\x17\x1b\x02")]
    for missing in (
        lambda: board.bus(1).readfrom_mem_into(0x76, 0, bytearray(1)),
        lambda: board.bus(1).writeto_mem(0x76, 0, b""),
    ):
        with pytest.raises(OSError, match="19"):
            missing()


def test_without_configured_buses_those_of_the_board_are_used(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(FIRMWARE)
    board = make(rate_mhz=1000)
    assert [bus[:4] for bus in I2C.made] == [(1, 6, 7, 400000), (0, 28, 29, 400000)]
    assert board.config()["rate_mhz"] == 1000
    assert board.config()["board"]["ring_records"] == 4096


def test_a_board_that_nobody_knows_says_what_to_configure(
    make: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Exception, match=r"XIAO RP2040.*put its pins into config\.json"):
        make()


def test_ticks_wrap_as_the_firmware_expects(make: Any) -> None:
    assert make(board=I2C_PINS).ticks_us() == 7 <= TICKS_MASK


def test_waiting_bytes_are_taken_without_waiting_for_more(make: Any, line: SimpleNamespace) -> None:
    board = make(board=I2C_PINS)
    buffer = bytearray(4)
    assert board.read_into(buffer) == 0
    os.write(line.to_node, b"\x00abcde")
    assert board.read_into(buffer) == 4
    assert buffer == b"\x00abc"
    assert board.read_into(buffer) == 2
    assert buffer[:2] == b"de"
    assert board.read_into(buffer) == 0


def test_bytes_are_written_as_they_are_in_pieces(make: Any, line: SimpleNamespace) -> None:
    board = make(board=I2C_PINS)
    data = bytes(range(200))
    pieces: list[int] = []
    out = board._out
    board._out = SimpleNamespace(write=lambda piece: pieces.append(len(piece)) or out.write(piece))
    assert board.write(memoryview(data)) == len(data)
    # What a packet of USB holds: more at once might wait for room.
    assert pieces == [64, 64, 64, 8]
    assert os.read(line.from_node, 999) == data


def test_a_host_that_does_not_wait_for_its_answer_gets_bytes_it_has_room_for(
    make: Any, line: SimpleNamespace
) -> None:
    board = make(board=I2C_PINS)
    pieces: list[int] = []
    out = board._out
    board._out = SimpleNamespace(write=lambda piece: pieces.append(len(piece)) or out.write(piece))
    os.write(line.to_node, b"*IDN?\n")
    assert board.write(memoryview(bytes(range(100)))) == 100
    assert pieces == [1] * 100
    assert os.read(line.from_node, 999) == bytes(range(100))
    # It has caught up, and after a while of reading it gets whole packets again.
    board.read_into(bytearray(64))
    pieces.clear()
    for _ in range(8):
        assert board.write(bytes(100)) == 100
        os.read(line.from_node, 999)
    assert pieces[:400] == [1] * 400
    assert pieces[-2:] == [64, 36]


def test_a_packet_that_had_to_wait_is_the_last_one_of_its_size(
    make: Any, line: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = make(board=I2C_PINS)
    pieces: list[int] = []
    clock = [0]

    def slow(piece: bytes) -> int:
        pieces.append(len(piece))
        clock[0] += 500_000
        return len(piece)

    monkeypatch.setattr(time, "ticks_us", lambda: clock[0])
    board._out = SimpleNamespace(write=slow)
    assert board.write(bytes(128)) == 128
    assert pieces == [64] + [1] * 64


def test_a_line_that_takes_nothing_does_not_hold_the_node_up(
    make: Any, line: SimpleNamespace
) -> None:
    board = make(board=I2C_PINS)
    os.set_blocking(line.ends[1], False)
    while board.write(bytes(64)):
        pass
    assert board.write(b"x") == 0


def test_idling_ends_with_input_or_with_the_time(make: Any, line: SimpleNamespace) -> None:
    board = make(board=I2C_PINS)
    start = time.monotonic()
    board.idle(20_000, BUSY)
    # 20 ms, less the poll's own rounding.
    assert time.monotonic() - start > 0.015
    board.idle(30, BUSY)
    assert board.slept == []
    board.idle(400, BUSY)
    assert board.slept == [400]
    os.write(line.to_node, b"x")
    start = time.monotonic()
    board.idle(900_000, BUSY)
    assert time.monotonic() - start < 0.5


def test_the_board_names_itself_and_what_happened(make: Any) -> None:
    board = make(board=I2C_PINS, rate_mhz=1000)
    board.begin()
    board.collect()
    assert board.config() == {"board": I2C_PINS, "rate_mhz": 1000}
    assert board.unique_id() == "e601"
    assert board.memory() == (5, 6)
    assert board.reset_cause() == "watchdog"
    assert 1 <= board.new_run_id() < 1 << 32
    assert board.new_run_id() != board.new_run_id()
    board.reset()
    assert len(board.resets) == 1
    board.end()


def test_an_unknown_cause_is_a_reset(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    board = make(board=I2C_PINS)
    monkeypatch.setattr(sys.modules["machine"], "reset_cause", lambda: 99)
    assert board.reset_cause() == "reset"


def test_a_crash_is_shown_and_leaves_time_for_ctrl_c(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = make(board=I2C_PINS)
    shown = io.StringIO()
    monkeypatch.setattr(sys, "stdout", shown)
    board.crashed(ValueError("broken"))
    assert "ValueError: broken" in shown.getvalue()
    assert board.slept == [1000]


def test_an_error_is_printed_by_either_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    app.print_exception(KeyError("a"), stream)
    assert "KeyError" in stream.getvalue()
    got: list[tuple[BaseException, object]] = []
    monkeypatch.setattr(sys, "print_exception", lambda e, s: got.append((e, s)), raising=False)
    error = KeyError("b")
    app.print_exception(error, stream)
    assert got == [(error, stream)]

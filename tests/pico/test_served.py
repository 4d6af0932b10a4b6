"""A bare emulated board on a port of this computer, as mpremote and a terminal find it."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import serial
from served_pico import serving

from prkbench.sim.pico.emulated import CLOCK_HZ
from prkbench.sim.pico.pico_node import PicoNode

pytestmark = [
    pytest.mark.xdist_group("pico-bare"),
    pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals are POSIX's"),
]
ANSWER_S = 30.0
"""Longest time an answer may take on a busy machine; an emulated board computes slowly."""


@pytest.fixture(scope="module")
def board(image: Path) -> Iterator[PicoNode]:
    with serving(PicoNode(image, {}, {}, realtime=True)) as node:
        yield node


def mpremote(node: PicoNode, *arguments: str) -> str:
    """Run one mpremote command; its output."""
    done = subprocess.run(
        [sys.executable, "-m", "mpremote", "connect", node.port, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextlib.contextmanager
def terminal(node: PicoNode) -> Iterator[serial.Serial]:
    """The port as a terminal program opens it, at the prompt."""
    with serial.Serial(node.port, timeout=ANSWER_S) as port:
        port.write(b"\r\x03\x03")
        assert port.read_until(b">>> ").endswith(b">>> ")
        time.sleep(0.2)
        port.reset_input_buffer()
        yield port


def test_mpremote_runs_code_copies_files_and_resets(board: PicoNode, tmp_path: Path) -> None:
    sent, back = tmp_path / "sent.bin", tmp_path / "back.bin"
    sent.write_bytes(bytes(range(256)) * 8)
    said = mpremote(
        board,
        "exec", "print(6 * 7)", "+", "fs", "mkdir", "d", "+",
        "fs", "cp", str(sent), ":d/x.bin", "+", "fs", "ls", "d", "+",
        "fs", "cp", ":d/x.bin", str(back), "+", "df",
    )  # fmt: skip
    assert said.startswith("42\n")
    assert "2048 x.bin" in said
    assert back.read_bytes() == sent.read_bytes()
    size = board.pico.image.files_size
    assert str(size) in said.splitlines()[-1]
    mpremote(board, "fs", "rm", ":d/x.bin", "+", "reset")
    # Asked at once, while the board is still away.
    assert mpremote(board, "eval", "__import__('os').listdir('d')") == "[]\n"


def test_time_never_runs_ahead_of_the_wall_clock_in_real_time(board: PicoNode) -> None:
    with terminal(board) as port:
        begun, begun_us = time.monotonic(), board.pico.now_us
        port.write(b"import time; time.sleep_ms(1500); print('do' + 'ne')\r")
        assert port.read_until(b"done\r\n").endswith(b"done\r\n")
        took = time.monotonic() - begun
        passed = (board.pico.now_us - begun_us) / 1e6
    assert took > 1.5
    # A second that emulation was behind may be made up for.
    assert passed < took + 1.0


def test_a_host_that_does_not_read_holds_the_board_up(board: PicoNode) -> None:
    """Twice what this system's terminal and the board's own buffer hold together."""
    count = 300
    with terminal(board) as port:
        port.write(b"for n in range(%d): print('%%0100d' %% n)\r\r" % count)
        end = time.monotonic() + ANSWER_S
        while not board.pico.line.full:
            assert time.monotonic() < end, "the board was never held up"
            time.sleep(0.02)
        time.sleep(0.05)
        before = board.pico.cycles
        time.sleep(0.2)
        # Held up, the port only looks every millisecond whether it may go on.
        assert board.pico.cycles - before < 0.1 * CLOCK_HZ
        got = port.read_until(b"%0100d\r\n" % (count - 1))
    lines = got.split(b"\r\n")
    # After half a second without a reader MicroPython throws away what it prints: that may be
    # some of the last lines, if this test was held up itself.
    first = lines.index(b"%0100d" % 0)
    assert [int(line) for line in lines[first : first + 100]] == list(range(100))
    assert lines[-2] == b"%0100d" % (count - 1)


def test_the_board_notices_that_the_port_was_closed_and_opened(board: PicoNode) -> None:
    line = board.pico.line
    for _ in range(3):
        with terminal(board) as port:
            assert not line.full
            port.write(b"print('x' * 300)\r")
        end = time.monotonic() + ANSWER_S
        while not line.full:
            assert time.monotonic() < end, "a closed port takes no bytes"
            time.sleep(0.01)


def test_what_a_program_left_unread_does_not_reach_the_next(board: PicoNode) -> None:
    with terminal(board) as port:
        port.write(b"print('left' * 50)\r")
        end = time.monotonic() + ANSWER_S
        while not port.in_waiting:
            assert time.monotonic() < end
            time.sleep(0.01)
        time.sleep(0.3)
    time.sleep(0.1)
    with serial.Serial(board.port, timeout=0.3) as port:
        assert b"left" not in port.read(1000)

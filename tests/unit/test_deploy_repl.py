"""Boards that cannot take the firmware say why, in time, and how to mend it."""

import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest
from prk_command import prk, refused

from prkbench.deploy import checkup, ports, repl

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals are POSIX's")

Answer = Callable[[bytes], bytes]
RAW = b"raw REPL; CTRL-B to exit\r\n>"


class FakeBoard:
    """The board's end of a pseudo-terminal, answering what is sent by a function."""

    def __init__(self, answer: Answer) -> None:
        import tty

        self.ours, self._theirs = os.openpty()
        tty.setraw(self._theirs)
        os.set_blocking(self.ours, False)
        self.port = os.ttyname(self._theirs)
        self.heard = b""
        self._answer = answer
        self._stop = False
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while not self._stop:
            try:
                sent = os.read(self.ours, 4096)
            except BlockingIOError:
                time.sleep(0.002)
                continue
            self.heard += sent
            os.write(self.ours, self._answer(sent))

    def close(self) -> None:
        self._stop = True
        self._thread.join(5)
        os.close(self.ours)
        os.close(self._theirs)


@pytest.fixture
def board(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Answer], FakeBoard]]:
    """Makes a fake board; waits are short, for it answers at once or never."""
    monkeypatch.setattr(repl, "_PROMPT_S", 0.1)
    monkeypatch.setattr(repl, "_RESTART_S", 0.1)
    monkeypatch.setattr(repl, "_ANSWER_S", 0.3)
    monkeypatch.setattr(repl, "_SILENCE_S", 0.3)
    monkeypatch.setattr(repl, "_BURST_PAUSE_S", 0.0)
    monkeypatch.setattr(checkup, "_PROBE_S", 0.1)
    made: list[FakeBoard] = []

    def make(answer: Answer) -> FakeBoard:
        made.append(FakeBoard(answer))
        return made[-1]

    yield make
    for one in made:
        one.close()


def interpreter(name: str, version: str, machine: str, mpy: int = 0) -> Answer:
    """The raw REPL of an interpreter that answers whatever it is asked with what it is."""
    held = b""

    def answer(sent: bytes) -> bytes:
        nonlocal held
        held += sent
        reply = b""
        while (end := held.find(b"\x04")) >= 0:
            reply += RAW if held.startswith(b"\r\x01") else b""
            mark = re.search(rb"print\('p'\+'(rk\d+)'\)", held[:end])
            told = f"('{name}', {version}, '{machine}', {mpy})\r\nb'\\xe6'".encode()
            reply += b"OK" + (b"p" + mark[1] if mark else told) + b"\r\n\x04\x04>"
            held = held[end + 1 :]
        if held.endswith(b"\x05A\x01"):
            reply, held = reply + b"R\x00", b""
        elif held.endswith(b"\x01"):
            reply, held = reply + b"\r\n" + RAW, b""
        return reply

    return answer


def test_a_silent_board_is_told_to_lack_micropython_with_page_and_steps(
    board: Callable[[Answer], FakeBoard],
) -> None:
    fake = board(lambda sent: b"")
    ended = prk("flash", "--port", fake.port)
    refused(
        ended, 3, "nothing answers Ctrl-C", "MicroPython is not on the board", "BOOTSEL",
        "https://micropython.org/download/", "flash_nuke.uf2", "prk flash",
    )  # fmt: skip
    assert b"\x03" in fake.heard


def test_a_program_that_catches_ctrl_c_is_told_from_a_missing_micropython(
    board: Callable[[Answer], FakeBoard],
) -> None:
    fake = board(lambda sent: b"caught KeyboardInterrupt, going on\r\n")
    refused(prk("flash", "--port", fake.port), 3, "catches Ctrl-C", "going on", "flash_nuke.uf2")


def test_a_program_that_lets_one_of_many_ctrl_c_through_is_entered(
    board: Callable[[Answer], FakeBoard],
) -> None:
    """It swallows twenty, as a loop with a bare except does that is hit inside its handler."""
    count = 0
    inside = interpreter("circuitpython", "(9, 1, 0)", "X")

    def answer(sent: bytes) -> bytes:
        nonlocal count
        count += sent.count(b"\x03")
        return inside(sent) if count > 20 else b""

    refused(prk("flash", "--port", board(answer).port), 3, "CircuitPython 9.1.0 on X runs there")


def test_another_firmware_that_talks_is_told_as_such(
    board: Callable[[Answer], FakeBoard],
) -> None:
    fake = board(lambda sent: b"$GPGGA,123519,4807.038,N\r\n")
    refused(prk("flash", "--port", fake.port), 3, "another firmware", "$GPGGA", "BOOTSEL")


@pytest.mark.parametrize(
    ("name", "version", "says"),
    [
        ("circuitpython", "(9, 1, 0)", "CircuitPython 9.1.0"),
        ("micropython", "(1, 23, 0)", "MicroPython 1.23.0"),
        ("micropython", "(1, 9, 4)", "MicroPython 1.9.4"),
    ],
)
def test_what_is_too_old_or_another_python_is_named_with_the_page_of_that_board(
    board: Callable[[Answer], FakeBoard], name: str, version: str, says: str
) -> None:
    fake = board(interpreter(name, version, "Raspberry Pi Pico with RP2040"))
    ended = prk("flash", "--port", fake.port)
    refused(ended, 3, says, "on Raspberry Pi Pico with RP2040", "RPI_PICO", "BOOTSEL")
    assert b"os.remove" not in fake.heard
    assert b"begin(" not in fake.heard, "nothing was written"


def test_a_board_that_falls_silent_half_way_is_told_in_time(
    board: Callable[[Answer], FakeBoard],
) -> None:
    inside = interpreter("micropython", "(1, 28, 0)", "Raspberry Pi Pico with RP2040", 4870)
    dead = False

    def answer(sent: bytes) -> bytes:
        nonlocal dead
        reply = b"" if dead else inside(sent)
        dead = dead or b"Pico" in reply
        return reply

    began = time.monotonic()
    refused(prk("flash", "--port", board(answer).port), 3, "did not come back", "Unplug")
    assert time.monotonic() - began < 10, "four tries of 0.1 s each and their Ctrl-Cs"


def test_a_measuring_node_is_left_alone(board: Callable[[Answer], FakeBoard]) -> None:
    """A run of days is worth more than an update; --force is asked for."""

    def answer(sent: bytes) -> bytes:
        if b"*IDN?" in sent:
            return b"prkbench,PRK-NODE,e6,0.0.9\n"
        return b"7200000000,5400000000\n" if b"SYSTem:TIME?" in sent else b""

    fake = board(answer)
    refused(prk("flash", "--port", fake.port), 2, "measuring for 1.50 h", "--force")
    assert b"\x03" not in fake.heard


def test_a_port_that_does_not_exist_is_named() -> None:
    refused(prk("flash", "--port", "/dev/ttyNONE"), 3, "/dev/ttyNONE", "no such port")


def port(device: str, vid: int | None, number: str | None = None) -> SimpleNamespace:
    return SimpleNamespace(device=device, vid=vid, serial_number=number, description="d")


PICO = port("/dev/ttyACM3", 0x2E8A, "E661")
MODEM = port("/dev/ttyUSB0", 0x1A86)
BUILT_IN = port("/dev/ttyS0", None)


@pytest.fixture
def on_usb(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def plug(*found: SimpleNamespace) -> None:
        monkeypatch.setattr(ports.list_ports, "comports", lambda: list(found))

    return plug


def test_the_one_board_on_usb_is_found_by_its_maker(on_usb: Callable[..., None]) -> None:
    on_usb(BUILT_IN, MODEM, PICO)
    assert ports.find_port() == "/dev/ttyACM3"
    on_usb(BUILT_IN, MODEM)
    assert ports.find_port() == "/dev/ttyUSB0", "an ESP32 behind a bridge"


def test_no_board_and_several_boards_are_told(on_usb: Callable[..., None]) -> None:
    on_usb(BUILT_IN)
    refused(prk("flash"), 3, "no board found on USB", "/dev/ttyS0", "RPI-RP2", "download")
    on_usb(PICO, port("/dev/ttyACM4", 0x303A))
    refused(prk("flash"), 2, "/dev/ttyACM3", "/dev/ttyACM4", "--port")


def test_a_board_that_comes_back_under_another_name_is_known_by_its_number(
    on_usb: Callable[..., None],
) -> None:
    on_usb(PICO)
    number = ports.serial_number("/dev/ttyACM3")
    assert number == "E661"
    on_usb(port("/dev/ttyACM3", 0x2E8A, "OTHER"), port("/dev/ttyACM5", 0x2E8A, "E661"))
    assert ports.present_name("/dev/ttyACM3", number) == "/dev/ttyACM5"
    on_usb()
    assert ports.present_name("/dev/ttyACM3", number) == "/dev/ttyACM3", "not back yet"


def test_an_unknown_driver_and_a_bad_rig_are_refused_before_the_port_is_touched() -> None:
    refused(prk("flash", "--port", "P", "--driver", "bme280"), 2, "bmp390 or adafruit")
    refused(prk("flash", "--port", "P", "--rig", "/nowhere.toml"), 2, "/nowhere.toml")

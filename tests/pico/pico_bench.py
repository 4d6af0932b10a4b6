"""The node on an emulated Pico, its sensors and its line, in emulated time alone."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from filled_windows import filled
from played_chip import PlayedChip

from prkbench.client import MOST_RECORDS, NodeClient
from prkbench.deploy.build import build
from prkbench.errors import DeviceError
from prkbench.logger import Capture, Logger
from prkbench.runfile import RunFile
from prkbench.sim.faults import inject
from prkbench.sim.pico.emulated import PINS, EmulatedPico
from prkbench.transport import Transport
from prknode.link import LINE_LIMIT
from prknode.records import EVENT_SIZE
from prknode.unpack import unpack_event

Event = tuple[int, int, "int | None", int, str]

SENSORS = ((0, 0x76), (0, 0x77))
SETTINGS = {
    "rate_mhz": 5000,
    "osr_p": 16,
    "osr_t": 2,
    "sensors": [
        {"bus": 0, "address": 0x76, "role": "CHAMBER"},
        {"bus": 0, "address": 0x77, "role": "AMBIENT"},
    ],
}
CONFIG = {**SETTINGS, "board": PINS}
BOARD = Path(__file__).parent / "board"
_STEP_US = 200.0
PASCALS = (1.2e5, 0.98e5)
CLOCK_ERRORS = (-0.008, 0.011)
BRING_UP_TRANSFERS = 11
"""Transfers of each chip from power-on until it is set up; see fault_cases."""
_BOOT_US = 5e6
_SETTLED_US = 500e3
"""USB enumeration and bringing the sensors up are over by then."""


def probe_files() -> dict[str, Path]:
    """Path on the board -> file of what tests add to the firmware."""
    return {f"probe/{path.name}": path for path in sorted((BOARD / "probe").glob("*.py"))}


@dataclass(frozen=True)
class Answer:
    """An answer, when its first and last byte came after the command's last one, and the
    processor's cycles in between."""

    data: bytes
    first_us: float
    last_us: float
    cycles: int


class EmulatedPort:
    """The line as pyserial's: a host that waits lets emulated time pass."""

    def __init__(self, pico: EmulatedPico) -> None:
        self._pico = pico
        self.timeout: float | None = 3.0

    def _wait_for(self, size: int, end: bytes | None) -> bytes:
        received = self._pico.received
        limit_us = self._pico.now_us + (self.timeout or 0.0) * 1e6

        def found() -> int:
            at = received.find(end) if end is not None else -1
            if at >= 0 and end is not None:
                return min(at + len(end), size)
            return size if len(received) >= size else 0

        while not (count := found()):
            if self._pico.now_us >= limit_us:
                count = min(len(received), size)
                break
            self._pico.run(_STEP_US)
        data = bytes(received[:count])
        del received[:count]
        return data

    def read(self, size: int, /) -> bytes:
        return self._wait_for(size, None)

    def read_until(self, expected: bytes, size: int, /) -> bytes:
        return self._wait_for(size, expected)

    def write(self, data: bytes, /) -> None:
        self._pico.line.send(data)

    def close(self) -> None:
        """Nothing to give back."""


class PicoBench:
    """A booted node; boot_us: from power-on to the answer that needed its first sample.

    names_bytes: what the tests themselves have taken of the heap;
    filled_results: what has to come of the blocks that follow full windows; see filled_windows.
    """

    def __init__(self, image: Path) -> None:
        self.chips = [PlayedChip(*made) for made in zip((1, 2), PASCALS, CLOCK_ERRORS, strict=True)]
        trims = tuple(chip.trim.pack() for chip in self.chips)
        windows, self.filled_results = filled(json.dumps(SETTINGS), trims)
        files = {**build(config=CONFIG, drivers=probe_files()), **windows}
        files["main.py"] = (BOARD / "main.py").read_bytes()
        self.pico = EmulatedPico(image, files, dict(zip(SENSORS, self.chips, strict=True)))
        self.pico.run_until(lambda: self.pico.line.connected, _BOOT_US)
        self.pico.line.send(b"MEAS:PRES?\n")
        self.pico.run_until(lambda: b"\n" in self.pico.received, _BOOT_US)
        self.boot_us = self.pico.now_us
        self.first_reading = self._taken().decode()
        self.pico.run(_SETTLED_US)
        self.names_bytes = self._names_of("filled")

    def _names_of(self, module: str) -> int:
        """Heap bytes that a module of the tests takes for good: its names stay when it goes."""
        free = "load('memory').free()"
        self.tell("INIT")
        before = self.between(free)
        self.between(f"load('{module}').fill(node)")
        self.inside(f"forget('{module}')")
        self.tell("ABOR;:INIT")
        after = self.between(free)
        self.tell("ABOR")
        return int(before - after)

    def _taken(self) -> bytes:
        data = bytes(self.pico.received)
        self.pico.received.clear()
        return data

    # One exchange -------------------------------------------------------------------------

    def exchange(self, command: str, limit_s: float = 3.0, step_us: float = _STEP_US) -> Answer:
        """Send a line and take its answer, text or block, with its times."""
        pico, received = self.pico, self.pico.received
        assert not received, bytes(received)
        pico.line.send(command.encode() + b"\n")
        pico.run_until(lambda: not pico.line.waiting, limit_s * 1e6, step_us / 4)
        sent_us, sent_cycles = pico.now_us, pico.cycles
        pico.run_until(lambda: bool(received), limit_s * 1e6, step_us)
        first_us = pico.now_us - sent_us
        pico.run_until(lambda: _is_whole(received), limit_s * 1e6, step_us)
        return Answer(self._taken(), first_us, pico.now_us - sent_us, pico.cycles - sent_cycles)

    def ask(self, command: str, limit_s: float = 3.0) -> str:
        """The text that the node answers."""
        return self.exchange(command, limit_s).data.decode().rstrip("\r\n")

    def tell(self, command: str) -> None:
        """A command, or several; AssertionError when the node refuses one."""
        error = self.ask(f"{command};:SYST:ERR?")
        assert error.startswith("0,"), f"{command}: {error}"

    def inside(self, expression: str) -> Any:
        """What the expression gives inside the node; see board/probe/door.py."""
        return _value(expression, self.ask(_quoted("DIAG:PYTH?", expression), 20.0))

    def between(self, expression: str, limit_s: float = 20.0) -> Any:
        """The same, worked out between two turns of the node's loop, which waits for it."""
        return _value(expression, self.ask(_quoted("DIAG:RUN", expression), limit_s))

    def run(self, seconds: float) -> None:
        """Let that much emulated time pass; nothing may come over the line meanwhile."""
        self.pico.run(seconds * 1e6)
        assert not self.pico.received, bytes(self.pico.received)

    def rest_of_the_line(self, quiet_s: float = 0.3) -> bytes:
        """All that comes until the line has been quiet for so long."""
        pico = self.pico
        seen = -1
        while seen != len(pico.received) or pico.line.waiting:
            seen = len(pico.received)
            pico.run(quiet_s * 1e6)
        return self._taken()

    # Settings -----------------------------------------------------------------------------

    def start(
        self,
        rate_hz: float,
        osr_p: int = 16,
        osr_t: int = 2,
        settings: Iterable[str] = (),
        faults: Iterable[str] = (),
    ) -> None:
        """End what runs, and measure with these settings, commands, and faults of the chips.

        Transfers of a chip count as if it had just come up after power-on.
        """
        self.tell(f"*RST;:SENS:OVER:PRES {osr_p};:SENS:OVER:TEMP {osr_t};:SENS:RATE {rate_hz}")
        for command in settings:
            self.tell(command)
        # A change of oversampling has the chips set up anew.
        self.pico.run(0.15e6)
        self._break_chips(faults)
        self.tell("INIT")

    def hasten(self, shift: int) -> None:
        """From now on let time pass 2**shift times as fast for node and sensors; ends a run."""
        self.tell("*RST")
        self.between(f"load('clocks').hasten(board,{shift})")
        for chip in self.chips:
            chip.hasten(int(self.pico.now_us), 1 << shift)

    def refresh(self) -> None:
        """Back to sound sensors and the board's own clock, measuring nothing, without errors."""
        self.tell("*RST;:*CLS")
        self.between("load('clocks').ordinary(board)")
        for chip in self.chips:
            chip.hasten(int(self.pico.now_us), 1)
            chip.play(None)
            chip.fall(0, 0.0)
        self._break_chips(())

    def _break_chips(self, faults: Iterable[str]) -> None:
        for device in self.pico.devices.values():
            device.faults.clear()
            device.hung = False
            device.transfers = BRING_UP_TRANSFERS
        inject(self.pico.devices, faults)

    # Capturing ----------------------------------------------------------------------------

    @functools.cached_property
    def client(self) -> NodeClient:
        """A client that has greeted the node."""
        return NodeClient.over(Transport("emulated", opened=EmulatedPort(self.pico)))

    def samples(self) -> bytes:
        """All sample records that the node holds of the present run."""
        points = self.client.points()
        first, end = points.samples
        data = b""
        while first < end:
            records = self.client.records("DATA:READ?", points.run_id, first, MOST_RECORDS)
            data += records.payload
            first += records.count
        return data

    def events(self) -> list[Event]:
        """All events of the present run."""
        points = self.client.points()
        first, end = points.events
        data = self.client.records("DATA:EVENts?", points.run_id, first, end - first).payload
        return [unpack_event(data[at : at + EVENT_SIZE]) for at in range(0, len(data), EVENT_SIZE)]

    def log(self, path: Path, seconds: float, turn_s: float) -> Capture:
        """Log the present run up to that node time, looking every turn_s of emulated time."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("prkbench.logger.time.sleep", lambda _: self.pico.run(turn_s * 1e6))
            with RunFile.create(path, {"source": "node", "simulated": True}) as file:
                capture = Logger(self.client, file, seconds).run()
        assert capture.complete
        return capture


def _is_whole(data: bytes | bytearray) -> bool:
    """Whether an answer has come to its end."""
    if data[:1] != b"#":
        return data.endswith(b"\n")
    if len(data) < 2:
        return False
    digits = int(data[1:2])
    return len(data) >= 2 + digits and len(data) >= 2 + digits + int(data[2 : 2 + digits]) + 1


def _quoted(header: str, expression: str) -> str:
    line = '{} "{}"'.format(header, expression.replace('"', '""'))
    assert len(line) <= LINE_LIMIT, f"{len(line)} bytes are more than a line takes"
    return line


def _value(expression: str, text: str) -> Any:
    if text.startswith("!"):
        raise DeviceError(f"{expression}: {text[1:]}")
    return eval(text, {"__builtins__": {}}, {})

"""Makes a second Pico play the sensors of a simulated bench, for a node under test.

Puts the register model itself and what surrounds it on the board, starts it, and then streams raw
counts from the simulated chamber, in step with the wall clock. Wiring: README.md beside this file.

    uv run python tools/chip_target/drive.py --port /dev/ttyACM1 --install --rig bench.toml
"""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import serial

from prkbench.cli.demo import EASY, demo_rig
from prkbench.errors import DeviceError, PrkError
from prkbench.rig import load_rig
from prkbench.sim.bmp390_model import CHIP_ID
from prkbench.sim.rig_world import surroundings_of, world_for
from prkbench.sim.world import BenchSensor

HERE = Path(__file__).parent
HOST = HERE.parents[1] / "host"

MODEL_FILES = (
    "prkbench/errors.py",
    "prkbench/sim/bmp390_model.py",
    "prkbench/sim/bmp390_fifo.py",
)
"""The host's own files, which run on the board as they are."""

GREETING = "? prkbench chip target 1"
CLOCK_ERRORS_PPM = (9000, -13000)
READINGS = 20
"""A line: 100 ms at 200 Hz, twice the time between lines."""
INTERVAL_S = 0.05
SLEEP_OSR = 0x0C
"""Oversampling until the node has said which it wants: x16, x2."""


def board_files() -> dict[str, Path]:
    """Path on the board -> file here, for everything the board needs."""
    files = {name: HOST / name for name in MODEL_FILES}
    for root in (HERE / "board", HERE / "shims"):
        for path in sorted(root.rglob("*.py")):
            files[path.relative_to(root).as_posix()] = path
    return files


def stage(folder: Path) -> None:
    """Lay the board's file system out in a folder."""
    for name, source in board_files().items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(source.read_bytes())


def install(port: str) -> None:
    """Copy everything to the board with mpremote and restart it; DeviceError when that fails."""
    with tempfile.TemporaryDirectory() as folder:
        stage(Path(folder))
        names = sorted(path.name for path in Path(folder).iterdir())
        sources = [str(Path(folder) / name) for name in names]
        command = [sys.executable, "-m", "mpremote", "connect", port]
        command += ["fs", "cp", "-r", *sources, ":", "+", "reset"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DeviceError(
            f"{port}: mpremote could not install the chip target: "
            f"{(done.stderr or done.stdout).strip().splitlines()[-1:]}; is it a Pico with "
            "MicroPython 1.26 or newer?"
        )


@dataclass
class Played:
    """One chip on the board and what the board last said of it."""

    n: int
    chip: BenchSensor
    conversions: int = 0
    osr: int = SLEEP_OSR
    dropped: int = 0

    def readings(self, t_s: float) -> bytes:
        """Raw counts of the conversions to come, with the noise of the oversampling set."""
        osr_p, osr_t = 1 << min(self.osr & 7, 5), 1 << min(self.osr >> 3, 5)
        data = bytearray()
        for k in range(READINGS):
            # Spread over the time until the next line comes.
            at = t_s + INTERVAL_S * k / READINGS
            raw_p, raw_t = self.chip.trim.raw_for(*self.chip.transducer.measure(at, osr_p, osr_t))
            data += round(raw_p).to_bytes(3, "little") + round(raw_t).to_bytes(3, "little")
        return bytes(data)


class Driver:
    """Talks to the board's console. exchange: one line out, one line in."""

    def __init__(self, exchange: Callable[[str], str], chips: list[BenchSensor]) -> None:
        self._exchange = exchange
        self.played = [Played(n, chip) for n, chip in enumerate(chips)]

    def begin(self) -> None:
        """Make sure of the board and tell it what chips to play; DeviceError if it refuses."""
        greeting = self._exchange("?")
        if greeting != GREETING:
            raise DeviceError(
                f"no chip target answers: {GREETING!r} expected, {greeting[:60]!r} came; "
                "put it on the board with --install"
            )
        for one in self.played:
            trim = one.chip.trim
            ppm = CLOCK_ERRORS_PPM[one.n]
            chip_id = one.chip.peek(CHIP_ID)
            self._ask(f"P {one.n} {chip_id:x} {ppm} {trim.pack().hex()} {trim.crc:x}")

    def turn(self, t_s: float) -> None:
        """Send every chip's readings for this time since the start."""
        for one in self.played:
            told = self._ask(f"R {one.n} {one.readings(t_s).hex()}").split()
            one.conversions, one.osr, _, one.dropped = (int(word) for word in told[2:6])

    def _ask(self, line: str) -> str:
        answer = self._exchange(line)
        if answer[:1] != line[:1]:
            raise DeviceError(f"the chip target answered {answer[:80]!r} to {line[:20]!r}")
        return answer


@contextlib.contextmanager
def over_serial(port: str) -> Iterator[Callable[[str], str]]:
    """The exchange over a serial port."""
    with serial.Serial(port, 115200, timeout=2, exclusive=True) as line:
        line.write(b"\n")
        line.reset_input_buffer()

        def exchange(text: str) -> str:
            line.write(text.encode() + b"\n")
            return bytes(line.readline()).decode("ascii", "replace").strip()

        yield exchange


def main() -> None:
    """Install on request, then stream until Ctrl-C."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--port", required=True, help="serial port of the second Pico")
    parser.add_argument("--rig", type=Path, help="rig file; default: the demo's bench")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--install", action="store_true", help="put the files on the board first")
    options = parser.parse_args()
    rig = load_rig(options.rig) if options.rig else demo_rig(1.0, EASY, 5.0)
    world, truth = world_for(rig, options.seed, surroundings=surroundings_of(rig))
    chips = list(world.chips.values())[: len(CLOCK_ERRORS_PPM)]
    if options.install:
        install(options.port)
        time.sleep(3.0)
    with over_serial(options.port) as exchange:
        driver = Driver(exchange, chips)
        driver.begin()
        print(f"playing {len(chips)} chips; true k = {truth.k_per_s:.4g} 1/s; Ctrl-C ends it")
        begun = time.monotonic()
        while True:
            t_s = time.monotonic() - begun
            driver.turn(t_s)
            told = " ".join(f"{one.conversions} ({one.dropped} dropped)" for one in driver.played)
            print(f"\r{t_s:8.1f} s, conversions {told} ", end="", flush=True)
            time.sleep(max(0.0, INTERVAL_S - (time.monotonic() - begun - t_s)))


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print()
    except PrkError as error:
        print(f"drive: {error}", file=sys.stderr)
        sys.exit(error.exit_code)

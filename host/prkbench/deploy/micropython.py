"""What runs on the board: is it MicroPython, new enough, and how does a user put it there."""

from __future__ import annotations

import json
from dataclasses import dataclass

from prkbench.deploy.build import MpyTarget, firmware_sources
from prkbench.deploy.repl import NoPrompt, Repl
from prkbench.errors import DeviceError

OLDEST = (1, 24)
_DOWNLOADS = "https://micropython.org/download/"
_NUKE = "https://datasheets.raspberrypi.com/soft/flash_nuke.uf2"
_ANY_PAGE = f"{_DOWNLOADS}?mcu=rp2040 (RPI_PICO, RPI_PICO_W, RPI_PICO2, SEEED_XIAO_RP2040, ...)"
_ANY_STEPS = (
    "Hold BOOTSEL while plugging the board in and copy the .uf2 file onto the drive that appears "
    "(RPI-RP2 or RP2350); an ESP32 takes its .bin file by esptool."
)
_AGAIN = "Then run 'prk flash' again"

# Everything asked in one go and without our own modules: it may not be MicroPython at all.
_QUESTIONS = """
import sys
i = sys.implementation
print(repr((i.name, tuple(i.version)[:3], getattr(i, "_machine", sys.platform),
    getattr(i, "_mpy", getattr(i, "mpy", 0)))))
try:
    import machine
    print(repr(bytes(machine.unique_id())))
except ImportError:
    print(repr(b""))
"""


@dataclass(frozen=True)
class KnownBoard:
    """A board of boards.json: what it is called, its download page, how its boot loader starts."""

    name: str
    download: str
    boot_loader: str


@dataclass(frozen=True)
class Platform:
    """What runs on a board: interpreter and version, the board's own name, id, what it loads."""

    interpreter: str
    version: tuple[int, ...]
    machine: str
    unique_id: bytes
    target: MpyTarget | None

    @property
    def shown(self) -> str:
        """Such as "MicroPython 1.28.0 on Raspberry Pi Pico with RP2040"."""
        name = {"micropython": "MicroPython", "circuitpython": "CircuitPython"}.get(
            self.interpreter, self.interpreter
        )
        return f"{name} {'.'.join(map(str, self.version))} on {self.machine}"

    def is_node(self, unique_id: str) -> bool:
        """Whether this is what the board calls itself in *IDN?."""
        plain = self.unique_id.decode("ascii", "replace")
        return not self.unique_id or unique_id in (self.unique_id.hex(), plain)


def known_board(machine: str) -> KnownBoard | None:
    """The entry of boards.json for a board's own name of itself, None if there is none."""
    path = firmware_sources().get("boards.json")
    if path is None:
        return None
    for entry in json.loads(path.read_text("utf-8")):
        if any(part in machine for part in entry["machine"]):
            return KnownBoard(entry["name"], entry["download"], entry["boot_loader"])
    return None


def platform_of(repl: Repl) -> Platform:
    """Ask the board; DeviceError when the firmware cannot run there, with what to install."""
    named, unique_id = repl.values(_QUESTIONS)
    name, version, machine, mpy = named
    platform = Platform(name, version, machine, unique_id, MpyTarget.from_implementation(mpy))
    if name != "micropython":
        raise DeviceError(
            f"{repl.port}: {platform.shown} runs there, the node needs MicroPython: "
            f"{_how(known_board(machine))}"
        )
    if version < OLDEST:
        raise DeviceError(
            f"{repl.port}: {platform.shown} is too old, the node needs "
            f"{'.'.join(map(str, OLDEST))} or newer: {_how(known_board(machine))}"
        )
    return platform


def unreachable(error: NoPrompt, port: str) -> DeviceError:
    """What to tell when no prompt came: MicroPython is missing, or a program keeps us out."""
    heard = error.heard.decode("ascii", "replace").strip()
    if "Traceback" in heard or "KeyboardInterrupt" in heard or ">>>" in heard:
        what = "MicroPython is there, but its program catches Ctrl-C and goes on"
    elif heard:
        what = (
            "something talks, but gives no MicroPython prompt: another firmware, or a program "
            "that catches Ctrl-C"
        )
    else:
        what = (
            "nothing answers Ctrl-C: MicroPython is not on the board, or its program never listens"
        )
    said = f" (it says {heard.splitlines()[-1][-60:]!r})" if heard else ""
    return DeviceError(
        f"{port}: {what}{said}. Get MicroPython: {_how(None)}. If the old program comes back, "
        f"erase the flash first: copy {_NUKE} the same way (ESP32: esptool erase_flash), which "
        "deletes every file on the board"
    )


def no_port(others: list[str]) -> DeviceError:
    """What to tell when no serial port can be a board."""
    seen = f"ports found: {', '.join(others)}" if others else "no serial ports found"
    return DeviceError(
        f"no board found on USB ({seen}): plug it in with a cable that has data, or name it with "
        "--port. If it shows up as a drive (RPI-RP2, RP2350) or not at all, MicroPython is "
        f"missing: {_how(None)}"
    )


def _how(board: KnownBoard | None) -> str:
    page, steps = (board.download, board.boot_loader) if board else (_ANY_PAGE, _ANY_STEPS)
    return f"download it from {page}. {steps} {_AGAIN}"

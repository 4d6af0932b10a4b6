"""An emulated Pico with nothing on it but MicroPython, and its raw REPL in emulated time.

It boots in a tenth of the time that a node takes.
"""

from collections.abc import Mapping
from pathlib import Path

from prkbench.sim.bus import Address, Device
from prkbench.sim.pico.emulated import EmulatedPico

BOOT_US = 3e6
"""Far more than a start takes, a fifth of a second."""

SETTLING_US = 150_000

_RAW = b"raw REPL; CTRL-B to exit\r\n>"


class BareBoard:
    """The board and the host's end of its line, which only passes time when told to."""

    def __init__(
        self,
        image: Path,
        devices: Mapping[Address, Device],
        files: Mapping[str, bytes] | None = None,
    ) -> None:
        self.pico = EmulatedPico(image, files or {}, devices)
        self.come_up()

    def come_up(self) -> None:
        """Wait until the board is on the bus and at its prompt; goes to the raw REPL."""
        self.until(lambda: self.pico.line.connected, BOOT_US)
        # Sent before MicroPython itself is up, Ctrl-C would be lost.
        self.pico.run(SETTLING_US)
        self.enter()

    def until(self, done, limit_us: float = 1e6) -> None:
        """Let time pass until done()."""
        self.pico.run_until(done, limit_us, 500.0)

    def enter(self) -> None:
        """Stop what runs and go to the raw REPL."""
        received = self.pico.received
        received.clear()
        self.pico.line.send(b"\r\x03\x03\r\x01")
        self.until(lambda: received.endswith(_RAW))

    def start(self, code: str) -> None:
        """Run code without waiting for its end."""
        self.pico.received.clear()
        self.pico.line.send(code.encode() + b"\x04")
        self.until(lambda: self.pico.received.startswith(b"OK"))

    def run(self, code: str, limit_us: float = 5e6) -> str:
        """Run code to its end; what it printed. AssertionError with its traceback if it raised."""
        self.start(code)
        received = self.pico.received
        self.until(lambda: received.count(b"\x04") == 2 and received.endswith(b">"), limit_us)
        out, error, _ = bytes(received[2:]).split(b"\x04")
        assert not error, error.decode()
        return out.decode().replace("\r\n", "\n")

"""A node on an emulated Pico: the official MicroPython image, served on a port of this computer.

Emulated time keeps step with the wall clock as far as the emulation is fast enough, or runs ahead
while nobody has to wait for it. The line is held up where the host does not read, and the board
sees whether a program has the port open.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prkbench.deploy.build import RP2040, build
from prkbench.errors import DeviceError
from prkbench.sim.bus import Address, BusDevice, Device
from prkbench.sim.pico.emulated import CLOCK_HZ, PINS, EmulatedPico
from prkbench.sim.pico.image import Image
from prkbench.sim.pico.pace import Pace
from prkbench.sim.pico.usb_port import UsbTerminal
from prkbench.sim.virtual_line import PublicLine, Watch

_SLICE_US = 20_000.0
_LEAST_US = 1000.0
"""Less is not worth looking at the host again."""
_WAIT_MS = 5
_DRAIN_MS = 1
_MOST_TYPED_AHEAD = 4096

_LONGEST_BOOT_US = 10e6
_BOOT_STEP_US = 10_000.0
_IDLE_SHARE = 0.5

_WAKING_US = 150_000
"""A board is on the bus before MicroPython takes Ctrl-C."""

_STILL_MEASURING_US = 200e6
"""Twice the period of the slowest rate there is, 10 mHz."""


def node_files(config: Mapping[str, Any]) -> dict[str, bytes]:
    """The file system of a board with the firmware and this config.json, wired as emulated."""
    return build(RP2040, {**config, "board": PINS})


class PicoNode:
    """Serves one emulated Pico on a serial line until stopped.

    image: the MicroPython image; devices: simulated chips by (bus, address); files: what the file
    system holds at first, path -> contents; seed: whose serial number the board has; realtime:
    emulated time keeps step with the wall clock; line: where to serve, a new pseudo-terminal
    unless given.
    """

    def __init__(
        self,
        image: Image | Path,
        devices: Mapping[Address, Device],
        files: Mapping[str, bytes],
        *,
        seed: int = 1,
        realtime: bool = False,
        line: PublicLine | None = None,
    ) -> None:
        self.pico = EmulatedPico(image, files, devices, self._sent, seed)
        self._public: PublicLine = line or UsbTerminal()
        self._realtime = realtime
        self._watch = Watch()
        self._pace = Pace()
        self._waits_for_host = False
        self._transfers = 0
        self._last_transfer_us = 0.0
        self._typed = b""
        self._away_until_us = 0.0
        self._power_off = False
        self._stop = False

    @property
    def port(self) -> str:
        """What to open: the path of the pseudo-terminal, or a socket:// address."""
        return self._public.port

    @property
    def interpreter(self) -> str:
        """What the firmware runs under, such as "MicroPython v1.28.0 on an emulated RP2040"."""
        return f"MicroPython {self.pico.image.version} on an emulated RP2040"

    @property
    def devices(self) -> dict[Address, BusDevice]:
        """The chips as they hang on the bus, by (bus, address)."""
        return self.pico.devices

    def close(self) -> None:
        """Close the line."""
        self._watch.only(set())
        self._public.close()

    def stop(self) -> None:
        """Make serve() return; may be called from a signal handler or another thread."""
        self._stop = True

    def cut_power(self) -> None:
        """Take the supply away for a moment; done by serve() as soon as it can."""
        self._power_off = True

    # The loop -----------------------------------------------------------------------------

    def boot(self) -> None:
        """Run until the board is on USB and waits for something to do, or until stop().

        That takes some twenty seconds. DeviceError when the image does not get there.
        """
        pico = self.pico
        while not self._stop:
            before = pico.cycles
            pico.run(_BOOT_STEP_US)
            share = (pico.cycles - before) / (_BOOT_STEP_US * 1e-6 * CLOCK_HZ)
            if pico.line.connected and share < _IDLE_SHARE:
                return
            if pico.now_us > _LONGEST_BOOT_US:
                raise DeviceError(
                    f"{pico.image.path}: does not come up within {_LONGEST_BOOT_US / 1e6:g} s; "
                    "expected a working MicroPython image for RP2040"
                )

    def serve(self) -> None:
        """Serve until stop(), from where the board is."""
        self._pace.restart(self.pico.now_us)
        while not self._stop:
            self._exchange()
            if self._power_off:
                self._power_off = False
                self.pico.power_cycle()
            allowed_us = self._allowed_us()
            if allowed_us >= _LEAST_US:
                self.pico.run_briefly(min(allowed_us, _SLICE_US))
            else:
                self._await_input(_DRAIN_MS if self._waits_for_host else _WAIT_MS)

    def _await_input(self, longest_ms: int) -> None:
        self._watch.only(set(self._public.readable))
        self._watch.ready(longest_ms)

    def _exchange(self) -> None:
        """Pass on what the host has sent, and what it does with the port."""
        line = self.pico.line
        if len(self._typed) + line.waiting < _MOST_TYPED_AHEAD:
            self._typed += self._public.read()
        if not line.connected:
            self._away_until_us = self.pico.now_us + _WAKING_US
        if self.pico.now_us >= self._away_until_us:
            line.send(self._typed)
            self._typed = b""
        elif not self._public.attached:
            # Sent to a board that was not there, by a program that has given up.
            self._typed = b""
        line.set_terminal(self._public.attached)
        self._public.flush()
        line.full = self._public.blocked

    def _sent(self, data: bytes) -> None:
        self._public.write(data)
        self.pico.line.full = self._public.blocked

    # Time ---------------------------------------------------------------------------------

    def _allowed_us(self) -> float:
        """How much time may pass at once.

        Ahead of the wall clock only while the sensors are read, a program has the port open and
        it has taken everything: the board's waiting for the host and its ring of samples are
        made for the host's time.
        """
        now_us = self.pico.now_us
        waits = self._public.attached and not self._public.drained
        if not self._realtime and not waits and self._public.attached and self._measures():
            self._waits_for_host = False
            self._pace.restart(now_us)
            return _SLICE_US
        if waits and not self._waits_for_host:
            # What the emulation lags behind must not pass in a moment while the host reads.
            self._pace.restart(now_us)
        self._waits_for_host = waits
        return self._pace.allowance_us(now_us)

    def _measures(self) -> bool:
        """Whether the sensors have been read lately."""
        transfers = sum(device.transfers for device in self.pico.devices.values())
        if transfers != self._transfers:
            self._transfers = transfers
            self._last_transfer_us = self.pico.now_us
        return self.pico.now_us < self._last_transfer_us + _STILL_MEASURING_US

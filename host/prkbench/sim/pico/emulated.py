"""The emulated board: image, file system, sensors and serial line, driven in emulated time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from rp2040py.boards import BoardSpec
from rp2040py.device.base_device import BaseDevice, ResetCause
from rp2040py.execute_batch import execute_batch
from rp2040py.memory_map import FLASH_START_ADDRESS
from rp2040py.peripherals.i2c import RPI2C

from prkbench.errors import DeviceError
from prkbench.sim.bus import Address, BusDevice, Device
from prkbench.sim.pico.bit_bang import BitBangedWire
from prkbench.sim.pico.file_system import littlefs_files, littlefs_image
from prkbench.sim.pico.i2c_wire import I2cWire
from prkbench.sim.pico.image import Image, load_image
from prkbench.sim.pico.serial_number import engrave, serial_number
from prkbench.sim.pico.usb_line import UsbLine

CLOCK_HZ = 125_000_000
_PIN_I2C, _PIN_PROGRAM = 3, 5

PINS = {
    "i2c": [
        {"id": 0, "sda": 4, "scl": 5, "freq": 400000},
        {"id": 1, "sda": 6, "scl": 7, "freq": 400000},
    ]
}
"""How the sensors are wired: the `board` section of config.json, as of a Raspberry Pi Pico."""

_I2C_BLOCK = [bus["id"] for bus in PINS["i2c"]]


class EmulatedPico:
    """A Raspberry Pi Pico. Nothing happens but in run(): there is no thread and no wall clock.

    image: the MicroPython image; files: what its file system holds at first, path -> contents;
    devices: (bus, address) -> chip, wired as in PINS; on_bytes gets what the board sends over USB;
    seed: whose serial number the board has.
    Everything is deterministic: the same input at the same emulated time gives the same cycles.
    """

    def __init__(
        self,
        image: Image | Path,
        files: Mapping[str, bytes],
        devices: Mapping[Address, Device] | None = None,
        on_bytes: Callable[[bytes], None] | None = None,
        seed: int = 1,
    ) -> None:
        self.image = image if isinstance(image, Image) else load_image(image)
        self._device = BaseDevice(board=BoardSpec(image=self.image.path))
        self._mcu = self._device.mcu
        self._simulator = self._device.simulator
        self._clock = self._simulator.clock
        start, size = self.image.files_start, self.image.files_size
        self._mcu.flash[start : start + size] = littlefs_image(files, size)
        self.unique_id = serial_number(seed).hex()
        engrave(self._mcu.ssi, serial_number(seed))
        self.devices = {at: BusDevice(device) for at, device in (devices or {}).items()}
        wired: dict[int, dict[int, BusDevice]] = defaultdict(dict)
        for (bus, address), device in self.devices.items():
            wired[_I2C_BLOCK[bus]][address] = device
        for number, block in enumerate(self._mcu.i2c):
            self._wire(number, block, wired[number])
        self.received = bytearray()
        self.line = UsbLine(self._device.cdc, on_bytes or self.received.extend)
        self._wake = self._clock.create_alarm(self._simulator.stop)
        self._mcu.core.pc = FLASH_START_ADDRESS

    def _wire(self, number: int, block: RPI2C, devices: dict[int, BusDevice]) -> None:
        bus = PINS["i2c"][_I2C_BLOCK.index(number)]
        pins = self._mcu.gpio[bus["sda"]], self._mcu.gpio[bus["scl"]]

        def switched_to(function: int) -> bool:
            return all(pin.function_select == function for pin in pins)

        I2cWire(block, self._clock, devices, partial(switched_to, _PIN_I2C))
        BitBangedWire(*pins, devices, partial(switched_to, _PIN_PROGRAM))

    @property
    def cycles(self) -> int:
        """Processor cycles executed; none pass while it sleeps."""
        return int(self._mcu.core.cycles)

    @property
    def now_us(self) -> float:
        """Emulated microseconds since power-on."""
        return float(self._clock.nanos) / 1000.0

    def run(self, us: float) -> None:
        """Let that much emulated time pass."""
        simulator = self._simulator
        simulator.stopped = False
        self._wake.schedule(us * 1000.0)
        while not simulator.stopped:
            execute_batch(simulator, 1)

    def run_briefly(self, us: float) -> None:
        """Let up to that much emulated time pass, but no more than some milliseconds of ours."""
        self._simulator.stopped = False
        self._wake.schedule(us * 1000.0)
        execute_batch(self._simulator, 1)
        self._wake.cancel()

    def run_until(self, done: Callable[[], bool], limit_us: float, step_us: float = 1000.0) -> None:
        """Run until done() says so; DeviceError when it has not by then."""
        end = self.now_us + limit_us
        while not done():
            if self.now_us >= end:
                raise DeviceError(
                    f"the emulated board did not get there within {limit_us / 1e6:g} s; it sent "
                    f"{bytes(self.received[-200:])!r}"
                )
            self.run(step_us)

    def power_cycle(self) -> None:
        """Take the supply away for a moment, from the sensors too: flash is all that is kept."""
        self._mcu.sram[:] = bytes(len(self._mcu.sram))
        for device in self.devices.values():
            device.chip.advance(int(self.now_us))
            device.chip.power_on_reset()
        self._device.hard_reset(cause=ResetCause.POWER_ON)

    def files(self) -> dict[str, bytes]:
        """What the file system holds now."""
        start, size = self.image.files_start, self.image.files_size
        return littlefs_files(bytes(self._mcu.flash[start : start + size]))

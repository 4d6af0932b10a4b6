"""A USB-to-I2C bridge, or a single-board computer's own bus, as Adafruit's Blinka opens it.

Blinka takes which bridge it is from the environment, once, when it is imported.
"""

from __future__ import annotations

import importlib
import os
from typing import Protocol

from prkbench.deploy.adafruit_files import INSTALL
from prkbench.errors import DeviceError, UsageError

AUTO = "auto"
BRIDGES = {
    AUTO: None,
    "mcp2221": "BLINKA_MCP2221",
    "ft232h": "BLINKA_FT232H",
    "u2if": "BLINKA_U2IF",
    "greatfet": "BLINKA_GREATFET",
    "nova": "BLINKA_NOVA",
}
"""Name on the command line -> the variable that tells Blinka; "auto": a bus it finds by itself."""

# Name of a module that Blinka needs for some bridges -> the package it comes in.
_PACKAGES = {"hid": "hidapi", "usb": "pyusb"}


class BusioI2C(Protocol):
    """What is used of a busio.I2C; every transfer raises OSError when it is not acknowledged."""

    def try_lock(self) -> bool:
        """Take the bus; False when somebody has it."""

    def unlock(self) -> None:
        """Give it back."""

    def writeto(self, address: int, buffer: bytes, /) -> None:
        """One write."""

    def writeto_then_readfrom(
        self, address: int, buffer_out: bytes, buffer_in: bytearray, /
    ) -> None:
        """One write and, after a repeated start, one read."""


def open_i2c(name: str = AUTO) -> BusioI2C:
    """Open the bridge of that name in BRIDGES.

    UsageError when the name is unknown or a package is missing, DeviceError when no such bridge
    is there.
    """
    if name not in BRIDGES:
        raise UsageError(f"--i2c {name}: expected one of {', '.join(BRIDGES)}")
    variable = BRIDGES[name]
    if variable is not None:
        os.environ[variable] = "1"
    try:
        board = importlib.import_module("board")
        make = getattr(board, "I2C", None)
        bus: BusioI2C | None = make() if make is not None else None
    except ModuleNotFoundError as error:
        if error.name in ("board", "adafruit_blinka"):
            raise UsageError(
                f"--sensor adafruit: Adafruit-Blinka is missing, which drives the bridge; {INSTALL}"
            ) from None
        package = _PACKAGES.get(error.name or "", error.name)
        raise UsageError(
            f"--i2c {name}: Blinka lacks the module {error.name}; pip install {package}"
        ) from None
    except Exception as error:
        # Every bridge's driver has errors of its own.
        why = " ".join(str(error).split()) or type(error).__name__
        raise DeviceError(
            f"--i2c {name}: cannot open it ({why[:200]}); is it plugged in, and may you use it?"
        ) from error
    if bus is None:
        raise DeviceError(
            f"--i2c {name}: Blinka finds no I2C bus on this computer; plug the bridge in and name "
            f"it, one of {', '.join(n for n in BRIDGES if n != AUTO)}"
        )
    return bus

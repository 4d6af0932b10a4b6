"""Which serial port the board is on, before and after it restarts."""

from __future__ import annotations

from serial.tools import list_ports

from prkbench.deploy.micropython import no_port
from prkbench.errors import UsageError

_BOARD_MAKERS = frozenset(
    (
        0x2E8A,  # Raspberry Pi, and most others with an RP2040 or RP2350
        0xF055,  # MicroPython
        0x303A,  # Espressif
        0x239A,  # Adafruit
        0x2886,  # Seeed
    )
)
"""USB vendors of boards that run MicroPython."""


def find_port() -> str:
    """The port of the one board on USB; DeviceError when there is none, UsageError when several.

    Ports of other makers count only where there is no board of a known one, and only one of them.
    """
    ports = list(list_ports.comports())
    boards = [p for p in ports if p.vid in _BOARD_MAKERS] or [p for p in ports if p.vid is not None]
    if not boards:
        raise no_port([p.device for p in ports])
    if len(boards) > 1:
        names = ", ".join(f"{p.device} ({p.description})" for p in boards)
        raise UsageError(f"several ports may be the board: {names}; choose one with --port")
    return str(boards[0].device)


def serial_number(port: str) -> str | None:
    """USB serial number of what is on a port, None where it has none."""
    for found in list_ports.comports():
        if found.device == port:
            return found.serial_number
    return None


def present_name(port: str, number: str | None) -> str:
    """The port of the device with that serial number now; the same name where none is known.

    A board that restarts leaves the bus and may come back under another name.
    """
    if number is None:
        return port
    names = [str(p.device) for p in list_ports.comports() if p.serial_number == number]
    return port if port in names or not names else names[0]

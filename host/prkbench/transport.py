"""The serial line: a port, socket:// or rfc2217:// as pyserial opens it, for us alone."""

from __future__ import annotations

import contextlib
import time
from typing import Protocol

import serial
from serial.tools import list_ports

from prkbench.errors import DeviceError, LineLost

BAUD = 115200
"""Means nothing on USB; never 1200, which sends many boards to their boot loader."""


class Port(Protocol):
    """What is used of an open serial port; OSError when it breaks."""

    timeout: float | None

    def read(self, size: int, /) -> bytes:
        """So many bytes, or those that came within the timeout."""

    def read_until(self, expected: bytes, size: int, /) -> bytes:
        """Bytes up to and with those expected, or those that came within the timeout."""

    def write(self, data: bytes, /) -> object:
        """Send all."""

    def close(self) -> None:
        """Give it back."""


class Transport:
    """Bytes to and from a node, with every wait bounded; raises LineLost.

    port: what to open, or the name of what is `opened` already.
    """

    def __init__(self, port: str, timeout_s: float = 3.0, opened: Port | None = None) -> None:
        self.port = port
        self._timeout_s = timeout_s
        self._serial = opened or _open(port, timeout_s)

    @property
    def timeout_s(self) -> float:
        """The longest wait for what is to be read."""
        return self._timeout_s

    @timeout_s.setter
    def timeout_s(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        # Setting it asks the port, which may be gone; the next read says so.
        with contextlib.suppress(serial.SerialException, OSError):
            self._serial.timeout = timeout_s

    def close(self) -> None:
        """Close the port; never fails."""
        with contextlib.suppress(serial.SerialException, OSError):
            self._serial.close()

    def write(self, data: bytes) -> None:
        """Send all bytes."""
        try:
            self._serial.write(data)
        except (serial.SerialException, OSError) as error:
            raise LineLost(f"{self.port}: the line broke while sending: {error}") from error

    def read(self, count: int) -> bytes:
        """Exactly count bytes; LineLost when they do not come in time."""
        try:
            data = bytes(self._serial.read(count))
        except (serial.SerialException, OSError) as error:
            raise LineLost(f"{self.port}: the line broke while reading: {error}") from error
        if len(data) < count:
            raise LineLost(
                f"{self.port}: no answer within {self.timeout_s:g} s "
                f"({len(data)} of {count} bytes came); is the node running?"
            )
        return data

    def read_line(self, limit: int = 4096) -> bytes:
        """Bytes up to and without a line feed; LineLost when none comes in time or in limit."""
        try:
            data = bytes(self._serial.read_until(b"\n", limit))
        except (serial.SerialException, OSError) as error:
            raise LineLost(f"{self.port}: the line broke while reading: {error}") from error
        if not data.endswith(b"\n"):
            what = "endless line" if len(data) >= limit else f"no answer in {self.timeout_s:g} s"
            raise LineLost(f"{self.port}: {what} (got {data[:60]!r}); is this a prkbench node?")
        return data.rstrip(b"\r\n")

    def drain(self, quiet_s: float = 0.05, longest_s: float = 1.0) -> bytes:
        """Take in and return whatever is on the line until it has been quiet for a moment."""
        taken = b""
        end = time.monotonic() + longest_s
        old = self._serial.timeout
        try:
            self._serial.timeout = quiet_s
            while time.monotonic() < end:
                data = bytes(self._serial.read(4096))
                if not data:
                    break
                taken += data
        except (serial.SerialException, OSError) as error:
            raise LineLost(f"{self.port}: the line broke while reading: {error}") from error
        finally:
            # Setting it asks the port, which may be gone; the next read says so.
            with contextlib.suppress(serial.SerialException, OSError):
                self._serial.timeout = old
        return taken


def _open(port: str, timeout_s: float) -> Port:
    try:
        line = serial.serial_for_url(
            port, do_not_open=True, baudrate=BAUD, timeout=timeout_s, write_timeout=timeout_s
        )
        if "://" not in port:
            line.exclusive = True
        line.open()
    except (serial.SerialException, OSError, ValueError) as error:
        raise DeviceError(_why(port, error)) from error
    return line


def _why(port: str, error: Exception) -> str:
    text = str(error)
    if "not known" in text:
        return f"{port}: not a kind of URL known here; expected socket:// or rfc2217://"
    if "://" in port:
        return f"{port}: cannot connect ({text}); is the node served there?"
    if isinstance(error, ValueError):
        return f"{port}: not a port or a URL that pyserial knows ({text})"
    if "No such file" in text or "FileNotFound" in text or getattr(error, "errno", None) == 2:
        found = ", ".join(p.device for p in list_ports.comports()) or "none"
        return f"{port}: no such port; ports found: {found}; see 'prk list'"
    if "Permission" in text or getattr(error, "errno", None) == 13:
        return (
            f"{port}: permission denied; on Linux add yourself to the group 'dialout' "
            "(sudo usermod -a -G dialout $USER) and log in again"
        )
    if "exclusively lock" in text or "busy" in text or getattr(error, "errno", None) in (11, 16):
        return f"{port}: busy; another program has it open (a serial monitor, another 'prk log'?)"
    if "Could not configure port" in text:
        return f"{port}: not a serial port; see 'prk list'"
    return f"{port}: cannot open ({text}); see 'prk list'"

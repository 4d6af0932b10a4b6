"""The board's raw REPL, entered whatever the board is doing, with every wait bounded.

mpremote's transport carries the commands; getting in is done here, because a board that does not
let us in has to be told apart from one that has no MicroPython.
"""

from __future__ import annotations

import ast
import contextlib
import struct
import time
from types import TracebackType
from typing import Any

import serial
from mpremote.transport import TransportError
from mpremote.transport_serial import SerialTransport

from prkbench.errors import DeviceError
from prkbench.transport import BAUD

_RAW = b"raw REPL; CTRL-B to exit\r\n"
_ANSWER_S = 5.0
_SILENCE_S = 30.0
"""Longest silence of a command that works: a board may hash or erase for seconds."""
_TRIES = 4
_PROMPT_S = 1.5
_RESTART_S = 5.0
_BURST = 40
_BURST_PAUSE_S = 0.005
_HEARD = 4096
_BROKEN = (TransportError, serial.SerialException, OSError, struct.error)


class NoPrompt(DeviceError):
    """No MicroPython prompt could be reached; `heard` is what the board said meanwhile."""

    def __init__(self, message: str, heard: bytes) -> None:
        super().__init__(message)
        self.heard = heard


class Repl:
    """The raw REPL of the board on a port. Use as a context manager; raises DeviceError."""

    def __init__(self, port: str) -> None:
        self.port = port
        self._attempts = 0
        try:
            self._transport = SerialTransport(
                port, baudrate=BAUD, exclusive="://" not in port, timeout=_ANSWER_S
            )
            self._serial.write_timeout = _ANSWER_S
        except _BROKEN as error:
            raise DeviceError(f"{port}: cannot open: {error}; see 'prk list'") from error

    @property
    def _serial(self) -> Any:
        return self._transport.serial

    def __enter__(self) -> Repl:
        try:
            self._enter()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the port; never fails, the board may be gone."""
        with contextlib.suppress(*_BROKEN):
            self._transport.close()
        with contextlib.suppress(*_BROKEN):
            self._serial.close()

    # Getting in ---------------------------------------------------------------------------

    def _enter(self) -> None:
        """Stop whatever runs and come to the raw REPL; NoPrompt when that cannot be done."""
        heard = b""
        try:
            for attempt in range(_TRIES):
                self._interrupt(stubborn=attempt > 1)
                ready, got = self._synchronised()
                if ready:
                    return
                heard = (heard + got)[-_HEARD:]
        except _BROKEN as error:
            raise DeviceError(f"{self.port}: the line broke: {error}") from error
        raise NoPrompt(f"{self.port}: no MicroPython prompt", heard)

    def _interrupt(self, *, stubborn: bool) -> None:
        """Ctrl-C; stubborn: many, because a program may catch some and be hit between two."""
        self._serial.write(b"\r\x03")
        for _ in range(_BURST if stubborn else 1):
            time.sleep(_BURST_PAUSE_S)
            self._serial.write(b"\x03")

    def _synchronised(self) -> tuple[bool, bytes]:
        """Whether the raw REPL has done what it was told just now, and what was heard.

        A prompt proves nothing: it may be the answer to an earlier attempt, still under way behind
        all that a program has printed. A number that is printed back is this attempt's own.
        """
        self._attempts += 1
        mark = f"prk{self._attempts}"
        self._serial.write(f"\r\x01print({mark[:1]!r}+{mark[1:]!r})\x04".encode())
        heard = self._hear(f"{mark}\r\n\x04\x04>".encode(), _PROMPT_S)
        if not heard.endswith(b"\x04\x04>"):
            return False, heard
        # mpremote reads a prompt before each command: this is its first.
        self._serial.write(b"\x01")
        return True, heard

    def _hear(self, ending: bytes, longest_s: float) -> bytes:
        """What the board says, up to the ending or until the time is up."""
        heard = b""
        end = time.monotonic() + longest_s
        self._serial.timeout = 0.05
        try:
            while not heard.endswith(ending) and time.monotonic() < end:
                heard += bytes(self._serial.read(self._serial.in_waiting or 1))
                heard = heard[-_HEARD:]
        finally:
            self._serial.timeout = _ANSWER_S
        return heard

    def restart_interpreter(self) -> None:
        """Soft reset: a fresh heap and no leftover of what ran; main.py is not run, boot.py is.

        DeviceError when the board does not come back, as when its boot.py never ends.
        """
        try:
            self._hear(b">", _PROMPT_S)
            self._serial.write(b"\x04")
            self._hear(_RAW + b">", _RESTART_S)
            for _ in range(_TRIES):
                if self._synchronised()[0]:
                    return
                # A boot.py that takes its time.
                self._interrupt(stubborn=True)
        except _BROKEN as error:
            raise DeviceError(f"{self.port}: the line broke in a soft reset: {error}") from error
        raise DeviceError(
            f"{self.port}: the board did not come back from a soft reset; does its boot.py end? "
            "Unplug it, plug it in and try again"
        )

    # Commands -----------------------------------------------------------------------------

    def run(self, code: str) -> str:
        """Run code to its end and return what it printed; DeviceError with the board's error."""
        try:
            out, failed = self._transport.exec_raw(code, timeout=_SILENCE_S)
        except _BROKEN as error:
            raise DeviceError(
                f"{self.port}: the board fell silent ({error}); check the cable and run this again"
            ) from error
        if failed:
            lines = bytes(failed).decode("utf-8", "replace").strip().splitlines()
            raise DeviceError(f"{self.port}: the board says {lines[-1] if lines else 'nothing'}")
        return bytes(out).decode("utf-8", "replace")

    def values(self, code: str) -> list[Any]:
        """Run code that prints one Python literal a line, and return them."""
        printed = self.run(code)
        try:
            return [ast.literal_eval(line) for line in printed.splitlines() if line.strip()]
        except (ValueError, SyntaxError):
            raise DeviceError(
                f"{self.port}: the board printed {printed[:60]!r} where a value was expected; "
                "does another program use the port?"
            ) from None

    def leave_to(self, code: str) -> None:
        """Start code that ends the connection, such as a reset, and do not wait for it."""
        with contextlib.suppress(*_BROKEN):
            self._transport.exec_raw_no_follow(code)

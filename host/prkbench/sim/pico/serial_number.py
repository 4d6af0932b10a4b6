"""The serial number in the emulated board's flash chip."""

from __future__ import annotations

import hashlib

from rp2040py.peripherals.ssi import RPSSI

from prkbench.client import EMULATED

_READ_UNIQUE_ID = 0x4B
_DUMMY_BYTES = 4
_SIZE = 8


def serial_number(seed: int) -> bytes:
    """Eight bytes for the board of that seed, which say that it is none of a manufacturer's."""
    return (EMULATED + hashlib.sha256(b"board %d" % seed).digest())[:_SIZE]


def engrave(ssi: RPSSI, number: bytes) -> None:
    """Make the flash chip tell this number.

    machine.unique_id() is the flash chip's, read over its serial bus at every start (command 4Bh,
    four dummy bytes, eight bytes of answer). The emulator knows no such command, and every board
    would be FFFFFFFFFFFFFFFF.
    """
    shift = ssi._shift_byte

    def shift_byte(byte_out: int) -> int:
        shown = shift(byte_out)
        at = len(ssi._tx_buffer) - 1 - 1 - _DUMMY_BYTES
        if ssi._tx_buffer[0] == _READ_UNIQUE_ID and 0 <= at < _SIZE:
            return number[at]
        return shown

    ssi._shift_byte = shift_byte  # type: ignore[method-assign]

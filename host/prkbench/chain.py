"""Hash chain over rows: each link is SHA-256 of the link before and of the row, typed and framed.

Whoever notes the last link down can prove later that nothing before it was changed, left out or
put in another order.
"""

import hashlib
import struct
from collections.abc import Iterable
from typing import TypeAlias

Field: TypeAlias = int | float | str | bytes | None
GENESIS = hashlib.sha256(b"prkbench run file 1").digest()
"""What the first row's link is computed from."""


def encode(fields: Iterable[Field]) -> bytes:
    """Return one row as bytes; no two different rows share an encoding.

    Each field is a type letter, its length in four bytes and its bytes: integers as decimal
    digits, floats as eight big-endian bytes, text as UTF-8.
    """
    parts = []
    for field in fields:
        if field is None:
            letter, body = b"n", b""
        elif isinstance(field, bytes):
            letter, body = b"b", field
        elif isinstance(field, str):
            letter, body = b"s", field.encode()
        elif isinstance(field, float):
            letter, body = b"f", struct.pack(">d", field)
        else:
            letter, body = b"i", str(field).encode()
        parts += [letter, struct.pack(">I", len(body)), body]
    return b"".join(parts)


def link(previous: bytes, sequence: int, table: str, fields: Iterable[Field]) -> bytes:
    """Return the link of a row: 32 bytes that depend on it and on every row before it."""
    return hashlib.sha256(previous + encode([sequence, table, *fields])).digest()

"""How large the frame of each function is, read from the .mpy file that goes on the board.

Format: MicroPython, docs/reference/mpyfiles.rst and py/bc.h (version 6).
"""

from collections.abc import Iterator
from dataclasses import dataclass

_STR, _BYTES, _TUPLE = 5, 6, 10
_WITHOUT_LENGTH = range(5)
_FUNCTION_TABLE = 0
_BYTECODE = 0


@dataclass
class Frame:
    """A function's name, the slots of its frame and the exception handlers in it."""

    name: str
    slots: int
    handlers: int

    @property
    def words(self) -> int:
        """32-bit words: a slot is one, a handler three."""
        return self.slots + 3 * self.handlers


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def number(self) -> int:
        value = 0
        while True:
            byte = self.byte()
            value = value << 7 | byte & 0x7F
            if not byte & 0x80:
                return value

    def take(self, n: int) -> bytes:
        self.at += n
        return self.data[self.at - n : self.at]


def frames(mpy: bytes) -> list[Frame]:
    """Every function of a compiled module that is bytecode; machine code has no such frame."""
    reader = _Reader(mpy)
    mark, version, _, _ = reader.take(4)
    if mark != ord("M") or version != 6:
        raise ValueError(f"not an .mpy file of version 6: {mpy[:4]!r}")
    strings, objects = reader.number(), reader.number()
    names = []
    for _ in range(strings):
        length = reader.number()
        names.append("<builtin>" if length & 1 else reader.take(length >> 1).decode())
        if not length & 1:
            reader.byte()
    for _ in range(objects):
        _skip_object(reader)
    return list(_codes(reader, names))


def _skip_object(reader: _Reader) -> None:
    kind = reader.byte()
    if kind in _WITHOUT_LENGTH:
        return
    length = reader.number()
    if kind == _TUPLE:
        for _ in range(length):
            _skip_object(reader)
    else:
        reader.take(length + (kind in (_STR, _BYTES)))


def _codes(reader: _Reader, names: list[str]) -> Iterator[Frame]:
    head = reader.number()
    kind, has_children, length = head & 3, head & 4, head >> 3
    body = reader.take(length)
    if kind == _BYTECODE:
        yield _frame(body, names)
    else:
        # Machine code is followed by its relocations; this project's has children nowhere.
        _skip_machine_code(reader, kind)
    if has_children:
        for _ in range(reader.number()):
            yield from _codes(reader, names)


def _skip_machine_code(reader: _Reader, kind: int) -> None:
    scope = reader.number()  # prelude offset of native code, scope flags of viper code
    if kind == 2 and scope & 0x20:
        raise ValueError("viper code with data of its own is not read")


def _frame(body: bytes, names: list[str]) -> Frame:
    reader = _Reader(body)
    z = reader.byte()
    slots, handlers, n = z >> 3 & 0xF, z >> 2 & 1, 0
    while z & 0x80:
        z = reader.byte()
        slots |= (z & 0x30) << 2 * n
        handlers |= (z & 0x02) << n
        n += 1
    while reader.byte() & 0x80:
        pass
    return Frame(names[reader.number()], slots + 1, handlers)

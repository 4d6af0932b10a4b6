"""How large the frame of each function is, read from the .mpy file that goes on the board.

Format: MicroPython, docs/reference/mpyfiles.rst and py/bc.h (version 6).
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

_STR, _BYTES, _TUPLE = 5, 6, 10
_WITHOUT_LENGTH = range(5)
_BYTECODE, _VIPER = 0, 2
_HAS_DATA = 0x70


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


def frames(mpy: bytes, source: str) -> list[Frame]:
    """Every scope of a compiled module, in the order of its source, from which the names come.

    Machine code has no such frame: its size is 0.
    """
    reader = _Reader(mpy)
    mark, version, _, _ = reader.take(4)
    if mark != ord("M") or version != 6:
        raise ValueError(f"not an .mpy file of version 6: {mpy[:4]!r}")
    strings, objects = reader.number(), reader.number()
    for _ in range(strings):
        length = reader.number()
        if not length & 1:
            reader.take((length >> 1) + 1)
    for _ in range(objects):
        _skip_object(reader)
    sizes = list(_codes(reader))
    names = ["<module>", *_scopes(ast.parse(source))]
    if len(sizes) != len(names):
        raise ValueError(f"{len(sizes)} scopes were compiled, the source has {len(names)}")
    return [Frame(name, *size) for name, size in zip(names, sizes, strict=True)]


_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def _scopes(node: ast.AST) -> Iterator[str]:
    """Names of the scopes inside a node; those of a scope's own children follow it at once."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.ClassDef)):
            yield child.name
        elif isinstance(child, (ast.Lambda, *_COMPREHENSIONS)):
            yield f"<{type(child).__name__.lower()}>"
        yield from _scopes(child)


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


def _codes(reader: _Reader) -> Iterator[tuple[int, int]]:
    """Slots and handlers of a piece of code, then of those inside it."""
    head = reader.number()
    kind, has_children, length = head & 3, head & 4, head >> 3
    body = reader.take(length)
    if kind == _BYTECODE:
        yield _prelude(body)
    else:
        _skip_machine_code(reader, kind)
        yield 0, 0
    if has_children:
        for _ in range(reader.number()):
            yield from _codes(reader)


def _skip_machine_code(reader: _Reader, kind: int) -> None:
    flags = reader.number()
    if kind != _VIPER or flags & _HAS_DATA:
        raise ValueError("machine code other than plain viper functions is not read")


def _prelude(body: bytes) -> tuple[int, int]:
    reader = _Reader(body)
    z = reader.byte()
    slots, handlers, n = z >> 3 & 0xF, z >> 2 & 1, 0
    while z & 0x80:
        z = reader.byte()
        slots |= (z & 0x30) << 2 * n
        handlers |= (z & 0x02) << n
        n += 1
    return slots + 1, handlers

"""Text side of TOML: where a key stands in a file, and plain tables written back.

The standard library reads TOML without line numbers and does not write it; an error message
needs the line, and calibration writes rigs.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias

Scalar: TypeAlias = str | int | float | bool
_HEADER = re.compile(r"\s*\[+\s*([^\]#]+?)\s*\]+")
_KEY = re.compile(r"\s*((?:[A-Za-z0-9_\-]+|\"[^\"]*\"|'[^']*')(?:\s*\.\s*[A-Za-z0-9_\-\"']+)*)\s*=")


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))


def line_of(text: str, path: Sequence[str]) -> int | None:
    """Return the line (from 1) where the dotted ``path`` is set in ``text``.

    Falls back to the nearest parent that is written down (its ``[section]`` line), so a missing
    key points at the section it belongs in; None where nothing of the path is in the file.
    """
    table: tuple[str, ...] = ()
    found: dict[tuple[str, ...], int] = {}
    inside = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if inside:
            inside = "" if inside in line else inside
            continue
        if header := _HEADER.match(line):
            table = _parts(header.group(1))
            found.setdefault(table, number)
        elif key := _KEY.match(line):
            found.setdefault(table + _parts(key.group(1)), number)
            rest = line[key.end() :]
            inside = next((q for q in ('"""', "'''") if rest.count(q) == 1), "")
    for length in range(len(path), 0, -1):
        if tuple(path[:length]) in found:
            return found[tuple(path[:length])]
    return None


def _value(value: Scalar | Sequence[Scalar]) -> str:
    if isinstance(value, str):
        # A JSON string is a TOML basic string, except that TOML also wants DEL escaped.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    return "[" + ", ".join(_value(item) for item in value) + "]"


def dump(tables: Mapping[str, Mapping[str, Scalar | Sequence[Scalar]]]) -> str:
    """Return one level of tables as TOML text, in the order given."""
    blocks = []
    for name, table in tables.items():
        lines = [f"{key} = {_value(value)}" for key, value in table.items()]
        blocks.append("\n".join([f"[{name}]", *lines]) + "\n")
    return "\n".join(blocks)

"""Text side of TOML: where a key stands in a file, and plain tables written back.

The standard library reads TOML without line numbers and does not write it; an error message
needs the line, and calibration writes rigs.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

Scalar: TypeAlias = str | int | float | bool
_HEADER = re.compile(r"\s*\[+\s*([^\]#]+?)\s*\]+")
_KEY = re.compile(r"\s*((?:[A-Za-z0-9_\-]+|\"[^\"]*\"|'[^']*')(?:\s*\.\s*[A-Za-z0-9_\-\"']+)*)\s*=")


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))


def _numbered(named: tuple[str, ...], counts: Mapping[tuple[str, ...], int]) -> tuple[str, ...]:
    """Put the number of its latest entry behind every array of tables in a header's path."""
    path: list[str] = []
    for length, part in enumerate(named, start=1):
        path.append(part)
        if named[:length] in counts:
            path.append(str(counts[named[:length]]))
    return tuple(path)


def line_of(text: str, path: Sequence[str]) -> int | None:
    """Return the line (from 1) where the dotted ``path`` is set in ``text``.

    An entry of an array of tables is a number in the path, from 0. Falls back to the nearest
    parent that is written down (its ``[section]`` line), so a missing key points at the section
    it belongs in; None where nothing of the path is in the file.
    """
    table: tuple[str, ...] = ()
    found: dict[tuple[str, ...], int] = {}
    counts: dict[tuple[str, ...], int] = {}
    inside = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if inside:
            inside = "" if inside in line else inside
            continue
        if header := _HEADER.match(line):
            named = _parts(header.group(1))
            if line.lstrip().startswith("[["):
                counts[named] = counts.get(named, -1) + 1
            table = _numbered(named, counts)
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


def dump(tables: Mapping[str, Mapping[str, Any]]) -> str:
    """Return tables as TOML text, in the order given.

    A value is text, a number, a truth value, a list of these, or a list of tables.
    """
    blocks: list[str] = []
    for name, table in tables.items():
        _add_table(blocks, f"[{name}]", name, table)
    return "\n".join(blocks)


def _add_table(blocks: list[str], header: str, path: str, table: Mapping[str, Any]) -> None:
    arrays = {
        key: value
        for key, value in table.items()
        if isinstance(value, list) and value and isinstance(value[0], Mapping)
    }
    lines = [f"{key} = {_value(value)}" for key, value in table.items() if key not in arrays]
    blocks.append("\n".join([header, *lines]) + "\n")
    for key, entries in arrays.items():
        for entry in entries:
            _add_table(blocks, f"[[{path}.{key}]]", f"{path}.{key}", entry)

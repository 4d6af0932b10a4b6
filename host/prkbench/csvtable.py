"""A delimited text file as a header and numbered rows, whatever program wrote it.

Finds the encoding and the delimiter (comma, semicolon, tab), skips comments and blank lines, and
keeps the line number of every row for messages.
"""

import codecs
import csv
import math
import re
from dataclasses import dataclass
from pathlib import Path

from prkbench.errors import UsageError

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_COMMA_NUMBER = re.compile(r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?")


@dataclass(frozen=True)
class Table:
    """Header names, and rows as (line number in the file, cells)."""

    path: Path
    header: list[str]
    rows: list[tuple[int, list[str]]]
    delimiter: str

    def where(self, line: int, column: int) -> str:
        """Return "FILE: line 5, column 'x'" for messages."""
        return f"{self.path}: line {line}, column '{self.header[column]}'"

    def number(self, line: int, cells: list[str], column: int) -> float:
        """Return a cell as a finite float; UsageError names row, column and how to mend it."""
        text = cells[column]
        plain = text
        if self.delimiter != "," and _COMMA_NUMBER.fullmatch(text):
            plain = text.replace(",", ".")
        where = self.where(line, column)
        if not text:
            raise UsageError(f"{where}: empty, expected a number: fill it in or drop the row")
        if plain.lower().lstrip("+-") in ("nan", "inf", "infinity"):
            raise UsageError(f"{where}: found '{text}', expected a finite number: drop the row")
        if not _NUMBER.fullmatch(plain):
            raise UsageError(f"{where}: found '{text}', expected a number: mend or drop the row")
        value = float(plain)
        if not math.isfinite(value):
            raise UsageError(f"{where}: found '{text}', expected a finite number: drop the row")
        return value

    def decimals(self, column: int) -> int | None:
        """Return how many decimals a column is written with; None where it has exponents."""
        most = 0
        for _, cells in self.rows:
            text = cells[column].replace(",", ".")
            if "e" in text.lower():
                return None
            most = max(most, len(text.partition(".")[2]))
        return most


def read_table(path: Path) -> Table:
    """Read a delimited file; UsageError where it is none."""
    text = _text(path)
    lines = [
        (number, line)
        for number, line in enumerate(text.splitlines(), start=1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if not lines:
        raise UsageError(f"{path}: no rows, expected a header line and readings below it")
    first = lines[0][1]
    delimiter = max(";\t,", key=lambda d: first.count(d))
    rows = [(number, _cells(path, number, line, delimiter)) for number, line in lines]
    header = rows[0][1]
    while header and not header[-1]:
        header = header[:-1]
    if not header or all(_NUMBER.fullmatch(cell.replace(",", ".")) for cell in header):
        raise UsageError(
            f"{path}: line {rows[0][0]}: no header, expected column names such as "
            "'time_s,pressure_hpa' above the readings"
        )
    for name in header:
        if header.count(name) > 1:
            raise UsageError(f"{path}: column '{name}' appears twice: rename one of them")
    body = []
    for number, cells in rows[1:]:
        # A delimiter at the end of the line is how some loggers finish it.
        while len(cells) > len(header) and not cells[-1]:
            cells = cells[:-1]
        if len(cells) != len(header):
            raise UsageError(
                f"{path}: line {number}: {len(cells)} values, expected {len(header)} "
                "as in the header: mend or drop the row"
            )
        body.append((number, cells))
    return Table(path, header, body, delimiter)


def _cells(path: Path, number: int, line: str, delimiter: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter))]
    except csv.Error:
        raise UsageError(
            f"{path}: line {number}: a value too long for a reading: mend or drop the row"
        ) from None


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file, name one that exists") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            text = data.decode("utf-16")
        else:
            text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        # Older loggers on Windows; only a degree sign ever differs.
        text = data.decode("cp1252", errors="replace")
    if "\x00" in text:
        raise UsageError(f"{path}: binary data, expected a text file with a header and rows")
    return text

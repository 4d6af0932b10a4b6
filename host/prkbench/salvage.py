"""Saves what is left of a damaged run file into a new one, and lists what is not.

Rows are looked up by number, one by one: a damaged page costs the rows that need it, and no more.
A row counts where its link of the hash chain follows from the row before it. After a hole the link
cannot be computed; then a chunk's own checksum must be right, and other rows readable. Records
that are missing between others become gap records, so the new file is whole.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from prkbench import chain
from prkbench.errors import DataError
from prkbench.rundb import CHAINED, READING_COLUMNS
from prkbench.runfile import Kind, RunFile

Row: TypeAlias = tuple[int, str, tuple[Any, ...], bytes]
_TYPES: dict[str, tuple[type, ...]] = {
    "meta": (str, str),
    "run": (int, bytes, int),
    "chunk": (int, str, int, int, bytes, int, int, int),
    "gap": (int, str, int, int, str, int),
    "mark": (str, int),
    "reading_batch": (int, int, bytes),
}
_LEAST_ROW_BYTES = 40
_HEADER_BYTES = 100
_MOST_GROWTH = 1000
"""Times its own size: a damaged header may state any length."""


@dataclass
class Salvaged:
    """What was saved: rows, of them not provable by the chain; what is missing, in plain words."""

    rows: int = 0
    unproven: int = 0
    missing: list[str] = field(default_factory=list)


class Wreck:
    """A run file that may be damaged anywhere but in its schema."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._folder = tempfile.TemporaryDirectory(prefix="prkbench-")
        copy = Path(self._folder.name, "copy.prk")
        try:
            _copy(path, copy)
            self._connection = sqlite3.connect(copy)
            names = {name for (name,) in self._connection.execute("SELECT name FROM sqlite_master")}
        except OSError as error:
            raise DataError(f"{path}: cannot be copied: {error.strerror or error}") from None
        except sqlite3.Error as error:
            raise DataError(
                f"{path}: its beginning is damaged ({error}), nothing can be read: restore a copy"
            ) from None
        if not set(CHAINED) <= names:
            raise DataError(f"{path}: not a run file, or its table of contents is damaged")

    def close(self) -> None:
        """Forget the copy that was read."""
        self._connection.close()
        self._folder.cleanup()

    def rows(self) -> Iterator[Row | int]:
        """Yield every row that can be read in the order of recording, or its number if none can."""
        last = self._last()
        for sequence in range(1, last + 1):
            yield self._row(sequence) or sequence

    def damage(self) -> str | None:
        """What the database finds wrong with its pages first, None when nothing is."""
        found = self._ask("PRAGMA integrity_check(1)")
        text = " ".join(str(found[0][0]).split()) if found else "pages cannot be read"
        return None if text == "ok" else text

    def _last(self) -> int:
        """The number of the last row, from whichever table still tells."""
        most = 0
        for table in CHAINED:
            for (found,) in self._ask(f"SELECT seq FROM {table} ORDER BY seq DESC LIMIT 1"):
                most = max(most, int(found))
        # What lies behind a damaged page may have higher numbers: as long as some are found, go on.
        most_possible = self.path.stat().st_size // _LEAST_ROW_BYTES
        step = max(64, most // 4)
        while most < most_possible:
            further = [n for n in range(most + 1, most + step + 1) if self._row(n)]
            if not further:
                break
            most = further[-1]
        return most

    def _row(self, sequence: int) -> Row | None:
        for table, columns in CHAINED.items():
            found = self._ask(
                f"SELECT {', '.join(columns)}, chain FROM {table} WHERE seq = ?", (sequence,)
            )
            if found and isinstance(found[0][-1], bytes) and _typed(table, found[0][:-1]):
                return sequence, table, found[0][:-1], found[0][-1]
        return None

    def readings(self, first: int, count: int) -> list[tuple[float | None, ...]]:
        """The readings of a batch that can be read."""
        names = ", ".join(READING_COLUMNS)
        found = []
        for number in range(first, first + count):
            found += self._ask(f"SELECT {names} FROM reading WHERE id = ?", (number,))
        return found

    def _ask(self, sql: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        try:
            return self._connection.execute(sql, parameters).fetchall()
        except (sqlite3.Error, UnicodeDecodeError, OverflowError):
            return []


def salvage(source: Path, target: Path) -> Salvaged:
    """Write what can be saved of `source` into the new file `target`.

    DataError where nothing can be read, UsageError where the target exists.
    """
    wreck = Wreck(source)
    try:
        with RunFile.create(target, {"repaired_from": source.name}) as file, file.transaction():
            return _Saving(wreck, file).run()
    finally:
        wreck.close()


class _Saving:
    def __init__(self, wreck: Wreck, file: RunFile) -> None:
        self._wreck = wreck
        self._file = file
        self._done = Salvaged()
        self._begun: set[int] = set()
        self._orphans: dict[int, int] = {}
        self._last = 0

    def run(self) -> Salvaged:
        done = self._done
        link: bytes | None = chain.GENESIS
        lost: list[int] = []
        for row in self._wreck.rows():
            if isinstance(row, int):
                lost.append(row)
                link = None
                continue
            sequence, table, fields, told = row
            proven = link is not None and chain.link(link, sequence, table, fields) == told
            if proven or (link is None and _plausible(table, fields)):
                self._keep(table, fields)
                self._last = sequence
                done.rows += 1
                done.unproven += not proven
                link = told
            else:
                # Its link may be what is damaged, or the one before: the next row begins anew.
                lost.append(sequence)
                link = None
        if lost:
            done.missing.insert(0, f"rows of the file: {_spans(lost)}")
        page = self._wreck.damage()
        if page is not None:
            done.missing.append(f"what came after row {self._last}, if anything: {page}")
        for run_id, records in self._orphans.items():
            done.missing.append(f"run {run_id}: its beginning, so {records} records mean nothing")
        return done

    def _keep(self, table: str, fields: tuple[Any, ...]) -> None:
        file = self._file
        if table == "meta":
            file.set_meta(fields[0], json.loads(fields[1]))
        elif table == "run":
            file.begin_run(*fields)
            self._begun.add(fields[0])
        elif table == "mark":
            file.add_mark(*fields)
        elif table == "reading_batch":
            self._keep_readings(*fields[:2])
        elif fields[0] not in self._begun:
            self._orphans[fields[0]] = self._orphans.get(fields[0], 0) + fields[3]
        elif table == "chunk":
            run_id, kind, first, count, payload, _, host_time_ns, node_us = fields
            self._bridge(run_id, Kind(kind), first, host_time_ns)
            file.append(run_id, Kind(kind), first, count, payload, host_time_ns, node_us)
        else:
            run_id, kind, first, count, reason, host_time_ns = fields
            self._bridge(run_id, Kind(kind), first, host_time_ns)
            file.add_gap(run_id, Kind(kind), first, count, reason, host_time_ns)

    def _bridge(self, run_id: int, kind: Kind, first: int, host_time_ns: int) -> None:
        due = self._file.next(run_id, kind)
        if first > due:
            reason = f"damaged in {self._wreck.path.name}"
            self._file.add_gap(run_id, kind, due, first - due, reason, host_time_ns)
            self._done.missing.append(f"run {run_id}: {kind} {due} to {first - 1}")

    def _keep_readings(self, first: int, count: int) -> None:
        found = self._wreck.readings(first, count)
        if found:
            self._file.add_readings(*zip(*found, strict=True))
        if len(found) < count:
            self._done.missing.append(f"{count - len(found)} of {count} readings")


def _copy(path: Path, copy: Path) -> None:
    """Copy a run file with its journal, filled up to the length that its header states.

    SQLite opens no file that is shorter; what is filled in are pages that it finds damaged.
    """
    shutil.copyfile(path, copy)
    journal = path.with_name(path.name + "-wal")
    if journal.exists():
        shutil.copyfile(journal, copy.with_name(copy.name + "-wal"))
    with copy.open("r+b") as file:
        header = file.read(_HEADER_BYTES)
        page = int.from_bytes(header[16:18], "big")
        size = int.from_bytes(header[28:32], "big") * (65536 if page == 1 else page)
        if file.seek(0, 2) < size <= _MOST_GROWTH * path.stat().st_size + _MOST_GROWTH:
            file.truncate(size)


def _typed(table: str, fields: tuple[Any, ...]) -> bool:
    return all(isinstance(f, t) for f, t in zip(fields, _TYPES[table], strict=True))


def _plausible(table: str, fields: tuple[Any, ...]) -> bool:
    """Whether a row whose link cannot be computed speaks for itself."""
    try:
        if table == "chunk":
            return zlib.crc32(fields[4]) == fields[5] and fields[3] > 0 and bool(Kind(fields[1]))
        if table == "gap":
            return fields[3] > 0 and bool(Kind(fields[1]))
        if table in ("meta", "run"):
            json.loads(fields[1])
    except ValueError:
        return False
    return True


def _spans(numbers: list[int]) -> str:
    """Numbers in order as "3, 7 to 12"."""
    spans: list[list[int]] = []
    for n in numbers:
        if spans and n == spans[-1][1] + 1:
            spans[-1][1] = n
        else:
            spans.append([n, n])
    return ", ".join(str(a) if a == b else f"{a} to {b}" for a, b in spans)

"""Is a run file still what was recorded: pages, hash chain, checksums, readings, sequences."""

import hashlib
import heapq
import zlib
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from prkbench import chain
from prkbench.errors import DataError
from prkbench.rundb import CHAINED, READING_COLUMNS, RunDb

_Row: TypeAlias = tuple[int, str, tuple[Any, ...], bytes]


def check(db: RunDb) -> list[str]:
    """Return every fault found, one line each; empty when the file is whole."""
    faults: list[str] = []
    for test in (_check_pages, _check_chain, _check_readings, _check_order):
        try:
            faults += test(db)
        except DataError as error:
            faults.append(str(error).removeprefix(f"{db.path}: "))
        except (TypeError, ValueError) as error:
            # A flipped bit in a row's header turns a number into text, or the other way round.
            faults.append(f"a value is of the wrong type ({error})")
    return faults


def readings_digest(rows: Sequence[tuple[Any, ...]]) -> bytes:
    """Return SHA-256 over a batch of foreign readings, NULL being None."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(chain.encode(row))
    return digest.digest()


def _check_pages(db: RunDb) -> list[str]:
    rows = db.rows("PRAGMA integrity_check")
    return [f"database page: {text}" for (text,) in rows if text != "ok"]


def _links(db: RunDb, table: str) -> Iterator[_Row]:
    columns = ", ".join(CHAINED[table])
    for row in db.stream(f"SELECT seq, {columns}, chain FROM {table} ORDER BY seq"):
        yield row[0], table, row[1:-1], row[-1]


def _check_chain(db: RunDb) -> list[str]:
    faults: list[str] = []
    previous, expected = chain.GENESIS, 1
    rows = heapq.merge(*(_links(db, table) for table in CHAINED), key=lambda row: row[0])
    for sequence, table, fields, link in rows:
        if sequence != expected:
            faults.append(f"row {expected}: missing or out of order, found row {sequence}")
        if chain.link(previous, sequence, table, fields) != link:
            faults.append(f"row {sequence} ({table}): does not fit the hash chain")
        if table == "chunk" and zlib.crc32(fields[4]) != fields[5]:
            faults.append(f"row {sequence} (chunk): checksum of the payload is wrong")
        previous, expected = link, sequence + 1
    return faults


def _check_readings(db: RunDb) -> list[str]:
    faults, covered = [], 0
    for first, count, digest in db.rows("SELECT first, count, sha256 FROM reading_batch"):
        names = ", ".join(READING_COLUMNS)
        sql = f"SELECT {names} FROM reading WHERE id >= ? AND id < ? ORDER BY id"
        rows = db.rows(sql, (first, first + count))
        if len(rows) != count or readings_digest(rows) != digest:
            faults.append(f"readings {first} to {first + count - 1}: changed since recorded")
        covered += count
    (total,) = db.rows("SELECT count(*) FROM reading")[0]
    if total != covered:
        faults.append(f"readings: {total} rows, expected {covered}")
    return faults


def _check_order(db: RunDb) -> list[str]:
    faults = []
    runs = {run_id for (run_id,) in db.rows("SELECT run_id FROM run")}
    expected: dict[tuple[int, str], int] = {}
    for run_id, kind, first, count in db.rows(
        "SELECT run_id, kind, first, count FROM chunk UNION ALL "
        "SELECT run_id, kind, first, count FROM gap ORDER BY run_id, kind, first"
    ):
        if run_id not in runs:
            faults.append(f"run {run_id}: has records but no beginning")
            runs.add(run_id)
        due = expected.get((run_id, kind), 0)
        if first != due:
            faults.append(f"run {run_id} {kind}: record {first} follows, expected {due}")
        expected[run_id, kind] = first + count
    return faults

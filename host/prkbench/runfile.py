"""The run file: one test session in one SQLite file, every loss recorded, every byte proven.

A session holds one or more node runs (a reset of the node starts a new one), each with records of
several kinds in an unbroken sequence from 0: what is not there as a chunk is there as a gap.
"""

import contextlib
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from prkbench import runcheck
from prkbench.errors import DataError
from prkbench.rundb import CHAINED, READING_COLUMNS, RunDb

Json: TypeAlias = bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"] | None
READINGS_DTYPE = np.dtype([(name, np.float64) for name in READING_COLUMNS])
"""One reading of a foreign log; NaN where the log does not say."""


class Kind(StrEnum):
    """What the records of a chunk are."""

    SAMPLE = "sample"
    BLOCK = "block"
    RESULT = "result"
    EVENT = "event"


@dataclass(frozen=True)
class Run:
    """One run of a node, from its start to its reset; ``setup`` is what the node said of itself."""

    run_id: int
    setup: dict[str, Any]
    setup_raw: bytes
    host_time_ns: int


@dataclass(frozen=True)
class Chunk:
    """Records ``first`` to ``first + count - 1`` of a run and kind, as they came from the node."""

    id: int
    first: int
    count: int
    payload: bytes
    host_time_ns: int
    node_us: int


@dataclass(frozen=True)
class Gap:
    """Records that were lost, and why."""

    run_id: int
    kind: Kind
    first: int
    count: int
    reason: str
    host_time_ns: int


@dataclass(frozen=True)
class Mark:
    """What the operator noted, and when."""

    text: str
    host_time_ns: int


class RunFile:
    """A run file open for recording or reading; a context manager that closes it."""

    def __init__(self, db: RunDb) -> None:
        self._db = db
        self._next: dict[tuple[int, Kind], int] = {}
        self._size: dict[tuple[int, Kind], int] = {}

    @classmethod
    def create(cls, path: Path, meta: Mapping[str, Json]) -> "RunFile":
        """Create a run file (mode 0600) with metadata; refuses to overwrite (UsageError)."""
        file = cls(RunDb.create(Path(path)))
        try:
            with file.transaction():
                for key, value in meta.items():
                    file.set_meta(key, value)
        except BaseException:
            file.close()
            file.path.unlink(missing_ok=True)
            raise
        return file

    @classmethod
    def open(cls, path: Path, *, readonly: bool = True) -> "RunFile":
        """Open a run file; DataError where it is foreign, cut off, damaged or too new."""
        return cls(RunDb.open(Path(path), readonly=readonly))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def path(self) -> Path:
        """Where the file is."""
        return self._db.path

    def close(self) -> None:
        """Close the file; after recording it is a single file again."""
        self._db.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Record several things as one durable step; on an error none of them is kept."""
        before = dict(self._next), dict(self._size)
        try:
            with self._db.transaction():
                yield
        except BaseException:
            self._next, self._size = before
            raise

    def set_meta(self, key: str, value: Json) -> None:
        """Record a fact about the session; a later value of the same key wins, none is erased."""
        with self.transaction():
            self._db.insert("meta", (key, json.dumps(value, allow_nan=False)))

    @property
    def meta(self) -> dict[str, Any]:
        """The session's metadata, the latest value of each key."""
        rows = self._db.rows("SELECT key, value FROM meta ORDER BY seq")
        return {key: self._json(value, f"meta '{key}'") for key, value in rows}

    def begin_run(self, run_id: int, setup: bytes, host_time_ns: int) -> None:
        """Start a run with the JSON the node describes itself with."""
        self._json(setup, f"setup of run {run_id}")
        if self._db.rows("SELECT 1 FROM run WHERE run_id = ?", (run_id,)):
            raise DataError(f"{self.path}: run {run_id} has begun already, expected a new run id")
        with self.transaction():
            self._db.insert("run", (run_id, setup, host_time_ns))

    def runs(self) -> list[Run]:
        """Return the runs in the order they were recorded."""
        rows = self._db.rows("SELECT run_id, setup, host_time_ns FROM run ORDER BY seq")
        return [
            Run(
                run_id,
                self._json(setup, f"setup of run {run_id}"),
                self._bytes(setup, f"setup of run {run_id}"),
                time_ns,
            )
            for run_id, setup, time_ns in rows
        ]

    def next(self, run_id: int, kind: Kind) -> int:
        """Return the sequence number of the next record that is neither here nor a gap."""
        key = run_id, kind
        if self._db.readonly or key not in self._next:
            ends = self._db.rows(
                "SELECT max(first + count) FROM chunk WHERE run_id = ? AND kind = ? "
                "UNION ALL SELECT max(first + count) FROM gap WHERE run_id = ? AND kind = ?",
                (run_id, kind, run_id, kind),
            )
            self._next[key] = max((int(end) for (end,) in ends if end is not None), default=0)
        return self._next[key]

    def append(
        self,
        run_id: int,
        kind: Kind,
        first: int,
        count: int,
        payload: bytes,
        host_time_ns: int,
        node_us: int,
    ) -> None:
        """Record ``count`` records that continue the run's sequence; all of one size per kind.

        DataError where ``first`` is not ``next(run_id, kind)``: a loss is recorded with add_gap
        first, an overlap never is.
        """
        self._expect(run_id, kind, first, count)
        size, rest = divmod(len(payload), count)
        expected = self._record_size(run_id, kind) or size
        if rest or size == 0 or size != expected:
            raise DataError(
                f"{self.path}: run {run_id} {kind} {first}: {len(payload)} bytes for {count} "
                f"records, expected {expected * count}"
            )
        payload = bytes(payload)
        fields = (run_id, str(kind), first, count, payload, zlib.crc32(payload), host_time_ns)
        with self.transaction():
            self._db.insert("chunk", (*fields, node_us))
            self._next[run_id, kind] = first + count
            self._size[run_id, kind] = size

    def add_gap(
        self, run_id: int, kind: Kind, first: int, count: int, reason: str, host_time_ns: int
    ) -> None:
        """Record that ``count`` records from ``first`` are lost, and why."""
        self._expect(run_id, kind, first, count)
        with self.transaction():
            self._db.insert("gap", (run_id, str(kind), first, count, reason, host_time_ns))
            self._next[run_id, kind] = first + count

    def chunks(self, run_id: int, kind: Kind) -> Iterator[Chunk]:
        """Yield the chunks of a run and kind in sequence."""
        for row in self._db.stream(
            "SELECT seq, first, count, payload, host_time_ns, node_us FROM chunk "
            "WHERE run_id = ? AND kind = ? ORDER BY first",
            (run_id, kind),
        ):
            number, first, count, payload, *times = row
            payload = self._bytes(payload, f"run {run_id} {kind} {first}")
            yield Chunk(number, first, count, payload, *times)

    def last_chunk(self, run_id: int, kind: Kind) -> Chunk | None:
        """Return the newest chunk of a run and kind, None where there is none."""
        rows = self._db.rows(
            "SELECT seq, first, count, payload, host_time_ns, node_us FROM chunk "
            "WHERE run_id = ? AND kind = ? ORDER BY first DESC LIMIT 1",
            (run_id, kind),
        )
        return Chunk(*rows[0]) if rows else None

    def payload(self, run_id: int, kind: Kind) -> bytes:
        """Return all records of a run and kind, one after the other; gaps leave no trace here."""
        return b"".join(chunk.payload for chunk in self.chunks(run_id, kind))

    def gaps(self) -> list[Gap]:
        """Return all recorded losses."""
        columns = ", ".join(CHAINED["gap"])
        rows = self._db.rows(f"SELECT {columns} FROM gap ORDER BY seq")
        try:
            return [Gap(row[0], Kind(row[1]), *row[2:]) for row in rows]
        except ValueError as error:
            raise DataError(f"{self.path}: gaps: {error}: damaged, restore a copy") from None

    def add_mark(self, text: str, host_time_ns: int) -> None:
        """Record what the operator noted."""
        with self.transaction():
            self._db.insert("mark", (text, host_time_ns))

    def marks(self) -> list[Mark]:
        """Return the operator's notes in order."""
        rows = self._db.rows("SELECT text, host_time_ns FROM mark ORDER BY seq")
        return [Mark(*row) for row in rows]

    def add_readings(
        self,
        t_s: ArrayLike,
        pressure_pa: ArrayLike,
        temperature_k: ArrayLike | None = None,
        reference_pa: ArrayLike | None = None,
        u_t_s: ArrayLike | None = None,
        u_pressure_pa: ArrayLike | None = None,
    ) -> None:
        """Record a foreign log, one reading a row; None or NaN where the log does not say."""
        columns = [t_s, pressure_pa, temperature_k, reference_pa, u_t_s, u_pressure_pa]
        count = len(np.asarray(t_s))
        table = [
            np.full(count, np.nan) if column is None else np.asarray(column, dtype=np.float64)
            for column in columns
        ]
        # SQLite stores NaN as NULL, so the digest is taken of what will be read back.
        rows = [
            tuple(None if np.isnan(v) else float(v) for v in row)
            for row in zip(*table, strict=True)
        ]
        (start,) = self._db.rows("SELECT coalesce(max(id), -1) + 1 FROM reading")[0]
        with self.transaction():
            self._db.insert_many(
                "INSERT INTO reading VALUES (?, ?, ?, ?, ?, ?, ?)",
                [(start + i, *row) for i, row in enumerate(rows)],
            )
            self._db.insert("reading_batch", (start, count, runcheck.readings_digest(rows)))

    def readings(self) -> NDArray[np.void] | None:
        """Return the foreign readings as an array of READINGS_DTYPE, None where there are none."""
        rows = self._db.rows(f"SELECT {', '.join(READING_COLUMNS)} FROM reading ORDER BY id")
        if not rows:
            return None
        table = np.array(rows, dtype=np.float64)
        readings = np.zeros(len(rows), dtype=READINGS_DTYPE)
        for i, name in enumerate(READING_COLUMNS):
            readings[name] = table[:, i]
        return readings

    def head(self) -> str:
        """Return the last link of the hash chain in hex; whoever has it can prove the file."""
        return (self._db.last_link()[1] if self._db.readonly else self._db.head).hex()

    def check(self) -> list[str]:
        """Return every fault found in the file's data, one line each; empty when it is whole."""
        return runcheck.check(self._db)

    def _expect(self, run_id: int, kind: Kind, first: int, count: int) -> None:
        due = self.next(run_id, kind)
        where = f"{self.path}: run {run_id} {kind} {first}"
        if due == 0 and not self._db.rows("SELECT 1 FROM run WHERE run_id = ?", (run_id,)):
            raise DataError(f"{where}: the run has not begun, expected begin_run first")
        if count < 1:
            raise DataError(f"{where}: {count} records, expected at least one")
        if first < due:
            raise DataError(f"{where}: overlaps what is recorded, expected {due}")
        if first > due:
            raise DataError(f"{where}: {first - due} records are missing, expected {due} or a gap")

    def _record_size(self, run_id: int, kind: Kind) -> int | None:
        key = run_id, kind
        if key not in self._size:
            rows = self._db.rows(
                "SELECT length(payload) / count FROM chunk WHERE run_id = ? AND kind = ? LIMIT 1",
                (run_id, kind),
            )
            if not rows:
                return None
            self._size[key] = int(rows[0][0])
        return self._size[key]

    def _bytes(self, value: object, what: str) -> bytes:
        # A flipped bit in a row's header turns bytes into text.
        if not isinstance(value, bytes):
            raise DataError(f"{self.path}: {what} is no longer bytes: damaged, restore a copy")
        return value

    def _json(self, text: str | bytes, what: str) -> Any:
        try:
            return json.loads(text)
        except (TypeError, ValueError) as error:
            raise DataError(f"{self.path}: {what} is not JSON ({error}): damaged") from None

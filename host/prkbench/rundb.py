"""The SQLite database under a run file: schema, opening, transactions, errors in plain words.

Every data row of every table takes the next number of one common sequence and a link of one
common hash chain, so the order in which things were recorded is part of what is proven.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prkbench import chain
from prkbench.errors import DataError, DiskFull, UsageError

APPLICATION_ID = 0x50524B42
"""ASCII "PRKB": what tells our files from any other SQLite database."""
SCHEMA_VERSION = 1
_MAGIC = b"SQLite format 3\x00"
_SCHEMA = """
CREATE TABLE meta (seq INTEGER PRIMARY KEY, key TEXT NOT NULL, value TEXT NOT NULL,
    chain BLOB NOT NULL);
CREATE TABLE run (seq INTEGER PRIMARY KEY, run_id INTEGER NOT NULL UNIQUE, setup BLOB NOT NULL,
    host_time_ns INTEGER NOT NULL, chain BLOB NOT NULL);
CREATE TABLE chunk (seq INTEGER PRIMARY KEY, run_id INTEGER NOT NULL, kind TEXT NOT NULL,
    first INTEGER NOT NULL, count INTEGER NOT NULL, payload BLOB NOT NULL,
    crc32 INTEGER NOT NULL, host_time_ns INTEGER NOT NULL, node_us INTEGER NOT NULL,
    chain BLOB NOT NULL);
CREATE TABLE gap (seq INTEGER PRIMARY KEY, run_id INTEGER NOT NULL, kind TEXT NOT NULL,
    first INTEGER NOT NULL, count INTEGER NOT NULL, reason TEXT NOT NULL,
    host_time_ns INTEGER NOT NULL, chain BLOB NOT NULL);
CREATE TABLE mark (seq INTEGER PRIMARY KEY, text TEXT NOT NULL, host_time_ns INTEGER NOT NULL,
    chain BLOB NOT NULL);
CREATE TABLE reading_batch (seq INTEGER PRIMARY KEY, first INTEGER NOT NULL,
    count INTEGER NOT NULL, sha256 BLOB NOT NULL, chain BLOB NOT NULL);
CREATE TABLE reading (id INTEGER PRIMARY KEY, t_s REAL NOT NULL, pressure_pa REAL NOT NULL,
    temperature_k REAL, reference_pa REAL, u_t_s REAL, u_pressure_pa REAL);
CREATE INDEX chunk_order ON chunk (run_id, kind, first);
CREATE INDEX gap_order ON gap (run_id, kind, first);
"""
CHAINED = {
    "meta": ("key", "value"),
    "run": ("run_id", "setup", "host_time_ns"),
    "chunk": (
        "run_id",
        "kind",
        "first",
        "count",
        "payload",
        "crc32",
        "host_time_ns",
        "node_us",
    ),
    "gap": ("run_id", "kind", "first", "count", "reason", "host_time_ns"),
    "mark": ("text", "host_time_ns"),
    "reading_batch": ("first", "count", "sha256"),
}
"""The columns of each chained table that its link covers, in order."""

READING_COLUMNS = (
    "t_s",
    "pressure_pa",
    "temperature_k",
    "reference_pa",
    "u_t_s",
    "u_pressure_pa",
)
"""The columns of a foreign reading, in SI units, NULL where the log does not say."""


class RunDb:
    """One open database: guarded queries, transactions, and rows that join the chain."""

    def __init__(self, connection: sqlite3.Connection, path: Path, *, readonly: bool) -> None:
        self.path = path
        self.readonly = readonly
        self._connection = connection
        self._depth = 0
        self.sequence, self.head = self.last_link()
        self._version = self._data_version()

    @classmethod
    def create(cls, path: Path) -> "RunDb":
        """Create the file, readable by its owner only; UsageError where one already exists."""
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            raise UsageError(f"{path}: exists already, choose another name or move it") from None
        except OSError as error:
            raise UsageError(
                f"{path}: cannot create the run file: {error.strerror}; name one in an existing "
                "folder that you may write to"
            ) from None
        try:
            with guarded(path):
                connection = _connect(path, "rw")
                connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
                connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
                connection.executescript("BEGIN;" + _SCHEMA + "COMMIT;")
                _durable(connection)
            return cls(connection, path, readonly=False)
        except DataError:
            path.unlink()
            raise

    @classmethod
    def open(cls, path: Path, *, readonly: bool) -> "RunDb":
        """Open a run file; DataError where it is foreign, truncated, damaged or too new."""
        _examine(path)
        with guarded(path):
            connection = _connect(path, "ro" if readonly else "rw")
            try:
                _recognise(connection, path)
                if not readonly:
                    _durable(connection)
                return cls(connection, path, readonly=readonly)
            except BaseException:
                connection.close()
                raise

    def rows(self, sql: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """Return all rows of a query."""
        with guarded(self.path):
            return self._connection.execute(sql, parameters).fetchall()

    def stream(self, sql: str, parameters: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a query one by one, for what does not fit in memory at once."""
        with guarded(self.path):
            # Not "yield from": it would close the cursor when abandoned, even after the database.
            for row in self._connection.execute(sql, parameters):  # noqa: UP028
                yield row

    def last_link(self) -> tuple[int, bytes]:
        """Return the number and the link of the last row; (0, genesis) for an empty file."""
        union = " UNION ALL ".join(f"SELECT seq, chain FROM {table}" for table in CHAINED)
        last = self.rows(f"SELECT seq, chain FROM ({union}) ORDER BY seq DESC LIMIT 1")
        return (int(last[0][0]), bytes(last[0][1])) if last else (0, chain.GENESIS)

    def insert(self, table: str, fields: tuple[chain.Field, ...]) -> int:
        """Add a row to a chained table inside a transaction; return its sequence number."""
        sequence = self.sequence + 1
        link = chain.link(self.head, sequence, table, fields)
        columns = ", ".join(("seq", *CHAINED[table], "chain"))
        places = ", ".join("?" * (len(fields) + 2))
        self._connection.execute(
            f"INSERT INTO {table} ({columns}) VALUES ({places})", (sequence, *fields, link)
        )
        self.sequence, self.head = sequence, link
        return sequence

    def insert_many(self, sql: str, rows: list[tuple[Any, ...]]) -> None:
        """Add rows that are not chained one by one, inside a transaction."""
        self._connection.executemany(sql, rows)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; a transaction inside another joins it. Durable when it returns."""
        if self.readonly:
            raise DataError(f"{self.path}: opened for reading only, nothing can be recorded")
        if self._depth:
            yield
            return
        before = self.sequence, self.head
        with guarded(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            self._depth = 1
            try:
                if self._data_version() != self._version:
                    raise DataError(
                        f"{self.path}: another program is recording into this file, stop it first"
                    )
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                self.sequence, self.head = before
                # A full disk may have rolled back already.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            finally:
                self._depth = 0

    def close(self) -> None:
        """Close; a written file folds its journal in and is then one file, safe to copy."""
        if not self.readonly:
            # Whoever reads at the moment keeps the journal alive; the next close folds it in.
            with contextlib.suppress(sqlite3.OperationalError):
                self._connection.execute("PRAGMA busy_timeout=200")
                self._connection.execute("PRAGMA journal_mode=DELETE")
        self._connection.close()

    def _data_version(self) -> int:
        return int(self.rows("PRAGMA data_version")[0][0])


@contextlib.contextmanager
def guarded(path: Path) -> Iterator[None]:
    """Turn what SQLite raises into a DataError of one line that says how to mend it."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code == sqlite3.SQLITE_FULL:
            raise DiskFull(
                f"{path}: the disk is full; all up to the last commit is safe: make room and go on"
            ) from error
        if code == sqlite3.SQLITE_IOERR:
            text = (
                f"the disk refuses to read or write ({error}); all up to the last commit is safe: "
                "check its space, quota and health and go on"
            )
        elif code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            text = "locked by another program, close it and try again"
        elif code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
            text = "cannot be opened for this, check the permissions of the file and its folder"
        elif code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            text = f"damaged ({error}): restore it from a copy"
        else:
            text = f"cannot be read as a run file ({error}): restore it from a copy"
        raise DataError(f"{path}: {text}") from error
    except UnicodeDecodeError as error:
        # SQLite quotes a damaged schema in its own message, which is then no text.
        raise DataError(f"{path}: damaged ({error.reason}): restore it from a copy") from error


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    uri = path.resolve().as_uri()
    try:
        connection = sqlite3.connect(f"{uri}?mode={mode}", uri=True, isolation_level=None)
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        # A file in journal mode on a read-only medium can be read only as one that never changes.
        if mode != "ro" or path.with_name(path.name + "-wal").exists():
            raise
        connection = sqlite3.connect(f"{uri}?immutable=1", uri=True, isolation_level=None)
    return connection


def _recognise(connection: sqlite3.Connection, path: Path) -> None:
    """Raise DataError where the database is another program's or of a schema not known here."""
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise DataError(f"{path}: a database of another program, expected a run file")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA_VERSION:
        raise DataError(
            f"{path}: written by a newer prkbench (schema {version}, this one reads "
            f"{SCHEMA_VERSION}): update prkbench"
        )
    if version < 1:
        raise DataError(f"{path}: schema {version}, expected {SCHEMA_VERSION}: damaged")


def _durable(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")


def _examine(path: Path) -> None:
    """Tell a missing, foreign or cut-off file before SQLite sees it, in plain words."""
    try:
        with path.open("rb") as file:
            header = file.read(100)
            size = file.seek(0, os.SEEK_END)
    except FileNotFoundError:
        raise UsageError(f"{path}: no such run file, name one that exists") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    if header[:16] != _MAGIC[: len(header)] or not header:
        raise DataError(f"{path}: not a run file, expected one written by prkbench")
    page = int.from_bytes(header[16:18], "big")
    pages = int.from_bytes(header[28:32], "big")
    # While a journal stands beside it the file itself may lag behind its header.
    whole = len(header) == 100 and size >= pages * (65536 if page == 1 else page)
    if not whole and not path.with_name(path.name + "-wal").exists():
        raise DataError(f"{path}: cut off after {size} bytes: restore it from a copy")

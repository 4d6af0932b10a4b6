"""Changes made to a run file behind prkbench's back, with or without covering the traces."""

import sqlite3
import zlib
from collections.abc import Callable
from pathlib import Path

from prkbench import chain
from prkbench.rundb import CHAINED


def change_payload(
    path: Path, kind: str, change: Callable[[bytearray], None], *, nth: int = 0, cover: bool = False
) -> None:
    """Let `change` alter the nth chunk of a kind; cover: checksum and chain made to fit again."""
    with sqlite3.connect(path) as db:
        seq, payload = db.execute(
            "SELECT seq, payload FROM chunk WHERE kind = ? ORDER BY first LIMIT 1 OFFSET ?",
            (kind, nth),
        ).fetchone()
        data = bytearray(payload)
        change(data)
        db.execute("UPDATE chunk SET payload = ? WHERE seq = ?", (bytes(data), seq))
        if cover:
            db.execute("UPDATE chunk SET crc32 = ? WHERE seq = ?", (zlib.crc32(data), seq))
    db.close()
    if cover:
        rechain(path)


def flip(bit: int) -> Callable[[bytearray], None]:
    """A change that flips one bit, counted from the end when negative."""

    def change(data: bytearray) -> None:
        at = bit % (8 * len(data))
        data[at // 8] ^= 1 << at % 8

    return change


def rechain(path: Path) -> None:
    """Number all rows anew and compute every link again, as a forger who reads our source would."""
    with sqlite3.connect(path) as db:
        rows = []
        for table, columns in CHAINED.items():
            for row in db.execute(f"SELECT seq, {', '.join(columns)} FROM {table}"):
                rows.append((row[0], table, row[1:]))
        link = chain.GENESIS
        for number, (seq, table, fields) in enumerate(sorted(rows), start=1):
            link = chain.link(link, number, table, fields)
            db.execute(f"UPDATE {table} SET seq = ?, chain = ? WHERE seq = ?", (number, link, seq))
    db.close()


def execute(path: Path, *statements: str) -> None:
    """Run statements on the file's database."""
    with sqlite3.connect(path) as db:
        for statement in statements:
            db.execute(statement)
    db.close()

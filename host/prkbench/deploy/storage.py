"""Files on a board, through its raw REPL: looked at, hashed there, written safely, removed."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from prkbench.deploy.repl import Repl
from prkbench.errors import DataError, DeviceError

UNFINISHED = ".prknew"
"""Ending of a file that is being written; one that is left over is of no use to anybody."""

_PIECE = 1536
"""Bytes a command carries: some kilobytes of heap on the board, and few turns of the line."""


@dataclass(frozen=True)
class Found:
    """A file on the board: bytes, and SHA-256 in hexadecimal where it was asked for."""

    size: int
    digest: str | None = None


@dataclass(frozen=True)
class Space:
    """Free space of the board's file system: bytes of a block, blocks that are free."""

    block: int
    free: int


class Storage(Protocol):
    """What installing needs of a board; raises DeviceError when the board is lost."""

    def look(self, folder: str, hashed: Collection[str] = ()) -> dict[str, Found]:
        """Files by name in a folder ("" the root), none if it does not exist."""

    def space(self) -> Space:
        """Free space."""

    def read(self, path: str, most: int) -> bytes:
        """The first bytes of a file."""

    def put(self, path: str, content: bytes) -> None:
        """Write a file so that it has all of its content or its old one, and check its hash."""

    def rename(self, old: str, new: str) -> None:
        """Rename a file."""

    def remove(self, path: str) -> None:
        """Remove a file."""

    def sync(self) -> None:
        """Have everything written."""


def digest_of(content: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


class BoardStorage:
    """Storage of the board behind a REPL, which is restarted for a clean heap."""

    def __init__(self, repl: Repl) -> None:
        self._repl = repl
        repl.restart_interpreter()
        repl.run(_on_board())

    def _first(self, code: str) -> Any:
        values = self._repl.values(code)
        if len(values) != 1:
            raise DeviceError(f"{self._repl.port}: one value expected, {len(values)} came")
        return values[0]

    def look(self, folder: str, hashed: Collection[str] = ()) -> dict[str, Found]:
        """See Storage."""
        rows = self._repl.values(f"look({'/' + folder!r}, {tuple(sorted(hashed))!r})")
        return {name: Found(size, digest) for name, size, digest in rows}

    def space(self) -> Space:
        """See Storage."""
        block, free = self._first("space()")
        return Space(block, free)

    def read(self, path: str, most: int) -> bytes:
        """See Storage."""
        return base64.b64decode(self._first(f"content({'/' + path!r}, {most})"))

    def put(self, path: str, content: bytes) -> None:
        """See Storage; DataError when what the board has written is not what it was sent."""
        written = "/" + path + UNFINISHED
        expected = digest_of(content)
        self._repl.run(f"begin({written!r})")
        for at in range(0, len(content), _PIECE):
            self._repl.run(f"add({base64.b64encode(content[at : at + _PIECE])!r})")
        found = self._first(f"finish({written!r}, {'/' + path!r}, {expected!r})")
        if found != expected:
            raise DataError(
                f"{self._repl.port}: {path} on the board has SHA-256 {found[:16]}, not "
                f"{expected[:16]}; run this again, and if it stays so the board's flash is worn"
            )

    def rename(self, old: str, new: str) -> None:
        """See Storage."""
        self._repl.run(f"os.rename({'/' + old!r}, {'/' + new!r})")

    def remove(self, path: str) -> None:
        """See Storage."""
        self._repl.run(f"os.remove({'/' + path!r})")

    def sync(self) -> None:
        """See Storage."""
        self._repl.run("sync()")


def _on_board() -> str:
    """Source of the board's side."""
    return Path(__file__).with_name("on_board.py").read_text("utf-8")

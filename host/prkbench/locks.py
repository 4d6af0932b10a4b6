"""One process at a time may log a port, or into a run file; the others are told who does."""

from __future__ import annotations

import contextlib
import datetime
import getpass
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import portalocker

from prkbench.errors import UsageError


@contextlib.contextmanager
def alone(what: str) -> Iterator[None]:
    """Hold a port or a path alone; UsageError with the other one's process and start.

    The lock ends with the process, however that ends. It is kept where temporary files are, so
    nothing is left beside a run file.
    """
    name = hashlib.sha256(what.encode()).hexdigest()[:32]
    try:
        file = os.fdopen(os.open(_folder() / name, os.O_RDWR | os.O_CREAT, 0o600), "r+")
    except OSError:
        # A computer without a place for locks: SQLite and the port itself still refuse a second.
        yield
        return
    with file:
        try:
            portalocker.lock(file, portalocker.LOCK_EX | portalocker.LOCK_NB)
        except portalocker.LockException:
            raise UsageError(f"{what}: {_owner(file.read())}; stop that first") from None
        file.truncate(0)
        now = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
        json.dump({"pid": os.getpid(), "since": now}, file)
        file.flush()
        yield


def _folder() -> Path:
    """The user's own folder for locks; OSError where somebody else made one of that name."""
    user = os.getuid() if hasattr(os, "getuid") else getpass.getuser()
    folder = Path(tempfile.gettempdir()) / f"prkbench-{user}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if hasattr(os, "getuid") and folder.lstat().st_uid != os.getuid():
        raise PermissionError(folder)
    return folder


def _owner(text: str) -> str:
    try:
        told = json.loads(text)
        return f"in use by another prk, process {int(told['pid'])}, since {str(told['since'])[:40]}"
    except (ValueError, KeyError, TypeError):
        return "in use by another prk"

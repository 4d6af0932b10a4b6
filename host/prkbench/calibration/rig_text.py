"""Writes a calibration into a rig file's text; the user's comments and layout stay."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.toml_document import TOMLDocument

from prkbench.errors import UsageError
from prkbench.rig import Rig, parse_rig

_SEALED = "sealed_run"
_OTHERS = (
    ("node", "correlation_time", "correlation_time"),
    ("node", "lag", "lag"),
    ("residual", "rms", "rms"),
    ("residual", "correlation_time", "correlation_time"),
)
"""Table and key that a sealed run sets besides its own table, and from which of its keys."""


def with_sealed_run(text: str, table: dict[str, Any], name: str) -> tuple[str, Rig]:
    """The rig file's text with a sealed run's table in it, and the rig that it is now.

    node.correlation_time, node.lag and [residual] follow it; node.sealed_se goes, which would
    outrank it. UsageError where the result is no rig, `name` stands for the file.
    """
    document = tomlkit.parse(text)
    fresh = tomlkit.table()
    for key, value in table.items():
        fresh.add(key, value)
    if _SEALED in document:
        document[_SEALED] = fresh
    else:
        if text.strip() and not text.endswith("\n\n"):
            document.add(tomlkit.nl())
        document.add(_SEALED, fresh)
    for where, key, source in _OTHERS:
        _table(document, where)[key] = table[source]
    node = _table(document, "node")
    if "sealed_se" in node:
        node.remove("sealed_se")
    written = tomlkit.dumps(document)
    return written, parse_rig(written, name)


def _table(document: TOMLDocument, name: str) -> Any:
    """A table of the document, however it is written; made where there is none."""
    if name not in document:
        document.add(tomlkit.nl())
        document.add(name, tomlkit.table())
    return document[name]


def read_text(path: Path) -> str:
    """The file's text, line ends as they are."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot read the rig file as UTF-8 text: {error}") from None


def replace_text(path: Path, text: str) -> None:
    """Put a text in a file's place at once, with the file's rights: all of it or none."""
    target = path.resolve()
    try:
        mode = target.stat().st_mode
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
                file.write(text)
            Path(temporary).chmod(mode)
            Path(temporary).replace(target)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise UsageError(
            f"{path}: cannot write the rig file ({error.strerror}): make it and its folder writable"
        ) from None

"""A study's rows as a Parquet file: equal studies give equal bytes."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from prkbench.errors import DataError, UsageError
from prkbench.study.work import Row, versions


def check_target(path: Path) -> None:
    """UsageError where a study could not be written afterwards, before hours of work."""
    if path.exists():
        raise UsageError(f"{path}: exists already; choose another name with --out")
    if not path.parent.is_dir():
        raise UsageError(f"{path}: no such folder; name a file in an existing one with --out")
    if not os.access(path.parent, os.W_OK):
        raise UsageError(f"{path}: the folder cannot be written to; choose another with --out")


def columns_of(rows: Sequence[Row]) -> list[str]:
    """Names of all columns in the order in which the rows bring them."""
    return list(dict.fromkeys(name for row in rows for name in row))


def write_rows(rows: Sequence[Row], path: Path, about: Mapping[str, str]) -> None:
    """Write rows as Parquet, whole or not at all; a figure a run has not is null.

    `about` and the versions in force go into the file's metadata. DataError where a column mixes
    texts and numbers, or the disk refuses.
    """
    import pyarrow as pa
    from pyarrow import parquet

    arrays = {}
    for name in columns_of(rows):
        try:
            arrays[name] = pa.array([row.get(name) for row in rows])
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise DataError(
                f"{path}: the column '{name}' cannot be written ({error}): expected one kind of "
                "value in all runs"
            ) from None
    told = {"prkbench": versions()["prkbench"], **about}
    table = pa.table(arrays).replace_schema_metadata(dict(sorted(told.items())))
    beside = path.with_name(path.name + ".part")
    try:
        parquet.write_table(table, beside, compression="zstd")
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise DataError(f"{path}: cannot write the results: {error}") from None


def read_rows(path: Path) -> tuple[list[Row], dict[str, str]]:
    """Return the rows of a study and what the file tells about it; DataError if it is none."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        table = parquet.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise DataError(f"{path}: not a study's Parquet file: {error}") from None
    about = {
        key.decode(): value.decode()
        for key, value in (table.schema.metadata or {}).items()
        if not key.startswith(b"ARROW:")
    }
    rows: list[Row] = table.to_pylist()
    return rows, about

"""Rows of a study that are kept as they come: one Parquet file a case, whole at any time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from prkbench.errors import UsageError
from prkbench.study.parquet import read_rows, write_rows
from prkbench.study.work import Row, versions

_EVERY_S = 20.0
_SUFFIX = ".parquet"


class Kept:
    """The rows of one part in a folder of its own, by case and number of the run.

    A folder holds the runs of one seed and one version of the code: UsageError for another.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder = folder
        self._about = {"seed": str(seed), "version": versions()["prkbench"]}
        self._rows: dict[str, dict[int, Row]] = {}
        self._changed: set[str] = set()
        self._written = time.monotonic()
        folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(folder.glob(f"*{_SUFFIX}")):
            rows, about = read_rows(path)
            for key, value in self._about.items():
                if about.get(key) != value:
                    raise UsageError(
                        f"{path}: runs of {key} {about.get(key)}, expected {value}; "
                        "name another folder with --out"
                    )
            self._rows[path.name.removesuffix(_SUFFIX)] = {_number(row): row for row in rows}

    def of(self, case: str) -> list[Row]:
        """The rows of a case, by run."""
        return [row for _, row in sorted(self._rows.get(case, {}).items())]

    def has(self, case: str, run: int) -> bool:
        """Whether a run was done already."""
        return run in self._rows.get(case, {})

    def take(self, rows: Sequence[Row]) -> None:
        """Take rows with the columns `case` and `run`, and write them now and then."""
        for row in rows:
            case = str(row["case"])
            self._rows.setdefault(case, {})[_number(row)] = row
            self._changed.add(case)
        if time.monotonic() - self._written > _EVERY_S:
            self.write()

    def write(self) -> None:
        """Write what is new; DataError where the disk refuses."""
        for case in sorted(self._changed):
            write_rows(self.of(case), self._folder / f"{case}{_SUFFIX}", self._about)
        self._changed.clear()
        self._written = time.monotonic()


def _number(row: Row) -> int:
    return int(row["run"] or 0)

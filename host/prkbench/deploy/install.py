"""Carries a plan out and proves the result: every file's hash as the board computes it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from prkbench.deploy.plan import MAIN, Plan, folders
from prkbench.deploy.storage import Found, Storage, digest_of
from prkbench.errors import DataError

Report = Callable[[str, int], None]
"""Takes what has just been done, and how many bytes were copied by that."""


def survey(storage: Storage, wanted: Collection[str]) -> dict[str, Found]:
    """Files on the board, by path, in the folders that concern us; hashed where wanted."""
    found: dict[str, Found] = {}
    for folder in folders(wanted):
        prefix = f"{folder}/" if folder else ""
        names = [path.removeprefix(prefix) for path in wanted if path.rpartition("/")[0] == folder]
        for name, entry in storage.look(folder, names).items():
            found[prefix + name] = entry
    return found


def carry_out(
    storage: Storage, plan: Plan, wanted: Mapping[str, bytes], report: Report | None = None
) -> None:
    """Do what the plan says, in its order; DataError when the board ends up with other bytes.

    Whatever cuts this short leaves a board that can be reached, and that a second run mends.
    """
    tell = report or _nobody
    if plan.disarm:
        storage.remove(MAIN)
        tell(MAIN, 0)
    for old, new in plan.aside:
        storage.rename(old, new)
        tell(new, 0)
    for path in plan.remove:
        storage.remove(path)
        tell(path, 0)
    for path in plan.copy:
        storage.put(path, wanted[path])
        tell(path, len(wanted[path]))
    storage.sync()
    _prove(storage, {path: wanted[path] for path in wanted if path != MAIN})
    if plan.arm:
        storage.put(MAIN, wanted[MAIN])
        storage.sync()
        tell(MAIN, len(wanted[MAIN]))
    _prove(storage, {MAIN: wanted[MAIN]})


def _prove(storage: Storage, wanted: Mapping[str, bytes]) -> None:
    """Hash the files on the board once more; DataError unless all are as wanted."""
    found = survey(storage, wanted)
    for path, content in wanted.items():
        entry = found.get(path)
        if entry is None or entry.digest != digest_of(content):
            what = "is not there" if entry is None else "has other bytes than were written"
            raise DataError(
                f"{path} on the board {what}; run this again, and if it stays so the board's "
                "flash is worn"
            )


def _nobody(what: str, count: int) -> None:
    """A Report for when nobody wants to know."""

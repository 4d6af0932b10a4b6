"""What has to be done to a board so that it holds the firmware, and in which order.

The order makes every interruption harmless. Before any code changes, main.py goes: a board that
is cut off half way comes up at its prompt, never with a mixture of two versions, and running the
installation again mends it. main.py comes last, once everything else has been found right.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from prkbench.deploy.storage import UNFINISHED, Found, Space, digest_of
from prkbench.errors import DeviceError

MAIN = "main.py"
CONFIG = "config.json"
_OURS = ("prknode", "lib/prknode")
"""Folders where every module is ours: the second is where mip puts a package unless told."""
_MODULES = (".py", ".mpy")


@dataclass(frozen=True)
class Plan:
    """Steps in their order: set aside, disarm (main.py goes), remove, copy, arm (main.py comes).

    aside: (old name, new name) of files of the user's that stand where ours belong; disarm:
    whether main.py has to go first; copy: paths without main.py; arm: whether main.py is copied.
    """

    aside: tuple[tuple[str, str], ...]
    disarm: bool
    remove: tuple[str, ...]
    copy: tuple[str, ...]
    arm: bool
    unchanged: tuple[str, ...]

    @property
    def copied(self) -> tuple[str, ...]:
        """Everything that is copied."""
        return (*self.copy, MAIN) if self.arm else self.copy


def folders(wanted: Collection[str]) -> tuple[str, ...]:
    """Folders of the board that concern us: those of the files wanted, and where old ones lie."""
    return tuple(sorted({"", *_OURS, *(path.rpartition("/")[0] for path in wanted)}))


def make_plan(
    wanted: Mapping[str, bytes],
    found: Mapping[str, Found],
    foreign: Collection[str] = (),
    *,
    everything: bool = False,
) -> Plan:
    """What brings a board from the files found to the files wanted.

    foreign: paths among those found that are the user's own; they are renamed, never overwritten.
    everything: copy also what is there already.
    """
    differs = [
        path
        for path, content in wanted.items()
        if everything
        or path in foreign
        or path not in found
        or found[path].digest != digest_of(content)
    ]
    stale = _stale(wanted, found)
    code_changes = any(path != CONFIG for path in differs) or any(map(_is_module, stale))
    names = set(found) | set(wanted)
    aside = []
    for path in sorted({*foreign, *_hiding(wanted, found)}):
        aside.append((path, _free_name(path, names)))
        names.add(aside[-1][1])
    main_there = MAIN in found and MAIN not in foreign
    return Plan(
        aside=tuple(aside),
        disarm=code_changes and main_there,
        remove=stale,
        # The configuration after the code that reads it.
        copy=tuple(sorted((p for p in differs if p != MAIN), key=lambda p: (p == CONFIG, p))),
        arm=code_changes,
        unchanged=tuple(
            sorted(p for p in wanted if p not in differs and not (p == MAIN and code_changes))
        ),
    )


def check_space(
    plan: Plan, wanted: Mapping[str, bytes], found: Mapping[str, Found], space: Space, port: str
) -> None:
    """DeviceError unless every step of the plan finds room, each new file beside its old one."""

    def blocks(size: int) -> int:
        # One more for its entry in the folder.
        return math.ceil(size / space.block) + 1

    gone = {*plan.remove, *((MAIN,) if plan.disarm else ())}
    free = space.free + sum(blocks(found[path].size) - 1 for path in gone)
    for path in plan.copied:
        needed = blocks(len(wanted[path]))
        if needed > free:
            lacking = math.ceil((needed - free) * space.block / 1024)
            raise DeviceError(
                f"{port}: the board's file system is full: {space.free * space.block // 1024} KB "
                f"are free, {lacking} KB more are needed; remove files of your own "
                "('mpremote ls', 'mpremote rm') and run this again"
            )
        old = found.get(path)
        replaced = blocks(old.size) if old and path not in gone else 0
        free += replaced - needed


def _stale(wanted: Mapping[str, bytes], found: Mapping[str, Found]) -> tuple[str, ...]:
    """Leftovers of ours: modules of other versions or forms, and files never finished."""
    return tuple(
        sorted(
            path
            for path in found
            if path not in wanted and (_is_module(path) or path.endswith(UNFINISHED))
        )
    )


def _hiding(wanted: Mapping[str, bytes], found: Mapping[str, Found]) -> list[str]:
    """Sources of the user's that would be imported in place of a driver wanted in compiled form."""
    return [
        path
        for path in found
        if path.endswith(".py")
        and path not in wanted
        and path.removesuffix(".py") + ".mpy" in wanted
        and not _is_module(path)
    ]


def _is_module(path: str) -> bool:
    """Whether this is the place and the form of a module of ours.

    A leftover is not only waste: MicroPython takes a .py before a .mpy of the same name.
    """
    return path.rpartition("/")[0] in _OURS and path.endswith(_MODULES)


def _free_name(path: str, taken: Collection[str]) -> str:
    """Such as main.old.py, or main.old2.py where that is taken."""
    stem, dot, ending = path.rpartition(".")
    number = 1
    while True:
        name = f"{stem}.old{number if number > 1 else ''}{dot}{ending}"
        if name not in taken:
            return name
        number += 1

"""What one worker does: a few runs of the task, each with its own seed, sharing nothing.

This module is all of the study that a worker imports besides the task itself.
"""

from __future__ import annotations

import functools
import platform
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import TypeAlias

import numpy as np
from threadpoolctl import threadpool_limits

from prkbench import __version__
from prkbench.errors import PrkError

Value: TypeAlias = float | int | str | bool | None
Row: TypeAlias = dict[str, Value]
Task: TypeAlias = Callable[[int], Mapping[str, Value]]
"""Takes a seed, returns the figures of one run. It must be importable by name on the workers (a
function of a module, or functools.partial of one) and depend on nothing but the seed."""

_MATTERING = ("numpy", "scipy", "distributed")


@dataclass(frozen=True)
class Failure:
    """A run whose task raised: what, where, and the error's class if it is one of ours."""

    run: int
    seed: int
    message: str
    details: str
    kind: type[PrkError]


@dataclass(frozen=True)
class Done:
    """What came of one chunk: its rows, or the failure it ended with."""

    rows: list[Row]
    failure: Failure | None


@functools.cache
def versions() -> dict[str, str]:
    """Versions that decide whether two machines give the same figures to the bit."""
    found = {"prkbench": __version__, "python": ".".join(platform.python_version_tuple()[:2])}
    return found | {name: metadata.version(name) for name in _MATTERING}


def run_chunk(task: Task, runs: Sequence[tuple[int, int]]) -> Done:
    """Do the task for each (run number, seed); the first that raises ends the chunk."""
    rows: list[Row] = []
    # A sum over several threads is added in another order: the last bits would tell the machine.
    with threadpool_limits(limits=1):
        for run, seed in runs:
            try:
                found = {key: _plain(value) for key, value in task(seed).items()}
            except Exception as error:  # noqa: BLE001  whatever it is, it is told with its seed
                kind = type(error) if isinstance(error, PrkError) else PrkError
                name = "" if isinstance(error, PrkError) else f"{type(error).__name__}: "
                line = " ".join(f"{name}{error}".split())
                return Done(rows, Failure(run, seed, line, traceback.format_exc(), kind))
            rows.append({"run": run, "seed": seed, **found})
    return Done(rows, None)


def _plain(value: object) -> Value:
    """A value of numpy as Python's own."""
    plain = value.item() if isinstance(value, np.generic) else value
    if plain is None or isinstance(plain, bool | int | float | str):
        return plain
    raise TypeError(f"a run's figure is {value!r}, expected a number, a text or None")

"""Runs a study: hands out chunks of runs, takes them back in any order, sorts them by run."""

from __future__ import annotations

import asyncio
import concurrent.futures
import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from prkbench.errors import DeviceError, UsageError
from prkbench.study.parquet import check_target, write_rows
from prkbench.study.work import Done, Failure, Row, Task, run_chunk, versions
from prkbench.study.workers import (
    cluster_client,
    cores,
    local_client,
    refuse_other_versions,
)

Progress: TypeAlias = Callable[[int, str], None]
"""Told how many runs are done and what there is to say, after every chunk."""

Keep: TypeAlias = Callable[[list[Row]], None]
"""Given the rows of every chunk as it comes back."""

Chunk: TypeAlias = list[tuple[int, int]]

_FEW_RUNS = 8
"""Up to this many are done in this process: workers take seconds to start."""
_CHUNKS_A_WORKER = 8
_LARGEST_CHUNK = 16
_AHEAD = 2
"""Chunks waiting for each worker besides the one it does: no scheduler holds thousands."""
_POLL_S = 2.0
_PATIENCE_S = 60.0
"""How long a cluster may be without any worker."""
_CANCELLED = (asyncio.CancelledError, concurrent.futures.CancelledError)
"""What Dask raises for futures that went down with their scheduler, of either kind."""


def run_study(
    task: Task,
    seeds: Sequence[int],
    *,
    scheduler: str | None = None,
    workers: int | None = None,
    out: Path | None = None,
    progress: Progress | None = None,
    keep: Keep | None = None,
    about: Mapping[str, str] | None = None,
) -> list[Row]:
    """Do `task` for every seed and return its figures, one row a run, sorted by run.

    The rows (with `run` and `seed` before the task's own columns) are the same to the bit whatever
    the number of workers, their order, and whichever of them die: what a lost worker had begun is
    done again by another. `scheduler` is the address of a Dask cluster; without it `workers`
    processes on this machine do the work, one a core by default, none (0) meaning this process, as
    for a few runs. `out` is a Parquet file to write, `about` what it tells of the study; `keep`
    is given the rows as they come, so that what is done outlives a study that does not end. A
    task that raises ends the study with an error that names run and seed.
    """
    if scheduler is not None and workers is not None:
        raise UsageError(
            "--workers and --scheduler: a cluster brings its own workers; leave one of them out"
        )
    if workers is not None and workers < 0:
        raise UsageError(f"{workers} workers, expected zero (this process) or more")
    if out is not None:
        check_target(out)
    tell = progress or (lambda _done, _note: None)
    keep = keep or (lambda _rows: None)
    runs = list(enumerate(seeds))
    if scheduler is not None:
        with cluster_client(scheduler) as client:
            rows = _spread(client, task, runs, tell, keep, scheduler)
    else:
        count = cores() if workers is None else workers
        if count == 0 or (workers is None and (len(runs) <= _FEW_RUNS or count == 1)):
            rows = _here(task, runs, tell, keep)
        else:
            with local_client(min(count, len(runs))) as client:
                rows = _spread(client, task, runs, tell, keep, "this machine")
    rows.sort(key=lambda row: int(row["run"] or 0))
    if out is not None:
        write_rows(rows, out, about or {})
    return rows


def _here(task: Task, runs: Chunk, tell: Progress, keep: Keep) -> list[Row]:
    rows: list[Row] = []
    for one in runs:
        done = _rows_of(run_chunk(task, [one]))
        keep(done)
        rows += done
        tell(len(rows), "")
    return rows


def _rows_of(done: Done) -> list[Row]:
    if done.failure is not None:
        raise _error(done.failure)
    return done.rows


def _error(failure: Failure) -> Exception:
    error = failure.kind(
        f"run {failure.run} of the study (seed {failure.seed}) failed: {failure.message}"
    )
    error.add_note(failure.details)
    return error


def _checked_chunk(task: Task, runs: Chunk) -> tuple[dict[str, str], Done]:
    """What a worker of a cluster runs: the chunk, and with which versions it was done."""
    return versions(), run_chunk(task, runs)


def _spread(
    client: Any, task: Task, runs: Chunk, tell: Progress, keep: Keep, where: str
) -> list[Row]:
    """Hand the runs out in chunks, few at a time, until every one is back."""
    from distributed import wait

    size = max(1, len(client.nthreads()))
    step = min(_LARGEST_CHUNK, math.ceil(len(runs) / (size * _CHUNKS_A_WORKER)))
    waiting = [runs[n : n + step] for n in range(0, len(runs), step)][::-1]
    pending: dict[Any, Chunk] = {}
    rows: list[Row] = []
    alone_since: float | None = None
    try:
        while waiting or pending:
            present = len(client.nthreads())
            while waiting and len(pending) < (1 + _AHEAD) * max(1, present):
                chunk = waiting.pop()
                pending[client.submit(_checked_chunk, task, chunk, pure=False)] = chunk
            tell(len(rows), f"{present} worker{'' if present == 1 else 's'}")
            alone_since = _patience(present, alone_since, where)
            try:
                with client.as_current():
                    ready = wait(list(pending), _POLL_S, "FIRST_COMPLETED").done
            except TimeoutError:
                continue
            for future in ready:
                done = _result(future, pending.pop(future), where)
                keep(done)
                rows += done
        tell(len(rows), "")
        return rows
    except (OSError, *_CANCELLED) as error:
        raise DeviceError(
            f"{where}: the scheduler went away after {len(rows)} of {len(runs)} runs "
            f"({type(error).__name__}); start the study again, its seed repeats every run"
        ) from None
    finally:
        _drop(client, list(pending))


def _patience(present: int, alone_since: float | None, where: str) -> float | None:
    """Since when there is no worker; DeviceError once that takes too long."""
    if present:
        return None
    since = time.monotonic() if alone_since is None else alone_since
    if time.monotonic() - since > _PATIENCE_S:
        raise DeviceError(
            f"{where}: no worker for {_PATIENCE_S:.0f} s; start some with 'dask worker ADDRESS'"
        )
    return since


def _result(future: Any, chunk: Chunk, where: str) -> list[Row]:
    """The rows of a chunk that is back; DeviceError for what only the cluster can be blamed for."""
    from distributed import KilledWorker

    try:
        theirs, done = future.result()
    except KilledWorker:
        raise DeviceError(
            f"{where}: runs {chunk[0][0]} to {chunk[-1][0]} (first seed {chunk[0][1]}) have lost "
            "worker after worker: they may need more memory than a worker has"
        ) from None
    except (ImportError, AttributeError) as error:
        raise DeviceError(
            f"{where}: a worker cannot load the task ({error}); install prkbench "
            f"{versions()['prkbench']} where the workers run"
        ) from None
    refuse_other_versions(theirs, f"a worker of {where}")
    return _rows_of(done)


def _drop(client: Any, futures: list[Any]) -> None:
    """Let a cluster forget what nobody waits for any more."""
    if futures:
        try:
            client.cancel(futures, force=True)
        except (OSError, *_CANCELLED):
            return

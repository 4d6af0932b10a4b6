"""Runs what a part's cases still lack, on all cores or a cluster, and keeps the rows as they come.

Every run has a seed of its own, made from the study's seed, the case and the run's number: it is
the same whatever else is run, and no two cases share their noise.
"""

from __future__ import annotations

import functools
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import verdict_study
from prkbench.study.run import run_study
from prkbench.study.seeds import run_seed
from prkbench.study.work import Row, Task, Value
from verdict_study.kept import Kept
from verdict_study.part import Case, Part

_MOST_RUNS = 10_000_000


@dataclass(frozen=True)
class Plan:
    """How much of the study is wanted, and where it is done.

    seeds: runs of every case that does not say itself; workers: processes, None for one a core.
    """

    folder: Path
    seeds: int
    seed: int
    short: bool
    scheduler: str | None = None
    workers: int | None = None

    def runs(self, case: Case) -> int:
        """How many runs of a case are wanted."""
        if self.short:
            return case.short
        return self.seeds if case.runs is None else case.runs


def run_part(
    part: Part, plan: Plan, tell: Callable[[int, int, str], None] | None = None
) -> dict[str, list[Row]]:
    """Run what is not there yet; returns the rows wanted, by case. `tell`: done, of, remark."""
    kept = Kept(plan.folder / part.name, plan.seed)
    cases = [case for case in part.cases if plan.runs(case)]
    # All cases at once, a run of each in turn: a study that was ended has some of every case.
    wanted = [(run, number) for number, case in enumerate(cases) for run in range(plan.runs(case))]
    todo = [
        number * _MOST_RUNS + run
        for run, number in sorted(wanted)
        if not kept.has(cases[number].name, run)
    ]
    if todo:
        _reach_workers(plan.scheduler)
        named = tuple((f"{part.name}/{case.name}", case.name, case.task) for case in cases)
        try:
            run_study(
                functools.partial(one_run, named, plan.seed),
                todo,
                scheduler=plan.scheduler,
                workers=plan.workers,
                progress=lambda done, note: tell(done, len(todo), note) if tell else None,
                keep=kept.take,
            )
        finally:
            kept.write()
    return {case.name: kept.of(case.name)[: plan.runs(case)] for case in cases}


def one_run(named: Sequence[tuple[str, str, Task]], seed: int, job: int) -> Mapping[str, Value]:
    """Do one run of one case: what a worker is given."""
    number, run = divmod(job, _MOST_RUNS)
    key, case, task = named[number]
    own = run_seed(seed, zlib.crc32(key.encode()), run)
    began = time.process_time()
    figures = task(own)
    spent = time.process_time() - began
    return {"case": case, "run": run, "seed": own, **figures, "cpu_s": spent}


def _reach_workers(scheduler: str | None) -> None:
    """A cluster's workers have prkbench, but not this folder: it goes along with the tasks."""
    if scheduler is not None:
        import_module("cloudpickle").register_pickle_by_value(verdict_study)

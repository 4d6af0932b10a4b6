"""What a study costs: against its length, its vessels and its runs, and on two workers.

Ratios only mean something within one run of this file, and on a machine with nothing else to do.

    python tests/benchmarks/study_scaling.py [runs, default 48]
"""

import functools
import os
import sys
import time
from dataclasses import replace

import numpy as np

from prkbench.rig import Rig, default_rig
from prkbench.sim.chamber import BenchSpec
from prkbench.sim.elements import LinearConductance
from prkbench.sim.plant.plant import Plant
from prkbench.study.bench_task import bench_task, simulate_blocks
from prkbench.study.run import run_study
from prkbench.study.seeds import run_seeds
from prkbench.study.work import Row, Task

HOURS = (6.0, 24.0, 96.0)


def seconds(task: Task, runs: int, workers: int) -> tuple[float, float, list[Row]]:
    """Wall seconds of the work (from the first chunk handed out), with the start, and the rows."""
    begun: list[float] = []

    def note(done: int, _words: str) -> None:
        begun.append(time.perf_counter())

    start = time.perf_counter()
    rows = run_study(task, run_seeds(1, runs), workers=workers, progress=note)
    first = start if workers == 0 else begun[0]
    return begun[-1] - first, begun[-1] - start, rows


def processor_s(work: Task, seed: int = 1) -> float:
    """Processor seconds of one run, the best of three."""
    found = []
    for _ in range(3):
        start = time.process_time()
        work(seed)
        found.append(time.process_time() - start)
    return min(found)


def plant_day(vessels: int, seed: int) -> Row:
    """A day, each minute of it, of so many benches' chambers in one plant."""
    spec = BenchSpec(LinearConductance(5.484e-8)).plant()
    several = replace(
        spec,
        vessels=tuple(replace(spec.vessels[0], name=f"v{n}") for n in range(vessels)),
        passages=tuple(replace(spec.passages[0], name=f"p{n}", a=f"v{n}") for n in range(vessels)),
    )
    series = Plant(several, seed).series(np.arange(1440) * 60.0)
    return {"pressure_pa": float(series["v0"]["pressure_pa"][-1])}


def main() -> None:
    """Print one table."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 48
    rig: Rig = default_rig()
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    bench_task(rig, 1.0)(1)
    print("length      simulated   s/day   with the estimate   s/day")
    for hours in HOURS:
        simulated = processor_s(lambda seed, h=hours: {"k": simulate_blocks(rig, h, seed)[0]})
        whole = processor_s(bench_task(rig, hours))
        days = hours / 24.0
        print(
            f"{hours:5.0f} h     {simulated:8.3f} s  {simulated / days:6.3f}   "
            f"{whole:8.3f} s         {whole / days:6.3f}"
        )
    print("vessels   s for a day   ratio")
    one = 0.0
    for count in (1, 2, 4, 8):
        needed = processor_s(functools.partial(plant_day, count))
        one = one or needed
        print(f"{count:7d}   {needed:11.3f}   {needed / one:5.2f}")
    task = bench_task(rig, 24.0)
    half, _, _ = seconds(task, runs // 2, 0)
    here, _, rows = seconds(task, runs, 0)
    print(f"{runs // 2} and {runs} runs of 24 h in this process: {half:.2f} and {here:.2f} s, "
          f"ratio {here / half:.2f}")  # fmt: skip
    results = {}
    for workers in (1, 2):
        work, whole, found = seconds(task, runs, workers)
        assert found == rows, "the figures depend on the number of workers"
        results[workers] = work
        print(
            f"{workers} worker{'s' * (workers > 1)}: {work:.2f} s ({whole - work:.1f} s to start)"
        )
    print(
        f"1 to 2 workers: {results[1] / results[2]:.2f} times as fast, the same figures to the bit"
    )


if __name__ == "__main__":
    main()

"""What a study costs: against its length, its vessels and its runs, and on two workers.

Ratios only mean something within one run of this file, and on a machine with nothing else to do.

    python tests/benchmarks/study_scaling.py [runs, default 96]
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


def runs_a_second(task: Task, runs: int, workers: int) -> tuple[float, float, list[Row]]:
    """Rate of the last three quarters, when all workers have loaded what they need; the start."""
    told: list[tuple[float, int]] = []
    start = time.perf_counter()
    rows = run_study(
        task,
        run_seeds(1, runs),
        workers=workers,
        progress=lambda done, _: told.append((time.perf_counter(), done)),
    )
    first, before = next((t, done) for t, done in told if done >= runs / 4)
    last = next(t for t, done in told if done == runs)
    return (runs - before) / (last - first), first - start, rows


def processor_s(work: Task, seed: int = 1) -> float:
    """Processor seconds of one run, the best of two."""
    found = []
    for _ in range(2):
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


def waiting(seed: int) -> Row:
    """A run that needs no processor: shows the runner, however busy the machine is."""
    time.sleep(0.1)
    return {"k_per_s": float(seed % 7)}


def scaling(task: Task, runs: int) -> None:
    """Print the rate of one worker and of two."""
    rates = {}
    rows: list[Row] = []
    for workers in (1, 2):
        before = os.times().children_user
        rates[workers], began, found = runs_a_second(task, runs, workers)
        used = os.times().children_user - before
        assert not rows or found == rows, "the figures depend on the number of workers"
        rows = found
        print(
            f"  workers {workers}: {rates[workers]:.2f} runs/s, a quarter done by {began:.1f} s, "
            f"{used:.1f} processor s with the start"
        )
    print(f"  {rates[2] / rates[1]:.2f} times as fast, the same figures to the bit")


def main() -> None:
    """Print one table."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 96
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
    seeds = run_seeds(1, runs)
    half = processor_s(lambda _: {"n": len(run_study(task, seeds[::2], workers=0))})
    here = processor_s(lambda _: {"n": len(run_study(task, seeds, workers=0))})
    print(
        f"{len(seeds[::2])} and {runs} runs of 24 h in this process: {half:.2f} and {here:.2f} s, "
        f"ratio {here / half:.2f}"
    )
    print("1 to 2 workers, whole benches:")
    scaling(task, runs)
    print("1 to 2 workers, runs that only wait 0.1 s (what the handing out itself allows):")
    scaling(waiting, runs)


if __name__ == "__main__":
    main()

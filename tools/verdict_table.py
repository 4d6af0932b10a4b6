"""The scenarios against the verdicts that the analysis reaches: right, none, wrong.

    python tools/verdict_table.py --scale prk --seeds 20
    python tools/verdict_table.py --scale bench --seeds 3 --only E5b,E5c

Every scenario is run without the firmware child, with its own log, and examined as `prk analyze`
does it. A run is right where every word required is found and none that is not true of it; none
where the question is left open; else wrong. Scenarios that only mean something after an earlier
one are given that one's result, as an operator would give it with --earlier.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from prkbench.analysis.campaign import Campaign, of_blocks
from prkbench.analysis.conclude import Earlier, conclude
from prkbench.analysis.conversion import Conversion
from prkbench.analysis.finding import UNDECIDED, Conclusion
from prkbench.analysis.several import campaign_of_readings
from prkbench.analysis.testlog import read_log
from prkbench.sim.scenario import BenchStage, PrkStage, Scenario
from prkbench.sim.scenario_bench import bench_of
from prkbench.sim.scenario_library import scenario, scenario_names
from prkbench.sim.scenario_log import operators_log
from prkbench.sim.scenario_prk import imported, record_of
from prkbench.sim.scenario_quick import quick_run
from prkbench.sim.scenario_truth import external_rate

AFTER = {("E6long", "prk"): "E3", ("E6long", "bench"): "E3", ("E8", "prk"): "E7"}
"""Scenarios that are told against the end of another."""
_EVIDENT = ("UNCHANGED", "DISTURBED", "VOLUME CHANGED")
_TAU_S = 1800.0


def prk_campaign(told: Scenario, seed: int) -> Campaign:
    """Read the gauge of a scenario at PrK scale."""
    record = record_of(told, seed)
    with tempfile.TemporaryDirectory(prefix="prk-") as folder:
        source = Path(folder) / "readings.csv"
        source.write_text(record.csv, encoding="utf-8")
        log = imported(record, source)
    meta: dict[str, Any] = {
        "pressure_resolution_pa": log.pressure_resolution_pa,
        "temperature_resolution_k": log.temperature_resolution_k,
        "temperature_swing_k": record.stage.swing_k,
        "events": record.log,
    }
    conversion = Conversion.for_volume(record.stage.volume_m3)
    return campaign_of_readings(log.readings, meta, conversion, None)


def bench_campaign(told: Scenario, seed: int) -> Campaign:
    """Run a scenario's bench without the firmware child."""
    bench = bench_of(told, seed)
    run = quick_run(bench.rig, list(bench.sensors().values()), bench.stage.duration_s)
    rig = bench.rig
    setup = {"norm_pa": rig.norm_pressure_pa, "jump_pa": 150.0}
    return of_blocks(
        run.blocks, setup, read_log(operators_log(bench.entries())), Conversion.from_rig(rig),
        run.law, rig.sensors.null_uncertainty_pa, rig.chamber.volume_m3, _TAU_S,
    )  # fmt: skip


def examined(name: str, scale: str, seed: int) -> Conclusion:
    """Run and examine one scenario, after the one it follows."""
    before = AFTER.get((name, scale))
    earlier = None if before is None else _earlier(examined(before, scale, seed))
    told = scenario(name)
    campaign = prk_campaign(told, seed) if scale == "prk" else bench_campaign(told, seed)
    return conclude(campaign, earlier)


def _earlier(conclusion: Conclusion) -> Earlier:
    if conclusion.word == "SEALED":
        return Earlier(0.0, conclusion.upper_lb_per_day or 0.0)
    return Earlier(*conclusion.rates_lb_per_day[-1][1:])


def judge(words: tuple[str, ...], told: Scenario, stage: PrkStage | BenchStage, scale: str) -> str:
    """Return right, none or wrong."""
    required = told.required(scale)
    leaks = external_rate(stage)[1] > 0.0
    true = {*required.verdicts, *required.also, *_EVIDENT, *(("LEAK",) if leaks else ())}
    # A word besides the required ones must be true of the scenario, or leave something open.
    wrong = [w for w in words if w in required.never or (w not in true and w not in UNDECIDED)]
    if wrong:
        return "wrong"
    if set(required.verdicts) <= set(words) or set(words) & set(required.also):
        return "right"
    return "none"


def wilson(hits: int, runs: int) -> tuple[float, float]:
    """95 % interval of a share in per cent."""
    z, share = 1.96, hits / runs
    centre = (share + z * z / (2 * runs)) / (1 + z * z / runs)
    half = z / (1 + z * z / runs) * math.sqrt(share * (1 - share) / runs + (z / (2 * runs)) ** 2)
    return max(0.0, 100 * (centre - half)), min(100.0, 100 * (centre + half))


def table(names: Iterable[str], scale: str, seeds: int) -> None:
    """Print one line a scenario."""
    print(f"{'case':12s} {'R/N/W %':>11s}  right, 95 %   wrong, 95 %   s/run  words")
    total: Counter[str] = Counter()
    for name in names:
        told = scenario(name)
        if getattr(told, scale) is None:
            continue
        begin = time.process_time()
        count: Counter[str] = Counter()
        words: Counter[str] = Counter()
        for seed in range(1, seeds + 1):
            found = examined(name, scale, seed).words
            count[judge(found, told, told.stage(scale), scale)] += 1
            words[" + ".join(found)] += 1
        total += count
        spent = (time.process_time() - begin) / seeds
        print(_line(name, count, seeds, spent, words), flush=True)
    print(_line("all", total, sum(total.values()), math.nan, Counter()))


def _line(name: str, count: Counter[str], runs: int, spent: float, words: Counter[str]) -> str:
    shares = "/".join(f"{100 * count[key] / runs:.0f}" for key in ("right", "none", "wrong"))
    right, wrong = wilson(count["right"], runs), wilson(count["wrong"], runs)
    said = "; ".join(f"{text} x{n}" for text, n in words.most_common(3))
    return (
        f"{name:12s} {shares:>11s}  {right[0]:4.0f} to {right[1]:3.0f}   "
        f"{wrong[0]:4.0f} to {wrong[1]:3.0f}   {spent:5.2f}  {said}"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Scenarios against verdicts.")
    parser.add_argument("--scale", choices=("prk", "bench"), default="prk")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--only", help="names, separated by commas")
    options = parser.parse_args()
    wanted = options.only.split(",") if options.only else scenario_names()
    table(wanted, options.scale, options.seeds)

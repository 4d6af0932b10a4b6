"""Is `prk plan` right? Its expected errors and hours beside what simulated runs give.

Every run is a whole bench (physics, sensors, room, residual), estimated after each duration as
`prk verify` does ("host") and by the node's method ("node"). A ratio above 1 means that the runs
scatter more than the plan says. With a limit, runs with a leak of it and runs without any are
judged at the hours that the plan gives: 95 % of them should be called.

    uv run python tools/plan_against_runs.py --runs 300 --hours 0.25 1 4 24 72
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np

from prkbench.analysis.conversion import Conversion
from prkbench.planning.plan import make_plan
from prkbench.planning.precision import PERCENT_PER_DAY, claimed_per_s, rmse_per_s
from prkbench.planning.setting import setting_of
from prkbench.rig import Rig
from prkbench.study.bench_task import ladder_task
from prkbench.study.run import run_study
from prkbench.study.seeds import run_seeds
from prkbench.study.summary import wilson
from prkbench.study.work import Row
from prkbench.units import from_lb_per_day

_VOLUME_M3 = 5e-3
_PRESSURES = {
    "A": ("1200 hPa", "1000 hPa"),
    "B": ("300 hPa", "1000 hPa"),
    "C": ("1013.25 hPa", "5 hPa"),
}


def rig_of(mode: str, acceleration: float, leak_lb_per_day: float, null_pa: float) -> Rig:
    """A 5 L bench with a linear leak known exactly, so that the estimate's error is the test's."""
    pressure, reference = _PRESSURES[mode]
    tables: dict[str, dict[str, object]] = {
        "rig": {"name": f"mode {mode}", "mode": mode, "acceleration": acceleration},
        "chamber": {"volume": "5 L", "pressure": pressure, "reference_pressure": reference},
        "sensors": {"null_uncertainty": f"{null_pa:g} Pa"},
        "element": {"law": "sealed"},
    }
    if leak_lb_per_day > 0.0:
        k = Conversion(acceleration=acceleration).k_from_lb_per_day(leak_lb_per_day)
        tables["element"] = {"law": "linear", "conductance": f"{k * _VOLUME_M3!r} m3/s"}
    return Rig.model_validate(tables)


def rms(values: list[float]) -> tuple[float, float]:
    """Root mean square and its relative standard error."""
    a = np.array(values)
    return float(np.sqrt(np.mean(a * a))), 1.0 / math.sqrt(2.0 * len(a))


def errors(rows: list[Row], name: str, n: int) -> list[float]:
    """Estimate less truth of all runs that have one, 1/s."""
    found = [(row[f"{name}_{n}"], row["k_true_per_s"]) for row in rows]
    return [float(k) - float(true) for k, true in found if k is not None and true is not None]


def compare(rig: Rig, hours: list[float], options: argparse.Namespace) -> None:
    """Print predicted error and the runs' scatter, one line a duration."""
    setting = setting_of(rig)
    k = make_plan(rig).k_element_per_s
    rows = run_study(
        ladder_task(rig, hours),
        run_seeds(options.seed, options.runs),
        scheduler=options.scheduler,
        workers=options.workers,
        out=options.out,
    )
    title = f"{rig.rig.name}, a = {rig.acceleration:g}, null {setting.null_pa:g} Pa"
    print(f"\n{title}, {options.runs} runs [%/day]")
    print("  hours    plan     host   host/plan     node   node/plan   se/planned se   covered")
    for n, reached in enumerate(hours):
        plan = rmse_per_s(setting, k, 3600.0 * reached)
        claims = claimed_per_s(setting, k, 3600.0 * reached)
        host, spread = rms(errors(rows, "k_per_s", n))
        node, _ = rms(errors(rows, "k_node_per_s", n))
        claimed = float(np.median([float(r[f"k_se_per_s_{n}"] or math.nan) for r in rows]))
        held = sum(
            float(r[f"k_low_per_s_{n}"] or 0) <= float(r["k_true_per_s"] or 0)
            <= float(r[f"k_high_per_s_{n}"] or 0)
            for r in rows
        )  # fmt: skip
        print(
            f"{reached:7g}  {PERCENT_PER_DAY * plan:7.4f}  {PERCENT_PER_DAY * host:7.4f}  "
            f"{host / plan:5.2f}+-{host / plan * spread:.2f}  {PERCENT_PER_DAY * node:7.4f}  "
            f"{node / plan:5.2f}+-{node / plan * spread:.2f}    {claimed / claims:8.2f}        "
            f"{held / len(rows):.3f}"
        )


def judge(limit: float, options: argparse.Namespace) -> None:
    """Print how many runs are called LEAK, and SEALED below the limit, at the planned hours."""
    leaking = rig_of(options.mode, options.acceleration, limit, options.null)
    planned = make_plan(leaking, from_lb_per_day(limit)).limit
    assert planned is not None
    sealed = rig_of(options.mode, options.acceleration, 0.0, options.null)
    limit_k = Conversion.from_rig(leaking).k_from_lb_per_day(limit)
    for what, rig, hours in (
        ("LEAK", leaking, planned.hours_to_call_leak),
        ("upper limit below it", sealed, planned.hours_to_call_sealed),
    ):
        if hours is None or hours > max(options.hours):
            print(f"limit {limit:g} lb/day: {what} takes {hours} h, longer than --hours")
            continue
        seeds = run_seeds(options.seed, options.runs)
        rows = run_study(ladder_task(rig, [hours]), seeds, workers=options.workers)
        if rig is leaking:
            hits = sum(row["verdict_0"] == "LEAK" for row in rows)
        else:
            hits = sum(
                float(r["k_per_s_0"] or 0) + 1.645 * float(r["k_se_per_s_0"] or 0) < limit_k
                for r in rows
            )
        share = wilson(hits, len(rows))
        print(
            f"limit {limit:g} lb/day: {what} at {hours:.2f} h in {hits} of {len(rows)} runs "
            f"(95 %: {share.low:.3f} to {share.high:.3f}; planned .95)"
        )


def main() -> None:
    """Compare one bench."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--hours", type=float, nargs="+", default=[0.25, 1.0, 4.0, 24.0, 72.0])
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mode", choices=["A", "B", "C"], default="A")
    parser.add_argument("--acceleration", type=float, default=1.0)
    parser.add_argument("--leak", type=float, default=0.57, help="lb/day (default 5.4 %%/day)")
    parser.add_argument("--null", type=float, default=0.0, help="sensors' null error, Pa")
    parser.add_argument("--limit", type=float, help="lb/day: judge verdicts at the planned hours")
    parser.add_argument("--scheduler")
    parser.add_argument("--workers", type=int)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    compare(
        rig_of(options.mode, options.acceleration, options.leak, options.null),
        options.hours,
        options,
    )
    if options.limit is not None:
        judge(options.limit, options)


if __name__ == "__main__":
    main()

"""One run of a scenario in one call, for studies: truth, estimate and verdict as plain figures."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

from prkbench.analysis import verdict
from prkbench.analysis.conversion import Conversion
from prkbench.analysis.readings import ReadingsResult, analyze_readings
from prkbench.errors import UsageError
from prkbench.sim.scenario import BenchStage, Conclusion, PrkStage, Scenario
from prkbench.sim.scenario_bench import bench_of
from prkbench.sim.scenario_library import scenario
from prkbench.sim.scenario_prk import imported, record_of
from prkbench.sim.scenario_quick import quick_run
from prkbench.sim.scenario_truth import constant_rate, external_rate

Figures = dict[str, float | str]
_OF_A_LEAK = {"INCREASED", "REDUCED", "UNCHANGED", "RETURNED", "MASKED"}
"""Words about a leak that is there."""


def simulate_once(name: str, scale: str, seed: int) -> Figures:
    """Run a scenario once, without the firmware child, and analyse it.

    Figures, NaN where there is none: `k_per_s`, `k_se_per_s`, `k_low_per_s`, `k_high_per_s` (95 %)
    and `k_true_per_s` (where one k describes all of it), in 1/s of what was simulated;
    `rate_`, `low_`, `high_` and `upper95_lb_per_day` PrK-equivalent at 101.3 kPa into vacuum;
    `true_lb_per_day` (mean over the record) and `true_last_lb_per_day`; `readings`, `duration_s`.
    Words: `verdict`, `required` (joined by " + "), `right` (see `rightness`), `scenario`, `scale`.
    Deterministic from the arguments. UsageError for a name or a scale that does not exist.
    """
    told = scenario(name)
    if scale not in ("prk", "bench"):
        raise UsageError(f"scale '{scale}': expected prk or bench")
    stage = told.stage(scale)
    mean, last = external_rate(stage)
    constant = constant_rate(stage)
    required = told.required(scale)
    figures = _prk(told, seed) if scale == "prk" else _bench(told, seed)
    conversion = conversion_of(stage)
    return {
        "scenario": told.name,
        "scale": scale,
        "required": " + ".join(required.verdicts),
        "right": rightness(str(figures["verdict"]), required),
        "true_lb_per_day": mean,
        "true_last_lb_per_day": last,
        "k_true_per_s": math.nan if constant is None else conversion.k_from_lb_per_day(constant),
        **figures,
    }


def conversion_of(stage: PrkStage | BenchStage) -> Conversion:
    """Return what makes a PrK rate a decay constant of the stage."""
    if isinstance(stage, BenchStage):
        return Conversion(acceleration=stage.acceleration)
    return Conversion.for_volume(stage.volume_m3)


def rightness(word: str, required: Conclusion) -> str:
    """Return how a verdict stands to what must be concluded.

    "yes"; "part" where it is one of several words required, or a leak is named where how it changed
    is to be said; "open" while undecided; else "no".
    """
    plain = word.partition(" (")[0]
    if plain == "LEAK" and plain not in required.never and set(required.verdicts) & _OF_A_LEAK:
        return "part"
    if plain in required.never:
        return "no"
    if plain in required.verdicts:
        return "yes" if len(required.verdicts) == 1 else "part"
    if plain in required.also:
        return "yes"
    return "open" if plain in ("NO VERDICT YET", "CANNOT TELL", "CANNOT VERIFY") else "no"


def _prk(told: Scenario, seed: int) -> Figures:
    record = record_of(told, seed)
    with tempfile.TemporaryDirectory(prefix="prk-") as folder:
        source = Path(folder) / "readings.csv"
        source.write_text(record.csv, encoding="utf-8")
        log = imported(record, source)
    result: ReadingsResult = analyze_readings(
        log.readings,
        volume_m3=record.stage.volume_m3,
        temperature_swing_k=record.stage.swing_k,
        pressure_resolution_pa=log.pressure_resolution_pa,
        temperature_resolution_k=log.temperature_resolution_k,
        gaps=log.gaps,
    )
    low, high = result.interval95_lb_per_day
    return {
        "verdict": result.verdict,
        "k_low_per_s": min(rate.k_interval_per_s[0] for rate in result.by_law.values()),
        "k_high_per_s": max(rate.k_interval_per_s[1] for rate in result.by_law.values()),
        "k_per_s": result.k_per_s,
        "k_se_per_s": math.nan if result.k_se_per_s is None else result.k_se_per_s,
        "rate_lb_per_day": result.rate_lb_per_day,
        "low_lb_per_day": low,
        "high_lb_per_day": high,
        "upper95_lb_per_day": result.upper_limit95_lb_per_day,
        "readings": float(result.samples),
        "duration_s": result.duration_s,
    }


def _bench(told: Scenario, seed: int) -> Figures:
    bench = bench_of(told, seed)
    run = quick_run(bench.rig, list(bench.sensors().values()), bench.stage.duration_s)
    conversion = Conversion.from_rig(bench.rig)
    host = run.host
    k, se = (math.nan, math.nan) if host is None else (host.k_per_s, host.se_per_s)
    rows = 0 if host is None else host.rows
    decided = verdict.decide(k, se, rows, conversion, bench.rig.limit.rate_kg_per_s)
    bounds = verdict.interval(k, se)
    low, high = conversion.interval_lb_per_day(bounds)
    device = run.estimator.estimate
    return {
        # The bound in brackets is another in every run.
        "verdict": decided.word.partition(" (")[0],
        "k_low_per_s": bounds[0],
        "k_high_per_s": bounds[1],
        "k_per_s": k,
        "k_se_per_s": se,
        "rate_lb_per_day": conversion.rate_lb_per_day(k),
        "low_lb_per_day": low,
        "high_lb_per_day": high,
        "upper95_lb_per_day": conversion.rate_lb_per_day(verdict.upper_limit(k, se)),
        "device_k_per_s": math.nan if device is None else device.k * 1e-18,
        "readings": float(len(run.blocks.slot)),
        "duration_s": bench.stage.duration_s,
    }

"""A study's task: one rig's bench, from its physics to the host's estimate, without a node.

Block means come straight from the simulated sensors, so a day takes a second and not the minute
that the firmware needs; arithmetic of the node is left out, which is exact anyway.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from prkbench.analysis import correlated, independent, verdict
from prkbench.analysis.conversion import Conversion
from prkbench.analysis.independent import FloatArray, Used
from prkbench.errors import UsageError
from prkbench.law import driving_pressure_pa
from prkbench.planning.noise import Noise
from prkbench.rig import Rig, parse_rig
from prkbench.sim.chamber import Bench, BenchSpec
from prkbench.sim.rig_world import surroundings_of, truth_of
from prkbench.sim.surroundings import spawn
from prkbench.sim.transducer import Transducer, TransducerSpec
from prkbench.study.work import Row, Task

SETTLE_MIN = 10
"""Minutes left out at the start, as on the node: the sensors warm themselves."""
_PART_S = 4.0
"""A minute's mean is taken over values this far apart; nothing in a bench is faster."""
_TRUTH, _NULLS, _NOISE = 31, 32, 33
_KELVIN = 273.15


def bench_task(rig: Rig, hours: float) -> Task:
    """Return the task that runs this rig for so many hours after settling; it can be pickled."""
    return functools.partial(bench_run, rig.to_toml(), hours)


def bench_run(rig_toml: str, hours: float, seed: int) -> Row:
    """Simulate a rig once and estimate its leak: truth, estimate, 95 % interval and verdict.

    k in 1/s; `k_node_per_s` is by the node's method (generalised least squares at the configured
    correlation), the other figures by the host's, None where there are too few minutes.
    """
    rig = parse_rig(rig_toml, "study")
    true, used = simulate_blocks(rig, hours, seed)
    return {"k_true_per_s": true, **estimates(rig, used)}


def ladder_task(rig: Rig, hours: Sequence[float]) -> Task:
    """Return the task that estimates one run after each of these hours; it can be pickled."""
    return functools.partial(ladder_run, rig.to_toml(), tuple(hours))


def ladder_run(rig_toml: str, hours: Sequence[float], seed: int) -> Row:
    """Simulate a rig once and estimate its leak after each of `hours`, from the beginning on.

    Columns as of `bench_run`, with the place in `hours` behind: k_per_s_0, k_per_s_1, ...
    """
    rig = parse_rig(rig_toml, "study")
    true, used = simulate_blocks(rig, max(hours), seed)
    row: Row = {"k_true_per_s": true}
    for n, reached in enumerate(hours):
        found = estimates(rig, part(used, 0, math.ceil(reached * 60.0)))
        row |= {f"{name}_{n}": value for name, value in found.items()}
    return row


def estimates(rig: Rig, used: Used) -> Row:
    """The host's estimate with interval and verdict, and the node's, of these blocks."""
    node = rig.node
    found = correlated.estimate(
        used, node.lag_s, max(node.correlation_time_s, 60.0), rig.sensors.null_uncertainty_pa
    )
    rho = math.exp(-60.0 / node.correlation_time_s) if node.correlation_time_s > 0.0 else 0.0
    plain = independent.gls(independent.rows_of(used), rho) if len(used.slot) else None
    row: Row = {"k_node_per_s": None if plain is None else plain.k_per_s}
    if found is None:
        return row | {"k_per_s": None, "k_se_per_s": None, "k_low_per_s": None,
                      "k_high_per_s": None, "verdict": None}  # fmt: skip
    low, high = verdict.interval(found.k_per_s, found.se_per_s)
    decided = verdict.decide(
        found.k_per_s, found.se_per_s, found.rows, Conversion.from_rig(rig),
        rig.limit.rate_kg_per_s,
    )  # fmt: skip
    return row | {
        "k_per_s": found.k_per_s,
        "k_se_per_s": found.se_per_s,
        "k_low_per_s": low,
        "k_high_per_s": high,
        "verdict": decided.word.partition(" (")[0],
    }


def simulate_blocks(rig: Rig, hours: float, seed: int) -> tuple[float, Used]:
    """Return the true k (1/s) and the minutes that count of one simulated run.

    The element is the rig's within its uncertainty; the sensors disagree by the rig's null
    uncertainty (a normal draw).
    """
    if not 0.0 < hours < math.inf:
        raise UsageError(f"a run of {hours:g} h, expected a time above zero")
    truth = truth_of(rig, int(spawn(seed, _TRUTH).integers(1 << 62)))
    spec = BenchSpec(
        element=truth.element,
        volume_m3=truth.volume_m3,
        initial_pa=rig.chamber.pressure_pa,
        initial_k=rig.chamber.temperature_k,
        residual_rms_k=rig.residual.rms_k,
        residual_tau_s=rig.residual.correlation_time_s,
        surroundings=surroundings_of(rig),
    )
    bench = Bench(spec, seed)
    count = SETTLE_MIN + math.ceil(hours * 60.0)
    null = rig.sensors.null_uncertainty_pa * float(spawn(seed, _NULLS).standard_normal())
    p, t = _minutes(rig, bench, "chamber", seed, 0, count, null)
    if rig.rig.mode == "C":
        ref = np.full(count, rig.chamber.reference_pressure_pa)
    else:
        ref, _ = _minutes(rig, bench, "ambient", seed, 1, count, 0.0)
    x = driving_pressure_pa(rig.law, p, ref, rig.norm_pressure_pa)
    hot = rig.chamber.temperature_k / t
    used = Used(np.ones(count, dtype=np.int64), np.arange(count), x * hot, t, p * hot)
    return truth.k_per_s, part(used, SETTLE_MIN, count)


def part(used: Used, start: int, stop: int) -> Used:
    """Minutes `start` to `stop` - 1 of those."""
    s = slice(start, stop)
    return replace(
        used, segment=used.segment[s], slot=used.slot[s], x=used.x[s], t=used.t[s], y=used.y[s]
    )


def _minutes(
    rig: Rig, bench: Bench, place: str, seed: int, number: int, count: int, offset_pa: float
) -> tuple[FloatArray, FloatArray]:
    """Block means of one sensor: pressure in Pa, temperature in K, (count,) each."""
    spec = TransducerSpec(offset_pa=offset_pa, lag_s=rig.node.lag_s)
    rng = spawn(seed, _NOISE, number)
    sensor = Transducer(bench.source(place), int(rng.integers(1 << 62)), spec, history_s=3600.0)
    noise = Noise.of(rig, spec)
    steps = _centres()
    # Plain additions: their order is fixed, so the mean is the same on every machine.
    means = np.array(
        [
            [sum(column) / len(steps) for column in zip(*values, strict=True)]
            for values in (
                [sensor.expected(60.0 * minute + s) for s in steps] for minute in range(count)
            )
        ]
    )
    p = means[:, 0] + noise.white_pa * rng.standard_normal(count)
    t = means[:, 1] + _KELVIN + noise.white_k * rng.standard_normal(count)
    return p, t


def _centres() -> Sequence[float]:
    return [_PART_S * (n + 0.5) for n in range(round(60.0 / _PART_S))]

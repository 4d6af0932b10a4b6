"""How often the host's 95 % interval holds the truth, and how wide it is.

Simulates benches without a node (block means straight from the simulator, so a day takes a fraction
of a second), estimates k as `prk verify` does, and prints coverage with its Wilson interval.

    uv run python tools/interval_coverage.py --hours 1 4 24 --runs 60
"""

from __future__ import annotations

import argparse
import math

import numpy as np

from prkbench.analysis import correlated
from prkbench.analysis.independent import Used
from prkbench.sim.chamber import Bench, BenchSpec
from prkbench.sim.elements import LinearConductance
from prkbench.sim.surroundings import Surroundings
from prkbench.sim.transducer import Transducer, TransducerSpec

_K_PER_S = 1.0969e-6
_VOLUME_M3 = 5e-3
_T_REF_K = 295.0
_SETTLE_MIN = 10
_SAMPLES_A_MINUTE = 300


def minutes(bench: Bench, role: str, seed: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Block means of one sensor: pressure in Pa, temperature in K, (count,) each."""
    spec = TransducerSpec(offset_pa=0.0)
    sensor = Transducer(bench.source(role), seed, spec)
    noise = spec.noise_pa / math.sqrt(_SAMPLES_A_MINUTE)
    rng = np.random.default_rng(seed)
    p, t = np.array([
        np.mean([sensor.expected(60.0 * m + s) for s in range(0, 60, 4)], axis=0)
        for m in range(count)
    ]).T  # fmt: skip
    return p + noise * rng.standard_normal(count), t + 273.15


def one(seed: int, hours: float, acceleration: float, hvac_k: float) -> tuple[float, float]:
    """Error of k and its standard error for one simulated bench, 1/s."""
    k = _K_PER_S * acceleration
    surroundings = Surroundings(hvac_k=hvac_k)
    bench = Bench(
        BenchSpec(LinearConductance(k * _VOLUME_M3), _VOLUME_M3, surroundings=surroundings), seed
    )
    count = int(hours * 60)
    p, t = minutes(bench, "chamber", 2 * seed + 1, count)
    ref, _ = minutes(bench, "ambient", 2 * seed + 2, count)
    keep = slice(_SETTLE_MIN, None)
    used = Used(
        np.ones(count, dtype=np.int64)[keep],
        np.arange(count)[keep],
        ((p - ref) * _T_REF_K / t)[keep],
        t[keep],
        (p * _T_REF_K / t)[keep],
    )
    found = correlated.estimate(used, lag_s=240.0, tau_s=3600.0, null_pa=0.0)
    if found is None:
        raise SystemExit(f"{hours:g} h are too short for an estimate")
    return found.k_per_s - k, found.se_per_s


def wilson(hits: int, runs: int) -> tuple[float, float]:
    """95 % interval of a proportion."""
    z2 = 1.96**2
    middle = (hits + z2 / 2) / (runs + z2)
    half = 1.96 / (runs + z2) * math.sqrt(hits * (runs - hits) / runs + z2 / 4)
    return middle - half, middle + half


def main() -> None:
    """Print one line for each duration."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--hours", type=float, nargs="+", default=[1.0, 4.0, 24.0])
    parser.add_argument("--runs", type=int, default=60)
    parser.add_argument("--acceleration", type=float, default=1.0)
    parser.add_argument("--hvac", type=float, default=0.3, help="peak to peak, K")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print("hours  runs  covered  (95 % of that)   rms error  mean se   [% of gauge pressure/day]")
    for hours in options.hours:
        seeds = range(options.seed, options.seed + options.runs)
        found = np.array([one(s, hours, options.acceleration, options.hvac) for s in seeds])
        hits = int(np.sum(np.abs(found[:, 0]) < 1.96 * found[:, 1]))
        low, high = wilson(hits, options.runs)
        rms, se = np.sqrt(np.mean(found[:, 0] ** 2)) * 8.64e6, np.mean(found[:, 1]) * 8.64e6
        print(
            f"{hours:5g}  {options.runs:4d}  {hits / options.runs:7.3f}  ({low:.3f} to {high:.3f})"
            f"  {rms:9.4f}  {se:7.4f}"
        )


if __name__ == "__main__":
    main()

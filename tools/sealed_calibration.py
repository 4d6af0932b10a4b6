"""How often 95 % intervals hold the truth before and after a rig learnt from its sealed run.

Each rig has a residual of its own (temperature nobody sees, white noise, lag; room and day swing).
A sealed run teaches it, then a leaking run is estimated by the host and by the node's own
estimator, with the rig file as it was and as `prk calibrate sealed` leaves it.

    uv run python tools/sealed_calibration.py --runs 200 --seed 5000
"""

from __future__ import annotations

import argparse
import datetime
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from prkbench.analysis import correlated
from prkbench.analysis.independent import Used
from prkbench.calibration.applied import apply_sealed_run
from prkbench.calibration.learn import Learnt, learn_sealed
from prkbench.calibration.table import SealedRun
from prkbench.node_setup import node_config
from prkbench.rig import Rig, default_rig
from prkbench.sim.trims import plausible_trim
from prknode.decay import Estimator, Reduced
from prknode.settings import Settings

P_PA, X_PA, T_K = 120000.0, 20000.0, 295.0
HOURS = (1.0, 4.0, 24.0)
_PARTS = 6
_SETTLE = 10
_TODAY = datetime.date(2026, 1, 1)


@dataclass(frozen=True)
class Room:
    """What a rig's gas and sensors do, drawn once for each rig."""

    rms_k: float
    tau_s: float
    lag_s: float
    white_pa: float
    hvac_k: float

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> Room:
        """A rig within a factor of about two of the usual one."""
        return cls(
            0.010 * math.exp(rng.uniform(-0.5, 0.5)),
            1800.0 * math.exp(rng.uniform(-0.7, 0.7)),
            240.0 * math.exp(rng.uniform(-0.3, 0.3)),
            rng.uniform(0.02, 0.3),
            rng.uniform(0.0, 0.02),
        )


def minutes(rng: np.random.Generator, room: Room, hours: float, k_per_s: float) -> Used:
    """The minutes that count of a run with that leak under a linear law."""
    count = round(60.0 * hours) + _SETTLE
    rho = math.exp(-60.0 / _PARTS / room.tau_s)
    shock = rng.standard_normal(count * _PARTS) * math.sqrt(1.0 - rho * rho)
    shock[0] = rng.standard_normal()
    unseen = lfilter([1.0], [1.0, -rho], shock).reshape(count, _PARTS).mean(axis=1) * room.rms_k
    t_s = 60.0 * np.arange(count, dtype=np.float64)
    warm, rate = np.zeros(count), np.zeros(count)
    for size, period in ((room.hvac_k, rng.uniform(900.0, 1800.0)), (0.5, 86400.0)):
        turn, phase = 2.0 * np.pi / period, rng.uniform(0.0, 2.0 * np.pi)
        warm += size * np.sin(turn * t_s + phase)
        rate += size * turn * np.cos(turn * t_s + phase)
    x = X_PA * np.exp(-k_per_s * t_s)
    p = P_PA - X_PA + x
    y = p * (1.0 + (unseen + room.lag_s * rate) / T_K)
    y += room.white_pa * rng.standard_normal(count)
    at = slice(_SETTLE, None)
    return Used(
        np.ones(count, dtype=np.int64)[at], np.arange(count)[at], x[at], (T_K + warm)[at], y[at]
    )


def calibrated(rig: Rig, learnt: Learnt) -> Rig:
    """The rig with what was learnt, as its file would have it."""
    windows = learnt.windows
    sealed = SealedRun.model_construct(
        date=_TODAY.isoformat(),
        run="sealed.prk",
        head="0" * 16,
        duration_s=learnt.duration_s,
        temperature_k=T_K,
        pressure_pa=learnt.pa_per_k * T_K,
        reference_pressure_pa=P_PA - X_PA,
        driving_pressure_pa=learnt.x_pa,
        volume_m3=rig.chamber.volume_m3,
        element=rig.element_text,
        node_window_s=rig.node.window_s,
        bound_per_s=0.0,
        rms_k=learnt.residual.rms_k,
        rms_uncertainty=learnt.rms_uncertainty,
        correlation_time_s=learnt.residual.tau_s,
        correlation_time_uncertainty=learnt.tau_uncertainty,
        white_pa=learnt.residual.white_k * learnt.pa_per_k,
        lag_s=learnt.lag_s,
        lag_uncertainty=learnt.lag_uncertainty,
        windows_s=tuple(w.window_s for w in windows),
        se_per_s=tuple(w.se_per_s for w in windows),
        se_uncertainty=tuple(w.uncertainty for w in windows),
        pieces=tuple(w.pieces for w in windows),
    )
    node = rig.node.model_copy(
        update={"correlation_time_s": learnt.residual.tau_s, "lag_s": learnt.lag_s}
    )
    return rig.model_copy(update={"sealed_run": sealed, "node": node})


def host(rig: Rig, used: Used) -> tuple[float, float]:
    """The host's k and its standard error."""
    node = rig.node
    found = correlated.estimate(used, node.lag_s, node.correlation_time_s, 0.0)
    if found is None:
        raise SystemExit("the run is too short for an estimate")
    applied = apply_sealed_run(found, used, rig, T_K, 0.0, _TODAY)
    return applied.estimate.k_per_s, applied.estimate.se_per_s


def device(rig: Rig, used: Used, hours: float) -> tuple[float, float]:
    """The node's k and its standard error: the short window, or the long one once it spans more."""
    settings = Settings(node_config(rig))
    trim = plausible_trim(np.random.default_rng(0)).pack()
    node = Estimator(settings, [trim, trim])
    pascal, kelvin = 1 << 12, 1 << 20

    def whole(value: float, unit: int) -> int:
        return round(float(value) * unit)

    for slot, x, t, y in zip(used.slot.tolist(), used.x, used.t, used.y, strict=True):
        p = whole(y * t / T_K, pascal)
        node._settled(1, slot, Reduced(p, 0, whole(t, kelvin), whole(x, pascal), whole(y, pascal)))
    long = hours * 3600.0 > rig.node.window_s
    found = node.long_estimate if long else node.estimate
    return found.k * 1e-18, found.se * 1e-18


def one(seed: int, sealed_hours: float) -> NDArray[np.float64]:
    """Errors and standard errors, (hours, method, 2): host, node, before and after."""
    rng = np.random.default_rng(seed)
    room = Room.drawn(rng)
    plain = default_rig()
    learnt = learn_sealed(minutes(rng, room, sealed_hours, 0.0), T_K)
    rig = calibrated(plain, learnt)
    found = np.zeros((len(HOURS), 4, 2))
    for n, hours in enumerate(HOURS):
        k = float(rng.uniform(0.0, 3e-6))
        used = minutes(rng, room, hours, k)
        answers = [host(plain, used), host(rig, used),
                   device(plain, used, hours), device(rig, used, hours)]  # fmt: skip
        found[n] = [(got - k, se) for got, se in answers]
    return found


def wilson(hits: int, runs: int) -> tuple[float, float]:
    """95 % interval of a proportion."""
    z2 = 1.96**2
    middle = (hits + z2 / 2) / (runs + z2)
    half = 1.96 / (runs + z2) * math.sqrt(hits * (runs - hits) / runs + z2 / 4)
    return middle - half, middle + half


def main() -> None:
    """Print coverage, rms error and mean standard error for each length and method."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--runs", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sealed-hours", type=float, default=72.0)
    options = parser.parse_args()
    seeds = range(options.seed, options.seed + options.runs)
    found = np.array([one(seed, options.sealed_hours) for seed in seeds])
    print("hours  by                 covered  (95 % of that)   rms error  mean se   [%/day]")
    for n, hours in enumerate(HOURS):
        for m, name in enumerate(
            ("host, plain", "host, calibrated", "node, plain", "node, calibrated")
        ):
            error, se = found[:, n, m, 0], found[:, n, m, 1]
            hits = int(np.sum(np.abs(error) < 1.96 * se))
            low, high = wilson(hits, options.runs)
            rms = math.sqrt(float(np.mean(error**2)))
            print(
                f"{hours:5g}  {name:17s}  {hits / options.runs:7.3f}  ({low:.3f} to {high:.3f})"
                f"  {8.64e6 * rms:9.4f}  {8.64e6 * float(se.mean()):7.4f}"
            )


if __name__ == "__main__":
    main()

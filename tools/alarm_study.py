"""Rings the node's alarm over every bench scenario's samples: how soon, how often for nothing.

The alarm is the firmware's own module, fed with sample records as the node makes them; the plant
and the sensors are the simulator's. Prints a row a scenario, and how fast falls are noticed.

    uv run python tools/alarm_study.py [--only E5a] [--seed 1] [--falls 20]
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from prkbench.node_setup import node_config
from prkbench.sim.scenario_bench import BenchSetUp, bench_of
from prkbench.sim.scenario_library import scenario, scenario_names
from prkbench.sim.scenario_log import operators_log
from prkbench.sim.surroundings import FloatArray, spawn
from prkbench.sim.world import BenchSensor
from prknode.alarms import ALARM_NAMES, Alarms
from prknode.blocks import BlockSums
from prknode.decay import Estimator
from prknode.records import SAMPLE_HEAD, SENSOR_BYTES, sample_size
from prknode.settings import Settings
from prknode.starting import window_samples

_SLOT_S = 60.0
_MINUTES = 60
_DAY_S = 86400.0
_SAID_BEFORE_S = 3.0
"""The operator writes down what he is about to do: as in scenario_bench."""
_RINGS = {"E11drop"}
"""Scenarios in which the pressure is meant to fall fast."""


@dataclass(frozen=True)
class Ring:
    """An alarm: when it rang, s since the run's start, which, and at what (mPa/s or Pa)."""

    t_s: float
    name: str
    value: int


def rings(
    bench: BenchSetUp, extra: tuple[float, float] | None = None, until_s: float = math.inf
) -> list[Ring]:
    """Every alarm of a scenario's run; it is acknowledged as soon as it has rung.

    extra: (time in s, Pa/s): from then on the chamber's pressure falls by so much besides.
    """
    settings = Settings(node_config(bench.rig))
    sensors = list(bench.sensors().values())
    estimator = Estimator(settings, [sensor.trim.pack() for sensor in sensors])
    alarms = Alarms()
    alarms.begin(settings, estimator, window_samples(settings))
    expected = 60 * settings["rate_mhz"] // 1000
    sums = BlockSums(len(sensors), settings.paired(), expected)
    log = operators_log(bench.entries())
    notes = iter(sorted((t_s - _SAID_BEFORE_S, text) for t_s, text in log))
    note = next(notes, (math.inf, ""))
    found = []
    for t_s, record in _records(bench, sensors, min(until_s, bench.stage.duration_s), extra):
        while note[0] <= t_s:
            alarms.hear(note[1])
            note = next(notes, (math.inf, ""))
        rang = alarms.sample(record, 0)
        while not sums.add(record, 0):
            block = sums.take()
            if block is not None:
                estimator.step(block)
                rang = alarms.block(block) or rang
        if rang:
            found.append(Ring(t_s, alarms.name, alarms.value))
            alarms.clear()
    return found


def _records(
    bench: BenchSetUp,
    sensors: list[BenchSensor],
    duration_s: float,
    extra: tuple[float, float] | None,
) -> Iterator[tuple[float, bytearray]]:
    """Sample records as the node makes them, each with its time; the record is used again."""
    stage = bench.stage
    count = round(_SLOT_S * stage.rate_hz)
    record = bytearray(sample_size(len(sensors)))
    record[6] = (1 << len(sensors)) - 1
    for first in range(0, int(duration_s // _SLOT_S), _MINUTES):
        minutes = min(_MINUTES, int(duration_s // _SLOT_S) - first)
        t_s = first * _SLOT_S + np.arange(minutes * count) / stage.rate_hz
        columns = []
        for n, sensor in enumerate(sensors):
            pressure, celsius = sensor.transducer.measure_series(t_s + 0.02, 16, 2)
            if extra is not None and n == 0:
                pressure = pressure - extra[1] * np.maximum(t_s + 0.02 - extra[0], 0.0)
            columns += _counts(sensor, pressure, celsius, count)
        rows = np.stack(columns, axis=1)
        for t, row in zip(t_s.tolist(), rows.tolist(), strict=True):
            record[0:6] = round(t * 1e6).to_bytes(6, "little")
            at = SAMPLE_HEAD
            for value in row:
                record[at : at + SENSOR_BYTES // 2] = value.to_bytes(3, "little")
                at += SENSOR_BYTES // 2
            yield t, record


def _counts(
    sensor: BenchSensor, pressure: FloatArray, celsius: FloatArray, count: int
) -> list[np.ndarray]:
    """Raw counts by the tangent at each minute's mean: over a minute it is as good as exact."""
    raw_p, raw_t = np.empty(len(pressure)), np.empty(len(pressure))
    for start in range(0, len(pressure), count):
        part = slice(start, start + count)
        p, t = float(pressure[part].mean()), float(celsius[part].mean())
        middle = sensor.trim.raw_for(p, t)
        higher, warmer = sensor.trim.raw_for(p + 100.0, t), sensor.trim.raw_for(p, t + 1.0)
        up, off = pressure[part] - p, celsius[part] - t
        raw_p[part] = (
            middle[0] + up * (higher[0] - middle[0]) / 100.0 + off * (warmer[0] - middle[0])
        )
        raw_t[part] = middle[1] + off * (warmer[1] - middle[1])
    return [np.clip(np.rint(raw), 0, 0xFFFFFF).astype(np.int64) for raw in (raw_p, raw_t)]


def fall_delays(number: int, seed: int) -> list[float]:
    """Seconds until a fall of twice the default threshold rings, in a tight chamber at 5 Hz."""
    told = scenario("E11ramp")
    delays = []
    for n in range(number):
        bench = bench_of(told, seed + n)
        at_s = 300.0 + float(spawn(seed, n).uniform(0.0, 60.0))
        first = next(iter(rings(bench, (at_s, 5.0), 420.0)), None)
        delays.append(math.inf if first is None else first.t_s - at_s)
    return delays


def main() -> None:
    """Run the study and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", help="scenarios, default: all with a bench")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--falls", type=int, default=20, help="falls to be timed; 0 for none")
    chosen = parser.parse_args()
    days = wrong = 0.0
    for name in chosen.only or scenario_names():
        told = scenario(name)
        if told.bench is None:
            continue
        stage = told.bench
        begun = time.monotonic()
        found = rings(bench_of(told, chosen.seed))
        days += stage.duration_s / _DAY_S
        wrong += len(found) if name not in _RINGS else 0
        first = "" if not found else (
            f"  first {found[0].name} at {found[0].t_s:.1f} s, {found[0].value}"
        )  # fmt: skip
        print(
            f"{name:12} {stage.duration_s / 3600.0:6.1f} h {stage.rate_hz:g} Hz  "
            f"{len(found)} alarms{first}  ({time.monotonic() - begun:.0f} s)",
            flush=True,
        )
    print(f"{wrong:.0f} alarms for nothing in {days:.1f} days ({ALARM_NAMES[1]}, {ALARM_NAMES[2]})")
    if chosen.falls:
        delays = fall_delays(chosen.falls, chosen.seed)
        late = sum(delay > 2.0 for delay in delays)
        print(
            f"falls of twice the threshold: {len(delays)}, rung after {min(delays):.2f} to "
            f"{max(delays):.2f} s, {late} later than 2 s"
        )


if __name__ == "__main__":
    main()

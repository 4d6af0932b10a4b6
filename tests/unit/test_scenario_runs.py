"""Every scenario runs at every scale, repeatably, and its figures are what a study needs."""

import math
from pathlib import Path

import numpy as np
import pytest
from staged import plant
from threadpoolctl import threadpool_limits

from prkbench.analysis.foreign import examine_readings
from prkbench.errors import UsageError
from prkbench.runfile import RunFile
from prkbench.sim.scenario import Conclusion
from prkbench.sim.scenario_bench import bench_of
from prkbench.sim.scenario_library import scenario, scenario_names
from prkbench.sim.scenario_once import rightness, simulate_once
from prkbench.sim.scenario_prk import record_of, write_record
from prkbench.sim.scenario_quick import quick_run

NAMES = scenario_names()
PRK = [name for name in NAMES if scenario(name).prk is not None]
BENCH = [name for name in NAMES if scenario(name).bench is not None]
FIGURES = {
    "scenario", "scale", "required", "right", "verdict", "k_per_s", "k_se_per_s", "k_low_per_s",
    "k_high_per_s", "k_true_per_s", "rate_lb_per_day", "low_lb_per_day", "high_lb_per_day",
    "upper95_lb_per_day", "true_lb_per_day", "true_last_lb_per_day", "readings", "duration_s",
}  # fmt: skip


def once(name: str, scale: str, seed: int = 1) -> dict[str, float | str]:
    # As a study's worker does: many threads for small matrices only wait for one another.
    with threadpool_limits(1):
        return simulate_once(name, scale, seed)


@pytest.mark.parametrize("name", PRK)
def test_every_prk_scenario_is_read_and_becomes_a_run(name: str, tmp_path: Path) -> None:
    record = record_of(scenario(name), 1)
    path = tmp_path / "run.prk"
    write_record(record, path, tmp_path / "run.csv")
    stage = record.stage
    with RunFile.open(path) as file:
        readings = file.readings()
        meta = file.meta
        assert file.check() == []
    assert readings is not None
    assert len(readings) == int(stage.duration_s // stage.gauge.every_s) + 1
    # A gauge shows the truth to half a step, but for its own faults.
    truth = record.plant.series(readings["t_s"])[stage.gauge.vessel]["pressure_pa"]
    if stage.gauge.sticks_from_s is None and not stage.gauge.offset_pa:
        wrong = abs(readings["pressure_pa"] - truth).max()
        drifted = abs(stage.gauge.drift_pa_per_year) * stage.duration_s / (365.25 * 86400.0)
        assert wrong <= 0.5 * stage.gauge.resolution_pa + drifted + 1e-6
    assert meta["simulated"] is True
    assert meta["scenario"] == name
    assert [text for _, text in meta["events"]] == [text for _, text in record.log]
    assert (tmp_path / "run.csv").read_text() == record.csv


@pytest.mark.parametrize("name", BENCH)
def test_every_bench_scenario_is_measured_from_its_first_hours_on(name: str) -> None:
    bench = bench_of(scenario(name), 1)
    hours = min(3.0, bench.stage.duration_s / 3600.0)
    with threadpool_limits(1):
        run = quick_run(bench.rig, list(bench.sensors().values()), hours * 3600.0)
    assert len(run.blocks.slot) == int(hours * 60)
    assert run.host is not None
    assert run.estimator.estimate is not None
    start = bench.stage.vessels["chamber"].pressure_pa
    # Offset of the sensor, and the first minute's share of warming up.
    apart = bench.stage.offsets_within_pa + 40.0
    assert run.blocks.pressure_pa[0] == pytest.approx(start, abs=apart)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "scale"), [*((n, "prk") for n in PRK), *((n, "bench") for n in BENCH)]
)
def test_every_scenario_gives_a_study_its_figures(name: str, scale: str) -> None:
    found = once(name, scale)
    assert set(found) >= FIGURES
    assert found["right"] in ("yes", "part", "open", "no")
    assert float(found["readings"]) >= 2


@pytest.mark.parametrize(("name", "scale"), [("E6short", "prk"), ("E6short", "bench")])
def test_one_run_depends_on_its_seed_alone(name: str, scale: str) -> None:
    first, again, other = once(name, scale), once(name, scale), once(name, scale, seed=2)
    assert set(first) >= FIGURES
    assert {k: v for k, v in first.items() if v == v} == {k: v for k, v in again.items() if v == v}
    if scale == "bench":
        assert first["k_per_s"] != other["k_per_s"]


@pytest.mark.parametrize("scale", ["prk", "bench"])
def test_a_steady_leak_is_found_within_its_interval(scale: str) -> None:
    found = once("E2prk", scale)
    assert found["verdict"] == "LEAK"
    # 95 % intervals hold the truth with this seed: 1.13 kg/day.
    assert found["low_lb_per_day"] <= 1.13 / 0.45359237 * 1.004
    assert found["high_lb_per_day"] >= 1.13 / 0.45359237 * 0.996
    assert found["rate_lb_per_day"] == pytest.approx(1.13 / 0.45359237, rel=0.02)


@pytest.mark.parametrize(
    ("name", "scale"), [("sealed", "prk"), ("drift", "prk"), ("door", "bench")]
)
def test_a_control_is_not_called_a_leak(name: str, scale: str) -> None:
    found = once(name, scale)
    assert found["right"] in ("yes", "part")
    assert found["k_true_per_s"] == 0.0


def test_a_stuck_sensor_repeats_its_reading_on_the_bench() -> None:
    bench = bench_of(scenario("stick"), 1)
    (chamber, _) = bench.sensors().values()
    live = {chamber.transducer.measure(t, 16, 2) for t in (43000.0, 43100.0)}
    stuck = {chamber.transducer.measure(t, 16, 2) for t in (43300.0, 50000.0, 60000.0)}
    assert len(stuck) == 1
    assert len(live) == 2


def test_two_sensors_of_the_control_are_50_pa_apart() -> None:
    bench = bench_of(scenario("offset"), 3)
    offsets = [sensor.transducer.offset_pa for sensor in bench.sensors().values()]
    shown = [sensor.transducer.expected(3600.0)[0] for sensor in bench.sensors().values()]
    running, when = plant(bench.stage, 3), np.array([3600.0])
    truth = [float(running.source(place)(when)[0][0]) for place in ("chamber", "ambient")]
    assert offsets == [0.0, 0.0]
    # 0.6 Pa/K over the 3 K to the tempco's reference, flicker of 0.1 Pa: both sensors alike.
    assert (shown[0] - truth[0]) - (shown[1] - truth[1]) == pytest.approx(50.0, abs=1.5)


def test_what_is_open_is_neither_right_nor_wrong() -> None:
    told = Conclusion.model_validate(
        {"verdicts": ["RETURNED", "LEAK"], "also": ["INCREASED"], "never": ["SEALED"], "text": "."}
    )
    assert rightness("LEAK", told) == "part"
    assert rightness("INCREASED", told) == "yes"
    assert rightness("SEALED (< 0.1 lb/day)", told) == "no"
    assert rightness("CANNOT TELL", told) == "open"
    assert rightness("REDUCED", told) == "no"


def test_a_scale_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError, match="scale 'moon': expected prk or bench"):
        simulate_once("E8", "moon", 1)


def test_the_operators_log_is_among_the_events_of_the_analysis(tmp_path: Path) -> None:
    write_record(record_of(scenario("C2logged"), 1), tmp_path / "run.prk")
    with RunFile.open(tmp_path / "run.prk") as file:
        outcome = examine_readings(file, None)
    assert [(event.t_h, event.text) for event in outcome.events] == [
        (0.0, "HATCH SHUT: volume 4.0 m3"), (48.0, "HATCH OPENED: freighter, +7.0 m3"),
    ]  # fmt: skip
    assert outcome.simulated
    assert outcome.title == "C2logged: The volume trap"
    assert math.isfinite(outcome.rate_lb_per_day or math.nan)

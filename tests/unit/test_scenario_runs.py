"""Every scenario runs at every scale, repeatably, and its figures are what a study needs."""

import math
from pathlib import Path

import numpy as np
import pytest
from staged import plant, prk_stage
from threadpoolctl import threadpool_limits

from prkbench.analysis.conversion import Conversion
from prkbench.analysis.foreign import examine_readings
from prkbench.analysis.segments import cut
from prkbench.errors import UsageError
from prkbench.runfile import RunFile
from prkbench.sim.scenario import BenchStage, Conclusion
from prkbench.sim.scenario_bench import bench_of
from prkbench.sim.scenario_campaign import bench_campaign, bench_run, examined, known_before
from prkbench.sim.scenario_library import scenario, scenario_names
from prkbench.sim.scenario_once import rightness, simulate_once
from prkbench.sim.scenario_plant import conversion_of, element_for
from prkbench.sim.scenario_prk import record_of, write_record
from prkbench.sim.scenario_quick import quick_run

NAMES = scenario_names()
PRK = [name for name in NAMES if scenario(name).prk is not None]
BENCH = [name for name in NAMES if scenario(name).bench is not None]
FIGURES = {
    "scenario", "scale", "required", "right", "verdict", "words",
    "k_per_s", "k_se_per_s", "k_low_per_s", "k_high_per_s", "k_true_per_s",
    "rate_lb_per_day", "low_lb_per_day", "high_lb_per_day",
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
    assert found["right"] in ("yes", "open", "no")
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
    assert found["right"] == "yes"
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


@pytest.mark.parametrize(
    ("words", "right"),
    [
        (["RETURNED", "LEAK"], "yes"),
        (["RETURNED", "LEAK", "DISTURBED"], "yes"),
        (["INCREASED"], "yes"),
        (["LEAK"], "open"),
        (["LEAK", "CANNOT TELL"], "open"),
        (["NO VERDICT YET"], "open"),
        (["REDUCED", "LEAK"], "no"),
        (["RETURNED", "LEAK", "THERMAL"], "no"),
        (["CANNOT TELL", "SEALED"], "no"),
    ],
)
def test_right_is_all_that_is_required_and_nothing_untrue(words: list[str], right: str) -> None:
    wanted = {
        "verdicts": ["RETURNED", "LEAK"], "also": ["INCREASED"], "never": ["SEALED"], "text": "."
    }  # fmt: skip
    told = scenario("E8").model_copy(update={"conclusion": Conclusion.model_validate(wanted)})
    assert rightness(words, told, "prk") == right


def test_a_leak_is_never_true_of_what_does_not_leak() -> None:
    assert rightness(["SEALED"], scenario("sealed"), "prk") == "yes"
    assert rightness(["SEALED", "LEAK"], scenario("sealed"), "prk") == "no"


def test_a_scenario_is_examined_after_the_one_it_follows() -> None:
    told = scenario("E8")
    before = known_before(told, "prk", 1)
    assert before is not None
    assert before.tight
    # E7's conclusion, by its file: under 0.005 lb/day.
    assert 0.0 < before.high_lb_per_day < 0.005
    found = once("E8", "prk")
    assert found["verdict"] == "RETURNED"
    assert found["right"] == "yes"
    stage = prk_stage("E8").model_copy(update={"after": None})
    alone = examined(told.model_copy(update={"prk": stage}), "prk", 1).outcome
    assert "RETURNED" not in alone.words


def test_every_scenario_that_follows_another_follows_one_of_its_scale() -> None:
    for name in NAMES:
        for scale in ("prk", "bench"):
            stage = getattr(scenario(name), scale)
            if stage is not None and stage.after is not None:
                assert getattr(scenario(stage.after), scale) is not None, name
                assert scenario(stage.after).stage(scale).after is None, name


@pytest.mark.parametrize(("name", "volume_m3"), [("C1read", 916.0), ("E2crew", 120.0)])
def test_two_joined_volumes_decay_as_the_vessel_told_about(name: str, volume_m3: float) -> None:
    stage = scenario(name).stage("bench")
    assert isinstance(stage, BenchStage)
    assert stage.tested_m3 == pytest.approx(0.022)
    told_kg_per_s = stage.paths["crack"].rate_kg_per_s
    assert told_kg_per_s is not None
    flow = element_for("viscous", told_kg_per_s, stage).mass_flow(
        stage.rated_from_pa, stage.rated_to_pa, 295.0
    )
    gas_kg = volume_m3 * 101325.0 / (287.05 * 295.0)
    driving_kg = 0.022 * (stage.rated_from_pa - stage.rated_to_pa) / (287.05 * 295.0)
    wanted = stage.acceleration * told_kg_per_s / gas_kg
    assert flow / driving_kg == pytest.approx(wanted, rel=1e-6)
    rig = bench_of(scenario(name), 1).rig
    assert Conversion.from_rig(rig) == conversion_of(stage)
    # Shut, the chamber is alone, and stands for the PrK.
    alone = scenario("E2prk").stage("bench")
    assert isinstance(alone, BenchStage)
    assert alone.tested_m3 == pytest.approx(0.002)


def test_the_stations_leak_is_found_on_the_two_volume_bench_whatever_its_temperature() -> None:
    found = once("C1read", "bench")
    assert found["right"] == "yes", found["words"]
    assert found["verdict"] == "THERMAL"
    # 95 % with this seed, of a stated 3.5 lb/day out of 916 m3.
    assert float(found["low_lb_per_day"]) <= 3.5 <= float(found["high_lb_per_day"])
    assert found["rate_lb_per_day"] == pytest.approx(3.5, rel=0.1)


def test_the_quick_way_sees_the_station_as_the_node_does() -> None:
    campaign = bench_campaign(*bench_run(scenario("E5c"), 1))
    assert campaign.station_pa is not None
    # Within 10 Pa of offset each and 2 Pa of noise and warmth, the station stays as it is.
    assert campaign.station_pa == pytest.approx(101325.0, abs=25.0)


def test_a_change_inside_a_record_is_not_taken_for_another_flow_law() -> None:
    best = []
    for seed in range(8):
        outcome = examined(scenario("C3"), "bench", seed).outcome
        assert "INCREASED" in outcome.words
        best.append(outcome.law["exponent"])
        low, high = outcome.law["interval95"]
        # Wider by half than at 95 %: once in 300 intervals.
        assert low - 0.25 * (high - low) < 2.0 < high + 0.25 * (high - low), seed
    # A record of 12 h tells n to about 0.28, eight to 0.1. A chip that warms itself in the first
    # minutes bends them by 0.25 on average, minutes counted to the wrong rate by more.
    assert abs(np.mean(best) - 2.0) < 0.2, best


@pytest.mark.parametrize("seed", [7722527556984793329, 5984238622769634029])
def test_a_leak_that_grows_evenly_is_increased_though_p_and_p2_would_follow_it(seed: int) -> None:
    found = once("E11ramp", "bench", seed)
    assert found["right"] == "yes", found["words"]


def test_supply_that_nobody_logged_makes_no_change_of_the_leak() -> None:
    """With this seed one of the short stretches between represses differs by chance."""
    outcome = examined(scenario("E2crew"), "bench", 5314565393830700819).outcome
    assert outcome.words[0] == "CANNOT TELL"
    assert not {"INCREASED", "REDUCED", "RETURNED"} & set(outcome.words)
    assert any("lb/day at 19.8 h" in reason for reason in outcome.reasons)


def test_a_fast_drop_at_the_end_is_named_though_it_is_too_short_for_a_rate() -> None:
    outcome = examined(scenario("E11drop"), "bench", 3).outcome
    (told,) = (reason for reason in outcome.reasons if "nobody wrote why" in reason)
    assert told.startswith("at 1.5 h the pressure went by -")
    assert "too short to be told" in told


def test_a_repress_that_falls_into_two_minutes_begins_a_segment() -> None:
    """A third of it in the first minute must not raise what the second is held against."""
    for seed in (5, 6, 7, 8):
        run, rig, notes = bench_run(scenario("E2crew"), seed)
        campaign = bench_campaign(run, rig, notes)
        # The hold represses by 500 Pa; nothing else raises the pressure by 100 Pa in a minute.
        rises = np.flatnonzero(np.diff(campaign.pressure_pa) > 100.0)
        found = np.searchsorted(campaign.t_s, cut(campaign).unlogged_jumps_s)
        assert len(rises) > 0
        assert all(np.abs(found - rise).min() <= 3 for rise in rises), seed


def test_a_short_test_of_a_slow_leak_bounds_it_and_claims_nothing() -> None:
    for seed in range(6):
        found = once("E6short", "bench", seed)
        assert "LEAK" not in str(found["words"])
        # Its one-sided 95 % limit fails one in twenty, so by more than double never in six.
        assert float(found["upper95_lb_per_day"]) > 0.5 * 0.05


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

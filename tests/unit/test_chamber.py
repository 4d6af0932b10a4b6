import itertools
import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_network import Boundary, Network, Path, Volume

from prkbench.errors import UsageError
from prkbench.sim.chamber import Bench, BenchSpec, BenchState
from prkbench.sim.elements import LinearConductance, Orifice, Sealed, ViscousCapillary
from prkbench.sim.gas import R_AIR
from prkbench.sim.plant import Fill, SetElement
from prkbench.sim.surroundings import Surroundings, SurroundingsTrace

TUBE = ViscousCapillary(0.25e-3, 1.06)
STILL = Surroundings(weather_pa_per_sqrt_h=0.0, room_swing=False)
DAY_S = 86400


def quiet(element, **changes):
    return BenchSpec(element, residual_rms_k=0.0, surroundings=STILL, **changes)


@settings(max_examples=8, deadline=None)
@given(st.lists(st.floats(0.0, 2 * 3600.0), min_size=1, max_size=20))
def test_the_state_does_not_depend_on_which_times_are_asked_for(times):
    spec = BenchSpec(TUBE)
    stepped = Bench(spec, seed=4)
    states = [stepped.at(t) for t in times]
    jumped = Bench(spec, seed=4)
    jumped.at(max(times) + 3600.0)
    assert [jumped.at(t) for t in times] == states


def test_series_gives_the_same_bits_as_single_times():
    times = np.random.default_rng(1).uniform(0.0, 3 * 3600.0, 500)
    series = Bench(BenchSpec(TUBE), seed=4).series(times)
    bench = Bench(BenchSpec(TUBE), seed=4)
    for n, t in enumerate(times.tolist()):
        assert bench.at(t) == BenchState(*(series[name][n] for name in BenchState._fields))


def test_times_on_and_next_to_every_chunk_and_step_edge_are_answered():
    bench = Bench(BenchSpec(TUBE), seed=4)
    for edge in (5.0, 10.0, 3600.0, 7200.0):
        below, above = math.nextafter(edge, 0.0), math.nextafter(edge, math.inf)
        before, at, after = (bench.at(t).chamber_pa for t in (below, edge, above))
        assert before == pytest.approx(at, abs=1e-6)
        assert after == pytest.approx(at, abs=1e-6)


def test_another_seed_is_another_day():
    assert Bench(BenchSpec(TUBE), 1).at(7200.0) != Bench(BenchSpec(TUBE), 2).at(7200.0)


def places(bench, until_s):
    """Ambient and room as functions of a single time, quick enough for the reference."""
    grid = np.arange(0.0, until_s + 20.0, 10.0)
    ambient, room = (values.tolist() for values in bench.surroundings.series(grid))

    def between(values):
        def at(t_s):
            n = int(t_s / 10.0)
            return values[n] + (t_s / 10.0 - n) * (values[n + 1] - values[n])

        return at

    return between(ambient), between(room)


@pytest.mark.parametrize("element", [TUBE, Orifice(30e-6), LinearConductance(5e-8)])
def test_a_filled_bench_agrees_with_the_accurate_integration_within_a_millipascal(element):
    # 14.8 K of fill heating, every swing on, times between the steps. The forcing bends every
    # 10 s, so the reference stops there; nothing is allowed for but integration error.
    spec = BenchSpec(element, initial_k=309.8, residual_rms_k=0.0)
    bench = Bench(spec, seed=1)
    times = np.concatenate(([0.0], np.arange(43.7, 3600.0, 137.3)))
    fast = bench.series(times)
    ambient, room = places(bench, 3600.0)
    chamber = Volume(5e-3, 1.2e5, 309.8, gas_tau_s=150.0, wall_tau_s=1800.0)
    net = Network(
        {"chamber": chamber},
        [Path(element, "chamber", "room")],
        {"room": Boundary(ambient, room)},
        room_k=room,
    )
    exact = net.solve(times, rtol=1e-12, kinks_s=np.arange(0.0, 3600.0, 10.0))["chamber"]
    # The cubic between steps is good to 1e-4 Pa once the first minutes of the fill are over.
    assert np.abs(fast["chamber_pa"] - exact.pressure_pa).max() < 1e-3
    assert np.abs(fast["chamber_pa"] - exact.pressure_pa)[times > 600.0].max() < 1e-4
    assert np.abs(fast["gas_k"] - exact.gas_k).max() < 1e-5


def test_a_day_agrees_with_the_accurate_integration_within_a_millipascal():
    surroundings = Surroundings(
        weather_pa_per_sqrt_h=0.0, ambient_ramp_pa_per_h=50.0, hvac_k=0.0, diurnal_k=2.0
    )
    spec = BenchSpec(TUBE, initial_k=300.0, residual_rms_k=0.0, surroundings=surroundings)
    bench = Bench(spec, seed=1)
    times = np.arange(0.0, DAY_S + 1, 1800.0)
    fast = bench.series(times)
    ambient, room = places(bench, DAY_S)
    chamber = Volume(5e-3, 1.2e5, 300.0, gas_tau_s=150.0, wall_tau_s=1800.0)
    net = Network(
        {"chamber": chamber},
        [Path(TUBE, "chamber", "room")],
        {"room": Boundary(ambient, room)},
        room_k=room,
    )
    # Stopping at every asked time spares the reference its own interpolation.
    exact = net.solve(times, rtol=1e-12, kinks_s=times)["chamber"]
    assert np.abs(fast["chamber_pa"] - exact.pressure_pa).max() < 1e-3


def test_a_simulated_day_takes_well_under_a_second():
    start = time.process_time()
    Bench(BenchSpec(TUBE), seed=1).at(DAY_S - 1.0)
    # About 0.1 s on a laptop; the bound leaves room for coverage tracing.
    assert time.process_time() - start < 2.0


def test_pressure_is_that_of_the_gas_law_with_the_unseen_residual():
    bench = Bench(BenchSpec(Sealed()), seed=3)
    series = bench.series(np.arange(0.0, DAY_S, 10.0))
    # A sealed chamber holds its mass: p/T is constant at the grid points.
    ratio = series["chamber_pa"] / series["gas_k"]
    assert np.ptp(ratio) < 1e-9 * ratio[0]
    assert series["chamber_pa"][0] == pytest.approx(1.2e5, abs=1e-6)
    unseen = series["gas_k"] - series["sensor_air_k"]
    assert 0.005 < unseen.std() < 0.02


def test_the_residual_is_10_mk_rms_and_forgets_itself_in_half_an_hour():
    runs = [
        Bench(BenchSpec(Sealed(), gas_tau_s=0.0), seed).series(np.arange(0.0, 10800.0, 1800.0))
        for seed in range(60)
    ]
    unseen = np.array([run["gas_k"] - run["sensor_air_k"] for run in runs])
    # 60 x 6 values, neighbours correlated by 1/e: about 180 independent, 5.3 % on the rms.
    assert unseen.std() == pytest.approx(0.010, rel=0.2)
    neighbours = np.mean(unseen[:, :-1] * unseen[:, 1:]) / np.mean(unseen**2)
    # Correlation 1/e, known to about 1/sqrt(300) = 0.058; four of those.
    assert neighbours == pytest.approx(math.exp(-1.0), abs=0.23)


def test_turning_one_random_source_off_leaves_the_others_alone():
    times = np.arange(0.0, 7200.0, 60.0)
    full = Bench(BenchSpec(TUBE), 5).series(times)
    calm = Bench(BenchSpec(TUBE, surroundings=Surroundings(weather_pa_per_sqrt_h=0.0)), 5)
    still = Bench(BenchSpec(TUBE, surroundings=Surroundings(room_swing=False)), 5)
    assert np.array_equal(calm.series(times)["room_k"], full["room_k"])
    assert np.all(calm.series(times)["ambient_pa"] == 1e5)
    assert np.array_equal(still.series(times)["ambient_pa"], full["ambient_pa"])
    assert np.all(still.series(times)["room_k"] == 295.0)


def test_weather_walks_50_pa_per_root_hour():
    trace = SurroundingsTrace(Surroundings(), seed=2)
    trace.extend_to(360 * 400)
    hourly = np.diff(np.array(trace.ambient_pa)[::360])
    # 400 hours give the rms to 1/sqrt(800) = 3.5 %; four of those.
    assert np.sqrt(np.mean(hourly**2)) == pytest.approx(50.0, rel=0.14)
    assert np.abs(np.diff(np.array(trace.ambient_pa))).max() < 50.0


def test_ambient_ramp_is_a_straight_line():
    spec = Surroundings(weather_pa_per_sqrt_h=0.0, ambient_ramp_pa_per_h=50.0)
    assert SurroundingsTrace(spec, 1).at(6 * 3600.0)[0] == pytest.approx(100300.0, abs=1e-9)


def test_the_room_starts_at_its_temperature_and_swings_by_day_and_hvac():
    hvac_only = SurroundingsTrace(Surroundings(diurnal_k=0.0), 1)
    hvac_only.extend_to(8640)
    hvac = np.array(hvac_only.room_k)
    assert hvac[0] == 295.0
    # Sampled every 10 s of at least 600 s: the crest is hit to cos(pi/60) = 0.14 %.
    assert np.ptp(hvac) == pytest.approx(0.3, rel=0.002)
    rising = np.flatnonzero((hvac[:-1] < 295.0) & (hvac[1:] >= 295.0)) * 10.0
    assert np.diff(rising).min() >= 590.0
    assert np.diff(rising).max() <= 1810.0
    assert np.ptp(np.diff(rising)) > 300.0
    day_only = SurroundingsTrace(Surroundings(hvac_k=0.0), 1)
    day_only.extend_to(8640)
    assert np.ptp(np.array(day_only.room_k)) == pytest.approx(2.0, rel=1e-4)
    assert day_only.room_k[0] == 295.0


def test_the_outlet_is_the_room_or_the_pump():
    pumped = Surroundings(downstream="vacuum", vacuum_pa=700.0)
    for surroundings in (Surroundings(), pumped):
        bench = Bench(BenchSpec(Sealed(), surroundings=surroundings), 1)
        series = bench.series(np.array([0.0, 1000.0]))
        expected = [700.0] * 2 if surroundings is pumped else series["ambient_pa"].tolist()
        assert series["outlet_pa"].tolist() == expected


def test_a_source_shows_the_place_of_its_role_and_not_the_residual():
    bench = Bench(BenchSpec(TUBE), 1)
    times = np.array([10.0, 5000.0])
    series = bench.series(times)
    for role, pressure, air in (
        ("chamber", "chamber_pa", "sensor_air_k"),
        ("ambient", "ambient_pa", "room_k"),
        ("outlet", "outlet_pa", "room_k"),
    ):
        got = bench.source(role)(times)
        assert np.array_equal(got[0], series[pressure])
        assert np.array_equal(got[1], series[air])
    with pytest.raises(UsageError, match="cabin"):
        bench.source("cabin")


def test_a_change_of_leak_takes_effect_when_it_is_due():
    spec = quiet(
        Sealed(),
        wall_tau_s=math.inf,
        gas_tau_s=0.0,
        events=(SetElement(1000.0, "leak", LinearConductance(1e-6)),),
    )
    bench = Bench(spec, 1)
    assert bench.at(1000.0).chamber_pa == pytest.approx(1.2e5, abs=1e-6)
    # Linear and isothermal: the excess decays with k = C/V.
    excess = bench.at(2000.0).chamber_pa - 1e5
    assert excess == pytest.approx(2e4 * math.exp(-1e-6 / 5e-3 * 1000.0), rel=1e-9)


def test_a_leak_closing_does_not_bend_the_pressure_before_it_closes():
    spec = quiet(
        LinearConductance(1e-6),
        wall_tau_s=math.inf,
        gas_tau_s=0.0,
        events=(SetElement(1000.0, "leak", Sealed()),),
    )
    bench = Bench(spec, 1)
    k = 1e-6 / 5e-3
    assert bench.at(997.3).chamber_pa == pytest.approx(1e5 + 2e4 * math.exp(-k * 997.3), abs=1e-4)
    assert bench.at(1003.0).chamber_pa == bench.at(1500.0).chamber_pa


def test_repress_fills_to_the_asked_pressure_with_heat_and_adds_the_mass():
    bench = Bench(
        quiet(
            Sealed(), initial_pa=1e5, wall_tau_s=math.inf, events=(Fill(600.0, "chamber", 1.2e5),)
        ),
        1,
    )
    filled = bench.at(600.0)
    assert filled.chamber_pa == pytest.approx(1.2e5, abs=1e-6)
    # Fill heating of 100 to 120 kPa: 295 K x (1.2 / (1 + 0.2/1.4) - 1).
    assert filled.gas_k - 295.0 == pytest.approx(14.75, abs=1e-6)
    mass = bench.at(9000.0).chamber_pa * 5e-3 / (R_AIR * 295.0)
    assert mass == pytest.approx((1e5 + 2e4 / 1.4) * 5e-3 / (R_AIR * 295.0), rel=1e-6)


def test_a_repress_downwards_is_refused_when_it_comes_due():
    bench = Bench(quiet(Sealed(), events=(Fill(600.0, "chamber", 1e5),)), 1)
    with pytest.raises(UsageError, match="below the vessel"):
        bench.at(700.0)


def test_inflow_from_the_room_warms_an_adiabatic_chamber_by_compression():
    bench = Bench(quiet(Orifice(1e-3), initial_pa=3e4, gas_tau_s=math.inf, wall_tau_s=math.inf), 1)
    end = bench.at(60.0)
    # Enthalpy balance of filling: T = p / (p0/T0 + (p - p0)/(gamma T_in)).
    p = end.chamber_pa
    assert p > 9e4
    assert end.gas_k == pytest.approx(p / (3e4 / 295.0 + (p - 3e4) / (1.4 * 295.0)), rel=1e-6)


def test_a_vent_settles_at_the_outside_pressure_without_crossing_it():
    for start_pa in (1.2e5, 5e4):
        bench = Bench(quiet(Orifice(3e-3), initial_pa=start_pa, gas_tau_s=0.0), 1)
        excess = bench.series(np.arange(0.0, 60.0, 0.05))["chamber_pa"] - 1e5
        assert np.abs(excess[-1]) < 1e-3
        assert np.all(excess * np.sign(start_pa - 1e5) > -1e-6)


@pytest.mark.parametrize("t_s", [-1.0, math.nan, math.inf])
def test_a_time_that_is_none_is_refused(t_s):
    bench = Bench(BenchSpec(TUBE), 1)
    bench.at(10.0)
    with pytest.raises(UsageError, match="no state"):
        bench.at(t_s)
    with pytest.raises(UsageError, match="no state"):
        bench.series(np.array([1.0, t_s]))


def test_no_times_give_empty_series():
    series = Bench(BenchSpec(TUBE), 1).series(np.empty(0))
    assert set(series) == {*BenchState._fields, "outlet_pa"}
    assert all(len(values) == 0 for values in series.values())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *itertools.product(("volume_m3", "initial_pa", "initial_k", "wall_tau_s"), (0.0, math.nan)),
        ("gas_tau_s", -1.0),
        ("residual_rms_k", -0.1),
    ],
)
def test_impossible_benches_are_refused_by_name(name, value):
    with pytest.raises(UsageError, match=name):
        BenchSpec(TUBE, **{name: value})


@pytest.mark.parametrize(
    "wrong", [{"vacuum_pa": 2000.0}, {"ambient_pa": 0.0}, {"hvac_period_s": (900.0, 300.0)}]
)
def test_impossible_surroundings_are_refused(wrong):
    with pytest.raises(UsageError, match="expected"):
        Surroundings(**wrong)

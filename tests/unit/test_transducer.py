import math
from array import array

import numpy as np
import pytest

from prkbench.errors import UsageError
from prkbench.sim.chamber import Bench, BenchSpec
from prkbench.sim.elements import ViscousCapillary
from prkbench.sim.transducer import Transducer, TransducerSpec, lag_response


def still(pressure_pa=1e5, air_k=295.0):
    return lambda t: (np.full_like(t, pressure_pa), np.full_like(t, air_k))


def bare(**given):
    return TransducerSpec(**{**TransducerSpec.ideal().__dict__, **given})


def test_an_ideal_element_reports_the_truth():
    bench = Bench(BenchSpec(ViscousCapillary(0.25e-3, 1.06)), 1)
    sensor = Transducer(bench.source("chamber"), 1, TransducerSpec.ideal())
    for t in (0.0, 17.0, 3599.0, 3600.0, 9000.0):
        truth = bench.at(t)
        got = sensor.measure(t, 16, 2)
        assert got[0] == pytest.approx(truth.chamber_pa, abs=1e-9)
        assert got[1] == pytest.approx(truth.sensor_air_k - 273.15, abs=1e-9)
    # Between the seconds of its own grid: curvature of the first minutes, under 1 mPa.
    assert sensor.measure(120.4, 16, 2)[0] == pytest.approx(bench.at(120.4).chamber_pa, abs=1e-3)


@pytest.mark.parametrize("osr", [1, 2, 4, 8, 16, 32])
def test_white_noise_falls_with_the_root_of_the_oversampling(osr):
    sensor = Transducer(still(), 3, bare(noise_pa=0.636, temperature_noise_k=0.005))
    readings = np.array([sensor.measure(n * 0.04, osr, osr) for n in range(20000)])
    # 20000 values give a standard deviation to 0.5 %; four of those.
    assert readings[:, 0].std() == pytest.approx(0.636 * math.sqrt(16 / osr), rel=0.02)
    assert readings[:, 1].std() == pytest.approx(0.005 / math.sqrt(osr), rel=0.02)
    successive = np.corrcoef(readings[:-1, 0], readings[1:, 0])[0, 1]
    assert abs(successive) < 4.0 / math.sqrt(20000)


def test_noise_at_x16_and_25_hz_has_the_measured_density():
    assert TransducerSpec().noise_pa ** 2 / 25.0 == pytest.approx(0.0162, abs=5e-5)


def test_the_same_seed_repeats_every_reading_and_another_does_not():
    first, again, other = (Transducer(still(), seed) for seed in (8, 8, 9))
    times = [0.2 * n for n in range(10000)]
    readings = [first.measure(t, 16, 2) for t in times]
    assert [again.measure(t, 16, 2) for t in times] == readings
    assert [other.measure(t, 16, 2) for t in times] != readings


def test_the_slow_errors_do_not_depend_on_when_conversions_happen():
    busy, idle = Transducer(still(), 8), Transducer(still(), 8)
    for n in range(10000):
        busy.measure(n * 1.0, 1, 1)
    for t in (3.3, 3599.5, 3600.0, 9999.9):
        assert idle.expected(t) == busy.expected(t)
    assert busy.measure(77.0, 1, 1)[0] != busy.expected(77.0)[0]


def test_offset_is_within_50_pa_unless_given():
    offsets = np.array([Transducer(still(), seed).offset_pa for seed in range(400)])
    assert np.abs(offsets).max() <= 50.0
    # Uniform: standard deviation 50/sqrt(3) = 28.9, known to 2 % from 400; four of those.
    assert offsets.std() == pytest.approx(28.87, rel=0.08)
    given = Transducer(still(), 1, bare(offset_pa=12.5))
    assert given.measure(1.0, 16, 2)[0] == pytest.approx(100012.5, abs=1e-9)


def test_temperature_coefficient_acts_on_the_sensors_own_temperature():
    sensor = Transducer(still(air_k=308.15), 1, bare(tempco_pa_per_k=0.6))
    assert sensor.measure(1.0, 16, 2)[0] == pytest.approx(1e5 + 0.6 * 10.0, abs=1e-9)


def test_flicker_is_a_tenth_of_a_pascal_and_slow():
    # Many seeds, for the slowest part hardly moves in one run.
    runs = np.array(
        [
            [
                Transducer(still(), seed, bare(flicker_pa=0.1)).expected(t)[0] - 1e5
                for t in (0.0, 1.0, 1800.0)
            ]
            for seed in range(200)
        ]
    )
    # 200 independent values at each time: 5 % on the rms; four of those.
    assert runs[:, 0].std() == pytest.approx(0.1, rel=0.2)
    assert runs[:, 2].std() == pytest.approx(0.1, rel=0.2)
    assert (runs[:, 1] - runs[:, 0]).std() < 0.04
    assert (runs[:, 2] - runs[:, 0]).std() > 0.08


def test_slow_flicker_goes_on_smoothly_from_hour_to_hour():
    slow = bare(flicker_pa=0.1, flicker_taus_s=(10000.0,))
    jumps = []
    for seed in range(20):
        sensor = Transducer(still(), seed, slow)
        jumps.append(sensor.expected(3601.0)[0] - sensor.expected(3599.0)[0])
    # Two seconds of 10000: 0.1 sqrt(2 x 2/10000) = 2 mPa rms; five of those.
    assert np.abs(jumps).max() < 0.01


def test_temperature_lags_by_four_minutes_and_the_element_heats_itself():
    def step(t):
        return np.full_like(t, 1e5), np.where(t < 100.0, 295.0, 296.0)

    lagging = Transducer(step, 1, bare(lag_s=240.0))
    # The step lies within one second of the grid: half a second of 240 s.
    found = lagging.measure(340.0, 16, 2)[1] - 21.85
    assert found == pytest.approx(1.0 - math.exp(-1.0), abs=1.0 / 240.0)
    warm = Transducer(still(), 1, bare(self_heating_k=0.05, self_heating_tau_s=120.0))
    assert warm.measure(0.0, 16, 2)[1] == pytest.approx(21.85, abs=1e-9)
    assert warm.measure(120.0, 16, 2)[1] == pytest.approx(
        21.85 + 0.05 * (1.0 - math.exp(-1.0)), abs=1e-9
    )


def test_lag_continues_across_the_hour():
    def ramp(t):
        return np.full_like(t, 1e5), 295.0 + 1e-3 * t

    sensor = Transducer(ramp, 1, bare(lag_s=240.0))
    for t in (3599.0, 3600.0, 3601.0, 7300.0):
        # A ramp is followed exactly, 240 s late once e^(-15) of the start is gone.
        assert sensor.expected(t)[1] == pytest.approx(21.85 + 1e-3 * (t - 240.0), abs=1e-6)


def test_lag_of_a_straight_line_is_exact_and_no_lag_is_the_input():
    values = 295.0 + 0.01 * np.arange(100)
    t = np.arange(100) * 3.0
    rate = 0.01 / 3.0
    expected = values - rate * 50.0 * (1.0 - np.exp(-t / 50.0))
    assert lag_response(values, 3.0, 50.0, 295.0) == pytest.approx(expected, abs=1e-10)
    assert np.array_equal(lag_response(values, 3.0, 0.0, 0.0), values)


@pytest.mark.parametrize("t_s", [-0.5, math.nan, math.inf])
def test_a_time_that_is_none_is_refused(t_s):
    with pytest.raises(UsageError, match="no measurement"):
        Transducer(still(), 1).measure(t_s, 16, 2)


def test_a_month_takes_no_more_memory_than_a_few_hours():
    """With a limited history the grids stay short, and every reading stays as it was to the bit."""
    whole, limited = Transducer(still(), 7), Transducer(still(), 7, history_s=3600.0)
    for hour in range(0, 30 * 24, 7):
        t_s = hour * 3600.0 + 1234.5
        assert limited.measure(t_s, 16, 2) == whole.measure(t_s, 16, 2)
        kept = sum(len(v) for v in vars(limited).values() if isinstance(v, array))
        assert kept <= 4 * 3 * 3600, "four grids, three hours"
    with pytest.raises(UsageError, match="from"):
        limited.expected(0.0)

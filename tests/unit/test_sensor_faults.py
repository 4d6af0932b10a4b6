"""A sensing element that drifts, steps, sticks, is wet or feels temperature; readings in series."""

import math

import numpy as np
import pytest

from prkbench.errors import UsageError
from prkbench.sim.sensor_faults import SensorFault
from prkbench.sim.transducer import Transducer, TransducerSpec

YEAR = 365.25 * 86400.0
TIMES = np.arange(0.0, 9000.0, 0.7)


def still(pressure_pa=1e5, air_k=295.0):
    return lambda t: (np.full_like(t, pressure_pa), np.full_like(t, air_k))


def ideal(*faults, source=None, **given):
    spec = TransducerSpec(**{**TransducerSpec.ideal().__dict__, "faults": faults, **given})
    return Transducer(source or still(), 1, spec)


@pytest.mark.parametrize("osr", [1, 16])
def test_a_series_is_to_the_bit_what_single_measurements_are(osr):
    faults = (
        SensorFault("drift", 1000.0, pa_per_s=1e-3),
        SensorFault("stick", 2000.3, 5000.9),
        SensorFault("wet_port", 3000.0, 7000.0, lag_s=50.0),
    )
    one, other = (Transducer(still(), 5, TransducerSpec(faults=faults)) for _ in range(2))
    singly = [one.measure(t, osr, 2) for t in TIMES.tolist()]
    parts = [other.measure_series(part, osr, 2) for part in np.split(TIMES, [3, 4, 900, 9000])]
    assert np.concatenate([p for p, _ in parts]).tolist() == [p for p, _ in singly]
    assert np.concatenate([t for _, t in parts]).tolist() == [t for _, t in singly]


def test_a_series_and_single_measurements_take_draws_from_one_stream():
    one, other = Transducer(still(), 5), Transducer(still(), 5)
    singly = [one.measure(float(t), 16, 2) for t in range(6000)]
    mixed = [other.measure(float(t), 16, 2) for t in range(10)]
    mixed += zip(
        *(v.tolist() for v in other.measure_series(np.arange(10.0, 20.0), 16, 2)), strict=True
    )
    saved = other.save()
    mixed += [other.measure(float(t), 16, 2) for t in range(20, 30)]
    other.restore(saved)
    mixed = mixed[:20] + [other.measure(float(t), 16, 2) for t in range(20, 40)]
    mixed += zip(
        *(v.tolist() for v in other.measure_series(np.arange(40.0, 5990.0), 16, 2)), strict=True
    )
    mixed += [other.measure(float(t), 16, 2) for t in range(5990, 6000)]
    assert mixed == singly


def test_a_series_keeps_to_its_history():
    sensor = Transducer(still(), 5, history_s=3600.0)
    sensor.measure_series(np.arange(0.0, 5 * 3600.0), 16, 2)
    with pytest.raises(UsageError, match="from"):
        sensor.measure_series(np.array([5.0]), 16, 2)
    with pytest.raises(UsageError, match="rise"):
        sensor.measure_series(np.array([18000.0, 17999.0]), 16, 2)
    assert all(len(values) == 0 for values in sensor.measure_series(np.empty(0), 16, 2))


def test_a_drift_gains_its_rate_and_keeps_it():
    drift = SensorFault("drift", 3600.0, 3600.0 + 1800.0, pa_per_s=16.0 / YEAR)
    p, _ = ideal(drift).measure_series(np.array([0.0, 3600.0, 4500.0, 5400.0, 9000.0]), 16, 2)
    gained = 1800.0 * 16.0 / YEAR
    assert p - 1e5 == pytest.approx([0.0, 0.0, gained / 2.0, gained, gained], abs=1e-9)


def test_an_offset_steps_and_goes():
    p, t = ideal(SensorFault("offset", 100.0, 200.0, offset_pa=50.0)).measure_series(TIMES, 16, 2)
    # A step lies within one second of the element's own grid.
    assert np.all(p[(TIMES >= 100.0) & (TIMES <= 199.0)] == 100050.0)
    assert np.all(p[(TIMES <= 99.0) | (TIMES >= 200.0)] == 1e5)
    assert t == pytest.approx(21.85)


def test_a_sensor_that_sticks_gives_the_same_reading_without_noise():
    def rising(t):
        return 1e5 + 0.1 * t, 295.0 + 1e-3 * t

    stuck = SensorFault("stick", 3599.5, 4000.0)
    sensor = ideal(stuck, source=rising, noise_pa=0.636)
    p, t = sensor.measure_series(TIMES, 16, 2)
    inside = (TIMES >= 3599.5) & (TIMES < 4000.0)
    assert p[inside] == pytest.approx(1e5 + 359.95, abs=1e-9)
    assert len(set(p[inside].tolist())) == len(set(t[inside].tolist())) == 1
    assert len(set(p[~inside].tolist())) == np.count_nonzero(~inside)
    assert sensor.expected(3900.0) == (p[inside][0], t[inside][0])
    # Set free, it reads the truth again.
    assert p[TIMES > 4000.0] == pytest.approx(1e5 + 0.1 * TIMES[TIMES > 4000.0], abs=5 * 0.636)


def test_a_wet_port_lags_and_is_off_and_goes_on_over_the_hour():
    def filled(t):
        return np.where(t < 3000.0, 1e5, 1.2e5), np.full_like(t, 295.0)

    wet = SensorFault("wet_port", 2000.0, 8000.0, lag_s=900.0, offset_pa=-30.0)
    sensor = ideal(wet, source=filled)
    for t_s in (3500.0, 3599.0, 3600.0, 3601.0, 5000.0):
        expected = 1.2e5 - 2e4 * math.exp(-(t_s - 3000.0) / 900.0) - 30.0
        # The step is a line of one second: half a second of 900.
        assert sensor.expected(t_s)[0] == pytest.approx(expected, abs=2e4 * 0.5 / 900.0 * 1.1)
    assert sensor.expected(1999.0)[0] == 1e5
    assert sensor.expected(8001.0)[0] == 1.2e5


def test_a_wet_port_that_dries_or_wets_on_the_hour_is_no_special_case():
    def rising(t):
        return 1e5 + 0.1 * t, np.full_like(t, 295.0)

    for from_s, to_s in ((3600.0, 7200.0), (3599.0, 7201.0)):
        sensor = ideal(SensorFault("wet_port", from_s, to_s, lag_s=10.0), source=rising)
        # A ramp is followed 10 s late.
        assert sensor.expected(7100.0)[0] == pytest.approx(1e5 + 709.0, abs=1e-6)
        assert sensor.expected(7300.0)[0] == pytest.approx(1e5 + 730.0, abs=1e-6)


def test_a_temperature_coefficient_acts_about_25_degrees():
    fault = SensorFault("tempco", 100.0, pa_per_k=2.0)
    p, _ = ideal(fault, source=still(air_k=308.15)).measure_series(np.array([0.0, 200.0]), 16, 2)
    assert p == pytest.approx([1e5, 1e5 + 20.0], abs=1e-9)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"kind": "ageing"}, "expected one of drift"),
        ({"kind": "drift"}, "pa_per_s"),
        ({"kind": "drift", "pa_per_s": math.nan}, "pa_per_s"),
        ({"kind": "drift", "pa_per_s": 1.0, "offset_pa": 3.0}, "offset_pa"),
        ({"kind": "wet_port", "lag_s": -1.0}, "lag_s"),
        ({"kind": "stick", "from_s": 5.0, "to_s": 5.0}, "from_s"),
        ({"kind": "stick", "from_s": -5.0}, "from_s"),
    ],
)
def test_impossible_faults_are_refused_by_name(wrong, named):
    with pytest.raises(UsageError, match=named):
        SensorFault(**wrong)

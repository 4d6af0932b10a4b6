"""A gauge shows whole steps, its faults, and nothing else of the truth."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prkbench.csvimport import import_csv
from prkbench.errors import UsageError
from prkbench.sim.gauge import Gauge, quantised, reading_times, readings_csv
from prkbench.units import MMHG_PA

YEAR_S = 365.25 * 86400.0


@given(st.floats(1e3, 2e5), st.floats(0.1, 500.0))
def test_a_reading_is_the_nearest_whole_step(pressure: float, step: float) -> None:
    (shown,) = Gauge(step).read(np.zeros(1), np.array([pressure]))
    assert abs(shown - pressure) <= 0.5 * step * (1.0 + 1e-9)
    assert shown / step == pytest.approx(round(shown / step), abs=1e-6)


def test_offset_and_drift_come_before_the_steps() -> None:
    times = np.array([0.0, YEAR_S])
    shown = Gauge(1.0, offset_pa=50.0, drift_pa_per_year=-16.0).read(times, np.full(2, 100000.2))
    assert shown.tolist() == [100050.0, 100034.0]


def test_a_gauge_that_sticks_repeats_the_reading_it_stuck_at() -> None:
    times = np.arange(5.0)
    falling = 1000.0 - 10.0 * times
    assert Gauge(1.0, sticks_from_s=2.0).read(times, falling).tolist() == [1000, 990, 980, 980, 980]
    assert Gauge(1.0, sticks_from_s=9.0).read(times, falling).tolist() == falling.tolist()


def test_readings_are_taken_from_the_start_to_the_end() -> None:
    assert reading_times(12 * 3600.0, 4 * 3600.0).tolist() == [0.0, 14400.0, 28800.0, 43200.0]
    assert len(reading_times(13 * 3600.0, 4 * 3600.0)) == 4


@pytest.mark.parametrize("resolution", [MMHG_PA, 0.1 * MMHG_PA, 100.0, 10.0, 1.0])
def test_readings_come_back_from_their_csv_with_their_resolution(
    tmp_path: Path, resolution: float
) -> None:
    t_s = reading_times(86400.0, 14400.0)
    pressure = quantised(101325.0 - 300.0 * t_s / 3600.0, resolution)
    temperature = quantised(295.0 + 0.3 * np.sin(t_s / 9000.0), 0.2)
    path = tmp_path / "gauge.csv"
    path.write_text(readings_csv(t_s, pressure, resolution, temperature, 0.2))
    log = import_csv(path, volume_m3=4.0, reference="vacuum")
    assert log.readings["t_s"] == pytest.approx(t_s, abs=1e-6)
    assert log.readings["pressure_pa"] == pytest.approx(pressure, rel=1e-12)
    # 273.15 is no multiple of 0.2 K: a Celsius scale of tenths rounds by half a tenth more.
    assert log.readings["temperature_k"] == pytest.approx(temperature, abs=0.0501)
    assert log.pressure_resolution_pa == pytest.approx(resolution)


def test_a_scale_that_no_gauge_has_is_refused() -> None:
    with pytest.raises(UsageError, match="37 Pa is marked in no unit known"):
        readings_csv(np.zeros(2), np.full(2, 1e5), 37.0)

import json
from pathlib import Path

import numpy as np
import published
import pytest
from tampering import execute

from prkbench.analysis.foreign import examine_readings
from prkbench.csvimport import import_csv, write_run
from prkbench.errors import DataError, UsageError
from prkbench.runfile import RunFile

DATA = Path(__file__).parent.parent / "data"


def imported(tmp_path: Path, csv: Path, volume_m3: float | None = 4.0) -> Path:
    path = tmp_path / "run.prk"
    write_run(import_csv(csv, volume_m3=volume_m3, reference="vacuum"), path)
    return path


def made_up(tmp_path: Path, values: np.ndarray, step_s: float = 3600.0) -> Path:
    csv = tmp_path / "log.csv"
    rows = [f"{n * step_s:g},{value:.3f}" for n, value in enumerate(values)]
    csv.write_text("time_s,pressure_hpa\n" + "\n".join(rows) + "\n")
    return csv


@published.PAIRS
def test_the_published_pairs_give_the_figures_of_the_data_page(
    tmp_path: Path, name: str, choked: float, viscous: float
) -> None:
    with RunFile.open(imported(tmp_path, DATA / f"{name}.csv")) as file:
        outcome = examine_readings(file, None)
    # The page gives two decimals.
    by_law = outcome.law["by_law_lb_per_day"]
    assert by_law["choked"] == pytest.approx(choked, abs=0.006)
    assert by_law["viscous"] == pytest.approx(viscous, abs=0.006)
    low, high = outcome.interval95_lb_per_day or (0.0, 0.0)
    assert low <= choked <= viscous <= high
    assert outcome.k_se_per_s is None
    assert outcome.law["exponent"] is None
    assert outcome.samples == 2


def test_an_imported_record_is_checked_for_integrity_and_says_what_it_cannot_show(
    tmp_path: Path,
) -> None:
    path = imported(tmp_path, DATA / "prk_2021_mar.csv")
    with RunFile.open(path) as file:
        outcome = examine_readings(file, None)
        assert outcome.head == file.head()
    assert {check.name: check.passed for check in outcome.checks} == {
        "integrity": True,
        "replay": None,
    }
    assert outcome.en is None
    assert outcome.replay_exact is None
    assert not outcome.simulated
    json.dumps(outcome.as_json(), allow_nan=False)


def test_a_reading_changed_after_the_import_is_corrupt_data(tmp_path: Path) -> None:
    path = imported(tmp_path, DATA / "prk_2021_mar.csv")
    execute(path, "UPDATE reading SET pressure_pa = pressure_pa + 1 WHERE id = 1")
    with RunFile.open(path) as file:
        outcome = examine_readings(file, None)
    assert outcome.exit_code == 4
    assert outcome.checks[0].passed is False
    assert any("integrity FAILED" in reason for reason in outcome.reasons)


def test_a_law_that_does_not_exist_is_refused_with_those_that_do(tmp_path: Path) -> None:
    with (
        RunFile.open(imported(tmp_path, DATA / "prk_2021_mar.csv")) as file,
        pytest.raises(UsageError, match=r"--law cubic: no such flow law, .*viscous"),
    ):
        examine_readings(file, "cubic")


def test_a_law_that_is_named_is_the_only_one_reported(tmp_path: Path) -> None:
    with RunFile.open(imported(tmp_path, DATA / "prk_2021_mar.csv")) as file:
        outcome = examine_readings(file, "choked")
    assert list(outcome.law["by_law_lb_per_day"]) == ["choked"]
    assert outcome.rate_lb_per_day == pytest.approx(1.63, abs=0.006)


def test_a_file_without_readings_is_named(tmp_path: Path) -> None:
    with (
        RunFile.create(tmp_path / "empty.prk", {}) as file,
        pytest.raises(DataError, match="holds no readings"),
    ):
        examine_readings(file, None)


def test_the_volume_is_assumed_where_nobody_gave_it_and_the_outcome_says_so(
    tmp_path: Path,
) -> None:
    with RunFile.open(imported(tmp_path, DATA / "prk_2021_mar.csv", None)) as file:
        outcome = examine_readings(file, None)
    assert "V = 4 m3 (assumed)" in outcome.conditions
    low, high = outcome.interval95_with_volume_lb_per_day or (0.0, 0.0)
    narrow_low, narrow_high = outcome.interval95_lb_per_day or (0.0, 0.0)
    assert low < narrow_low
    assert high > narrow_high


def test_undecided_records_end_with_the_status_of_no_verdict(tmp_path: Path) -> None:
    # Three hours at 1013 hPa that wander by a hectopascal: 1 K explains 3.4.
    wander = 1013.0 + 0.5 * np.sin(np.arange(4) / 3.0)
    with RunFile.open(imported(tmp_path, made_up(tmp_path, wander))) as file:
        outcome = examine_readings(file, None)
    assert outcome.exit_code == 5
    assert outcome.reasons


def test_a_sealed_record_names_its_bound_and_is_done(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    quiet = 1013.0 + rng.normal(0.0, 0.02, 21 * 24)
    with RunFile.open(imported(tmp_path, made_up(tmp_path, quiet))) as file:
        outcome = examine_readings(file, None)
    assert outcome.verdict.startswith("SEALED (< ")
    assert outcome.exit_code == 0


def test_the_users_limit_decides_for_imported_records_too(tmp_path: Path) -> None:
    with RunFile.open(imported(tmp_path, DATA / "prk_2020_dec.csv")) as file:
        assert examine_readings(file, "choked", 1.0).exit_code == 1
        assert examine_readings(file, "choked", 4.0).exit_code == 0
        assert examine_readings(file, "choked", 2.3).exit_code == 5


def test_the_plots_series_is_the_readings_in_hours(tmp_path: Path) -> None:
    with RunFile.open(imported(tmp_path, DATA / "prk_2021_mar.csv")) as file:
        series = examine_readings(file, None).series
    assert series is not None
    assert series.t_h.tolist() == pytest.approx([0.0, 11.5])
    # 730 and 678 mmHg of 133.322 Pa.
    assert series.pressure_pa == pytest.approx([730 * 133.322, 678 * 133.322], rel=1e-5)
    assert np.isnan(series.temperature_k).all()

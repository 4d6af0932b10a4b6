"""A log beside the readings must reach the verdict, from the CSV to the command."""

import json
from pathlib import Path

import numpy as np
import pytest
from prk_command import prk, refused
from told_tests import HOUR, MMHG, P0, PRK, decay

from prkbench.csvimport import import_csv
from prkbench.errors import UsageError

POUND = PRK.k_from_lb_per_day(1.0)


def written(path: Path, rates: list[float], hours: float = 48.0) -> Path:
    """Holds of two days from 760 mmHg, read every 2 h, the log in rows of its own."""
    rows = ["0,,HATCH SHUT"]
    for n, rate in enumerate(rates):
        t = np.arange(0.0, hours, 2.0)
        p = decay(t * HOUR, P0, rate * POUND) / MMHG
        if n:
            rows.append(f"{n * hours - 0.5:g},,REPRESS: 760 mmHg")
        rows += [f"{n * hours + h + 0.1:g},{v:.0f}," for h, v in zip(t, p, strict=True)]
    path.write_text("time_h,pressure_mmhg,event\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return path


def imported(tmp_path: Path, name: str, rates: list[float]) -> Path:
    out = tmp_path / f"{name}.prk"
    ended = prk(
        "import", written(tmp_path / f"{name}.csv", rates), "--volume", "4.0 m3",
        "--reference", "vacuum", "--swing", "1 K", "--out", out,
    )  # fmt: skip
    assert ended.status == 0, ended
    return out


def test_rows_of_the_log_are_no_readings_and_times_begin_at_the_first_reading(
    tmp_path: Path,
) -> None:
    log = import_csv(written(tmp_path / "a.csv", [1.0, 2.0]), temperature_swing_k=0.4)
    assert len(log.readings) == 48
    assert log.readings["t_s"][0] == 0.0
    assert [text for _, text in log.events] == ["HATCH SHUT", "REPRESS: 760 mmHg"]
    assert [t for t, _ in log.events] == pytest.approx([-0.1 * HOUR, 47.4 * HOUR])
    assert log.temperature_swing_k == 0.4


def test_a_log_of_events_alone_is_no_record(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("time_h,pressure_hpa,event\n0,,HATCH SHUT\n1,,NOTE: x\n2,1013,\n")
    with pytest.raises(UsageError, match="1 readings, expected two or more"):
        import_csv(path)


def test_analyze_compares_the_segments_of_a_log_and_says_what_changed(tmp_path: Path) -> None:
    ended = prk("analyze", imported(tmp_path, "grown", [1.0, 2.4]), "--json")
    found = json.loads(ended.out)
    assert ended.status == 0, ended
    assert found["verdict"] == "INCREASED"
    assert [one["word"] for one in found["findings"]] == ["INCREASED", "LEAK"]
    assert found["findings"][0]["odds"] <= 0.01
    # The rate that is quoted is the present one.
    low, high = found["interval95_lb_per_day"]
    assert low < 2.4 < high
    assert found["rate_lb_per_day"] == pytest.approx(2.4, abs=0.1)


def test_an_earlier_test_makes_a_leak_a_returned_one(tmp_path: Path) -> None:
    tight = imported(tmp_path, "tight", [0.0, 0.0])
    # A gauge that never moves is told from a stuck one by a step.
    text = (tmp_path / "tight.csv").read_text().replace("24.1,760,", "24.1,764,")
    (tmp_path / "tight.csv").write_text(text.replace("26.1,760,", "26.1,761,"))
    tight.unlink()
    prk("import", tmp_path / "tight.csv", "--volume", "4.0 m3", "--reference", "vacuum")
    leaking = imported(tmp_path, "leaking", [1.0, 1.0])
    ended = prk("analyze", leaking, "--earlier", tight, "--json")
    assert ended.status == 0, ended
    found = json.loads(ended.out)
    assert found["verdict"] == "RETURNED"
    began, *others = found["findings"]
    assert began["word"] == "RETURNED"
    earliest, latest = began["onset_interval_h"]
    # It leaked from the record's first hour on.
    assert earliest <= latest < 24.0
    assert all(one["onset_interval_h"] is None for one in others)
    alone = json.loads(prk("analyze", leaking, "--json").out)
    assert [one["word"] for one in alone["findings"]] == ["UNCHANGED", "LEAK"]


def test_an_earlier_test_that_bounds_nothing_is_refused(tmp_path: Path) -> None:
    short = tmp_path / "short.csv"
    short.write_text("time_h,pressure_mmhg\n0,760\n1,760\n2,759\n")
    prk("import", short, "--volume", "4.0 m3", "--reference", "vacuum")
    leaking = imported(tmp_path, "leaking", [1.0])
    ended = prk("analyze", leaking, "--earlier", tmp_path / "short.prk")
    refused(ended, 2, "--earlier", "bounds no leak")

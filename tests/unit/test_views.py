import functools
import html
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from inprocess_node import bench_rig, recorded_file
from report_samples import outcome as sample_outcome

from prkbench.analysis.conversion import Conversion
from prkbench.analysis.examine import examine
from prkbench.analysis.foreign import examine_readings
from prkbench.analysis.independent import Used
from prkbench.analysis.outcome import Outcome
from prkbench.analysis.question import Question
from prkbench.analysis.standards import verify_by_imposed_leak
from prkbench.cli.present import plain
from prkbench.errors import UsageError
from prkbench.report import beside
from prkbench.report.page import render
from prkbench.rig import Rig, parse_rig
from prkbench.runfile import RunFile

RISK = """
[risk]
likelihood = ["1 %", "10 %", "50 %", "90 %"]
consequence = ["0.1 lb/day", "0.5 lb/day", "0.9 lb/day", "3 lb/day"]
"""
LIMIT = '[limit]\nrate = "1.5 lb/day"\nminimum_pressure = "1100 hPa"\n'
WORDS = [[f"<{i}{j}>" for j in range(5)] for i in range(5)]


def rig_with(text: str) -> Rig:
    return parse_rig(bench_rig().to_toml() + text, "test")


@functools.cache
def examined(folder: Path, text: str) -> Outcome:
    rig = rig_with(text)
    with RunFile.open(recorded_file(folder, minutes=240.0)) as file:
        question = Question(rig, Conversion.from_rig(rig), False, rig.limit.rate_kg_per_s)
        return examine(file, question)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("views")


@pytest.fixture
def whole(folder: Path) -> Outcome:
    return examined(folder, RISK + f"ratings = {json.dumps(WORDS)}\n" + LIMIT)


@pytest.fixture
def bare(folder: Path) -> Outcome:
    return examined(folder, "")


def view(outcome: Outcome, name: str) -> dict[str, Any]:
    found = outcome.as_json()[name]
    assert found is not None
    assert isinstance(found, dict)
    return found


def test_the_standard_methods_stand_beside_ours_in_the_same_unit(whole: Outcome) -> None:
    methods = view(whole, "standard_methods")
    # 1 lb/day for four hours: mass point is good to its correlated error, the others to a tenth.
    point = methods["mass_point"]
    off = 4.0 * point["correlated_se_percent_per_day"] / point["leakage_percent_per_day"]
    assert point["rate_lb_per_day"] == pytest.approx(1.0, abs=max(off, 0.03))
    for name in ("total_time", "point_to_point", "two_point"):
        assert methods[name]["rate_lb_per_day"] == pytest.approx(1.0, abs=0.15)
    assert point["correlated_ucl95_lb_per_day"] >= point["ucl95_lb_per_day"]
    assert methods["stabilisation"]["ours"]["met"] is True
    assert methods["instrument_selection"]["met"] is True
    assert methods["imposed_leak"] is None


def test_the_safety_view_follows_the_users_limits(whole: Outcome) -> None:
    safety = view(whole, "safety")
    assert safety["limit_lb_per_day"] == pytest.approx(1.5)
    assert safety["p_above_limit"] < 1e-6
    reserve = safety["reserve"]
    low, high = reserve["interval95_h"]
    assert low < reserve["time_h"] < high
    # 17 kPa above the room, 10 kPa at the minimum, 1.09e-5 1/s.
    assert reserve["time_h"] == pytest.approx(np.log(17.2 / 10.0) / 1.09e-5 / 3600.0, rel=0.1)
    assert reserve["prk_equivalent_h"] == pytest.approx(10.0 * reserve["time_h"])
    assert safety["risk"]["worst"][1] == 4
    assert safety["why"] == []


def test_without_the_users_limits_nothing_is_invented_and_the_reason_is_said(bare: Outcome) -> None:
    safety = view(bare, "safety")
    for name in ("limit_lb_per_day", "p_above_limit", "time_to_limit", "reserve", "risk"):
        assert safety[name] is None
    assert len(safety["why"]) == 3
    assert any("[risk]" in reason for reason in safety["why"])
    shown = [fact for fact in beside.safety_rows(bare) if fact.name == "Not shown"]
    assert len(shown) == 3
    assert beside.risk_cells(bare) == []


def test_watching_is_told_with_thresholds_and_plotted(whole: Outcome) -> None:
    watch = view(whole, "watch")
    assert [d["verdict"] for d in watch["declared"]] == ["LEAK"]
    assert any(reason.startswith("watching: LEAK at") for reason in whole.reasons)
    assert whole.series is not None
    assert len(whole.series.evidence_t_h) == len(whole.series.log_e) == len(whole.series.log_r)
    assert "<strong>Evidence</strong>" in render(whole)


def test_the_page_shows_every_table_and_escapes_the_users_words(whole: Outcome) -> None:
    page = render(whole)
    for text in ("Watched continuously", "Safety view", "Standard methods beside it",
                 "Mass point", "Reserve time", "Instrument selection guide"):  # fmt: skip
        assert text in page
    cells = [text for _, row in beside.risk_cells(whole) for text, _ in row if text]
    assert len(cells) == 5
    assert any("<43>" in cell for cell in cells)
    assert html.escape("<43>") in page
    assert "<43>" not in page


def test_everything_is_valid_json(whole: Outcome, bare: Outcome) -> None:
    for found in (whole, bare):
        json.dumps(plain(found.as_json()), allow_nan=False)


def test_an_outcome_without_the_views_has_no_tables_of_them() -> None:
    page = render(sample_outcome())
    for text in ("Watched continuously", "Safety view", "Standard methods beside it"):
        assert text not in page


def test_risk_and_limits_survive_being_written_and_read() -> None:
    rig = rig_with(RISK + f"ratings = {json.dumps(WORDS)}\n" + LIMIT)
    assert rig.risk is not None
    assert rig.limit.minimum_pressure_pa == 110000.0
    assert parse_rig(rig.to_toml(), "again") == rig


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"10 %", ', "", "risk.likelihood"),
        ('"10 %"', '"60 %"', "likelihood must rise"),
        ('"90 %"', '"120 %"', "100 %"),
        ('"0.5 lb/day"', '"5 lb/day"', "consequence must rise"),
        ('consequence = ["0.1 lb/day"', 'consequence = ["0.1 hPa"', "risk.consequence"),
        ("likelihood", "likelyhood", "risk.lik"),
        ("[risk]", '[risk]\nratings = [["a"]]', "five rows"),
    ],
)
def test_a_wrong_risk_table_is_one_line_that_names_it(old: str, new: str, says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        rig_with(RISK.replace(old, new, 1))
    assert "\n" not in str(caught.value)


def readings_file(path: Path, *, temperature: bool) -> Path:
    """Three days of a leak of 0.5 %/day into vacuum, read every hour."""
    t = 3600.0 * np.arange(72)
    kelvin = 295.0 + 0.3 * np.sin(2.0 * np.pi * t / 86400.0)
    rng = np.random.default_rng(1)
    p = 101325.0 * np.exp(-0.005 / 86400.0 * t) * kelvin / 295.0 + rng.normal(0.0, 2.0, len(t))
    with RunFile.create(path, {"volume_m3": 4.0}) as file:
        file.add_readings(t, p, kelvin if temperature else None, np.zeros(len(t)))
    return path


def test_imported_readings_get_the_standard_methods_and_the_limit(tmp_path: Path) -> None:
    with RunFile.open(readings_file(tmp_path / "a.prk", temperature=True)) as file:
        found = examine_readings(file, None, 0.01)
    methods = view(found, "standard_methods")
    # e^-x loses 0.7 % less than its first rate says, in the mean over three days.
    assert methods["mass_point"]["leakage_percent_per_day"] == pytest.approx(0.5, rel=0.02)
    assert methods["two_point"]["leakage_percent_per_day"] == pytest.approx(0.5, rel=0.02)
    assert methods["stabilisation"]["ours"] is not None
    safety = view(found, "safety")
    assert safety["p_above_limit"] == pytest.approx(1.0, abs=1e-6)
    render(found)


def test_readings_without_temperature_say_that_the_standards_do_not_know_of_it(
    tmp_path: Path,
) -> None:
    with RunFile.open(readings_file(tmp_path / "a.prk", temperature=False)) as file:
        found = examine_readings(file, None)
    assert view(found, "standard_methods")["stabilisation"]["ours"] is None
    assert any(reason.startswith("standard methods: temperature") for reason in found.reasons)
    assert view(found, "safety")["p_above_limit"] is None


def test_two_readings_have_no_standard_methods_and_no_odds(tmp_path: Path) -> None:
    with RunFile.create(tmp_path / "two.prk", {}) as file:
        file.add_readings([0.0, 86400.0], [101325.0, 100000.0])
    with RunFile.open(tmp_path / "two.prk") as file:
        found = examine_readings(file, None, 1.0)
    assert found.standard_methods is None
    assert "hard bounds" in view(found, "safety")["why"][0]
    render(found)


def used_with_imposed(factor: float) -> Used:
    """Six hours at .5 %/day of the driving pressure, then six at 1.5; `factor` on the increase."""
    t = 60.0 * np.arange(720)
    k = np.where(t < 21600.0, 0.5, 0.5 + factor) / 100.0 / 86400.0
    y = 1.2e5 - np.concatenate([[0.0], np.cumsum(k[1:] * 2e4 * 60.0)])
    zeros = np.zeros(720, dtype=np.int64)
    return Used(zeros, np.arange(720), np.full(720, 2e4), np.full(720, 295.0), y)


@pytest.mark.parametrize(("factor", "passed"), [(1.0, True), (1.2, True), (1.3, False)])
def test_an_imposed_leak_verifies_the_test_it_was_opened_in(factor: float, passed: bool) -> None:
    k = 0.01 / 86400.0
    found = verify_by_imposed_leak(used_with_imposed(factor), 295.0, 21600.0, 240.0, k, k)
    assert found is not None
    assert found.passed is passed
    # Of the contained mass: a sixth of the driving pressure's share.
    assert found.off == pytest.approx((factor - 1.0) / 6.0, rel=0.02, abs=1e-3)


def test_an_imposed_leak_without_its_mark_is_said_to_verify_nothing(folder: Path) -> None:
    found = examined(folder, '[imposed]\nrate = "1 lb/day"\nallowed = "1 lb/day"\n')
    assert view(found, "standard_methods")["imposed_leak"] is None
    assert any("no MARK 'imposed leak'" in reason for reason in found.reasons)

"""`prk plan` and the study behind `prk simulate --runs`, as a shell runs them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import study_tasks
from prk_command import prk, refused

from prkbench.analysis.conversion import Conversion
from prkbench.cli.studying import study_command
from prkbench.errors import UsageError
from prkbench.rig import default_rig
from prkbench.study.bench_task import bench_task
from prkbench.study.parquet import read_rows

RIG = """
[rig]
name = "bench"
acceleration = 1.0
[chamber]
volume = "5 L"
[element]
law = "viscous"
diameter = "0.155 mm"
length = "1.5 m"
"""


@pytest.fixture
def rig(tmp_path: Path) -> Path:
    path = tmp_path / "bench.toml"
    path.write_text(RIG)
    return path


def test_a_plan_as_json_has_errors_hours_modes_and_gains(rig: Path):
    ended = prk("plan", rig, "--limit", "0.2 lb/day", "--json")
    assert (ended.status, ended.err) == (0, "")
    plan = json.loads(ended.out)
    assert [row["hours"] for row in plan["errors"]] == [0.25, 1.0, 4.0, 24.0, 72.0]
    assert plan["limit"]["rate_lb_per_day"] == pytest.approx(0.2)
    # physics.md: 2.19e-7 1/s at 4 m3, and a = 1.
    assert plan["limit"]["k_prk_per_s"] == pytest.approx(2.19e-7, rel=2e-3)
    detect, leak = plan["limit"]["hours_to_detect"], plan["limit"]["hours_to_call_leak"]
    assert 0.5 < detect < leak < 5.0
    assert [m["mode"] for m in plan["modes"]] == ["A", "B", "C"]
    # The temperature penalty p/|p - p_ref|: 120/20, 30/70, 101.325/100.825.
    assert [m["penalty"] for m in plan["modes"]] == pytest.approx([6.0, 0.4286, 1.005], abs=1e-3)
    assert set(plan["elements"]) == {"A", "B", "C"}
    assert plan["gains"][0]["error_ratio"] < 1.0


def test_a_plan_for_people_names_its_conditions_and_every_mode(rig: Path):
    ended = prk("plan", rig, "--limit", "0.2 lb/day")
    assert ended.status == 0
    for words in ("101.3 kPa", "295.0 K", "2.1 to 7.4", "x 6.00", "x 0.43", "x 1.00", "ISG"):
        assert words in ended.out, words


def test_without_a_limit_a_plan_says_so_and_invents_none(rig: Path):
    ended = prk("plan", rig)
    assert ended.status == 0
    assert "no limit given" in ended.out
    assert json.loads(prk("plan", rig, "--json").out)["limit"] is None


def test_a_rig_with_less_residual_plans_shorter_tests(rig: Path):
    before = json.loads(prk("plan", rig, "--limit", "0.2 lb/day", "--json").out)["limit"]
    rig.write_text(RIG + '[residual]\nrms = "3 mK"\ncorrelation_time = "30 min"\n')
    after = json.loads(prk("plan", rig, "--limit", "0.2 lb/day", "--json").out)["limit"]
    assert after["hours_to_detect"] < 0.7 * before["hours_to_detect"]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('volume = "5 L"', 'volume = "5 L"\npressure = "1300 hPa"', "1300 hPa, outside"),
        ('"5 L"', '"5 bananas"', "bananas"),
        ('"1.5 m"', '"1.5 m"\n[residual]\nrms = "-1 mK"', "residual.rms"),
        ('"1.5 m"', '"1.5 m"\n[residual]\ntau = "1 h"', "correlation_time"),
    ],
)
def test_a_rig_that_cannot_be_planned_is_one_line(rig: Path, old: str, new: str, says: str):
    rig.write_text(RIG.replace(old, new))
    refused(prk("plan", rig), 2, says)


@pytest.mark.parametrize("limit", ["0 lb/day", "1 kPa", "much", "-1 lb/day"])
def test_a_limit_that_is_none_is_one_line(rig: Path, limit: str):
    refused(prk("plan", rig, f"--limit={limit}"), 2)


def test_a_study_prints_its_summary_and_writes_every_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    out = tmp_path / "s.parquet"
    rig = default_rig()
    status = study_command(
        bench_task(rig, 0.6), "bench", 6, seed=3, workers=0, out=out, as_json=True,
        conversion=Conversion.from_rig(rig),
    )  # fmt: skip
    assert status == 0
    told = json.loads(capsys.readouterr().out)
    assert told["runs"] == told["estimated"] == told["coverage"]["of"] == 6
    assert sum(told["verdicts"].values()) == 6
    # 1 lb/day-equivalent within the element's 2 % and the volume's .5 %, and a tenth for noise.
    assert told["median_lb_per_day"] == pytest.approx(1.0, abs=0.1)
    rows, about = read_rows(out)
    assert len(rows) == 6
    assert about["study"] == "bench"
    assert about["seed"] == "3"


def test_the_command_starts_without_what_only_studies_and_plans_need():
    script = (
        "import sys, prkbench.cli.app, prkbench.cli.studying\n"
        "print([m for m in ('distributed', 'pyarrow', 'scipy') if m in sys.modules])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert ended.stdout.strip() == "[]"


def test_a_study_for_people_names_its_shares(capsys: pytest.CaptureFixture[str]):
    study_command(study_tasks.drawn, "drawn", 5, workers=0)
    assert "5 of 5" in capsys.readouterr().out


@pytest.mark.parametrize("runs", [0, -1, 10**9])
def test_no_runs_and_too_many_are_refused(runs: int):
    with pytest.raises(UsageError, match="--runs"):
        study_command(study_tasks.drawn, "drawn", runs, workers=0)

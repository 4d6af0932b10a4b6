"""`prk calibrate sealed` as a shell runs it, the rig file it writes, and the node's settings."""

import functools
import json
import tempfile
import tomllib
from pathlib import Path

import pytest
from inprocess_node import Bench, meta_of
from prk_command import prk, refused
from sealed_runs import TABLE

from prkbench.calibration.rig_text import with_sealed_run
from prkbench.calibration.table import SealedRun
from prkbench.cli.logging import _warn_of_calibration
from prkbench.errors import UsageError
from prkbench.node_setup import node_values, sealed_se_per_s
from prkbench.rig import Rig, load_rig, parse_rig
from prkbench.runfile import RunFile

RIG = """# our bench, left of the window
[rig]
name = "blank"      # a word
acceleration = 1.0

[chamber]
volume = "5 L"

[element]   # the long tube
law = "linear"
conductance = "5e-8 m3/s"

[node]
rate = "0.2 Hz"
lag = "200 s"   # guessed
sealed_se = "1e-7 1/s"
"""


@functools.cache
def logged(hours: float, *, leaks: bool) -> bytes:
    """A run file of this rig, its element shut off or not."""
    rig = parse_rig(RIG if leaks else RIG.replace("5e-8", "1e-18"), "the test's rig")
    bench = Bench(rig, seed=11)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.prk"
        with RunFile.create(path, {**meta_of(bench), "rig": RIG}) as file:
            bench.log(file, 3600.0 * hours, 1500.0)
        return path.read_bytes()


@pytest.fixture
def rig(tmp_path: Path) -> Path:
    path = tmp_path / "bench.toml"
    path.write_text(RIG)
    return path


def run_file(tmp_path: Path, hours: float, *, leaks: bool = False) -> Path:
    path = tmp_path / "blank.prk"
    path.write_bytes(logged(hours, leaks=leaks))
    return path


def test_a_sealed_run_is_written_and_everything_downstream_uses_it(
    tmp_path: Path, rig: Path
) -> None:
    blank = run_file(tmp_path, 12.5)
    before = load_rig(rig)
    asked = prk("calibrate", "sealed", blank, "--rig", rig, "--json")
    assert asked.status == 0
    told = json.loads(asked.out)
    # Nobody said yes.
    assert told["written"] is False
    assert rig.read_text() == RIG
    # 12 h are few, and it says so.
    assert "fewer than 72" in told["warnings"][0]
    ended = prk("calibrate", "sealed", blank, "--rig", rig, "--yes")
    assert (ended.status, ended.err) == (0, "")
    assert "before" in ended.out
    assert "200 s" in ended.out
    text = rig.read_text()
    for kept in ("# our bench, left of the window", "# a word", "# the long tube", "# guessed"):
        assert kept in text
    after = load_rig(rig)
    sealed = after.sealed_run
    assert sealed is not None
    assert sealed.hours == pytest.approx(12.3, abs=0.1)
    # 25 correlation times: rms to 14 %, time to 28 %, lag to a tenth; three of each.
    assert sealed.rms_k == pytest.approx(0.010, rel=0.45)
    assert 0.15 * 3600 < sealed.correlation_time_s < 0.95 * 3600
    assert sealed.lag_s == pytest.approx(240.0, rel=3.0 * sealed.lag_uncertainty + 0.05)
    assert after.residual.rms_k == sealed.rms_k
    assert after.node.correlation_time_s == sealed.correlation_time_s
    assert after.node.lag_s == sealed.lag_s
    values = node_values(after)
    assert values["rho1024"] != node_values(before)["rho1024"]
    assert values["sealed_se"] == round(1e18 * (sealed_se_per_s(after) or 0.0))
    assert values["sealed_se"] != node_values(before)["sealed_se"]
    leaking = tmp_path / "leak.prk"
    leaking.write_bytes(logged(1.5, leaks=True))
    told = json.loads(prk("analyze", leaking, "--rig", rig, "--json").out)
    assert told["calibration"]["used"] is True
    assert any(line.startswith("standard error from the sealed run of") for line in told["reasons"])
    plain = json.loads(prk("analyze", leaking, "--json").out)
    assert plain["calibration"] is None
    assert told["k_se_per_s"] != plain["k_se_per_s"]


def test_a_run_that_leaks_is_no_blank(tmp_path: Path, rig: Path) -> None:
    leaking = run_file(tmp_path, 1.5, leaks=True)
    ended = prk("calibrate", "sealed", leaking, "--rig", rig, "--yes")
    refused(ended, 2, "no sealed run", "LEAK", "shut the element off")
    assert rig.read_text() == RIG


def test_a_short_run_is_refused(tmp_path: Path, rig: Path) -> None:
    short = run_file(tmp_path, 1.0)
    refused(
        prk("calibrate", "sealed", short, "--rig", rig, "--yes"), 2, "at least 12 h", "log a longer"
    )


def test_a_run_of_another_rig_is_refused(tmp_path: Path, rig: Path) -> None:
    rig.write_text(RIG.replace("5 L", "6 L"))
    other = run_file(tmp_path, 1.0)
    refused(prk("calibrate", "sealed", other, "--rig", rig, "--yes"), 2, "another rig", "volume")


def rig_with(**changes: object) -> Rig:
    return Rig.model_validate(
        {
            "rig": {"name": "test"},
            "element": {"law": "linear", "conductance": "5e-8 m3/s"},
            "sealed_run": {**TABLE, **changes},
        }
    )


def test_the_node_gets_the_error_of_its_own_window() -> None:
    found = sealed_se_per_s(rig_with())
    # Between 4 h and 24 h by a power law, at 6 h, widened by Student's quantile for 12.6 %.
    between = 1.764e-8 * (6.0 / 4.0) ** -1.3515
    assert found == pytest.approx(between * 1.040, rel=0.005)
    # Twice the driving pressure, half the error; the residual goes as the pressure.
    high = Rig.model_validate(
        {**rig_with().model_dump(by_alias=True, mode="json", exclude_none=True),
         "chamber": {"pressure": "1400 hPa"}}
    )  # fmt: skip
    assert (sealed_se_per_s(high) or 0.0) / (found or 1.0) == pytest.approx(0.5 * 1400 / 1200)


def test_a_calibration_that_may_not_fit_is_warned_of_when_logging(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _warn_of_calibration(rig_with(volume="7 L", date="2020-01-01"))
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2
    assert "days old" in told[0]
    assert "volume of 7 L, this is 5 L" in told[1]
    _warn_of_calibration(rig_with().model_copy(update={"sealed_run": None}))
    assert capsys.readouterr().err == ""


def test_the_users_own_figure_for_the_node_outranks_the_sealed_run() -> None:
    own = rig_with()
    stated = own.model_copy(update={"node": own.node.model_copy(update={"sealed_se_per_s": 3e-8})})
    assert node_values(stated)["sealed_se"] == 3 * 10**10


def test_a_rig_with_a_sealed_run_survives_the_way_through_a_run_file() -> None:
    rig = rig_with()
    assert parse_rig(rig.to_toml(), "again") == rig


@pytest.mark.parametrize(
    "text",
    [
        RIG,
        RIG.replace("\n", "\r\n"),
        '[rig]\nname="x"\n[element]\nlaw="sealed"',
        '[rig]\nname = "x"\n[element]\nlaw = "sealed"\n[sealed_run]\ndate = "old"\n[limit]\n',
        'node = { lag = "5 s" }\n[rig]\nname = "x"\n[element]\nlaw = "sealed"\n',
    ],
)
def test_a_table_is_written_into_any_layout_and_again(text: str) -> None:
    once, rig = with_sealed_run(text, TABLE, "rig")
    assert rig.sealed_run == SealedRun.model_validate(TABLE)
    assert rig.node.lag_s == 240.0
    twice, _ = with_sealed_run(once, TABLE, "rig")
    assert tomllib.loads(twice) == tomllib.loads(once)
    assert twice.count("[sealed_run]") == 1


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"date": "yesterday"}, "sealed_run.date: 'yesterday' is no date"),
        ({"se": ["1e-8 1/s"]}, "se must have one entry for each of windows, 4"),
        ({"windows": ["1 h", "15 min", "4 h", "24 h"]}, "windows must rise"),
        ({"white": "0.05"}, "sealed_run.white: '0.05' has no unit"),
    ],
)
def test_a_table_spoilt_by_hand_is_one_line(change: dict[str, object], says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        with_sealed_run(RIG, {**TABLE, **change}, "bench.toml")
    assert "\n" not in str(caught.value)

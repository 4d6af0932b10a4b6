"""`prk simulate` and `prk demo SCENARIO` at the shell."""

import json
from pathlib import Path

import pytest
from prk_command import prk, refused

from prkbench.rig import default_rig
from prkbench.runfile import RunFile


def test_the_list_has_every_scenario_with_its_conclusion() -> None:
    ended = prk("simulate", "--list")
    assert ended.status == 0
    for words in ("E5c", "masked", "-> MASKED", "C2unlogged", "sealed"):
        assert words in ended.out
    listed = {entry["name"]: entry for entry in json.loads(prk("simulate", "--list", "--json").out)}
    assert listed["E8"]["scales"]["bench"]["required"] == ["RETURNED", "LEAK"]
    assert list(listed["door"]["scales"]) == ["bench"]


def test_a_prk_scenario_becomes_a_run_a_csv_and_a_page(tmp_path: Path) -> None:
    out, csv, page = (tmp_path / name for name in ("e3.prk", "e3.csv", "e3.html"))
    ended = prk("simulate", "E3", "--seed", 7, "--out", out, "--csv", csv, "--page", page, "--json")
    assert ended.status == 0, ended.err
    told = json.loads(ended.out)
    assert told["required"] == ["REDUCED", "LEAK"]
    assert told["true_last_lb_per_day"] == pytest.approx(0.3 / 0.45359237)
    assert told["seed"] == 7
    assert {"t_s": 64800.0, "truth": "prk filled to 97.33 kPa", "log": "REPRESS: 730 mmHg"} in (
        told["events"]
    )
    assert csv.read_text().startswith("time_h,pressure_mmhg\n0,730\n")
    assert page.read_text().startswith("<!DOCTYPE html>")
    again = prk("analyze", out, "--json")
    assert json.loads(again.out)["verdict"] == told["verdict"]


def test_one_seed_gives_the_same_readings_to_the_byte(tmp_path: Path) -> None:
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        ended = prk(
            "simulate", "C3", "--seed", seed, "--out", tmp_path / f"{name}.prk",
            "--csv", tmp_path / f"{name}.csv",
        )  # fmt: skip
        assert ended.status == 0
    texts = [(tmp_path / f"{name}.csv").read_bytes() for name in "abc"]
    assert texts[0] == texts[1] != texts[2]


def test_a_rig_file_is_simulated_without_the_firmware(tmp_path: Path) -> None:
    rig, out, csv = tmp_path / "bench.toml", tmp_path / "r.prk", tmp_path / "r.csv"
    rig.write_text(default_rig().to_toml())
    ended = prk("simulate", rig, "--duration", "3 h", "--out", out, "--csv", csv, "--json")
    assert ended.status == 0, ended.err
    told = json.loads(ended.out)
    assert told["minutes"] == 180
    with RunFile.open(out) as file:
        readings = file.readings()
        assert file.meta["simulated"] is True
    assert readings is not None
    assert len(readings) == len(csv.read_text().splitlines()) - 1 == 180
    # The nominal 1200 hPa over 1000, the sensors within 50 Pa, 10 % of the overpressure leaked.
    assert readings["pressure_pa"][0] == pytest.approx(120000.0, abs=100.0)
    assert readings["reference_pa"][0] == pytest.approx(100000.0, abs=100.0)
    assert prk("analyze", out, "--law", "linear", "--json").status in (0, 5)


REFUSED = [
    (["simulate"], "prk simulate --list"),
    (["simulate", "E5x"], "did you mean 'E5"),
    (["simulate", "E8", "--scale", "moon"], "expected prk or bench"),
    (["simulate", "door", "--scale", "prk"], "expected bench"),
    (["simulate", "E8", "--duration", "3 h"], "for a rig file"),
    (["simulate", "E8", "--scheduler", "tcp://x"], "--runs"),
    (["simulate", "E8", "--runs", "3", "--page", "x.html"], "--page"),
    (["simulate", "E8", "--scale", "bench", "--csv", "x.csv"], "--csv"),
    (["simulate", "E8", "--out", "/no/such/folder/x.prk"], "no such folder"),
    (["simulate", "nothing.toml", "--duration", "1 h"], "no such rig file"),
    (["simulate", "nothing.toml", "--scale", "prk"], "for scenarios only"),
    (["demo", "E99"], "no scenario 'E99'"),
    (["demo", "E8", "--leak", "2"], "a scenario has its own"),
    (["demo", "C1blind"], "C1blind has no scale 'bench'"),
]


@pytest.mark.parametrize(("arguments", "says"), REFUSED)
def test_bad_input_gets_one_line(arguments: list[str], says: str) -> None:
    refused(prk(*arguments), 2, says)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    for name in ("r.prk", "r.csv"):
        (tmp_path / name).write_text("mine")
    refused(prk("simulate", "C3", "--out", tmp_path / "r.prk"), 2, "exists already")
    refused(
        prk("simulate", "C3", "--out", tmp_path / "x.prk", "--csv", tmp_path / "r.csv"),
        2, "exists already",
    )  # fmt: skip
    assert not (tmp_path / "x.prk").exists()
    assert [(tmp_path / name).read_text() for name in ("r.prk", "r.csv")] == ["mine", "mine"]


def test_without_a_file_named_the_run_goes_to_the_folder_for_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = prk("simulate", "E6short", "--json")
    assert ended.status == 0
    path = Path(json.loads(ended.out)["run_file"])
    assert path.parent == Path("prkbench-runs")
    assert path.is_file()
    assert "E6short-prk" in path.name

"""`prk demo`: the real firmware in a child process, logged over a pseudo-terminal and verified."""

import importlib.util
import json
import os
from pathlib import Path
from typing import Any

import pytest
from prk_command import Ended, prk

from prkbench.runfile import RunFile

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals are POSIX's")

MICROPYTHON = importlib.util.find_spec("micropython_unix") is not None
KEYS = {
    "verdict", "k_per_s", "k_se_per_s", "rate_lb_per_day", "rate_kg_per_day",
    "interval95_lb_per_day", "upper_limit95_lb_per_day", "law", "en", "replay_exact", "blocks",
    "samples", "gaps", "duration_s", "report", "rate_true_lb_per_day", "interpreter", "wall_s",
    "interval95_with_volume_lb_per_day",
}  # fmt: skip
"""What scripts rely on; more may be there, none may go."""


def demo(folder: Path, name: str, *options: str) -> Ended:
    return prk("demo", "--rate", "0.5 Hz", "--out", folder / f"{name}.prk", *options)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def shown(folder: Path) -> dict[str, Any]:
    """A demo of the usual leak, long enough for a verdict."""
    ended = demo(folder, "usual", "--duration", "44 min", "--json")
    assert ended.status == 0, ended
    assert ended.err == ""
    assert ended.out.count("\n") == 1
    result: dict[str, Any] = json.loads(ended.out)
    return result


@pytest.mark.skipif(not MICROPYTHON, reason="MicroPython's unix port is not installed")
def test_the_firmware_runs_under_micropython_where_there_is_one(shown: dict[str, Any]) -> None:
    assert shown["interpreter"] == "micropython"


def test_json_has_every_key_that_scripts_rely_on(shown: dict[str, Any]) -> None:
    assert set(shown) >= KEYS
    assert set(shown["law"]) >= {"exponent", "interval95"}
    numbers = KEYS - {"verdict", "law", "report", "interpreter", "replay_exact"}
    for key in numbers:
        values = shown[key] if isinstance(shown[key], list) else [shown[key]]
        assert all(isinstance(value, int | float) for value in values), key


def test_the_leak_is_found_and_agrees_with_the_prediction_and_the_truth(
    shown: dict[str, Any],
) -> None:
    assert shown["verdict"] == "LEAK"
    assert abs(shown["en"]) <= 1.0
    # The demo's truth is within the rig's 2 % of the 1 lb/day asked for.
    assert shown["rate_true_lb_per_day"] == pytest.approx(1.0, abs=0.08)
    error = shown["rate_lb_per_day"] - shown["rate_true_lb_per_day"]
    se = shown["rate_lb_per_day"] * shown["k_se_per_s"] / shown["k_per_s"]
    assert abs(error) < 4.0 * se
    low, high = shown["interval95_lb_per_day"]
    assert low < shown["rate_lb_per_day"] < high


def test_every_figure_of_the_node_is_replayed_to_the_bit(shown: dict[str, Any]) -> None:
    assert shown["replay_exact"] is True
    assert shown["gaps"] == 0
    assert shown["samples"] == 44 * 30
    assert shown["blocks"] == 44
    assert shown["duration_s"] == pytest.approx(44 * 60 - 2.0, abs=0.01)
    assert all(check["passed"] is not False for check in shown["checks"])


def test_the_page_and_the_run_file_are_where_it_says(shown: dict[str, Any], folder: Path) -> None:
    assert Path(shown["report"]) == folder / "usual.html"
    assert "<html" in (folder / "usual.html").read_text()[:200]
    with RunFile.open(Path(shown["run_file"])) as file:
        assert file.check() == []
        assert file.head() == shown["head"]
        assert file.meta["simulated"] is True


def test_the_demos_file_verifies_again_by_itself(shown: dict[str, Any]) -> None:
    ended = prk("verify", shown["run_file"], "--json", "--head", shown["head"])
    assert ended.status == 0
    again = json.loads(ended.out)
    assert again["k_per_s"] == shown["k_per_s"]
    assert again["en"] == shown["en"]


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(folder: Path) -> None:
    """Not even the moments at which the host asked may show in the data."""
    results = []
    for name, seed in (("first", "7"), ("second", "7"), ("third", "8")):
        ended = demo(folder, name, "--duration", "20 min", "--seed", seed, "--json")
        assert ended.status == 5, ended  # too short for a verdict, long enough for a rate
        results.append(json.loads(ended.out))
    first, second, third = results
    assert first["samples_sha256"] == second["samples_sha256"]
    assert first["k_per_s"] == second["k_per_s"] is not None
    assert first["samples_sha256"] != third["samples_sha256"]
    assert first["k_per_s"] != third["k_per_s"]


@pytest.mark.skipif(not MICROPYTHON, reason="MicroPython's unix port is not installed")
def test_cpython_takes_the_same_samples_and_computes_the_same_bits(
    shown: dict[str, Any], folder: Path
) -> None:
    ended = demo(folder, "cpython", "--duration", "44 min", "--interpreter", "cpython", "--json")
    assert ended.status == 0
    other = json.loads(ended.out)
    assert other["interpreter"] == "cpython"
    assert other["samples_sha256"] == shown["samples_sha256"]
    assert other["k_per_s"] == shown["k_per_s"]
    assert any("CPython" in reason for reason in other["reasons"])


def test_without_a_leak_none_is_called_and_an_upper_limit_is_given(folder: Path) -> None:
    ended = demo(folder, "sealed", "--duration", "44 min", "--leak", "0")
    assert ended.status in (0, 5)
    assert "LEAK  leaks" not in ended.out
    assert "Upper limit" in ended.out
    # What people read says that a simulation proves no instrument.
    assert "self-consistency" in ended.out
    assert "Page: " in " ".join(ended.out.split())
    analysed = json.loads(prk("analyze", folder / "sealed.prk", "--json").out)
    assert analysed["verdict"].startswith(("SEALED", "NO VERDICT YET"))
    assert 0.0 < analysed["upper_limit95_lb_per_day"] < 1.0
    assert analysed["en"] is None

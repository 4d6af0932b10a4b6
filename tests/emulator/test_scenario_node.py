"""A scenario on the bench runs through the real firmware, its notes at their times."""

import json
from pathlib import Path

import pytest
from prk_command import prk

from prkbench.analysis.shown import event_notes
from prkbench.runfile import RunFile
from prkbench.sim.scenario_library import scenario
from prkbench.sim.scenario_once import simulate_once


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    folder = tmp_path_factory.mktemp("scenario")
    ended = prk("demo", "E6short", "--seed", 3, "--out", folder / "e6.prk", "--json")
    assert ended.status in (0, 5), ended.err
    told: dict[str, object] = json.loads(ended.out)
    return told


def test_the_firmware_ran_it_and_the_replay_is_exact(played: dict[str, object]) -> None:
    assert played["replay_exact"] is True
    assert played["interpreter"] in ("micropython", "cpython")
    assert played["required"] == ["NO VERDICT YET"]
    assert played["samples"] == 45 * 60
    for page in ("report", "story"):
        assert Path(str(played[page])).read_text().startswith("<!DOCTYPE html>")


def test_the_operators_notes_are_in_the_log_at_their_times(played: dict[str, object]) -> None:
    stage = scenario("E6short").stage("bench")
    with RunFile.open(Path(str(played["run_file"]))) as file:
        assert file.meta["scenario"] == "E6short"
        notes = [n for n in event_notes(file, file.runs()[0]) if n.name == "MARK"]
    wanted = [(event.t_s, event.log) for event in stage.events if event.log]
    assert [note.text for note in notes] == [log for _, log in wanted]
    # The operator says three seconds before what he is about to do, so that no alarm rings; the
    # run begins up to a second after the node is switched on.
    for note, (t_s, _) in zip(notes, wanted, strict=True):
        assert note.t_h * 3600.0 == pytest.approx(t_s - 3.0, abs=1.0)


def test_the_quick_way_gives_the_same_rate(played: dict[str, object]) -> None:
    quick = simulate_once("E6short", "bench", 3)
    # The same plant and offsets, other draws of white noise and minutes half a second apart.
    assert played["k_per_s"] == pytest.approx(
        quick["k_per_s"], abs=0.2 * float(quick["k_se_per_s"])
    )

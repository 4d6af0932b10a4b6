"""Every scenario file can be read, says all it must, and a bad one is refused in one line."""

from pathlib import Path

import pytest

from prkbench.errors import UsageError
from prkbench.node_setup import node_config
from prkbench.sim.scenario import LONGEST_LOG
from prkbench.sim.scenario_bench import bench_of
from prkbench.sim.scenario_library import scenario, scenario_names
from prkbench.sim.scenario_plant import plant_of

NAMES = scenario_names()
STORY = [f"E{n}" for n in range(1, 12)] + ["C1", "C2", "C3"]
CONTROLS = ["door", "drift", "offset", "sealed", "stick"]

GOOD = """
title = "A title"
story = "A story."
[conclusion]
verdicts = ["LEAK"]
text = "It leaks."
[prk]
duration = "10 h"
[prk.vessels.prk]
volume = "4 m3"
pressure = "101 kPa"
[prk.paths.crack]
from = "prk"
to = "vacuum"
rate = "1 lb/day"
[prk.gauge]
vessel = "prk"
resolution = "1 mmHg"
[[prk.events]]
at = "1 h"
do = "fill"
vessel = "prk"
to = "102 kPa"
log = "REPRESS: by hand"
"""


def test_the_whole_story_and_the_controls_are_there_in_order() -> None:
    stems = list(dict.fromkeys(next(s for s in [*STORY, *CONTROLS] if _is_of(n, s)) for n in NAMES))
    assert stems == [*STORY, *CONTROLS]
    assert {"E5a", "E5b", "E5c", "E6short", "E6long", "E9laminar", "E9choked"} <= set(NAMES)
    assert {"C1read", "C1blind", "C2logged", "C2unlogged"} <= set(NAMES)


def _is_of(name: str, stem: str) -> bool:
    return name.startswith(stem) and not name[len(stem) :][:1].isdigit()


@pytest.mark.parametrize("name", NAMES)
def test_every_scenario_says_what_it_must(name: str) -> None:
    told = scenario(name)
    assert told.name == name
    assert len(told.story.split()) >= 20
    scales = [scale for scale in ("prk", "bench") if getattr(told, scale) is not None]
    assert scales
    for scale in scales:
        stage = told.stage(scale)
        required = told.required(scale)
        assert required.verdicts
        assert required.text.endswith(".")
        assert not set(required.verdicts) & set(required.never)
        assert plant_of(stage).vessels
        times = [event.t_s for event in stage.events]
        assert times == sorted(times)
        for event in stage.events:
            assert len((event.log or "").encode()) <= LONGEST_LOG
            assert (event.log or "").isascii()


BENCHES = [name for name in NAMES if scenario(name).bench is not None]


@pytest.mark.parametrize("name", BENCHES)
def test_every_bench_has_a_rig_that_a_node_takes(name: str) -> None:
    bench = bench_of(scenario(name), 1)
    config = node_config(bench.rig)
    assert len(config["sensors"]) == len(bench.stage.sensors)


def test_no_rig_file_gives_the_truth_away() -> None:
    # Benches that are alike have the same element written down, whatever leaks.
    written: dict[object, set[object]] = {}
    for name in BENCHES:
        bench = bench_of(scenario(name), 1)
        stage = bench.stage
        alike = stage.mode, stage.acceleration, stage.tested_m3, stage.volume_m3
        written.setdefault(alike, set()).add(bench.rig.element)
    assert [len(elements) for elements in written.values()] == [1] * len(written)
    assert len(written) < len(BENCHES) / 2


def test_a_name_without_its_variant_is_its_first_one() -> None:
    assert scenario("E9").name == "E9laminar"
    assert scenario("e5C").name == "E5c"
    assert scenario("Sealed").name == "sealed"


@pytest.mark.parametrize(
    ("wrong", "near"), [("E5d", "E5"), ("E9chocked", "E9choked"), ("seeled", "sealed")]
)
def test_a_wrong_name_is_answered_with_the_nearest(wrong: str, near: str) -> None:
    with pytest.raises(UsageError, match=f"no scenario '{wrong}': did you mean '{near}") as caught:
        scenario(wrong)
    assert "\n" not in str(caught.value)


def test_a_name_that_is_like_none_is_answered_with_all() -> None:
    with pytest.raises(UsageError, match="expected one of E1, E2crew"):
        scenario("zzzzzz")


def test_a_scale_that_a_scenario_lacks_is_named() -> None:
    with pytest.raises(UsageError, match="door has no scale 'prk', expected bench"):
        scenario("door").stage("prk")


# What is changed, and what the one line must say.
WRONG = [
    ('volume = "4 m3"', 'volume = "4"', ["line 10", "prk.vessels.prk.volume", "no unit"]),
    ('volume = "4 m3"', 'volume = "-4 m3"', ["prk.vessels.prk.volume", "not possible"]),
    ('duration = "10 h"', 'duration = "0 h"', ["line 8", "prk.duration", "above zero"]),
    ('to = "vacuum"', 'to = "space"', ["path 'crack' ends in 'space'", "ambient, prk, vacuum"]),
    ('rate = "1 lb/day"', 'rat = "1 lb/day"', ["prk.paths.crack.rat", "did you mean 'rate'"]),
    ('resolution = "1 mmHg"', 'resolutoin = "1 mmHg"', ["prk.gauge.resolution"]),
    ('do = "fill"', 'do = "fil"', ["'fil'", "'fill'", "'vent'"]),
    ('at = "1 h"', 'at = "11 h"', ["event 1 (fill) is after the end"]),
    ('at = "1 h"\n', "", ["prk.events.0.at", "missing"]),
    ('vessel = "prk"\nto', 'vessel = "prq"\nto', ["event 1 (fill) names no vessel 'prq'"]),
    ('log = "REPRESS: by hand"', 'log = "FILLED"', ["expected text that begins with HATCH SHUT"]),
    ('verdicts = ["LEAK"]', 'verdicts = ["LEAKS"]', ["conclusion.verdicts", "'LEAKS'"]),
    ('verdicts = ["LEAK"]', "verdicts = []", ["conclusion.verdicts"]),
    ('story = "A story."\n', "", ["story: missing"]),
    ('[prk.gauge]\nvessel = "prk"', '[prk.gauge]\nvessel = "hall"', ["no vessel 'hall' to read"]),
    ("[conclusion]", "[conclusion", ["not valid TOML"]),
    ('vessel = "prk"\nto =', 'vesel = "prk"\nto =', ["prk.events.0.ves"]),
]


def refusal(folder: Path, text: str, name: str = "X") -> str:
    (folder / "X.toml").write_text(text)
    with pytest.raises(UsageError) as caught:
        scenario(name, folder)
    message = str(caught.value)
    assert "\n" not in message
    assert "X.toml: " in message
    return message


def test_the_good_file_is_good(tmp_path: Path) -> None:
    (tmp_path / "X.toml").write_text(GOOD)
    assert scenario("x", tmp_path).title == "A title"


@pytest.mark.parametrize(("good", "bad", "says"), WRONG)
def test_a_bad_file_gets_one_line_with_key_and_expectation(
    tmp_path: Path, good: str, bad: str, says: list[str]
) -> None:
    assert good in GOOD
    message = refusal(tmp_path, GOOD.replace(good, bad, 1))
    for words in says:
        assert words in message, message


def test_what_is_wrong_in_a_variant_is_told_where_it_stands(tmp_path: Path) -> None:
    wrong = 'prk.paths.crack.rate = "1 lb"'
    text = f"{GOOD}\n[variants.b]\n{wrong}\n"
    message = refusal(tmp_path, text, "Xb")
    line = text.splitlines().index(wrong) + 1
    assert f"line {line}: " in message
    assert "prk.paths.crack.rate" in message


def test_a_variant_is_laid_over_table_by_table(tmp_path: Path) -> None:
    text = GOOD + '\n[variants.a]\n[variants.b]\nprk.paths.crack.law = "choked"\n'
    (tmp_path / "X.toml").write_text(text)
    assert scenario_names(tmp_path) == ["Xa", "Xb"]
    stages = [scenario(name, tmp_path).stage("prk") for name in ("Xa", "Xb")]
    assert [stage.paths["crack"].law for stage in stages] == ["viscous", "choked"]
    assert stages[0].paths["crack"].rate_kg_per_s == stages[1].paths["crack"].rate_kg_per_s


def test_a_variant_takes_a_table_away_and_a_scale(tmp_path: Path) -> None:
    text = GOOD + '\n[variants.a]\nscales = ["bench"]\n[variants.b]\nprk.paths = false\n'
    (tmp_path / "X.toml").write_text(text)
    assert scenario("Xa", tmp_path).prk is None
    assert scenario("Xb", tmp_path).stage("prk").paths == {}


def test_a_bench_beyond_its_sensors_range_is_refused() -> None:
    stage = scenario("E8").stage("bench")
    low = stage.vessels["chamber"].model_copy(update={"pressure_pa": 20000.0})
    with pytest.raises(UsageError, match="200 hPa is outside the sensors' range, expected 300"):
        plant_of(stage.model_copy(update={"vessels": {"chamber": low}}))

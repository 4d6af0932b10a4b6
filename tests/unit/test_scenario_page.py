"""A scenario's page shows truth, what was seen and the events; nothing in it is empty or loud."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from staged import plant, prk_stage

from prkbench.cli.staging import play_prk
from prkbench.report.scenario_page import Seen, Told, render
from prkbench.sim.scenario_library import scenario
from prkbench.sim.scenario_log import entries
from prkbench.sim.scenario_truth import truth_series


def told_of(name: str, **changes: object) -> Told:
    told, stage = scenario(name), prk_stage(name)
    running = plant(stage)
    running.at(stage.duration_s)
    values = {
        "scenario": told, "scale": "prk", "seed": 1, "truth": truth_series(stage, running, 200),
        "pressures": [Seen("gauge", np.array([0.0, 4.0]), np.array([101325.0, 101192.0]))],
        "temperatures": [], "entries": entries(stage, running.happenings()), **changes,
    }  # fmt: skip
    return Told(**values)  # type: ignore[arg-type]


def figures(html: str) -> list[tuple[list[dict[str, object]], dict[str, object]]]:
    """Return data and layout of every plot in a page."""
    found = []
    decoder = json.JSONDecoder()
    for start in re.finditer(r'Plotly\.newPlot\(\s*"panel-\d+",\s*', html):
        data, end = decoder.raw_decode(html, start.end())
        layout, _ = decoder.raw_decode(html, html.index("{", end))
        found.append((data, layout))
    return found


def test_the_page_has_truth_dots_and_numbered_events() -> None:
    html = render(told_of("C2"))
    plots = figures(html)
    assert [len(data) for data, _ in plots] == [2, 1, 1]
    pressure, layout = plots[0]
    assert [trace["name"] for trace in pressure] == ["prk, truth", "gauge"]
    assert [trace["mode"].split("+")[0] for trace in pressure] == ["lines", "markers"]  # type: ignore[attr-defined]
    labels = [note["text"] for note in layout["annotations"]]  # type: ignore[index, attr-defined]
    assert labels == ["1", "2"]
    for words in ("The volume trap", "UNCHANGED, VOLUME CHANGED", "prk now 1.1e+04 L"):
        assert words in html or words.replace("1.1e+04", "11000") in html, words
    assert "HATCH OPENED: freighter, +7.0 m3" in html


def test_no_plot_is_without_a_finite_value() -> None:
    for name in ("E5a", "sealed", "C1read", "E9laminar"):
        for data, layout in figures(render(told_of(name))):
            values = [v for trace in data for v in trace["y"] if v is not None]  # type: ignore[attr-defined]
            assert values
            assert np.isfinite(values).all()
            low, high = layout.get("yaxis", {}).get("range", (0.0, 1.0))  # type: ignore[attr-defined]
            assert low < high


def test_events_too_near_for_a_label_each_share_one() -> None:
    _, layout = figures(render(told_of("E5c")))[0]
    labels = [note["text"] for note in layout["annotations"]]  # type: ignore[index, attr-defined]
    assert "3–4" in labels


def test_temperatures_nobody_read_are_said_to_be_so() -> None:
    nothing = Seen("gauge", np.array([0.0, 4.0]), np.full(2, np.nan))
    html = render(told_of("C3", temperatures=[nothing]))
    assert "Nobody recorded it." in html
    read = Seen("thermometer", np.array([0.0, 4.0]), np.array([295.0, 295.2]))
    assert "Nobody recorded it." not in render(told_of("C3", temperatures=[read]))


def test_what_a_file_says_is_escaped() -> None:
    told = scenario("C3").model_copy(update={"title": "<b>loud</b>"})
    html = render(told_of("C3", scenario=told))
    assert "<b>loud" not in html
    assert "&lt;b&gt;loud" in html


def test_the_page_needs_no_network() -> None:
    html = render(told_of("C3"))
    without_plotly = re.sub(r"<script>.*?</script>", "", html, flags=re.S)
    assert "://" not in without_plotly


@pytest.mark.parametrize("name", ["C1read", "C1blind"])
def test_a_played_scenario_has_the_analysis_on_its_page(name: str, tmp_path: Path) -> None:
    played = play_prk(scenario(name), 1, tmp_path / "run.prk", tmp_path / "run.csv")
    page = played.write_page(tmp_path / "page.html")
    html = page.read_text()
    assert played.outcome.verdict in html
    assert scenario(name).required("prk").text.split(":")[0] in html
    names = [trace["name"] for trace in figures(html)[1][0]]
    assert ("gauge" in names) == (name == "C1read")


def test_findings_and_what_was_known_before_are_on_a_played_page(tmp_path: Path) -> None:
    played = play_prk(scenario("E8"), 1, tmp_path / "run.prk")
    assert played.outcome.words == ("RETURNED", "LEAK")
    html = played.write_page(tmp_path / "page.html").read_text()
    for words in ("<h2>Findings</h2>", "RETURNED, LEAK", "Known before", "E7", "By chance"):
        assert words in html, words
    # One law is told by this record: nothing on the page may say that it is not known.
    assert "exponent 1." in html
    assert "flow law not known" not in html


def test_leaks_of_the_whole_station_are_not_called_the_tunnels() -> None:
    assert "lb/day of the whole 916 m³" in render(told_of("C1read"))
    assert "lb/day of the PrK" in render(told_of("C3"))

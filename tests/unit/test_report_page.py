"""The page: complete or not there, self-contained, escaped, and readable for any record."""

import dataclasses
import errno
import os
import re
import stat
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plotly.offline import get_plotlyjs
from report_samples import decay_series, outcome

from prkbench.analysis.outcome import BudgetLine, Check, EventNote, Outcome, Series
from prkbench.errors import DataError, UsageError
from prkbench.report.page import render, write_page
from prkbench.report.plots import CONFIG, panels
from prkbench.report.sheet import POINTS

ATTACK = "<script>alert('x')</script>&\"<img src=https://example.org/a.png onerror=alert(1)>"


class _Reader(HTMLParser):
    """What a browser would see: elements, addresses, visible text, scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.handlers: list[str] = []
        self.scripts: list[str] = []
        self.words: list[str] = []
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._inside = tag
        self.addresses += [v or "" for n, v in attrs if n in {"src", "href", "action", "data"}]
        self.handlers += [n for n, _ in attrs if n.startswith("on")]

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts.append(data)
        elif self._inside != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))


def read(page: str) -> _Reader:
    reader = _Reader()
    reader.feed(page)
    reader.close()
    return reader


def nothing(count: int) -> Series:
    """A series of ``count`` readings without a single number but the time."""
    t, none = np.arange(count, dtype=float), np.full(count, np.nan)
    return Series(t, none, none, none, none, none, none, np.zeros(count, bool), t, none, none)


def bare(**changes: object) -> Outcome:
    """Two readings: no rate, no checks, nothing to compare with."""
    fields = {
        field.name: None
        for field in dataclasses.fields(Outcome)
        if field.default is None or "None" in str(field.type)
    }
    empty = {"reasons": [], "checks": [], "budget": [], "events": [], "provenance": {}, "law": {}}
    return outcome(**{**fields, **empty, "series": None, **changes})


def test_page_tells_verdict_sentence_figures_checks_budget_events_and_provenance() -> None:
    text = read(render(outcome())).text
    for words in (
        "LEAK",
        "The chamber leaks 1.004 lb/day",
        "0.982 to 1.026 lb/day",
        "1.000 ± 0.027 lb/day",  # 2 se of the predicted k, at 1.004 lb/day per 1.0999e-4 1/s
        "E_n",
        "0.041",
        "bit-exact",
        "86\u202f400 samples",
        "Integrity pass",
        "Prediction FAIL",
        "Calibration date not applicable",
        "Scatter of p_T (correlated) 0.92",
        "door opened by the cleaner",
        "MicroPython 1.28.0 (unix)",
        "9f2c5b71d2a4e883",
        "4.0 m³ at 101.325 kPa and 295 K",
        "The lower bound of the rate is above zero",
    ):
        assert words.replace("\u202f", " ") in text.replace("\u202f", " "), words


FINDINGS = [
    {"word": "CANNOT TELL", "sentence": "smaller leak or larger volume", "odds": None,
     "decides": "a log of the <hatches>"},
    {"word": "LEAK", "sentence": "0.36 lb/day", "odds": 1e-6, "decides": None},
]  # fmt: skip


def test_findings_are_a_block_with_word_sentence_odds_and_what_would_decide() -> None:
    html = render(outcome(findings=FINDINGS, series=None))
    block = html[html.index("<h2>Findings</h2>") :].partition("</section>")[0]
    for words in (
        "CANNOT TELL", "smaller leak or larger volume", "What would decide it",
        "a log of the &lt;hatches&gt;", "LEAK", "0.36 lb/day", "under 1 in 1\u202f000\u202f000",
    ):  # fmt: skip
        assert words in block, words
    decided = render(outcome(findings=FINDINGS[1:], series=None))
    assert "What would decide it" not in decided
    assert "<h2>Findings</h2>" not in render(outcome(series=None))


def test_several_stretches_show_no_decay_through_all_of_them() -> None:
    series = decay_series()
    nothing = np.full(len(series.t_h), np.nan)
    cut = dataclasses.replace(series, fit_pa=nothing, residual_pa=nothing)
    html = render(outcome(series=cut, stretches=2))
    assert "decay fitted" not in html
    assert "Residual, Pa" not in html
    assert "the last steady stretch" in html
    assert "decay fitted" in render(outcome())


@pytest.mark.parametrize("simulated", [True, False])
def test_simulated_data_are_called_self_consistency_and_only_those(simulated: bool) -> None:
    assert ("self-consistency" in read(render(outcome(simulated=simulated))).text) is simulated


def test_whatever_a_person_typed_is_text_and_never_markup() -> None:
    plain = read(render(outcome()))
    attacked = read(
        render(
            outcome(
                title=ATTACK,
                verdict=ATTACK,
                sentence=ATTACK,
                conditions=ATTACK,
                reasons=[ATTACK],
                checks=[Check(ATTACK, None, ATTACK)] * 5,
                budget=[BudgetLine(ATTACK, 0.1, ATTACK)] * 3,
                events=[EventNote(6.0, ATTACK, ATTACK), EventNote(8.2, ATTACK, ATTACK)],
                provenance={ATTACK: ATTACK, "b": ATTACK},
                law={"name": ATTACK, "exponent": 1.0},
                device={ATTACK: {"k_per_s": 1e-4, "basis": ATTACK}},
                head=ATTACK,
            )
        )
    )
    assert attacked.tags == plain.tags
    assert attacked.handlers == []
    assert attacked.addresses == []
    assert not any("alert('x')" in script for script in attacked.scripts)
    assert attacked.text.count("<script>alert('x')</script>") >= 20


def test_page_names_no_external_address_and_forbids_fetching_one() -> None:
    page = render(outcome())
    assert read(page).addresses == []
    ours = page.replace(get_plotlyjs(), "")
    assert not re.search(r"https?:|//[a-z]+\.", ours)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    assert policy[1].startswith("default-src 'none'")
    assert "http" not in policy[1]


def test_plots_offer_no_button_that_sends_the_record_away() -> None:
    assert CONFIG["showSendToCloud"] is False
    assert render(outcome()).count('"showSendToCloud": false') == len(panels(outcome()))


def test_plotly_is_embedded_once_and_only_where_there_is_something_to_plot() -> None:
    assert render(outcome()).count(get_plotlyjs()) == 1
    assert len(render(outcome(series=None))) < 20_000


@pytest.mark.parametrize(
    "series",
    [None, decay_series(0), decay_series(1), decay_series(2), nothing(0), nothing(5)],
    ids=["none", "zero-length", "one", "two", "empty", "all-nan"],
)
def test_any_record_however_little_gives_a_page(series: Series | None) -> None:
    page = read(render(bare(series=series, duration_s=float("nan"), samples=0)))
    assert "LEAK" in page.text
    assert "nan" not in page.text.lower().split()
    assert "None" not in page.text


def test_not_a_number_anywhere_gives_dashes_not_a_failure() -> None:
    nan = float("nan")
    page = read(
        render(
            outcome(
                k_per_s=nan,
                k_se_per_s=nan,
                rate_lb_per_day=nan,
                rate_kg_per_day=nan,
                interval95_lb_per_day=(nan, nan),
                interval95_with_volume_lb_per_day=(nan, nan),
                upper_limit95_lb_per_day=nan,
                law={"exponent": nan, "interval95": [nan, nan]},
                en=nan,
                u_over_x=nan,
                k_predicted_per_s=nan,
                k_predicted_se_per_s=nan,
                rate_true_lb_per_day=nan,
                device={"short": {"k_per_s": nan, "k_se_per_s": nan}},
                budget=[BudgetLine("a", nan, "")],
                events=[EventNote(nan, "MARK", "when?")],
                duration_s=nan,
                series=nothing(300),
            )
        )
    )
    assert "nan" not in re.split(r"\W+", page.text.lower())
    assert "NaN" not in "".join(s for s in page.scripts if len(s) < 1e6)
    assert "E_n – does NOT agree" in page.text


def test_rate_plot_is_in_lb_per_day_where_convertible_and_else_in_per_second() -> None:
    assert panels(outcome())[-1].title.endswith("lb/day")
    assert panels(outcome(k_per_s=None))[-1].title.endswith("1/s")
    assert "true" not in [key.name for key in panels(outcome(k_per_s=None))[-1].key]


def test_foreign_data_without_a_node_has_no_rate_plot() -> None:
    empty = np.zeros(0)
    series = dataclasses.replace(decay_series(30), k_t_h=empty, k_per_s=empty, k_se_per_s=empty)
    titles = [panel.title for panel in panels(outcome(series=series))]
    assert titles
    assert not any("node" in title for title in titles)


def test_vacuum_has_no_reference_plot_and_weather_has_one() -> None:
    series = decay_series(30)
    vacuum = dataclasses.replace(series, reference_pa=np.zeros(30))
    assert any("Reference pressure" in p.title for p in panels(outcome(series=series)))
    assert not any("Reference pressure" in p.title for p in panels(outcome(series=vacuum)))


def test_long_record_is_thinned_says_so_and_stays_small() -> None:
    long = outcome(series=decay_series(40_000))
    assert "thinned" in read(render(long)).text
    assert "thinned" not in read(render(outcome())).text
    # Six panels, at most ~10 lines of POINTS points of ~40 characters.
    assert len(render(long)) - len(get_plotlyjs()) < 10 * POINTS * 40


def test_page_replaces_an_older_one_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "run.html"
    path.write_text("old")
    assert write_page(outcome(), path) == path
    assert path.read_text("utf-8").endswith("</html>")
    assert [p.name for p in tmp_path.iterdir()] == ["run.html"]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX file modes")
def test_page_is_as_readable_as_any_file_the_user_makes(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    expected = stat.S_IMODE((tmp_path / "plain").stat().st_mode)
    path = write_page(outcome(series=None), tmp_path / "run.html")
    assert stat.S_IMODE(path.stat().st_mode) == expected


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_full_or_failing_disk_is_a_data_error_and_keeps_the_older_page(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.html"
    path.write_text("old")

    def fail(_descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(DataError, match=r"^[^\n]*run\.html[^\n]*$"):
        write_page(outcome(series=None), path)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["run.html"]


def test_place_that_cannot_be_written_is_a_usage_error_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^[^\n]*existing folder[^\n]*$"):
        write_page(outcome(series=None), tmp_path / "absent" / "run.html")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError, match="folder"):
        write_page(outcome(series=None), tmp_path / "folder")
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


@settings(max_examples=30, deadline=None)
@given(st.text(st.characters(), max_size=60))
def test_any_title_that_a_shell_can_pass_gives_the_same_elements(title: str) -> None:
    page = render(outcome(title=title, series=None))
    assert read(page).tags == read(render(outcome(series=None))).tags
    page.encode("utf-8", "backslashreplace").decode("utf-8")

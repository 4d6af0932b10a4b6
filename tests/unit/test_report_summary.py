"""The terminal summary: 80 columns, plain where it must be, and steered by nobody."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from report_samples import decay_series, outcome
from rich.console import Console

from prkbench.analysis.outcome import Outcome
from prkbench.report.sparkline import ASCII, BLOCKS, sparkline
from prkbench.report.summary import print_summary


def printed(result: Outcome, encoding: str = "utf-8", terminal: bool = False) -> str:
    """What a user with this encoding gets, at 80 columns; encoding is strict, as a pipe is."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, errors="strict", newline="\n")
    print_summary(result, Console(file=stream, width=80, force_terminal=terminal))
    stream.flush()
    return raw.getvalue().decode(encoding)


def test_summary_tells_verdict_figures_checks_record_and_the_page_last() -> None:
    text = printed(outcome(report="runs/demo.html"))
    flat = " ".join(text.split())
    for words in (
        "LEAK The chamber leaks 1.004 lb/day",
        "Measured 1.004 lb/day (0.455 kg/day)",
        "True 1.000 lb/day",
        "Predicted 1.000 ± 0.027 lb/day",
        "E_n 0.42 agrees with the prediction",
        "U/X 0.041",
        "Upper limit 1.022 lb/day",
        "Node's k, 6.00 h (1.100 ± 0.013)e-4 1/s 1.00 lb/day; standard error from six batches",
        "Flow law linear, exponent 1.03 fitted; 95 %: 0.97 to 1.09",
        "Replay bit-exact",
        "86 400 samples, 720 blocks, no gaps, 12.0 h",
        "Integrity pass",
        "Prediction FAIL",
        "Calibration date not applicable",
        "self-consistency",
    ):
        assert words in flat, words
    assert text.rstrip().splitlines()[-1] == "Page: runs/demo.html"


def test_summary_tells_every_finding_with_its_odds_and_what_would_decide() -> None:
    findings = [
        {"word": "THERMAL", "sentence": "1.4 K would make it", "odds": 0.01, "decides": None},
        {"word": "CANNOT TELL", "sentence": "where it is", "odds": None, "decides": "shut hatches"},
    ]
    text = " ".join(printed(outcome(findings=findings)).split())
    assert "THERMAL 1.4 K would make it; by chance in under 1 in 100" in text
    assert "CANNOT TELL where it is; what would decide: shut hatches" in text


def test_summary_fits_80_columns_and_is_plain_when_not_a_terminal() -> None:
    text = printed(outcome(report="runs/demo.html"))
    assert max(map(len, text.splitlines())) <= 80
    assert "\x1b" not in text
    assert "\x1b[" in printed(outcome(), terminal=True)


def test_long_page_path_stays_in_one_piece() -> None:
    path = "/a/long/" + "way/" * 40 + "demo.html"
    assert f"Page: {path}\n" in printed(outcome(report=path))


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1"])
def test_encoding_without_blocks_gets_plain_signs(encoding: str) -> None:
    text = printed(outcome(title="Δp ≤ 5 — ✓"), encoding)
    assert not set(text) & set(BLOCKS)
    assert "***" in text or "##" in text
    assert "_" * 5 in text
    if encoding == "ascii":
        assert "1.000 +/- 0.027 lb/day" in text
        assert "delta p <= 5 - ?" in text


def test_typed_text_neither_styles_nor_steers_the_terminal() -> None:
    text = printed(outcome(title="[bold]x[/] \x1b]0;owned\x07 \x1b[2J\u202egnp", reasons=["[/]"]))
    assert "[bold]x[/]" in text
    assert "[/]" in text
    assert not set(text) & {"\x1b", "\x07", "\u202e"}


def test_two_readings_without_a_rate_are_told_as_that() -> None:
    nothing = outcome(
        verdict="CANNOT TELL", sentence="Read again after 40 h.", k_per_s=None, k_se_per_s=None,
        rate_lb_per_day=None, rate_kg_per_day=None, interval95_lb_per_day=None,
        interval95_with_volume_lb_per_day=None, upper_limit95_lb_per_day=None, law={}, en=None,
        u_over_x=None, k_predicted_per_s=None, rate_true_lb_per_day=None, replay_exact=None,
        device=None, checks=[], reasons=[], series=None, samples=2, blocks=0,
    )  # fmt: skip
    flat = " ".join(printed(nothing).split())
    assert "CANNOT TELL Read again after 40 h." in flat
    assert "Measured – no rate from this record" in flat
    assert "E_n" not in flat
    assert "None" not in flat


@pytest.mark.parametrize("count", [0, 1, 2])
def test_hardly_any_series_prints(count: int) -> None:
    assert "LEAK" in printed(outcome(series=decay_series(count)))


@pytest.mark.parametrize(
    ("en", "words"), [(1.0, "agrees"), (-1.0, "agrees"), (1.01, "does NOT"), (-3.0, "does NOT")]
)
def test_en_agrees_up_to_one_either_way(en: float, words: str) -> None:
    line = next(x for x in printed(outcome(en=en)).splitlines() if x.startswith("E_n"))
    assert words in line


def test_prediction_too_wide_to_verify_with_is_said() -> None:
    assert "too blunt to verify" in printed(outcome(u_over_x=0.31))
    assert "sharp enough" in printed(outcome(u_over_x=0.3))


@given(arrays(np.float64, st.integers(0, 300), elements=st.floats(-1e6, 1e6)), st.integers(1, 80))
def test_sparkline_never_exceeds_its_width_and_spans_its_levels(y: np.ndarray, width: int) -> None:
    line = sparkline(y, width, ASCII)
    assert len(line) == min(width, len(y))
    if len(y) and len(y) <= width and y.max() > y.min():
        assert line[int(np.argmax(y))] == ASCII[-1]
        assert line[int(np.argmin(y))] == ASCII[0]


def test_sparkline_draws_a_decay_falling_a_constant_flat_and_a_gap_blank() -> None:
    assert sparkline(np.linspace(8, 1, 8), 8) == BLOCKS[::-1]
    assert sparkline(np.full(5, 3.3), 5) == BLOCKS[4] * 5
    assert sparkline(np.array([1.0, np.nan, 2.0]), 3) == "▁ █"
    assert sparkline(np.full(5, np.nan), 5) == ""

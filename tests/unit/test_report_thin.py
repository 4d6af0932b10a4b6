"""Thinning: the same picture from fewer points."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from prkbench.report.sheet import POINTS, Sheet
from prkbench.report.thin import breaks, extremes

values = arrays(
    np.float64,
    st.integers(0, 400),
    elements=st.floats(allow_infinity=False, width=32),
)


@given(values, st.integers(3, 120))
def test_thinning_keeps_extremes_ends_and_missing_values_in_order(
    y: np.ndarray, limit: int
) -> None:
    kept = extremes(y, limit)
    assert np.all(np.diff(kept) > 0)
    # Three a stretch and the two ends.
    assert len(kept) <= max(limit, 3) + 2
    if not len(y):
        assert not len(kept)
        return
    assert kept[0] == 0
    assert kept[-1] == len(y) - 1
    assert np.isnan(y[kept]).any() == np.isnan(y).any()
    if np.isfinite(y).any():
        assert np.nanmin(y[kept]) == np.nanmin(y)
        assert np.nanmax(y[kept]) == np.nanmax(y)


def test_every_stretch_keeps_its_own_extremes() -> None:
    y = np.sin(np.arange(30_000) / 200.0)  # 24 periods of 1257 readings
    kept = y[extremes(y, 600)]
    tops = np.flatnonzero((kept[1:-1] >= kept[:-2]) & (kept[1:-1] > kept[2:])) + 1
    # A stretch is 150 readings: 8 to a period. A peak read at 1/200 rad lies within 4e-6 of 1.
    assert np.sum(kept[tops] > 1 - 4e-6) == 24


def test_short_series_is_not_touched() -> None:
    assert extremes(np.arange(10.0), 10).tolist() == list(range(10))


def test_gap_in_time_breaks_the_line_and_loses_no_reading() -> None:
    t = np.concatenate([np.arange(150.0), np.arange(400.0, 550.0)]) / 60
    assert breaks(t).tolist() == [150]
    sheet = Sheet()
    sheet.line("p", t, np.arange(300.0), "#000")
    y = sheet.traces[0]["y"]
    assert y[150] is None
    assert [v for v in y if v is not None] == list(range(300))


@pytest.mark.parametrize("t", [np.zeros(0), np.array([0.0, 4.0, 100.0]), np.zeros(300)])
def test_few_irregular_or_stopped_times_have_no_gap(t: np.ndarray) -> None:
    assert not breaks(t).size


def test_dots_keep_outliers_and_the_look_of_noise() -> None:
    rng = np.random.default_rng(3)
    y = rng.normal(0, 1, 40_000)
    y[[12_345, 23_456]] = 40, -40
    sheet = Sheet()
    sheet.dots("residual", np.arange(40_000.0), y, "#000", 1.0)
    shown = np.array(sheet.traces[0]["y"])
    assert sheet.thinned
    assert {40.0, -40.0} <= set(shown)
    assert len(shown) < 1.3 * POINTS
    # 68.3 % of normal noise is within one sigma; extremes take up to 300 of ~2700 points (11 %),
    # and 4 standard errors of the rest are 4 %.
    assert np.mean(np.abs(shown) < 1) == pytest.approx(0.683, abs=0.12)


def test_band_is_drawn_where_both_bounds_are_known() -> None:
    t = np.arange(4.0)
    low, high = np.array([0, np.nan, 0, 0.0]), np.array([1, 1, np.nan, 1.0])
    sheet = Sheet()
    sheet.band("interval", t, low, high, "#eee")
    assert [trace["x"] for trace in sheet.traces] == [[0.0, 3.0]] * 2

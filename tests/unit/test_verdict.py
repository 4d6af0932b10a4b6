import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prkbench.analysis import verdict
from prkbench.analysis.conversion import Conversion
from prkbench.analysis.outcome import LEAK, NO_VERDICT, SEALED
from prkbench.units import from_lb_per_day

PRK = Conversion()
POUND = PRK.k_from_lb_per_day(1.0)
"""Decay constant of 1 lb/day: 1.096e-6 1/s by the table of the PrK's rates."""


def test_one_pound_a_day_is_the_published_decay_constant() -> None:
    assert pytest.approx(1.10e-6, abs=0.005e-6) == POUND


def test_intervals_are_the_normal_distributions() -> None:
    low, high = verdict.interval(2.0, 1.0)
    assert (low, high) == pytest.approx((2.0 - 1.959964, 2.0 + 1.959964), abs=1e-6)
    assert verdict.upper_limit(2.0, 1.0) == pytest.approx(2.0 + 1.644854, abs=1e-6)
    assert verdict.upper_limit(-5.0, 1.0) == 0.0


@pytest.mark.parametrize(
    ("k", "se", "word"),
    [
        (2.59, 1.0, LEAK),
        (2.57, 1.0, SEALED),
        (0.0, 1.0, SEALED),
        (-9.0, 1.0, SEALED),
        (1.0, 0.0, LEAK),
    ],
)
def test_a_leak_is_called_at_99_percent_and_not_before(k: float, se: float, word: str) -> None:
    decided = verdict.decide(k * POUND, se * POUND, 100, PRK, None)
    assert decided.word.startswith(word)
    assert decided.exit_code == 0


def test_sealed_always_names_its_bound() -> None:
    decided = verdict.decide(0.0, 0.1 * POUND, 100, PRK, None)
    # 1.645 standard errors of 0.1 lb/day.
    assert decided.word == "SEALED (< 0.164 lb/day)"
    assert "0.164" in decided.sentence


@pytest.mark.parametrize(
    ("k", "limit", "exit_code", "says"),
    [
        (1.0, 0.5, 1, "above the limit"),
        (1.0, 1.5, 0, "below the limit"),
        (1.0, 1.05, 5, "not distinguishable from the limit"),
        (0.0, 0.05, 5, "needs a longer test"),
        (0.0, 0.5, 0, "no leak shown"),
    ],
)
def test_the_users_limit_decides_the_exit_code(
    k: float, limit: float, exit_code: int, says: str
) -> None:
    decided = verdict.decide(k * POUND, 0.1 * POUND, 100, PRK, from_lb_per_day(limit))
    assert decided.exit_code == exit_code
    assert says in decided.sentence


def test_the_limit_is_compared_at_the_prks_scale_whatever_the_acceleration() -> None:
    bench = Conversion(acceleration=10.0)
    k = bench.k_from_lb_per_day(1.0)
    assert k == pytest.approx(10.0 * POUND)
    assert verdict.decide(k, 0.01 * k, 100, bench, from_lb_per_day(0.5)).exit_code == 1
    assert verdict.decide(k, 0.01 * k, 100, bench, from_lb_per_day(2.0)).exit_code == 0


@pytest.mark.parametrize(("rows", "se"), [(29, 0.01), (100, math.inf), (100, math.nan)])
def test_too_few_minutes_or_an_unknown_error_give_no_verdict(rows: int, se: float) -> None:
    decided = verdict.decide(POUND, se * POUND, rows, PRK, None)
    assert decided.word == NO_VERDICT
    assert decided.exit_code == 5


def test_an_unknown_error_is_not_blamed_on_the_minutes() -> None:
    sentence = verdict.decide(POUND, math.inf, 100, PRK, None).sentence
    assert "100 minutes" not in sentence
    assert "inf" not in sentence


@given(
    k=st.floats(-10.0, 10.0),
    se=st.floats(0.0, 10.0),
    rows=st.integers(0, 1000),
    limit=st.none() | st.floats(0.01, 10.0),
)
def test_no_verdict_contradicts_its_exit_code(
    k: float, se: float, rows: int, limit: float | None
) -> None:
    decided = verdict.decide(
        k * POUND, se * POUND, rows, PRK, None if limit is None else from_lb_per_day(limit)
    )
    if decided.word == NO_VERDICT:
        assert decided.exit_code == 5
    if decided.word.startswith(SEALED):
        assert decided.exit_code == 0
    if decided.exit_code == 1:
        assert limit is not None
        assert k >= limit * (1.0 - 1e-12)
    assert "\n" not in decided.sentence
    assert "e-" not in decided.sentence


@pytest.mark.parametrize(
    ("rate", "text"),
    [(0.0, "0"), (1.2345, "1.23"), (12.345, "12.3"), (1234.5, "1234"), (0.01234, "0.0123"),
     (-0.5, "-0.500"), (math.inf, "unbounded"), (1e-9, "0.000000")],
)  # fmt: skip
def test_rates_are_shown_with_three_digits_and_never_an_exponent(rate: float, text: str) -> None:
    assert verdict.show(rate) == text

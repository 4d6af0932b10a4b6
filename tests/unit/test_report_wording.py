"""Figures in words: as many digits as they deserve."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_samples import outcome

from prkbench.report.wording import duration, interval, lb_per_day_per_k, number, plus_minus


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.0046, "1.00"), (0, "0"), (0.0456, "0.0456"), (1.0955e-6, "1.10e-06"), (-2.5, "-2.50"),
     (12345.0, "12345"), (None, "–"), (math.nan, "–"), (math.inf, "–")],
)  # fmt: skip
def test_number_has_three_significant_digits(value: float | None, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("value", "half", "text"),
    [(1.00423, 0.0221, "1.004 ± 0.022"), (1.0999e-4, 1.2e-6, "(1.100 ± 0.012)e-4"),
     (1.2, None, "1.20"), (1.2, 0.0, "1.20"), (None, 0.1, "–"), (0.0, 0.05, "0.000 ± 0.050"),
     (150.0, 25.0, "150 ± 25"), (1.2, math.nan, "1.20")],
)  # fmt: skip
def test_half_width_sets_the_places(value: float | None, half: float | None, text: str) -> None:
    assert plus_minus(value, half) == text


@pytest.mark.parametrize(
    ("bounds", "text"),
    [((0.9821, 1.0262), "0.982 to 1.026"), ((0.516, 1.898), "0.52 to 1.90"),
     ((-0.012, 0.034), "-0.012 to 0.034"), ((1.0, 1.0), "1.00 to 1.00"),
     ((math.nan, 1.0), "–"), (None, "–")],
)  # fmt: skip
def test_interval_is_given_to_the_place_its_width_deserves(
    bounds: tuple[float, float] | None, text: str
) -> None:
    assert interval(bounds) == text


@given(st.floats(-1e9, 1e9), st.floats(1e-12, 1e9))
def test_what_is_printed_is_within_half_a_last_digit(value: float, half: float) -> None:
    body, _, power = plus_minus(value, half).partition(")e")
    shown, _, shown_half = body.lstrip("(").partition(" ± ")
    scale = 10.0 ** int(power or 0)
    # Two digits of the half-width: off by at most 5 % of it, or the ninth place.
    slack = 0.05 * half + 1e-9 * scale + 1e-12 * abs(value)
    assert float(shown) * scale == pytest.approx(value, abs=slack)
    assert float(shown_half) * scale == pytest.approx(half, abs=slack + 0.5 * scale * (half >= 10))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (130, "130 s"),
        (3600, "60.0 min"),
        (43200, "12.0 h"),
        (21 * 86400, "21.0 d"),
        (math.nan, "–"),
    ],
)
def test_duration_is_in_the_unit_a_person_would_choose(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("k", "rate"), [(None, 1.0), (1e-4, None), (0.0, 0.0), (math.nan, 1.0), (1e-4, math.inf)]
)
def test_no_conversion_without_a_rate_and_its_k(k: float | None, rate: float | None) -> None:
    assert lb_per_day_per_k(outcome(k_per_s=k, rate_lb_per_day=rate)) is None
    assert lb_per_day_per_k(outcome(k_per_s=-1e-4, rate_lb_per_day=-1.0)) == pytest.approx(1e4)

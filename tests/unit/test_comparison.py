import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from prkbench.analysis.comparison import Measured, compare, ratio_interval
from prkbench.errors import UsageError


def test_fiellers_interval_of_a_worked_case():
    # (b - r a)^2 = z^2 (sb^2 + r^2 sa^2) with a = 2 +- 0.2, b = 1 +- 0.1, z = 2:
    # 3.84 r^2 - 4 r + 0.96 = 0.
    low, high = ratio_interval(1.0, 0.1, 2.0, 0.2, 2.0) or (math.nan, math.nan)
    root = math.sqrt(16.0 - 4.0 * 3.84 * 0.96)
    assert low == pytest.approx((4.0 - root) / 7.68)
    assert high == pytest.approx((4.0 + root) / 7.68)


rates = st.floats(-100.0, 100.0)
errors = st.floats(1e-3, 10.0)


@given(rates, errors, rates, errors)
def test_at_its_ends_the_difference_is_just_severed(after, after_se, before, before_se):
    bounds = ratio_interval(after, after_se, before, before_se)
    assume(bounds is not None and abs(before) > 2.1 * before_se)
    for end in bounds:
        off = abs(after - end * before) / math.hypot(after_se, end * before_se)
        assert off == pytest.approx(1.959964, rel=1e-4)
    assert bounds[0] <= after / before <= bounds[1]


@given(rates, errors, rates, errors)
def test_it_is_unbounded_just_where_the_first_rate_may_be_zero(after, after_se, before, before_se):
    unbounded = ratio_interval(after, after_se, before, before_se) is None
    assert unbounded == (abs(before) <= 1.959964 * before_se)


def test_it_covers_the_ratio_where_the_first_rate_is_hardly_known():
    rng = np.random.default_rng(1)
    covered = 0
    for before, after in zip(
        rng.normal(1.0, 0.3, 2000).tolist(), rng.normal(2.0, 0.2, 2000).tolist(), strict=True
    ):
        bounds = ratio_interval(after, 0.2, before, 0.3)
        covered += bounds is None or bounds[0] <= 2.0 <= bounds[1]
    # 95 %, with 3 standard errors of 2000 trials; unbounded ones count as covering.
    assert 0.935 < covered / 2000 < 0.975


@pytest.mark.parametrize(
    ("before", "after", "word"),
    [
        (Measured(1.0, 0.05), Measured(2.4, 0.1), "INCREASED"),
        (Measured(1.14, 0.05), Measured(0.74, 0.05), "REDUCED"),
        (Measured(1.0, 0.03), Measured(1.02, 0.03), "UNCHANGED"),
        (Measured(1.0, 0.3), Measured(1.5, 0.3), "CANNOT TELL"),
        (Measured(0.1, 0.3), Measured(0.2, 0.3), "CANNOT TELL"),
        # Half-widths that cannot be left, of short holds: in quadrature.
        (Measured(1.0, half_width=0.2), Measured(1.5, half_width=0.3), "INCREASED"),
        (Measured(1.0, half_width=0.4), Measured(1.5, half_width=0.4), "CANNOT TELL"),
    ],
)
def test_the_words_of_the_design(before, after, word):
    assert compare(before, after).verdict == word


def test_reduced_says_whether_it_has_stopped():
    assert compare(Measured(1.0, 0.05), Measured(0.3, 0.05)).stopped is False
    assert "reduced, not stopped" in compare(Measured(1.0, 0.05), Measured(0.3, 0.05)).reason
    assert compare(Measured(1.0, 0.05), Measured(0.02, 0.05)).stopped is True
    assert compare(Measured(1.0, 0.05), Measured(2.0, 0.05)).stopped is None


def test_what_cannot_be_told_says_what_would_decide():
    found = compare(Measured(0.1, 0.3), Measured(0.2, 0.3))
    assert found.interval95 is None
    assert "not severed from zero" in found.reason
    assert "would decide" in found.reason


def test_rates_that_are_no_numbers_are_refused():
    with pytest.raises(UsageError, match="finite"):
        ratio_interval(math.nan, 0.1, 1.0, 0.1)

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from prkbench.analysis.sequential import normal_mixture_log_e
from prkbench.errors import UsageError


def test_the_worked_example_to_its_last_digit():
    assert normal_mixture_log_e(2.0, 0.5, 1.0, False) == pytest.approx(5.595281, abs=5e-7)
    assert normal_mixture_log_e(2.0, 0.5, 1.0, True) == pytest.approx(6.288255, abs=5e-7)


@pytest.mark.parametrize("one_sided", [True, False])
@pytest.mark.parametrize("b", [-3.0, 0.0, 0.4, 2.5])
def test_it_is_the_likelihood_ratio_mixed_over_the_prior(b, one_sided):
    se, r0 = 0.7, 1.3
    grid = np.linspace(0.0 if one_sided else -40.0, 40.0, 400001)
    prior = norm.pdf(grid, scale=r0) * (2.0 if one_sided else 1.0)
    ratio = np.exp((b * grid - 0.5 * grid**2) / se**2)
    # A trapezoid of 1e-4 to 2e-4: its error is far below 1e-7 for so smooth a function.
    mixed = float(np.trapezoid(prior * ratio, grid))
    assert normal_mixture_log_e(b, se, r0, one_sided) == pytest.approx(math.log(mixed), abs=1e-6)


@pytest.mark.parametrize("one_sided", [True, False])
def test_its_mean_without_a_leak_is_one(one_sided):
    se, r0 = 0.5, 0.4
    b = np.linspace(-12.0, 12.0, 20001)
    e = np.exp([normal_mixture_log_e(x, se, r0, one_sided) for x in b.tolist()])
    assert float(np.trapezoid(e * norm.pdf(b, scale=se), b)) == pytest.approx(1.0, abs=1e-6)


@settings(deadline=None)
@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e3), st.floats(1e-3, 1e3))
def test_it_is_finite_and_does_not_depend_on_the_unit(b, se, r0):
    value = normal_mixture_log_e(b, se, r0, True)
    assert math.isfinite(value)
    # Squares of up to 1e9 standard errors carry rounding of 1e-16 of themselves.
    scale = max(1.0, abs(b / se) ** 2)
    assert normal_mixture_log_e(3 * b, 3 * se, 3 * r0, True) == pytest.approx(
        value, rel=1e-12, abs=1e-12 * scale
    )


def test_a_strong_inward_leak_is_no_evidence_of_an_outward_one():
    assert normal_mixture_log_e(-20.0, 0.5, 1.0, True) < 0.0
    assert normal_mixture_log_e(-20.0, 0.5, 1.0, False) > 100.0


@pytest.mark.parametrize("bad", [(1.0, 0.0, 1.0), (1.0, 1.0, -1.0), (math.nan, 1.0, 1.0)])
def test_a_standard_error_of_nothing_is_refused(bad):
    with pytest.raises(UsageError, match="above zero"):
        normal_mixture_log_e(*bad, True)

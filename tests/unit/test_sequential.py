import math

import numpy as np
import pytest
from block_streams import P_PA, PERCENT_DAY, RHO, minutes, rows
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from prkbench.analysis.sequential import LeakWatch, mixture_upper_bound, normal_mixture_log_e
from prkbench.analysis.stream import NormalEquations
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


def test_the_bound_is_what_the_e_process_has_not_excluded():
    b, se, r0, alpha = 0.3, 0.7, 1.3, 0.05
    upper = mixture_upper_bound(b, se, r0, alpha)
    assert normal_mixture_log_e(upper - b, se, r0, True) == pytest.approx(-math.log(alpha))


@settings(deadline=None)
@given(st.floats(-10.0, 10.0), st.floats(1e-3, 1e3), st.floats(1e-3, 1e3), st.floats(1e-6, 0.5))
def test_the_bound_is_above_the_one_that_is_looked_at_once(b, se, r0, alpha):
    upper = mixture_upper_bound(b, se, r0, alpha)
    assert upper >= b - se * float(norm.ppf(alpha)) * (1.0 - 1e-9)


def test_a_bound_at_no_odds_is_refused():
    with pytest.raises(UsageError, match="alpha"):
        mixture_upper_bound(0.0, 1.0, 1.0, 1.0)


def asked(percent_day, count, seed, runs):
    """LEAK's minute (None: never) and the evidence all along, of so many streams."""
    rng = np.random.default_rng(seed)
    for _ in range(runs):
        equations, watch = NormalEquations(RHO, P_PA), LeakWatch()
        evidence, leak = [], None
        for row in rows(minutes(rng, count, percent_day)):
            equations.push(row)
            found = watch.ask(equations)
            if found is not None:
                evidence.append(found)
            if watch.leak and leak is None:
                leak = row.slot
        yield leak, evidence


def test_the_evidence_of_a_sealed_stream_has_a_mean_of_one_at_most():
    last = np.exp([evidence[-1].log_e for _, evidence in asked(0.0, 120, 1, 100)])
    assert last.mean() <= 1.0 + 3.0 * last.std() / math.sqrt(len(last))
    # Half as much error again, and a correlation taken for longer, cost that much.
    assert last.mean() > 0.05


@pytest.mark.parametrize(
    ("percent_day", "count", "median", "most"), [(2.7, 180, 1.2, 1.6), (5.4, 90, 0.5, 0.7)]
)
def test_a_leak_is_called_about_as_soon_as_the_design_study(percent_day, count, median, most):
    found = [count if m is None else m for m, _ in asked(percent_day, count, 2, 30)]
    # Hours; a fifth more is allowed, and a tenth for the scatter of 30 runs.
    assert np.median(found) / 60.0 <= 1.2 * median
    assert np.percentile(found, 90) / 60.0 <= 1.2 * most + 0.1


def test_a_sealed_stream_is_bounded_soon_never_wrongly_and_never_called_a_leak():
    limits = {2.7: (0.55, 0.95), 1.08: (1.7, 2.5)}
    hours = {limit: [] for limit in limits}
    wrong = 0
    for leak, evidence in asked(0.0, 240, 3, 30):
        assert leak is None
        wrong += min(e.upper_per_s for e in evidence) < 0.0
        for limit, found in hours.items():
            below = [e.slot for e in evidence if e.upper_per_s < limit * PERCENT_DAY]
            found.append((below[0] if below else 240) / 60.0)
    # 5 % each: 5 of 30 or more happens in 2 of 100 such tests.
    assert wrong <= 4
    for limit, (median, most) in limits.items():
        assert np.median(hours[limit]) <= 1.2 * median
        assert np.percentile(hours[limit], 90) <= 1.2 * most + 0.2

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from scipy.stats import norm

from prkbench.analysis.safety import (
    decay_integral,
    exceedance,
    reserve_time,
    risk_matrix,
    time_to_limit,
)
from prkbench.errors import UsageError
from prkbench.law import driving_pressure_pa

K = 1.0955e-5


@pytest.mark.parametrize("law", ["linear", "viscous", "choked"])
@pytest.mark.parametrize(("start", "end", "outside"), [(1.2e5, 1.05e5, 1e5), (1e5, 3e4, 0.0)])
def test_the_time_is_that_of_the_integrated_law(law, start, end, outside):
    norm_pa = 1.1e5

    def rate(_, p):
        return -K * driving_pressure_pa(law, p, outside, norm_pa)

    def there(_, p):
        return p[0] - end

    there.terminal = True
    found = solve_ivp(rate, (0.0, 1e7), [start], events=there, rtol=1e-10, atol=1e-6)
    need = decay_integral(law, start, end, outside, norm_pa)
    assert need / K == pytest.approx(found.t_events[0][0], rel=1e-6)


def test_a_pressure_the_leak_cannot_reach_takes_for_ever_and_one_passed_no_time():
    assert decay_integral("linear", 1.2e5, 1e5, 1e5, 1.1e5) == math.inf
    assert decay_integral("viscous", 1.2e5, 0.9e5, 1e5, 1.1e5) == math.inf
    assert decay_integral("choked", 1.2e5, 0.9e5, 1e5, 1.1e5) == pytest.approx(math.log(4 / 3))
    assert decay_integral("linear", 1.0e5, 1.1e5, 0.0, 1.1e5) == 0.0


def test_the_reserve_is_as_long_as_the_rate_is_slow():
    left = reserve_time("choked", 1e5, 7e4, 0.0, 5e4, K, 0.1 * K)
    whole = math.log(1e5 / 7e4) / K
    assert left.time_s == pytest.approx(whole)
    assert left.low_s == pytest.approx(whole / 1.1959964)
    assert left.high_s == pytest.approx(whole / 0.8040036)
    # A rate not severed from zero may leave it for ever; none at all does.
    assert reserve_time("choked", 1e5, 7e4, 0.0, 5e4, K, K).high_s == math.inf
    assert reserve_time("choked", 1e5, 7e4, 0.0, 5e4, -K, 0.1 * K).time_s == math.inf


def test_the_probability_of_exceeding_is_the_normal_one():
    assert exceedance(1.0, 0.5, 1.0) == pytest.approx(0.5)
    assert exceedance(1.0, 0.5, 2.0) == pytest.approx(float(norm.sf(2.0)))
    assert exceedance(1.0, 0.0, 0.9) == 1.0


def test_a_growing_rate_reaches_the_limit_when_its_line_does():
    t = 3600.0 * np.arange(6)
    found = time_to_limit(t, 1e-6 + 1e-11 * t, np.full(6, 1e-9), 2e-6)
    # From 1.18e-6 at 5 h, 1e-11 a second.
    assert found.time_s == pytest.approx((2e-6 - 1e-6) / 1e-11 - t[-1])
    assert found.low_s < found.time_s < found.high_s


def test_its_interval_covers_as_stated():
    rng = np.random.default_rng(3)
    t, runs = 3600.0 * np.arange(8), 1500
    truth = (2e-6 - 1e-6) / 1e-11 - t[-1]
    covered = 0
    for _ in range(runs):
        k = 1e-6 + 1e-11 * t + rng.normal(0.0, 2e-8, 8)
        found = time_to_limit(t, k, np.full(8, 2e-8), 2e-6)
        covered += found.low_s <= truth <= found.high_s
    # 95 %, a little more where a chance misfit widens it; 3 standard errors of 1500 trials.
    assert 0.933 < covered / runs < 0.99


def test_a_rate_that_does_not_grow_never_reaches_it_for_sure():
    t = 3600.0 * np.arange(6)
    steady = time_to_limit(t, 1e-6 - 1e-15 * t, np.full(6, 1e-8), 2e-6)
    assert steady.time_s == math.inf
    assert steady.high_s == math.inf
    assert math.isfinite(steady.low_s)
    falling = time_to_limit(t, 1e-6 - 1e-11 * t, np.full(6, 1e-9), 2e-6)
    assert falling.low_s == math.inf
    assert time_to_limit(t, np.full(6, 3e-6), np.full(6, 1e-8), 2e-6).time_s == 0.0
    with pytest.raises(UsageError, match="three"):
        time_to_limit(t[:2], [1.0, 1.0], [1.0, 1.0], 2.0)


EDGES = (0.01, 0.1, 0.5, 0.9)
RATES = (1e-6, 2e-6, 3e-6, 4e-6)


@given(st.floats(-1e-5, 1e-5), st.floats(1e-8, 1e-5))
def test_the_classes_share_the_whole_probability(rate, se):
    matrix = risk_matrix(rate, se, EDGES, RATES)
    assert sum(matrix.probability) == pytest.approx(1.0)
    assert all(1 <= level <= 5 for level in matrix.likelihood)


def test_the_cell_is_where_the_users_edges_put_it():
    words = tuple(tuple(f"{i}{j}" for j in range(1, 6)) for i in range(1, 6))
    matrix = risk_matrix(3.5e-6, 0.5e-6, EDGES, RATES, words)
    inside = float(norm.cdf(1.0) - norm.cdf(-1.0))
    assert matrix.probability[3] == pytest.approx(inside)
    # 68 % lies between 50 and 90 %: likelihood 4 of consequence 4; 16 % above: 3 of 5.
    assert matrix.likelihood == (1, 1, 3, 4, 3)
    assert matrix.ratings[3:] == ("44", "35")
    assert matrix.worst == (4, 4)


def test_edges_that_do_not_rise_are_refused():
    with pytest.raises(UsageError, match="rising"):
        risk_matrix(1e-6, 1e-7, (0.1, 0.1, 0.2, 0.3), RATES)

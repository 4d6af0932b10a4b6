import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prkbench.analysis.acceptance import (
    imposed_leak,
    instrument_selection,
    shortest_test_s,
    stabilised_ans,
    stabilised_ours,
)
from prkbench.errors import UsageError

MINUTES = 60.0 * np.arange(8 * 60)


def cooling(tau_h: float, start_k: float = 5.0) -> np.ndarray:
    return 295.0 + start_k * np.exp(-MINUTES / 3600.0 / tau_h)


def test_ours_is_met_when_the_gas_has_cooled_to_a_tenth_of_the_leak():
    kelvin, p = cooling(0.5), np.full(len(MINUTES), 1.2e5)
    wanted = 45.0 / 3600.0
    found = stabilised_ours(MINUTES, p, kelvin, wanted)
    assert found.met
    assert found.since_s is not None
    # |dT/dt| p/T = 0.1 wanted, a mean over 20 min of an exponential being that of 10 min before.
    rate = 0.1 * wanted * 295.0 / 1.2e5
    when = -0.5 * math.log(rate * 1800.0 / 5.0) * 3600.0 + 600.0
    assert found.since_s == pytest.approx(when, abs=180.0)


def test_ours_is_not_met_while_it_cools_fast_or_the_record_is_short():
    kelvin, p = cooling(4.0), np.full(len(MINUTES), 1.2e5)
    assert not stabilised_ours(MINUTES, p, kelvin, 45.0 / 3600.0).met
    short = stabilised_ours(MINUTES[:15], p[:15], kelvin[:15], 45.0 / 3600.0)
    assert (short.met, short.value) == (False, None)
    with pytest.raises(UsageError, match="above zero"):
        stabilised_ours(MINUTES, p, kelvin, 0.0)


def test_ans_compares_the_last_hour_with_the_last_four():
    # Steady drift of any size passes; it is only the change of drift that counts.
    assert stabilised_ans(MINUTES, 295.0 + MINUTES / 3600.0).met
    kelvin = 295.0 + np.where(MINUTES > 7 * 3600.0, (MINUTES - 7 * 3600.0) / 3600.0 * 0.4, 0.0)
    found = stabilised_ans(MINUTES, kelvin)
    # Over the last hour 59/60 of 0.4 K/h, over four a quarter of that.
    assert found.value == pytest.approx(0.75 * 0.4 * 59 / 60, rel=1e-6)
    assert not found.met
    assert found.allowed == pytest.approx(0.27778, abs=1e-5)
    assert stabilised_ans(MINUTES[:200], kelvin[:200]).value is None


def test_ans_says_since_when():
    kelvin = 295.0 + np.where(MINUTES < 3600.0, 0.0, 0.0) + 3.0 * np.exp(-MINUTES / 1800.0)
    found = stabilised_ans(MINUTES, kelvin)
    assert found.met
    assert found.since_s is not None
    # At t the last four hours' mean drift is about -3 K e^(-(t - 4 h)/.5 h)/4 h.
    when = 4.0 - 0.5 * math.log(0.27778 * 4.0 / 3.0)
    assert found.since_s / 3600.0 == pytest.approx(when, abs=0.1)


def test_the_instrument_selection_guide_by_hand():
    # 24 h, 10 Pa of 1e5 and 0.03 K of 300: 100 sqrt(2e-8 + 2e-8).
    assert instrument_selection(86400.0, 1e5, 300.0, 10.0, 0.03) == pytest.approx(0.02)


@given(
    st.floats(1e-3, 10.0), st.floats(1e4, 1e6), st.floats(200.0, 400.0), st.floats(0.01, 100.0),
    st.floats(1e-4, 1.0),
)  # fmt: skip
def test_the_shortest_test_is_where_the_guide_is_a_quarter_of_the_limit(limit, p, kelvin, e_p, e_t):
    seconds = shortest_test_s(limit, p, kelvin, e_p, e_t)
    isg = instrument_selection(seconds, p, kelvin, e_p, e_t)
    assert isg == pytest.approx(0.25 * limit)


@pytest.mark.parametrize(
    ("before", "composite", "imposed", "passed"),
    [
        (0.30, 1.32, 1.0, True),
        (0.30, 1.54, 1.0, True),
        (0.30, 1.56, 1.0, False),
        (0.30, 1.04, 1.0, False),
        (0.30, 0.90, 0.6, None),
        (0.30, 1.60, 1.3, None),
    ],
)
def test_an_imposed_leak_is_found_again_within_a_quarter_of_the_limit(
    before, composite, imposed, passed
):
    found = imposed_leak(before, composite, imposed, 1.0)
    assert found.passed is passed
    assert found.off == pytest.approx(composite - before - imposed)
    if passed is None:
        assert "impose another" in found.reason

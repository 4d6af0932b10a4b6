"""Decay constant to PrK-equivalent mass rate, against the table of the physics page."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prkbench.analysis.conversion import Conversion
from prkbench.law import driving_pressure_pa
from prkbench.rig import default_rig

PRK = Conversion()


def test_the_prk_holds_4_79_kg_of_air() -> None:
    assert PRK.gas_mass_kg == pytest.approx(4.79, abs=0.005)


# The table is printed to three digits: half a unit of the last is at most 0.5 %.
@pytest.mark.parametrize(
    ("lb_per_day", "k_per_s", "pa_per_h"),
    [(0.2, 2.19e-7, 80), (1, 1.10e-6, 400), (2, 2.19e-6, 800), (2.4, 2.63e-6, 960),
     (3.7, 4.06e-6, 1480)],
)  # fmt: skip
def test_rates_are_those_of_the_published_table(
    lb_per_day: float, k_per_s: float, pa_per_h: float
) -> None:
    assert PRK.k_from_lb_per_day(lb_per_day) == pytest.approx(k_per_s, rel=5e-3)
    assert PRK.rate_lb_per_day(k_per_s) == pytest.approx(lb_per_day, rel=5e-3)
    assert PRK.k_from_lb_per_day(lb_per_day) * 101325 * 3600 == pytest.approx(pa_per_h, rel=5e-3)


def test_acceleration_divides_the_bench_rate() -> None:
    fast = Conversion.from_rig(default_rig())
    assert fast.acceleration == 10.0
    assert fast.rate_lb_per_day(1e-5) == pytest.approx(PRK.rate_lb_per_day(1e-6), rel=1e-14)


@given(st.floats(-1e-4, 1e-4), st.floats(0, 1e-4))
def test_the_volume_range_only_ever_widens_an_interval(low: float, width: float) -> None:
    plain = PRK.interval_lb_per_day((low, low + width))
    wide = PRK.interval_with_volume_lb_per_day((low, low + width))
    assert wide[0] <= plain[0] <= plain[1] <= wide[1]


def test_the_volume_range_scales_both_ends_outward() -> None:
    k = PRK.k_from_lb_per_day(1.0)
    assert PRK.interval_with_volume_lb_per_day((k, 2 * k)) == pytest.approx((2.1 / 4, 2 * 7.4 / 4))
    assert PRK.interval_with_volume_lb_per_day((-k, k)) == pytest.approx((-7.4 / 4, 7.4 / 4))


@given(st.floats(1e-9, 10.0))
def test_k_and_rate_are_inverse(rate: float) -> None:
    assert PRK.rate_lb_per_day(PRK.k_from_lb_per_day(rate)) == pytest.approx(rate, rel=1e-12)


def test_driving_pressures_agree_at_the_normal_pressure() -> None:
    # All laws are compared at (p + p_ref)/2 = p_N, where the viscous x equals the linear one.
    linear = driving_pressure_pa("linear", 120000.0, 100000.0, 110000.0)
    assert driving_pressure_pa("viscous", 120000.0, 100000.0, 110000.0) == pytest.approx(linear)
    assert float(linear) == 20000.0
    assert driving_pressure_pa("choked", [1e5, 5e4], 0.0, 1.0).tolist() == [1e5, 5e4]
    # To vacuum: x = p^2/p0 with p_N = p0/2.
    assert driving_pressure_pa("viscous", 5e4, 0.0, 5e4) == pytest.approx(25000.0)

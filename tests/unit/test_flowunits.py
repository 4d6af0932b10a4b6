"""Units of a mass flow, against the constants of the physics page."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prkbench.errors import UsageError
from prkbench.flowunits import (
    SCCM_PA_M3_S,
    figures,
    from_sccm,
    parse_flow,
    throughput_pa_m3_s,
    to_cfm,
    to_mol_per_s,
    to_sccm,
)
from prkbench.units import Dimension, from_lb_per_day, parse, to_lb_per_day


def test_one_sccm_is_what_the_constants_say() -> None:
    assert pytest.approx(1.68875e-3, rel=1e-12) == SCCM_PA_M3_S
    assert to_mol_per_s(from_sccm(1.0)) == pytest.approx(7.4358e-7, abs=5e-12)
    # Given as 0.0041025: one unit of its last digit, the gas constant is rounded, too.
    assert to_lb_per_day(from_sccm(1.0)) == pytest.approx(0.0041025, abs=1e-7)


def test_one_pound_a_day_is_what_the_constants_say() -> None:
    rate = from_lb_per_day(1.0)
    assert rate == pytest.approx(5.2499e-6, abs=5e-11)
    # One unit of the last digit, as above.
    assert throughput_pa_m3_s(rate, 273.15) == pytest.approx(0.41164, abs=1e-5)
    assert throughput_pa_m3_s(rate, 293.15) == pytest.approx(0.44178, abs=1e-5)


def test_throughput_units_are_read() -> None:
    assert parse("1 mbar L/s", Dimension.THROUGHPUT) == pytest.approx(0.1)
    assert parse("2e-4 Pa m3/s", Dimension.THROUGHPUT) == pytest.approx(2e-4)
    assert parse("1 sccm", Dimension.THROUGHPUT) == pytest.approx(1.68875e-3)


def test_a_cubic_foot_a_minute_is_28_3_litres_at_20_degrees() -> None:
    # 28.3168 L of air at 1.2041 kg/m3 a minute.
    assert to_cfm(28.3168e-3 * 1.2041 / 60.0) == pytest.approx(1.0, rel=1e-4)


@settings(deadline=None)
@given(st.floats(1e-6, 1e6))
def test_sccm_and_mass_rate_are_inverse(flow: float) -> None:
    assert to_sccm(from_sccm(flow)) == pytest.approx(flow, rel=1e-12)
    assert parse_flow(f"{flow!r} sccm") == pytest.approx(from_sccm(flow), rel=1e-12)


def test_a_flow_is_read_as_mass_or_as_sccm_and_nothing_else() -> None:
    assert parse_flow("2 lb/day") == pytest.approx(from_lb_per_day(2.0))
    assert parse_flow(" 3 SCCM") == pytest.approx(from_sccm(3.0))
    for bad in ("5 L", "0 lb/day", "0 sccm", "-1 sccm", "sccm", "3"):
        with pytest.raises(UsageError):
            parse_flow(bad)


def test_every_volume_figure_names_its_reference() -> None:
    shown = figures(1e-6, 300.0)
    assert shown["throughput_reference"] == "300 K"
    assert shown["sccm_reference"] == "0 degC, 101325 Pa"
    assert shown["cfm_reference"] == "20 degC, 101325 Pa"
    assert shown["throughput_pa_m3_per_s"] == pytest.approx(1e-6 * 287.05 * 300.0)

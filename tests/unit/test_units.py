"""Units at the edges: text in, SI out, and messages that name what was expected."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prkbench.errors import UsageError
from prkbench.units import (
    Dimension,
    from_lb_per_day,
    mass_rate_text,
    parse,
    to_kg_per_day,
    to_lb_per_day,
    to_text,
)


@pytest.mark.parametrize(
    ("text", "dimension", "si"),
    [
        ("5.0 L", Dimension.VOLUME, 5e-3),
        ("4.0 m3", Dimension.VOLUME, 4.0),
        ("4.0 m³", Dimension.VOLUME, 4.0),
        ("22 degC", Dimension.TEMPERATURE, 295.15),
        ("22 °C", Dimension.TEMPERATURE, 295.15),
        ("295 K", Dimension.TEMPERATURE, 295.0),
        ("0.5 degC", Dimension.TEMPERATURE_DIFFERENCE, 0.5),
        ("1.8 degF", Dimension.TEMPERATURE_DIFFERENCE, 1.0),
        ("6 h", Dimension.DURATION, 21600.0),
        ("130 s", Dimension.DURATION, 130.0),
        ("1200 hPa", Dimension.PRESSURE, 120000.0),
        ("760 Torr", Dimension.PRESSURE, 101325.0),
        ("-12.5 Pa", Dimension.PRESSURE_DIFFERENCE, -12.5),
        ("0.25 mm", Dimension.LENGTH, 2.5e-4),
        ("3.1e-9 m3/s", Dimension.CONDUCTANCE, 3.1e-9),
        ("1e-9 m^3 s^-1", Dimension.CONDUCTANCE, 1e-9),
        ("2 %", Dimension.RELATIVE, 0.02),
        ("0.02", Dimension.RELATIVE, 0.02),
        ("1e-8 1/s", Dimension.DECAY, 1e-8),
        ("5 Hz", Dimension.FREQUENCY, 5.0),
    ],
)
def test_text_with_a_unit_becomes_si(text: str, dimension: Dimension, si: float) -> None:
    assert parse(text, dimension) == pytest.approx(si, rel=1e-12)


def test_one_pound_a_day_is_the_mass_rate_of_the_physics_table() -> None:
    # 5.2499e-6 kg/s is stated to five digits.
    assert parse("1 lb/day", Dimension.MASS_RATE) == pytest.approx(5.2499e-6, rel=1e-5)
    assert from_lb_per_day(1.0) == pytest.approx(parse("1 lb/day", Dimension.MASS_RATE), rel=1e-14)
    assert to_lb_per_day(parse("0.45359237 kg/day", Dimension.MASS_RATE)) == pytest.approx(1.0)
    assert to_kg_per_day(from_lb_per_day(2.0)) == pytest.approx(0.90718474)
    assert mass_rate_text(from_lb_per_day(1.0)) == "1 lb/day (0.454 kg/day)"


def test_a_wrong_dimension_is_named_with_the_one_expected() -> None:
    with pytest.raises(UsageError) as caught:
        parse("5 lightyears", Dimension.VOLUME)
    assert str(caught.value) == "'5 lightyears' is a length, expected a volume such as '5.0 L'"


@pytest.mark.parametrize(
    ("text", "dimension", "part"),
    [
        ("nan Pa", Dimension.PRESSURE, "not a finite number"),
        ("inf K", Dimension.TEMPERATURE, "not a finite number"),
        ("1e400 Pa", Dimension.PRESSURE, "not a finite number"),
        ("-5 Pa", Dimension.PRESSURE, "not negative"),
        ("0 L", Dimension.VOLUME, "above zero"),
        ("-300 degC", Dimension.TEMPERATURE, "above zero"),
        ("5", Dimension.VOLUME, "has no unit"),
        ("4,0 m3", Dimension.VOLUME, "decimal comma"),
        ("five litres", Dimension.VOLUME, "does not begin with a number"),
        ("5 wibbles", Dimension.VOLUME, "'wibbles' is not a unit"),
        ("", Dimension.VOLUME, "does not begin with a number"),
        ("10**10**10 Pa", Dimension.PRESSURE, "not a unit"),
        ("5 (", Dimension.VOLUME, "not a unit"),
    ],
)
def test_impossible_text_is_refused_in_one_line(text: str, dimension: Dimension, part: str) -> None:
    with pytest.raises(UsageError, match="expected a") as caught:
        parse(text, dimension)
    assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_zero_is_refused_where_a_positive_value_is_asked_for() -> None:
    assert parse("0 s", Dimension.DURATION) == 0.0
    with pytest.raises(UsageError, match="above zero"):
        parse("0 s", Dimension.DURATION, positive=True)


@given(
    st.sampled_from(list(Dimension)),
    st.floats(min_value=1e-12, max_value=1e12, allow_nan=False),
)
def test_text_written_for_a_value_reads_back_to_the_same_bits(
    dimension: Dimension, value: float
) -> None:
    assert parse(to_text(value, dimension), dimension) == value


@given(st.text(max_size=20), st.sampled_from(list(Dimension)))
def test_any_text_gives_a_finite_number_or_a_usage_error(text: str, dimension: Dimension) -> None:
    message = ""
    value = 0.0
    try:
        value = parse(text, dimension)
    except UsageError as error:
        message = str(error)
    assert math.isfinite(value)
    assert len(message.splitlines()) <= 1

"""Units as text at the edges, SI floats inside: the only module that knows pint.

``parse("5.0 L", Dimension.VOLUME)`` gives 0.005; ``to_text`` goes the other way and round-trips
to the bit. The number and the unit are split before pint sees the text, so no arithmetic that a
user types is ever evaluated.
"""

from __future__ import annotations

import functools
import math
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from prkbench.errors import UsageError

if TYPE_CHECKING:
    import pint

LB_KG = 0.45359237
"""One avoirdupois pound in kilograms, exact by definition."""
DAY_S = 86400.0
MMHG_PA = 133.322387415
"""One conventional millimetre of mercury in pascals."""


class Dimension(StrEnum):
    """What a text is expected to measure."""

    PRESSURE = "pressure"
    PRESSURE_DIFFERENCE = "pressure difference"
    TEMPERATURE = "temperature"
    TEMPERATURE_DIFFERENCE = "temperature difference"
    VOLUME = "volume"
    DURATION = "duration"
    FREQUENCY = "frequency"
    DECAY = "decay constant"
    MASS_RATE = "mass rate"
    LENGTH = "length"
    CONDUCTANCE = "conductance"
    THROUGHPUT = "throughput"
    RELATIVE = "relative figure"

    @property
    def example(self) -> str:
        """A text that measures this, for messages."""
        return _RULES[self].example


@dataclass(frozen=True)
class _Rule:
    """SI unit of a dimension, an example for messages, bounds, and pleasant units for output."""

    si: str
    example: str
    minimum: float
    open_minimum: bool
    pleasant: tuple[str, ...]


_RULES = {
    Dimension.PRESSURE: _Rule("Pa", "1200 hPa", 0.0, False, ("hPa", "Pa")),
    Dimension.PRESSURE_DIFFERENCE: _Rule("Pa", "-12.5 Pa", -math.inf, False, ("Pa",)),
    Dimension.TEMPERATURE: _Rule("K", "22 degC", 0.0, True, ("K",)),
    Dimension.TEMPERATURE_DIFFERENCE: _Rule("K", "0.5 K", -math.inf, False, ("K",)),
    Dimension.VOLUME: _Rule("m3", "5.0 L", 0.0, True, ("L", "m3")),
    Dimension.DURATION: _Rule("s", "6 h", 0.0, False, ("h", "min", "s")),
    Dimension.FREQUENCY: _Rule("1/s", "5 Hz", 0.0, True, ("Hz",)),
    Dimension.DECAY: _Rule("1/s", "1e-8 1/s", 0.0, False, ("1/s",)),
    Dimension.MASS_RATE: _Rule("kg/s", "1 lb/day", 0.0, False, ("lb/day", "kg/day", "kg/s")),
    Dimension.LENGTH: _Rule("m", "0.25 mm", 0.0, True, ("mm", "m")),
    Dimension.CONDUCTANCE: _Rule("m3/s", "3.1e-9 m3/s", 0.0, True, ("m3/s",)),
    Dimension.THROUGHPUT: _Rule("Pa*m3/s", "1e-4 Pa m3/s", 0.0, True, ("Pa*m3/s",)),
    Dimension.RELATIVE: _Rule("", "2 %", 0.0, False, ("%", "")),
}
_NUMBER = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-]?(?:nan|inf)\b)", re.I)
# Exponents are one digit and the only other figure is the "1" of "1/s": nothing to evaluate.
_UNIT = re.compile(r"(?:[A-Za-zµμΩ%_]+(?:(?:\*\*|\^)?-?[1-9])?|1(?=/)|[*/() ])*")


@functools.cache
def _registry() -> pint.UnitRegistry[float]:
    """Return the one registry; it takes 0.2 s to build, so it is built when first needed."""
    import pint

    registry: pint.UnitRegistry[float] = pint.UnitRegistry()
    registry.define("@alias torr = Torr")
    # Throughput at 0 degC of a cubic centimetre a minute at 0 degC and 101325 Pa.
    registry.define("sccm = 1.68875e-3 pascal * meter ** 3 / second")
    return registry


@functools.cache
def _unit(text: str) -> pint.Unit:
    """Return pint's unit for ``text``; raise ValueError where there is none."""
    plain = text.strip().replace("°", "deg").replace("²", "2").replace("³", "3")
    if not _UNIT.fullmatch(plain):
        raise ValueError(text)
    plain = "1" + plain if plain.startswith("/") else plain
    plain = re.sub(r"(?<=[A-Za-z])\^?(-?[1-9])\b", r"**\1", plain)
    try:
        return _registry().parse_units(plain)
    except Exception as error:
        raise ValueError(text) from error


def _article(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def _found(unit: pint.Unit) -> str:
    """Name what ``unit`` measures in plain words."""
    if unit.dimensionless:
        return "a plain number"
    for dimension, rule in _RULES.items():
        if rule.si and unit.is_compatible_with(_unit(rule.si)):
            return _article(dimension.value)
    return f"in units of {unit.dimensionality}"


def parse(text: str, dimension: Dimension, *, positive: bool = False) -> float:
    """Return ``text`` ("5.0 L", "22 degC", "2 %") in SI units as a float.

    ``dimension`` says what is expected; ``positive`` also refuses zero. Raises UsageError that
    names what was found and what was expected, for NaN and infinities, and for values the
    dimension cannot have (a negative volume, a temperature below 0 K).
    """
    rule = _RULES[dimension]
    text = " ".join(text.split())
    expected = f"expected {_article(dimension.value)} such as '{rule.example}'"
    match = _NUMBER.match(text)
    if not match:
        raise UsageError(f"'{text}' does not begin with a number, {expected}")
    number, rest = float(match.group(1)), text[match.end() :].strip()
    if not math.isfinite(number):
        raise UsageError(f"'{text}' is not a finite number, {expected}")
    if rest.startswith(","):
        raise UsageError(f"'{text}' has a decimal comma, write a point: {expected}")
    try:
        unit = _unit(rest)
    except ValueError:
        raise UsageError(f"'{text}': '{rest}' is not a unit known here, {expected}") from None
    if not rest and dimension is not Dimension.RELATIVE:
        raise UsageError(f"'{text}' has no unit, {expected}")
    if not unit.is_compatible_with(_unit(rule.si)):
        raise UsageError(f"'{text}' is {_found(unit)}, {expected}")
    value = _to_si(number, unit, rule.si, difference=dimension is Dimension.TEMPERATURE_DIFFERENCE)
    low_excluded = rule.open_minimum or positive
    if not math.isfinite(value):
        raise UsageError(f"'{text}' is out of range, {expected}")
    if value < rule.minimum or (low_excluded and value <= max(rule.minimum, 0.0)):
        above = "above zero" if low_excluded else "not negative"
        raise UsageError(f"'{text}' is not possible here, {expected}, {above}")
    return value


def _to_si(number: float, unit: pint.Unit, si: str, *, difference: bool) -> float:
    """Convert; for differences "1 degC" is one kelvin, not 274.15 K."""
    quantity = _registry().Quantity
    target = _unit(si)
    if difference:
        step = quantity(1.0, unit).to(target).magnitude - quantity(0.0, unit).to(target).magnitude
        # The subtraction leaves rounding of 274.15 - 273.15 behind; scales have few digits.
        return number * round(float(step), 12)
    if unit == target:
        return number
    # Factors such as the litre's carry rounding: 15 digits make "5 L" the float 0.005.
    return float(f"{quantity(number, unit).to(target).magnitude:.15g}")


def to_text(value: float, dimension: Dimension) -> str:
    """Return ``value`` (SI) as the shortest text with a unit that parses back to the same bits."""
    rule = _RULES[dimension]
    candidates = []
    for name in rule.pleasant:
        number = float(_registry().Quantity(value, _unit(rule.si)).to(_unit(name)).magnitude)
        for text in (f"{number:.12g}", f"{value!r}" if name == rule.si else ""):
            full = f"{text} {name}".strip()
            if text and _same(full, value, dimension):
                candidates.append(full)
    exact = f"{value!r} {rule.si}".strip()
    return min([*candidates, exact], key=len)


def _same(text: str, value: float, dimension: Dimension) -> bool:
    try:
        return parse(text, dimension) == value
    except UsageError:
        return False


def to_lb_per_day(rate_kg_per_s: float) -> float:
    """Return a mass rate in avoirdupois pounds a day."""
    return rate_kg_per_s * DAY_S / LB_KG


def from_lb_per_day(rate_lb_per_day: float) -> float:
    """Return a mass rate given in pounds a day, in kg/s."""
    return rate_lb_per_day * LB_KG / DAY_S


def to_kg_per_day(rate_kg_per_s: float) -> float:
    """Return a mass rate in kilograms a day."""
    return rate_kg_per_s * DAY_S


def mass_rate_text(rate_kg_per_s: float) -> str:
    """Return a mass rate for people: "1.13 lb/day (0.513 kg/day)"."""
    lb, kg = to_lb_per_day(rate_kg_per_s), to_kg_per_day(rate_kg_per_s)
    return f"{lb:.3g} lb/day ({kg:.3g} kg/day)"

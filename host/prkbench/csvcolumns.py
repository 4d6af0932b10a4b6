"""Which column of a foreign log holds what, in which unit, by its header name.

The quantities and the names they go by are in COLUMNS; a header such as "Pressure (hPa)" counts
as pressure_hpa.
"""

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass

from prkbench.csvtable import Table
from prkbench.errors import UsageError
from prkbench.units import Dimension, parse

COLUMNS = {
    "time": ("time", "t", "elapsed", "elapsed_time", "timestamp", "datetime"),
    "pressure": ("pressure", "p", "absolute_pressure", "abs_pressure"),
    "gauge_pressure": ("gauge_pressure", "pressure_gauge", "p_gauge"),
    "temperature": ("temperature", "temp", "gas_temperature"),
    "reference": (
        "reference",
        "reference_pressure",
        "p_ref",
        "ambient",
        "ambient_pressure",
        "p_ambient",
    ),
    "time_unc": ("time_unc", "time_uncertainty"),
    "pressure_unc": ("pressure_unc", "pressure_uncertainty"),
    "event": ("event", "events", "log"),
}
"""Quantities and the header names they go by, each followed by "_" and a unit."""
_PRESSURE = {
    "pa": "Pa",
    "hpa": "hPa",
    "kpa": "kPa",
    "mpa": "MPa",
    "mbar": "mbar",
    "bar": "bar",
    "mmhg": "mmHg",
    "torr": "torr",
    "psi": "psi",
    "psia": "psi",
    "inhg": "inHg",
    "atm": "atm",
}
TIME_S = {"s": 1.0, "sec": 1.0, "ms": 1e-3, "min": 60.0, "h": 3600.0, "d": 86400.0, "day": 86400.0}
"""Seconds per unit of a time column."""
_CLOCK = ("utc", "iso", "iso8601")
_TEMPERATURE = ("k", "c", "degc")


@dataclass(frozen=True)
class Found:
    """Where a quantity stands in the table and in which unit, as in COLUMNS."""

    column: int
    unit: str


@functools.cache
def pressure_factors() -> dict[str, float]:
    """Return pascals per unit for every unit of pressure a column may have."""
    return {key: parse(f"1 {unit}", Dimension.PRESSURE) for key, unit in _PRESSURE.items()}


def _plain(name: str) -> str:
    """Return a header name as a word: "Pressure (hPa)" is pressure_hpa."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower().replace("°", "deg")).strip("_")


def _units_of(quantity: str) -> tuple[str, ...]:
    if quantity == "time":
        return (*TIME_S, *_CLOCK)
    if quantity == "time_unc":
        return tuple(TIME_S)
    if quantity == "event":
        return ("",)
    return _TEMPERATURE if quantity == "temperature" else tuple(_PRESSURE)


def _split(name: str) -> tuple[str, str] | None:
    """Return (quantity, unit) of a header name; the longest matching name wins."""
    plain = _plain(name)
    best: tuple[int, str, str] | None = None
    for quantity, words in COLUMNS.items():
        for word in words:
            if plain == word or (quantity != "event" and plain.startswith(word + "_")):
                candidate = (len(word), quantity, plain[len(word) + 1 :])
                best = max(best, candidate) if best else candidate
    return (best[1], best[2]) if best else None


def match_columns(table: Table, overrides: Mapping[str, str]) -> dict[str, Found]:
    """Return the column and unit of each quantity, by the user's word first, then by header name.

    UsageError where a unit is missing or makes no sense, or two columns hold the same quantity.
    """
    found: dict[str, Found] = {}
    for quantity, text in overrides.items():
        if quantity not in COLUMNS:
            raise UsageError(
                f"{table.path}: '{quantity}' is no quantity, expected one of {', '.join(COLUMNS)}"
            )
        found[quantity] = named_column(table, quantity, text)
    taken = {item.column for item in found.values()}
    for column, name in enumerate(table.header):
        split = _split(name)
        if split is None or column in taken:
            continue
        quantity, unit = split
        if quantity in overrides:
            continue
        if quantity == "pressure" and unit == "psig":
            quantity, unit = "gauge_pressure", "psi"
        if quantity in found:
            raise UsageError(
                f"{table.path}: columns '{table.header[found[quantity].column]}' and '{name}' both "
                f"hold the {quantity}: rename one, or name the right one with an option"
            )
        found[quantity] = Found(column, _unit(table, name, quantity, unit))
    return found


def named_column(table: Table, quantity: str, text: str) -> Found:
    """Return the column that the user named as "NAME" or "NAME:UNIT"; UsageError if none."""
    name, _, unit = text.partition(":")
    if text in table.header:
        name, unit = text, ""
    if name not in table.header:
        raise UsageError(
            f"{table.path}: no column '{name}' for the {quantity}, expected one of "
            f"{', '.join(table.header)}"
        )
    if not unit:
        split = _split(name)
        unit = split[1] if split else _plain(name).rpartition("_")[2]
    return Found(table.header.index(name), _unit(table, name, quantity, _plain(unit)))


def _unit(table: Table, name: str, quantity: str, unit: str) -> str:
    if unit in _units_of(quantity) or (quantity == "time" and not unit):
        return unit
    what = f"'{unit}' is not a unit of it" if unit else "it names no unit"
    raise UsageError(
        f"{table.path}: column '{name}' holds the {quantity} but {what}, expected "
        f"{quantity}_ and one of {', '.join(_units_of(quantity))}: rename the column"
    )

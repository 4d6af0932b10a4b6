"""Foreign pressure logs: columns and units by header name, in SI, every assumption said.

Everything is read and checked before anything is written.
"""

import hashlib
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from prkbench.csvcolumns import TIME_S, Found, match_columns, named_column, pressure_factors
from prkbench.csvtable import Table, read_table
from prkbench.errors import UsageError
from prkbench.runfile import READINGS_DTYPE, Json, RunFile
from prkbench.units import Dimension, parse

ATMOSPHERE_PA = 101325.0


@dataclass(frozen=True)
class Imported:
    """A foreign log in SI units and what had to be assumed to read it.

    ``readings`` is of READINGS_DTYPE with t_s from the first reading; the resolutions are the
    last printed digit, None where it cannot be told; ``gaps`` counts holes in an even clock;
    ``events`` are the operator's words with their times in s; ``temperature_swing_k`` is the
    swing nobody measured, as the user states it.
    """

    source: Path
    readings: NDArray[np.void]
    start_utc: datetime | None
    volume_m3: float | None
    reference: str | None
    pressure_resolution_pa: float | None
    temperature_resolution_k: float | None
    gaps: int
    notes: tuple[str, ...]
    events: tuple[tuple[float, str], ...] = ()
    temperature_swing_k: float | None = None


@dataclass
class _Parts:
    """Columns of the result while they are put together."""

    notes: list[str] = field(default_factory=list)
    start_utc: datetime | None = None


def import_csv(
    path: Path,
    *,
    volume_m3: float | None = None,
    reference: str | float | None = None,
    columns: Mapping[str, str] | None = None,
    temperature_swing_k: float | None = None,
) -> Imported:
    """Read a foreign log.

    ``reference`` is the pressure outside: "vacuum", pascals, text such as "101.3 kPa", or the
    name of a column; ``columns`` maps a quantity of COLUMNS to "NAME" or "NAME:UNIT" where the
    header says too little. An ``event`` column is the operator's log; its rows need no pressure.
    Raises UsageError with row, column and how to mend it.
    """
    table = read_table(Path(path))
    found = match_columns(table, dict(columns or {}))
    if isinstance(reference, str) and reference in table.header:
        found["reference"] = named_column(table, "reference", reference)
    if "time" not in found:
        raise UsageError(
            f"{path}: no time column, expected one of time_s, time_min, time_h, time_utc "
            f"(found {', '.join(table.header)}): rename it or name it with an option"
        )
    if "pressure" not in found and "gauge_pressure" not in found:
        raise UsageError(
            f"{path}: no pressure column, expected one such as pressure_hpa or pressure_mmhg "
            f"(found {', '.join(table.header)}): rename it or name it with an option"
        )
    if len(table.rows) < 2:
        raise UsageError(f"{path}: {len(table.rows)} readings, expected two or more: log longer")
    parts = _Parts()
    _say_unused(table, found, parts)
    t_s = _times(table, found["time"], parts)
    table, t_s, events = _without_events(table, found, t_s)
    readings = np.full(len(table.rows), np.nan, dtype=READINGS_DTYPE)
    readings["t_s"] = t_s
    outside = _reference(table, found, reference)
    readings["reference_pa"] = outside
    readings["pressure_pa"] = _pressures(table, found, outside, parts)
    if "gauge_pressure" in found and "pressure" not in found and reference is None:
        blank = np.isnan(readings["reference_pa"])
        readings["reference_pa"][blank] = ATMOSPHERE_PA
    if "temperature" in found:
        readings["temperature_k"] = _temperatures(table, found["temperature"])
    if "time_unc" in found:
        readings["u_t_s"] = _spread(table, found["time_unc"], TIME_S)
    if "pressure_unc" in found:
        readings["u_pressure_pa"] = _spread(table, found["pressure_unc"], pressure_factors())
    pressure = found.get("pressure") or found["gauge_pressure"]
    return Imported(
        source=Path(path),
        readings=readings,
        start_utc=parts.start_utc,
        volume_m3=volume_m3,
        reference=_reference_name(table, found, reference),
        pressure_resolution_pa=_resolution(table, pressure, pressure_factors()[pressure.unit]),
        temperature_resolution_k=(
            _resolution(table, found["temperature"], 1.0) if "temperature" in found else None
        ),
        gaps=_gaps(readings["t_s"], parts),
        notes=tuple(parts.notes),
        events=events,
        temperature_swing_k=temperature_swing_k,
    )


def write_run(imported: Imported, out_path: Path) -> None:
    """Write an imported log as a run file; on any failure no file is left behind."""
    out = Path(out_path)
    if out.exists():
        raise UsageError(f"{out}: exists already, choose another name or move it")
    meta: dict[str, Json] = {
        "source": "import",
        "file": imported.source.name,
        "file_sha256": hashlib.sha256(imported.source.read_bytes()).hexdigest(),
        "start_utc": imported.start_utc.isoformat() if imported.start_utc else None,
        "volume_m3": imported.volume_m3,
        "reference": imported.reference,
        "pressure_resolution_pa": imported.pressure_resolution_pa,
        "temperature_resolution_k": imported.temperature_resolution_k,
        "gaps": imported.gaps,
        "notes": list(imported.notes),
    }
    if imported.events:
        meta["events"] = [[t_s, text] for t_s, text in imported.events]
    if imported.temperature_swing_k is not None:
        meta["temperature_swing_k"] = imported.temperature_swing_k
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    columns = {name: imported.readings[name] for name in READINGS_DTYPE.names or ()}
    try:
        with RunFile.create(part, meta) as file:
            file.add_readings(**columns)
        part.rename(out)
    finally:
        for name in (part.name, f"{part.name}-wal", f"{part.name}-shm"):
            part.with_name(name).unlink(missing_ok=True)


def _say_unused(table: Table, found: dict[str, Found], parts: _Parts) -> None:
    used = {item.column for item in found.values()}
    unused = [name for column, name in enumerate(table.header) if column not in used]
    if unused:
        parts.notes.append(f"columns not used: {', '.join(unused)}")
    if "pressure" in found and "gauge_pressure" in found:
        parts.notes.append("absolute pressure used, gauge pressure left out")


def _times(table: Table, found: Found, parts: _Parts) -> NDArray[np.float64]:
    """Return times from the first reading, in s; they must rise."""
    column, unit = found.column, found.unit
    numeric = unit in TIME_S or (not unit and _is_number(table, column))
    if not unit:
        parts.notes.append(
            f"column '{table.header[column]}' names no unit: "
            + ("seconds assumed" if numeric else "read as dates")
        )
    if numeric:
        factor = TIME_S[unit or "s"]
        values = [table.number(line, cells, column) * factor for line, cells in table.rows]
    else:
        clocks = [_clock(table, line, cells, column) for line, cells in table.rows]
        if any(clock.tzinfo is None for clock in clocks):
            parts.notes.append("times without a zone: UTC assumed")
        clocks = [clock if clock.tzinfo else clock.replace(tzinfo=UTC) for clock in clocks]
        parts.start_utc = clocks[0].astimezone(UTC)
        values = [(clock - clocks[0]).total_seconds() for clock in clocks]
    for i in range(1, len(values)):
        line, cells = table.rows[i]
        if values[i] <= values[i - 1]:
            what = "the same time again" if values[i] == values[i - 1] else "time goes back"
            raise UsageError(
                f"{table.where(line, column)}: {what} (found '{cells[column]}' after "
                f"'{table.rows[i - 1][1][column]}'), expected rising times: mend or drop the row"
            )
    return np.array(values) - values[0]


def _without_events(
    table: Table, found: dict[str, Found], t_s: NDArray[np.float64]
) -> tuple[Table, NDArray[np.float64], tuple[tuple[float, str], ...]]:
    """Take the operator's log out; rows that hold nothing else go, times begin at a reading."""
    if "event" not in found:
        return table, t_s, ()
    column = found["event"].column
    pressure = found.get("pressure") or found["gauge_pressure"]
    said = [(t, cells[column]) for t, (_, cells) in zip(t_s, table.rows, strict=True)]
    kept = [bool(cells[pressure.column] or not cells[column]) for _, cells in table.rows]
    rows = [row for row, keep in zip(table.rows, kept, strict=True) if keep]
    if len(rows) < 2:
        raise UsageError(f"{table.path}: {len(rows)} readings, expected two or more: log longer")
    t_s = t_s[np.array(kept)]
    start = float(t_s[0])
    events = tuple((float(t) - start, text) for t, text in said if text)
    return replace(table, rows=rows), t_s - start, events


def _is_number(table: Table, column: int) -> bool:
    return re.fullmatch(r"[+-]?[\d.,]+(?:[eE][+-]?\d+)?", table.rows[0][1][column]) is not None


def _clock(table: Table, line: int, cells: list[str], column: int) -> datetime:
    try:
        return datetime.fromisoformat(cells[column])
    except ValueError:
        raise UsageError(
            f"{table.where(line, column)}: found '{cells[column]}', expected a time such as "
            "'2021-03-12T21:00:00Z': mend or drop the row"
        ) from None


def _optional(table: Table, found: Found) -> NDArray[np.float64]:
    """Return a column in its own unit, NaN where a cell is empty."""
    return np.array(
        [
            table.number(line, cells, found.column) if cells[found.column] else math.nan
            for line, cells in table.rows
        ]
    )


def _pressures(
    table: Table, found: dict[str, Found], outside: NDArray[np.float64], parts: _Parts
) -> NDArray[np.float64]:
    """Return absolute pressures in Pa, all above zero."""
    gauge = "pressure" not in found
    item = found["gauge_pressure" if gauge else "pressure"]
    factor = pressure_factors()[item.unit]
    values = np.array([table.number(line, cells, item.column) for line, cells in table.rows])
    values = values * factor
    if gauge:
        known = ~np.isnan(outside) & (outside > 0.0)
        values = values + np.where(known, outside, ATMOSPHERE_PA)
        if known.all():
            parts.notes.append("gauge pressure: the stated reference pressure was added")
        else:
            parts.notes.append(
                f"gauge pressure: absolute = gauge + {ATMOSPHERE_PA:.0f} Pa ASSUMED, the pressure "
                "outside was not recorded"
            )
    for (line, cells), value in zip(table.rows, values, strict=True):
        if value <= 0.0:
            hint = "" if gauge else ": if it is gauge pressure name the column gauge_pressure_..."
            raise UsageError(
                f"{table.where(line, item.column)}: found '{cells[item.column]}', expected an "
                f"absolute pressure above zero{hint}"
            )
    return values


def _temperatures(table: Table, found: Found) -> NDArray[np.float64]:
    values = _optional(table, found) + (0.0 if found.unit == "k" else 273.15)
    for (line, cells), value in zip(table.rows, values, strict=True):
        if not math.isnan(value) and not 150.0 <= value <= 500.0:
            raise UsageError(
                f"{table.where(line, found.column)}: found '{cells[found.column]}', which is "
                f"{value:.4g} K, expected 150 to 500 K: check the unit in the column's name"
            )
    return values


def _spread(table: Table, found: Found, factors: Mapping[str, float]) -> NDArray[np.float64]:
    values = _optional(table, found) * factors[found.unit]
    for (line, cells), value in zip(table.rows, values, strict=True):
        if value < 0.0:
            raise UsageError(
                f"{table.where(line, found.column)}: found '{cells[found.column]}', expected an "
                "uncertainty not below zero"
            )
    return values


def _reference(
    table: Table, found: dict[str, Found], reference: str | float | None
) -> NDArray[np.float64]:
    """Return the pressure outside in Pa, NaN where it is not stated."""
    by_column = reference is None or reference in table.header
    if by_column and "reference" in found:
        item = found["reference"]
        values = _optional(table, item) * pressure_factors()[item.unit]
        for (line, cells), value in zip(table.rows, values, strict=True):
            if value < 0.0:
                raise UsageError(
                    f"{table.where(line, item.column)}: found '{cells[item.column]}', expected "
                    "an absolute pressure not below zero"
                )
        return values
    return np.full(len(table.rows), _reference_pa(table, reference))


def _reference_pa(table: Table, reference: str | float | None) -> float:
    if reference is None:
        return math.nan
    if reference == "vacuum":
        return 0.0
    if isinstance(reference, str):
        try:
            return parse(reference, Dimension.PRESSURE)
        except UsageError:
            raise UsageError(
                f"reference '{reference}': expected 'vacuum', a pressure such as '101.3 kPa', or "
                f"a column of {table.path} ({', '.join(table.header)})"
            ) from None
    if not math.isfinite(reference) or reference < 0.0:
        raise UsageError(f"reference {reference}: expected a pressure in Pa not below zero")
    return float(reference)


def _reference_name(
    table: Table, found: dict[str, Found], reference: str | float | None
) -> str | None:
    if "reference" in found and (reference is None or reference in table.header):
        return f"column {table.header[found['reference'].column]}"
    if reference is None:
        return None
    return reference if isinstance(reference, str) else f"{reference:g} Pa"


def _resolution(table: Table, found: Found, factor: float) -> float | None:
    decimals = table.decimals(found.column)
    return None if decimals is None else factor * 10.0**-decimals


def _gaps(t_s: NDArray[np.float64], parts: _Parts) -> int:
    """Count holes in a clock that is even otherwise, and say so."""
    steps = np.diff(t_s)
    if len(steps) < 4:
        return 0
    usual = float(np.median(steps))
    holes = int(np.sum(steps > 2.5 * usual))
    if holes:
        parts.notes.append(
            f"{holes} gaps in a clock of {usual:.4g} s, the longest {steps.max():.4g} s: bridged "
            "by the flow law"
        )
    return holes

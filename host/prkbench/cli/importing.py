"""`prk import`: a foreign pressure log becomes a run file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from prkbench.csvimport import import_csv, write_run
from prkbench.errors import UsageError
from prkbench.units import Dimension, parse


def import_log(
    csv: Annotated[Path, typer.Argument(metavar="CSV", help="Log with a time and a pressure.")],
    out: Annotated[Path | None, typer.Option("--out", help="Run file to write.")] = None,
    volume: Annotated[
        str | None, typer.Option("--volume", help='Volume of what leaks, such as "4.0 m3".')
    ] = None,
    reference: Annotated[
        str | None,
        typer.Option("--reference", help="Outside: vacuum, a pressure, or a column's name."),
    ] = None,
    swing: Annotated[
        str | None,
        typer.Option("--swing", help='Peak to peak of a temperature nobody read, e.g. "1 K".'),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option("--column", help="QUANTITY=NAME or QUANTITY=NAME:UNIT, e.g. pressure=P:hPa."),
    ] = None,
) -> int:
    """Turn a CSV of time and pressure (temperature, event, uncertainties) into a run file.

    Example: prk import gauge.csv --volume "4.0 m3" --reference vacuum --out gauge.prk
    """
    columns: dict[str, str] = {}
    for entry in column or []:
        quantity, equals, name = entry.partition("=")
        if not equals or not name:
            raise UsageError(f"--column {entry}: expected QUANTITY=NAME or QUANTITY=NAME:UNIT")
        columns[quantity.strip()] = name.strip()
    imported = import_csv(
        csv,
        volume_m3=parse(volume, Dimension.VOLUME) if volume else None,
        reference=reference,
        columns=columns,
        temperature_swing_k=(
            parse(swing, Dimension.TEMPERATURE_DIFFERENCE, positive=True) if swing else None
        ),
    )
    target = out or csv.with_suffix(".prk")
    write_run(imported, target)
    for note in imported.notes:
        typer.echo(f"note: {note}", err=True)
    typer.echo(f"{len(imported.readings)} readings -> {target}; next: prk analyze {target}")
    return 0

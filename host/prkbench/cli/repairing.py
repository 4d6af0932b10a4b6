"""`prk repair`: what is left of a damaged run file, as a new one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from prkbench.errors import UsageError
from prkbench.runfile import RunFile
from prkbench.salvage import salvage


def repair(
    run: Annotated[Path, typer.Argument(help="The damaged run file; it is not changed.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Where to; default: beside it, RUN-repaired.prk.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> int:
    """Save what can be read of a damaged run file into a new one, and list what is missing.

    Example: prk repair run.prk
    """
    target = out or run.with_name(f"{run.stem}-repaired.prk")
    if not run.exists():
        raise UsageError(f"{run}: no such run file, name one that exists")
    done = salvage(run, target)
    with RunFile.open(target) as file:
        faults = file.check()
        head = file.head()
    if as_json:
        told = {"out": str(target), "rows": done.rows, "unproven": done.unproven,
                "missing": done.missing, "head": head}  # fmt: skip
        typer.echo(json.dumps(told))
    else:
        typer.echo(f"{done.rows} rows -> {target}")
        if done.unproven:
            typer.echo(
                f"{done.unproven} of them follow a hole, where the hash chain proves nothing"
            )
        for line in done.missing:
            typer.echo(f"missing: {line}")
        typer.echo(f"head {head}" if not faults else faults[0])
    return 4 if done.missing or faults else 0

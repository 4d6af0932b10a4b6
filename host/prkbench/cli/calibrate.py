"""`prk calibrate`: what a rig's own runs teach, written into its rig file."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from prkbench.cli.present import bar, plain
from prkbench.errors import UsageError
from prkbench.node_setup import sealed_se_per_s
from prkbench.rig import Rig, load_rig
from prkbench.runfile import Kind, RunFile
from prkbench.units import Dimension, to_text

if TYPE_CHECKING:
    from prkbench.calibration.sealed_run import Calibration

app = typer.Typer(help="Calibrate a rig from its own runs; results go into the rig file.",
                  no_args_is_help=True)  # fmt: skip


def _ending(command: Callable[..., int]) -> Callable[..., None]:
    @functools.wraps(command)
    def run(*args: object, **options: object) -> None:
        status = command(*args, **options)
        if status:
            raise typer.Exit(status)

    return run


@app.callback()
def _group() -> None:
    """Calibrate a rig from its own runs; results go into the rig file."""


@app.command("sealed")
@_ending
def sealed(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Run file of the sealed rig.")],
    rig: Annotated[Path, typer.Option("--rig", help="Rig file to write the result into.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Write without asking.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object; writes only with --yes.")
    ] = False,
) -> int:
    """Learn the residual, the lag and the standard error of k from a run without a leak.

    At least 12 h, better 72 h and more, with the element shut off. Comments in the rig file stay.

    Example: prk calibrate sealed blank.prk --rig bench.toml
    """
    before = load_rig(rig)
    # SciPy takes longer to load than most commands to run.
    from prkbench.analysis.examine import longest_run
    from prkbench.calibration import rig_text
    from prkbench.calibration.sealed_run import calibrate_sealed

    with RunFile.open(run) as file:
        total = file.next(longest_run(file).run_id, Kind.SAMPLE) if file.runs() else 0
        with bar("examining", float(total), as_json) as (progress, task):
            found = calibrate_sealed(
                file, before, lambda done: progress.update(task, completed=done)
            )
    text = rig_text.read_text(rig)
    written, after = rig_text.with_sealed_run(text, found.table, str(rig))
    changes = _changes(before, after)
    if not as_json:
        _show(found, changes, Console())
    wanted = yes or (not as_json and _agreed(rig))
    if wanted:
        rig_text.replace_text(rig, written)
    if as_json:
        told: dict[str, Any] = {
            "rig": str(rig),
            "written": wanted,
            "sealed_run": found.table,
            "changes": [{"key": k, "before": b, "after": a} for k, b, a in changes],
            "warnings": list(found.warnings),
        }
        typer.echo(json.dumps(plain(told), allow_nan=False))
    else:
        typer.echo(f"{rig}: {'written' if wanted else 'left as it was'}")
    return 0


def _agreed(rig: Path) -> bool:
    if not sys.stdin.isatty():
        raise UsageError(
            f"{rig}: not written, there is nobody to ask: say --yes to overwrite these figures"
        )
    return typer.confirm(f"Write this into {rig}?")


def _changes(before: Rig, after: Rig) -> list[tuple[str, str | None, str | None]]:
    """Key, figure before and after, of everything that others go by."""

    def figures(rig: Rig) -> dict[str, str | None]:
        se, sealed_run = sealed_se_per_s(rig), rig.sealed_run
        return {
            "residual.rms": to_text(rig.residual.rms_k, Dimension.TEMPERATURE_DIFFERENCE),
            "residual.correlation_time": to_text(
                rig.residual.correlation_time_s, Dimension.DURATION
            ),
            "node.correlation_time": to_text(rig.node.correlation_time_s, Dimension.DURATION),
            "node.lag": to_text(rig.node.lag_s, Dimension.DURATION),
            f"sealed-run error of the node ({rig.node.window_s / 3600:g} h)": (
                None if se is None else f"{se:.4g} 1/s"
            ),
            "sealed_run.date": None if sealed_run is None else sealed_run.date,
            "sealed_run.duration": None if sealed_run is None else f"{sealed_run.hours:.1f} h",
        }

    one, two = figures(before), figures(after)
    return [(key, one[key], two[key]) for key in one]


def _show(
    found: Calibration, changes: list[tuple[str, str | None, str | None]], console: Console
) -> None:
    run = found.sealed
    console.print(
        f"sealed run of {run.date}, {run.hours:.1f} h at {run.temperature_k:.1f} K and "
        f"{run.pressure_pa / 100:.0f} hPa: residual {1e3 * run.rms_k:.2f} mK rms "
        f"(+- {100 * run.rms_uncertainty:.0f} %), {run.correlation_time_s / 60:.0f} min "
        f"(+- {100 * run.correlation_time_uncertainty:.0f} %), lag {run.lag_s:.0f} s",
        highlight=False,
    )
    errors = Table(title="standard error of k")
    for head in ("in", "1/s", "% of the driving pressure a day", "known to", "pieces"):
        errors.add_column(head, justify="right")
    for window, se, known, pieces in zip(
        run.windows_s, run.se_per_s, run.se_uncertainty, run.pieces, strict=True
    ):
        errors.add_row(
            to_text(window, Dimension.DURATION), f"{se:.3g}", f"{8.64e6 * se:.3g}",
            f"{100 * known:.0f} %", str(pieces),
        )  # fmt: skip
    console.print(errors)
    table = Table(title="in the rig file")
    for head in ("", "before", "after"):
        table.add_column(head)
    for key, old, new in changes:
        table.add_row(key, old or "-", new or "-")
    console.print(table)
    for warning in found.warnings:
        console.print(f"[yellow]{warning}[/yellow]", highlight=False)

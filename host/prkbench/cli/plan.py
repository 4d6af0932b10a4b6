"""`prk plan`: how long a rig must be tested for a limit, and which levels part two paths."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from typer.core import TyperGroup

from prkbench.cli.plan_shown import hours_text, level_run, print_paths
from prkbench.cli.present import plain
from prkbench.rig import load_rig
from prkbench.units import Dimension, parse

if TYPE_CHECKING:
    from prkbench.planning.plan import LimitFigures, Plan


class _Planning(TyperGroup):
    """A group whose first command needs no name: `prk plan RIG` is `prk plan time RIG`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the name in where it was left out."""
        if args and args[0] not in self.commands and args[0] not in ("--help", "-h"):
            args = ["time", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_Planning,
    no_args_is_help=True,
    help="How long a rig must be tested (prk plan RIG), and which levels part two leak paths.",
)


def _ending(command: Callable[..., int]) -> Callable[..., None]:
    @functools.wraps(command)
    def run(*args: object, **options: object) -> None:
        status = command(*args, **options)
        if status:
            raise typer.Exit(status)

    return run


@app.command("paths")
@_ending
def paths(
    rig: Annotated[Path, typer.Argument(metavar="RIG", help="Rig file, in mode C.")],
    run: Annotated[
        Path | None, typer.Option("--run", help="Run file: the levels it held need not be again.")
    ] = None,
    levels_run: Annotated[
        list[str] | None,
        typer.Option("--levels-run", help='A level held already, such as "1013 hPa for 2 h".'),
    ] = None,
    station: Annotated[
        str | None,
        typer.Option("--station", help="Pressure beyond the hatch; default: chamber.pressure."),
    ] = None,
    external: Annotated[
        str | None,
        typer.Option("--external", help="External leak that matters; default: the rig's limit."),
    ] = None,
    hatch: Annotated[
        str | None, typer.Option("--hatch", help="Hatch leak to expect; default: as large.")
    ] = None,
    to: Annotated[str, typer.Option("--to", help="Accuracy wanted of both, at 95 %.")] = "10 %",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> int:
    """Which pressure levels to hold, how long and in which order, to tell MASKED from SEALED.

    Example: prk plan paths bench.toml --external "0.5 lb/day" --to "5 %" --run levels.prk
    """
    station_pa = parse(station, Dimension.PRESSURE, positive=True) if station else None
    rates = [parse(r, Dimension.MASS_RATE, positive=True) if r else None for r in (external, hatch)]
    wanted = parse(to, Dimension.RELATIVE, positive=True)
    chosen = load_rig(rig)
    # SciPy takes longer to load than most commands to run.
    from prkbench.planning.paths import plan_paths

    held = [level_run(text) for text in levels_run or []]
    if run is not None:
        from prkbench.planning.levels_run import levels_held
        from prkbench.runfile import RunFile

        with RunFile.open(run) as file:
            held += levels_held(file, chosen)
    made = plan_paths(
        chosen, station_pa=station_pa, external_kg_per_s=rates[0], hatch_kg_per_s=rates[1],
        wanted=wanted, run=held,
    )  # fmt: skip
    if as_json:
        typer.echo(json.dumps(plain(made.as_json()), allow_nan=False))
    else:
        print_paths(made, Console())
    return 0


@app.command("time")
@_ending
def plan(
    rig: Annotated[Path, typer.Argument(metavar="RIG", help="Rig file.")],
    limit: Annotated[
        str | None, typer.Option("--limit", help='Your own limit, such as "0.2 lb/day".')
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> int:
    """How long must I test for this limit with this rig, in which mode, and what would help.

    Example: prk plan bench.toml --limit "0.2 lb/day"
    """
    most = parse(limit, Dimension.MASS_RATE, positive=True) if limit else None
    chosen = load_rig(rig)
    # SciPy takes longer to load than most commands to run.
    from prkbench.planning.plan import make_plan

    made = make_plan(chosen, most)
    if as_json:
        typer.echo(json.dumps(plain(made.as_json()), allow_nan=False))
    else:
        _print(made, Console())
    return 0


def _print(plan: Plan, console: Console) -> None:
    console.print(f"[bold]{plan.rig}[/bold]: mode {plan.mode}, {plan.law} law", highlight=False)
    console.print(plan.conditions, highlight=False)
    low, high = plan.element_with_volume_lb_per_day
    console.print(
        f"its element: k = {plan.k_element_per_s:.4g} 1/s, {plan.element_lb_per_day:.3g} lb/day "
        f"({low:.3g} to {high:.3g} over the volume's range)",
        highlight=False,
    )
    for warning in plan.warnings:
        console.print(f"[yellow]the element: {warning}[/yellow]", highlight=False)
    if plan.usable_hours is not None:
        console.print(
            f"the pressure leaves the sensor's range after {hours_text(plan.usable_hours)}",
            highlight=False,
        )
    console.print(_errors(plan))
    if plan.limit is None:
        console.print(
            "no limit given: give yours with --limit, or in the rig file; none is invented, so "
            "there are no hours to detect it, and no element for it",
            highlight=False,
        )
    else:
        _print_limit(plan.limit, console)
    _modes(plan, console)
    console.print(_gains(plan))
    console.print(
        "Hours count from when the chamber has settled: half an hour after a fill.", highlight=False
    )


def _errors(plan: Plan) -> Table:
    table = Table(
        title=f"expected error (rms) with a residual of {1e3 * plan.residual_k:g} mK, "
        f"{plan.residual_tau_s / 60:g} min, sensors nulled to {plan.null_pa:g} Pa"
    )
    for head in ("after", "%/day of driving pressure", "lb/day", "ISG, %/day of gas"):
        table.add_column(head, justify="right")
    for row in plan.errors:
        table.add_row(
            hours_text(row.hours) + (" *" if row.beyond else ""),
            f"{row.rmse_percent_per_day:.3g}",
            f"{row.rmse_lb_per_day:.3g}",
            f"{row.guide_percent_per_day:.3g}",
        )
    if any(row.beyond for row in plan.errors):
        table.caption = "* nothing is added once the pressure is out of range"
    return table


def _print_limit(limit: LimitFigures, console: Console) -> None:
    table = Table(title=f"limit {limit.rate_lb_per_day:.3g} lb/day", show_header=False)
    table.add_column(style="bold")
    table.add_column()
    table.add_row(
        "k of the PrK, of the bench",
        f"{limit.k_prk_per_s:.4g}, {limit.k_bench_per_s:.4g} 1/s "
        f"({limit.k_bench_low_per_s:.3g} to {limit.k_bench_high_per_s:.3g} for the volume's range)",
    )
    table.add_row(
        "detected (95 % / 95 %)",
        f"{_detected(limit.hours_to_detect)}; were the PrK as large as it may be "
        f"{_detected(limit.hours_to_detect_largest_volume)}",
    )
    table.add_row("verdict LEAK in 19 of 20", hours_text(limit.hours_to_call_leak))
    table.add_row("called sealed below it", hours_text(limit.hours_to_call_sealed))
    table.add_row(
        "selection guide satisfied",
        f"{hours_text(limit.guide_hours_instruments)} by the instruments alone, "
        f"{hours_text(limit.guide_hours_with_residual)} with the residual",
    )
    console.print(table)


def _modes(plan: Plan, console: Console) -> None:
    leak = "its element's leak" if plan.limit is None else "a leak of the limit"
    table = Table(title=f"modes, for {leak}; recommended: {plan.recommended_mode}")
    for head in ("mode", "hPa", "temperature penalty", "rms at 24 h", "detect", "seal"):
        table.add_column(head, justify="right")
    for m in plan.modes:
        timed = plan.limit is not None and m.refused is None
        table.add_row(
            m.mode + (" (now)" if m.mode == plan.mode else ""),
            f"{m.pressure_pa / 100:.0f} to {m.reference_pa / 100:.0f}",
            f"x {m.penalty:.2f}",
            "-" if m.rmse_24h_per_s is None else f"{8.64e6 * m.rmse_24h_per_s:.3g} %/day",
            _detected(m.hours_to_detect) if timed else "-",
            hours_text(m.hours_to_call_sealed) if timed else "-",
        )
    console.print(table)
    for m in plan.modes:
        console.print(m.refused or f"mode {m.mode}: {m.note}", highlight=False)
        if m.mode not in plan.elements:
            continue
        element = plan.elements[m.mode]
        if element is None:
            console.print("   no tubing on sale passes the limit", highlight=False)
        else:
            warned = "".join(f"; [yellow]{warning}[/yellow]" for warning in element.warnings)
            console.print(
                f"   element that passes the limit: {element.text}{warned}", highlight=False
            )
    if plan.elements:
        console.print(
            "A bore 10 % off is 40 % in the leak: calibrate the element.", highlight=False
        )


def _gains(plan: Plan) -> Table:
    table = Table(title=f"what would help most, at {hours_text(plan.gains_at_hours)}")
    table.add_column("change")
    table.add_column("error, lb/day", justify="right")
    for gain in plan.gains:
        ratio = gain.error_ratio
        style = "green" if ratio < 0.95 else "red" if ratio > 1.05 else None
        table.add_row(gain.what, f"x {ratio:.2f}", style=style)
    return table


def _detected(hours: float | None) -> str:
    """The same for what is looked for from a quarter of an hour on."""
    from prkbench.planning.hours import FEWEST_HOURS

    return "<= 15 min" if hours is not None and hours <= FEWEST_HOURS else hours_text(hours)

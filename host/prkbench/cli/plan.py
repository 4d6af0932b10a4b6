"""`prk plan`: how long a rig must be tested for a limit, and which levels part two paths."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from typer.core import TyperGroup

from prkbench.cli.present import plain
from prkbench.errors import UsageError
from prkbench.rig import load_rig
from prkbench.units import Dimension, parse

if TYPE_CHECKING:
    from prkbench.planning.paths import LevelRun, PathsPlan
    from prkbench.planning.plan import LimitFigures, Plan

_LEVEL = re.compile(r"(?P<pressure>.+?)(?:\s+for\s+(?P<time>.+))?")
_HELD_H = 2.0
"""Hours that a level named without any counts for."""


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

    held = [_level(text) for text in levels_run or []]
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
        _print_paths(made, Console())
    return 0


def _level(text: str) -> LevelRun:
    from prkbench.planning.paths import LevelRun

    found = _LEVEL.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"--levels-run '{text}': expected a pressure such as '1013 hPa for 2 h'")
    pressure = parse(found["pressure"], Dimension.PRESSURE, positive=True)
    time = found["time"]
    hours = parse(time, Dimension.DURATION, positive=True) / 3600.0 if time else _HELD_H
    return LevelRun(pressure, hours)


def _print_paths(made: PathsPlan, console: Console) -> None:
    console.print(
        f"[bold]{made.rig}[/bold]: station at {made.station_pa / 100:.0f} hPa, external leak "
        f"{made.external_lb_per_day:.3g} lb/day, hatch {made.hatch_lb_per_day:.3g} lb/day (at full "
        f"difference), both wanted to {100 * made.wanted:g} % at 95 %",
        highlight=False,
    )
    for one in made.run:
        console.print(f"held: {one.pressure_pa / 100:.0f} hPa for {_hours(one.hours)}",
                      highlight=False)  # fmt: skip
    if made.levels:
        table = Table(title="hold, in this order (each after 20 min of settling)")
        for head in ("", "hPa", "of the station's", "hours", "dp/dt, Pa/h", "what for"):
            table.add_column(head, justify="left" if head == "what for" else "right")
        if not made.run:
            table.add_row("0", "", "", "0.5", "0", "hatch open: nulls the sensors")
        for n, level in enumerate(made.levels, start=1):
            mark = " <- next" if made.run and level.pressure_pa == made.next_pa else ""
            table.add_row(
                f"{n}", f"{level.pressure_pa / 100:.0f}{mark}", f"{100 * level.share:.0f} %",
                f"{level.hours:.3g}",
                f"{level.slope_pa_per_h:.3g} +- {level.slope_half_pa_per_h:.2g}", level.excludes,
            )  # fmt: skip
        console.print(table)
    else:
        console.print("nothing is missing: the levels held decide", highlight=False)
    when = f"then, {_hours(made.total_hours)} in all," if made.levels else "they are"
    console.print(
        f"{when} known to {100 * made.external_half:.2g} % (external) and "
        f"{100 * made.hatch_half:.2g} % (hatch) at 95 %",
        highlight=False,
    )
    for note in made.notes:
        console.print(note, highlight=False)


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
            f"the pressure leaves the sensor's range after {_hours(plan.usable_hours)}",
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
            _hours(row.hours) + (" *" if row.beyond else ""),
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
    table.add_row("verdict LEAK in 19 of 20", _hours(limit.hours_to_call_leak))
    table.add_row("called sealed below it", _hours(limit.hours_to_call_sealed))
    table.add_row(
        "selection guide satisfied",
        f"{_hours(limit.guide_hours_instruments)} by the instruments alone, "
        f"{_hours(limit.guide_hours_with_residual)} with the residual",
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
            _hours(m.hours_to_call_sealed) if timed else "-",
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
    table = Table(title=f"what would help most, at {_hours(plan.gains_at_hours)}")
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

    return "<= 15 min" if hours is not None and hours <= FEWEST_HOURS else _hours(hours)


def _hours(hours: float | None) -> str:
    """Hours as people say them."""
    if hours is None:
        return "over 90 days"
    if hours * 60.0 < 1.0:
        return "under a minute"
    if hours < 1.0:
        return f"{60.0 * hours:.0f} min"
    return f"{hours:.3g} h" if hours < 100.0 else f"{hours / 24.0:.3g} days"

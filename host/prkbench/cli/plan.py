"""`prk plan`: how long a rig must be tested for a limit, and what would help."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from prkbench.cli.present import plain
from prkbench.rig import load_rig
from prkbench.units import Dimension, parse

if TYPE_CHECKING:
    from prkbench.planning.plan import LimitFigures, Plan


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

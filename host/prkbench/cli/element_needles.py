"""The needles that would do: every gauge with the length it needs, in every mode asked about."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from prkbench.cli.element_answer import Between
from prkbench.flowunits import figures
from prkbench.sim.wanted import NeedleChoice, needles_for
from prkbench.units import mass_rate_text

_SHORTEST_SOLD_M = 6e-3
_LONGEST_SOLD_M = 0.05


def show_needles(questions: Mapping[str, Between], as_json: bool) -> None:
    """Print the choice for each mode as one JSON object or as a table for each."""
    lists = {mode: _choices(between) for mode, between in questions.items()}
    if as_json:
        flat = [
            {"mode": mode, **_entry(choice, questions[mode])}
            for mode, choices in lists.items()
            for choice in choices
        ]
        typer.echo(json.dumps({"needles": flat}, allow_nan=False))
        return
    console = Console()
    for mode, choices in lists.items():
        between = questions[mode]
        table = Table("gauge", "bore", "length", "Re d/L", "end losses", "remarks")
        table.title = (
            f"mode {mode}: {between.upstream_pa:g} Pa to {between.downstream_pa:g} Pa, "
            f"{mass_rate_text(between.flow(hole=False))}"
        )
        for choice in choices:
            table.add_row(*_cells(choice, between))
        console.print(table)
    console.print("Nominal bores: a tenth more or less is 40 % in flow, so calibrate the needle.")


def _choices(between: Between) -> list[NeedleChoice]:
    return needles_for(between.flow(hole=False), *between.at)


def _entry(choice: NeedleChoice, between: Between) -> dict[str, Any]:
    needle = choice.needle
    flow = None if needle is None else needle.mass_flow(*between.at)
    return {
        "gauge": choice.gauge,
        "bore_m": choice.bore_m,
        "length_m": None if needle is None else needle.length_m,
        "upstream_pa": between.upstream_pa,
        "downstream_pa": between.downstream_pa,
        **({} if flow is None else figures(flow, between.temperature_k)),
        "reynolds": None if needle is None else needle.reynolds(*between.at),
        "end_loss_share": None if needle is None else needle.end_share(*between.at),
        "warnings": list(choice.warnings),
    }


def _cells(choice: NeedleChoice, between: Between) -> tuple[str, ...]:
    bore = f"{choice.bore_m * 1e3:.4g} mm"
    needle = choice.needle
    if needle is None:
        return choice.gauge, bore, "-", "-", "-", choice.warnings[0]
    end = needle.reynolds(*between.at) * needle.diameter_m / needle.length_m
    remark = ""
    if needle.length_m > _LONGEST_SOLD_M:
        remark = "longer than needles are sold: tubing of this bore"
    elif needle.length_m < _SHORTEST_SOLD_M:
        remark = "shorter than needles are sold"
    return (
        choice.gauge,
        bore,
        f"{needle.length_m * 1e3:.4g} mm",
        f"{end:.2g}",
        f"{needle.end_share(*between.at):.1%}",
        remark,
    )

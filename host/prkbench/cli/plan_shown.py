"""What `prk plan paths` reads and prints: levels held, levels to hold."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from prkbench.errors import UsageError
from prkbench.units import Dimension, parse

if TYPE_CHECKING:
    from prkbench.planning.levels import LevelRun
    from prkbench.planning.paths import PathsPlan

_LEVEL = re.compile(r"(?P<pressure>.+?)(?:\s+for\s+(?P<time>.+))?")
_HELD_H = 2.0
"""Hours that a level named without any counts for."""


def level_run(text: str) -> LevelRun:
    """A level held, from text such as "1013 hPa for 2 h"; UsageError for any other."""
    from prkbench.planning.levels import LevelRun

    found = _LEVEL.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"--levels-run '{text}': expected a pressure such as '1013 hPa for 2 h'")
    pressure = parse(found["pressure"], Dimension.PRESSURE, positive=True)
    time = found["time"]
    hours = parse(time, Dimension.DURATION, positive=True) / 3600.0 if time else _HELD_H
    return LevelRun(pressure, hours)


def print_paths(made: PathsPlan, console: Console) -> None:
    """Print which levels to hold, in which order and how long, and what they then say."""
    console.print(
        f"[bold]{made.rig}[/bold]: station at {made.station_pa / 100:.0f} hPa, external leak "
        f"{made.external_lb_per_day:.3g} lb/day, hatch {made.hatch_lb_per_day:.3g} lb/day (at full "
        f"difference), both wanted to {100 * made.wanted:g} % at 95 %",
        highlight=False,
    )
    for one in made.run:
        console.print(f"held: {one.pressure_pa / 100:.0f} hPa for {hours_text(one.hours)}",
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
    when = f"then, {hours_text(made.total_hours)} in all," if made.levels else "they are"
    console.print(
        f"{when} known to {100 * made.external_half:.2g} % (external) and "
        f"{100 * made.hatch_half:.2g} % (hatch) at 95 %",
        highlight=False,
    )
    for note in made.notes:
        console.print(note, highlight=False)


def hours_text(hours: float | None) -> str:
    """Hours as people say them."""
    if hours is None:
        return "over 90 days"
    if hours * 60.0 < 1.0:
        return "under a minute"
    if hours < 1.0:
        return f"{60.0 * hours:.0f} min"
    return f"{hours:.3g} h" if hours < 100.0 else f"{hours / 24.0:.3g} days"

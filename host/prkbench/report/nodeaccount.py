"""The node's own account on the page and in the terminal: states, alarms, hold, reserve."""

from __future__ import annotations

import math
from typing import Any

from prkbench.analysis.outcome import Outcome
from prkbench.report.wording import Fact, duration, number, plus_minus


def node_rows(outcome: Outcome) -> list[Fact]:
    """Its states with the time spent in each, alarms, what it held, and its reserve time."""
    view = outcome.node
    if view is None or not view["states"]:
        return []
    rows = [_states(view)]
    for alarm in view["alarms"]:
        rows.append(Fact("Alarm", str(alarm["what"]), f"after {duration(alarm['t_h'] * 3600.0)}"))
    if view["hold"] is not None:
        rows += _hold(view["hold"])
    if view["reserve"] is not None:
        rows.append(_reserve(view["reserve"]))
    return rows


def _states(view: dict[str, Any]) -> Fact:
    spent = [f"{name} {duration(hours * 3600.0)}" for name, hours in view["hours"].items()]
    changes = len(view["states"]) - 1
    changed = f"{changes} change{'' if changes == 1 else 's'}"
    return Fact("State", str(view["states"][-1]["state"]), f"{', '.join(spent)}; {changed}")


def _hold(hold: dict[str, Any]) -> list[Fact]:
    band = "by hand, or seen as jumps" if hold["band"] is None else f"held at {hold['band']}"
    rows = [Fact("Represses", str(hold["represses"]), band)]
    if hold["rate_lb_per_day"] is None:
        return rows
    error = hold["se_lb_per_day"]
    text = number(hold["rate_lb_per_day"]) if error is None else (
        plus_minus(hold["rate_lb_per_day"], error)
    )  # fmt: skip
    told = f"{hold['teeth']} stretches between represses; standard error from their spread"
    rows.append(Fact("Leak from their cadence", f"{text} lb/day", told))
    return rows


def _reserve(left: dict[str, Any]) -> Fact:
    low, high = left["interval95_h"]
    hpa = number(left["minimum_pressure_pa"] / 100.0, 5)
    return Fact(
        "Node's reserve time", _hours(left["time_h"]),
        f"95 %: {_hours(low)} to {_hours(high)}, to {hpa} hPa at its own k",
    )  # fmt: skip


def _hours(hours: float) -> str:
    return "never" if math.isinf(hours) else duration(hours * 3600.0)

"""Every scenario against the conclusion that must be reached, at both scales."""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from prkbench.sim.scenario_library import scenario, scenario_names
from prkbench.sim.scenario_once import simulate_once
from prkbench.study.summary import wilson
from prkbench.study.work import Row
from verdict_study.part import Case, Findings, Part, Requirement, Rows, Table, percent
from verdict_study.plots import Bars, Dot, dots, stacked

SCALES = ("prk", "bench")
LEAST_RIGHT, MOST_WRONG = 0.95, 0.01
LEAST_RIGHT_OF_CASE, MOST_WRONG_OF_CASE = 0.90, 0.03
ENOUGH = 50
"""Runs of a case from which on its own shares are held against what is required of one."""
_SHORT = {"prk": ("E3", "E5c", "C1read", "C2unlogged", "C3"), "bench": ("E5b",)}
_SHORT_RUNS = {"prk": 6, "bench": 2}
_MOST_WORDS = 3
_KINDS = ("yes", "open", "no")


def part() -> Part:
    """Return the part."""
    return Part(
        "verdicts",
        "Scenarios and their verdicts",
        "Every scenario, simulated without the firmware child but with the node's arithmetic, and "
        "examined as prk analyze examines a run file. Right: every word required and none that is "
        "not true; open: NO VERDICT YET or CANNOT TELL; wrong: a word that is not true of it.",
        cases(),
        findings,
    )


def cases() -> list[Case]:
    """Return every scenario at every scale it is told at."""
    return [
        Case(
            f"{name}-{scale}",
            functools.partial(simulate_once, name, scale),
            short=_SHORT_RUNS[scale] if name in _SHORT[scale] else 0,
        )
        for scale in SCALES
        for name in scenario_names()
        if getattr(scenario(name), scale) is not None
    ]


def findings(rows: Rows) -> Findings:
    """Return table, requirements and plots."""
    found = {case: list(runs) for case, runs in rows.items() if runs}
    if not found:
        return Findings(requirements=[Requirement("verdicts", "no runs", None)])
    return Findings(
        [_table(found)],
        [*_pooled(found), *_every_case(found)],
        {
            **{
                f"Verdicts, {name}": stacked([_bars(case, found[case]) for case in of_scale])
                for scale, name in (("prk", "PrK scale"), ("bench", "bench scale"))
                if (of_scale := [case for case in found if case.endswith(f"-{scale}")])
            },
            **_coverage(found),
        },
    )


def shares(rows: Sequence[Row]) -> dict[str, int]:
    """Return how many runs are right ("yes"), open and wrong ("no")."""
    counted = Counter(str(row["right"]) for row in rows)
    return {kind: counted[kind] for kind in _KINDS}


def _bars(case: str, rows: Sequence[Row]) -> Bars:
    counted = shares(rows)
    share = wilson(counted["yes"], len(rows))
    return Bars(case.rpartition("-")[0], [counted[kind] for kind in _KINDS], share)


def _coverage(rows: Rows) -> dict[str, Any]:
    """Return a plot of how often intervals of k hold the truth, none where none can tell."""
    points = []
    for case, runs in rows.items():
        held = holding(runs)
        if held:
            share = wilson(sum(held), len(held))
            points.append(Dot(case, *(100.0 * part for part in (sum(held) / len(held), share.low,
                                                                share.high))))  # fmt: skip
    return {"Share of the 95 % intervals that hold the true k": dots(points, "%")} if points else {}


def _table(rows: Rows) -> Table:
    lines = [_line(case, runs) for case, runs in rows.items()]
    every = [row for runs in rows.values() for row in runs]
    return Table(
        (
            "case",
            "runs",
            "right, % (95 %)",
            "open, %",
            "wrong, % (95 %)",
            "holds k, %",
            "bounds, %",
            "words",
        ),
        [*lines, _line("all", every)],
        "holds k: how often the stated 95 % interval of the last steady stretch holds the true k, "
        "where one k describes it. bounds: how often the leak at the end is not above the stated "
        "one-sided 95 % limit, where it is steady.",
    )


def _line(case: str, rows: Sequence[Row]) -> list[str]:
    runs, counted = len(rows), shares(rows)
    words = Counter(str(row["words"]) for row in rows).most_common(_MOST_WORDS)
    return [
        case,
        str(runs),
        percent(wilson(counted["yes"], runs)),
        f"{100.0 * counted['open'] / runs:.1f}",
        percent(wilson(counted["no"], runs)),
        _share(holding(rows)),
        _share(bounding(rows)),
        "" if case == "all" else "; ".join(f"{said} x{many}" for said, many in words),
    ]


def holding(rows: Sequence[Row]) -> list[bool]:
    """Return for every run that can tell whether its interval of k holds the truth."""
    figures = [
        tuple(_figure(row, name) for name in ("k_low_per_s", "k_true_per_s", "k_high_per_s"))
        for row in rows
    ]
    return [low <= true <= high for low, true, high in figures if math.isfinite(low + true + high)]


def bounding(rows: Sequence[Row]) -> list[bool]:
    """Return for every run that can tell whether its upper limit is not below the leak at the end.

    Where the leak still changes, or gas flows in, what is bounded is another figure.
    """
    steady = [row for row in rows if math.isfinite(_figure(row, "k_true_per_s"))]
    figures = [
        (_figure(row, "true_last_lb_per_day"), _figure(row, "upper95_lb_per_day")) for row in steady
    ]
    return [true <= upper for true, upper in figures if math.isfinite(upper)]


def _share(held: Sequence[bool]) -> str:
    return f"{100.0 * sum(held) / len(held):.1f}" if held else "-"


def _figure(row: Row, name: str) -> float:
    value = row.get(name)
    return float(value) if isinstance(value, float | int) else math.nan


def _pooled(rows: Rows) -> list[Requirement]:
    every = [row for runs in rows.values() for row in runs]
    counted, runs = shares(every), len(every)
    return [
        Requirement(
            "required conclusion in 95 % of all runs or more",
            f"{percent(wilson(counted['yes'], runs))} % of {runs}",
            counted["yes"] >= LEAST_RIGHT * runs,
        ),
        Requirement(
            "a wrong conclusion in 1 % of all runs or fewer",
            f"{percent(wilson(counted['no'], runs))} % of {runs}",
            counted["no"] <= MOST_WRONG * runs,
        ),
    ]


def _every_case(rows: Rows) -> list[Requirement]:
    enough = {case: runs for case, runs in rows.items() if len(runs) >= ENOUGH}
    texts = (
        "no case with the required conclusion in under 90 %",
        "no case with a wrong conclusion in over 3 %",
    )
    if not enough:
        return [Requirement(text, f"under {ENOUGH} runs a case", None) for text in texts]
    counted = {case: shares(runs) for case, runs in enough.items()}
    right = {case: counted[case]["yes"] / len(runs) for case, runs in enough.items()}
    wrong = {case: counted[case]["no"] / len(runs) for case, runs in enough.items()}
    least, most = min(right, key=right.__getitem__), max(wrong, key=wrong.__getitem__)
    return [
        Requirement(
            texts[0],
            f"least {least}: {100.0 * right[least]:.1f} %",
            right[least] >= LEAST_RIGHT_OF_CASE,
        ),
        Requirement(
            texts[1],
            f"most {most}: {100.0 * wrong[most]:.1f} %",
            wrong[most] <= MOST_WRONG_OF_CASE,
        ),
    ]

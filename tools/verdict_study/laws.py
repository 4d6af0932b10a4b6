"""Whether the flow law's exponent is told rightly, and left open where a record cannot tell."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from prkbench.analysis.campaign import Campaign, of_blocks
from prkbench.analysis.conversion import Conversion
from prkbench.analysis.exponent import ASSUMED, FlowLaw, find_law
from prkbench.analysis.independent import Blocks
from prkbench.analysis.joint import rows_of, whitener
from prkbench.analysis.segments import cut
from prkbench.law import Law
from prkbench.study.summary import wilson
from prkbench.study.work import Row
from verdict_study.made import K_PER_S, REF_PA, VACUUM_PA, Made, made, norm_pa
from verdict_study.part import Case, Findings, Part, Requirement, Rows, Table, percent
from verdict_study.plots import Dot, dots

BENCHES = 10
_RUNS = 30
_ACCELERATION = 10.0
_LONG_H, _BRIEF_H = 24, 6
"""At ten times the tunnel's pace a day spans 40 % of the pressure, six hours 13 %."""
_CASES: tuple[tuple[Law, str], ...] = (
    ("linear", "A"), ("viscous", "A"), ("choked", "C"), ("linear", "C"), ("viscous", "C"),
)  # fmt: skip
_TAU_S = 3600.0
_NULL_PA = 10.0
_LEAST = 0.93
_ENOUGH = 200
_SHORT = {"viscous-C-24h": 1}


def part() -> Part:
    """Return the part."""
    return Part(
        "laws",
        "The flow law",
        "Exponent of the flow and its 95 % interval, fitted to made records in a room with air "
        "conditioning and a day's swing, a = 10, the other law assumed by the rig file. In mode A "
        "nothing is choked; over a small swing of pressure the answer must be that it cannot be "
        "told.",
        cases(),
        findings,
    )


def cases() -> list[Case]:
    """Return every law and mode, long enough to tell and too brief."""
    return [
        Case(
            f"{law}-{mode}-{hours}h",
            functools.partial(run, law, mode, hours),
            _RUNS,
            _SHORT.get(f"{law}-{mode}-{hours}h", 0),
        )
        for law, mode in _CASES
        for hours in (_LONG_H, _BRIEF_H)
    ]


def run(law: Law, mode: str, hours: int, seed: int) -> Row:
    """Make benches and count: exponent within its interval, told, told wrongly, left open."""
    pumped = mode == "C"
    record = made(
        seed, BENCHES, 60 * hours, "room", K_PER_S * _ACCELERATION, law=law, pumped=pumped
    )
    row = {"benches": BENCHES, "interval": 0, "held": 0, "told": 0, "wrong": 0, "width": 0.0}
    true = ASSUMED[law]
    for bench in range(BENCHES):
        found = _law_of(campaign(record, bench, law, pumped=pumped))
        row["told"] += found.told
        row["wrong"] += found.told and found.exponent != true
        if found.interval95 is not None:
            low, high = found.interval95
            row["interval"] += 1
            row["held"] += low <= true <= high
            row["width"] += high - low
    return dict(row)


def campaign(record: Made, bench: int, law: Law, *, pumped: bool) -> Campaign:
    """One bench as the analysis has it; the rig's law is never the true one."""
    minutes = record.pressure_pa.shape[1]
    blocks = Blocks(
        np.arange(minutes),
        record.pressure_pa[bench],
        record.reference_pa[bench],
        record.temperature_k[bench],
        np.full(minutes, 300),
    )
    setup: dict[str, Any] = {"norm_pa": round(norm_pa(pumped)), "jump_pa": 150,
                             "reference_pa": VACUUM_PA if pumped else REF_PA}  # fmt: skip
    other: Law = "viscous" if law != "viscous" else "choked" if pumped else "linear"
    return of_blocks(
        blocks, setup, (), Conversion(acceleration=_ACCELERATION), other, _NULL_PA, None, _TAU_S
    )


def _law_of(bench: Campaign) -> FlowLaw:
    rows = rows_of(cut(bench), bench)
    return find_law(rows, whitener(rows))


def findings(rows: Rows) -> Findings:
    """Return table, requirements and plot."""
    lines, required, points = [], [], []
    for case, found in rows.items():
        if not found:
            continue
        total = {key: sum(float(str(row[key])) for row in found)
                 for key in ("benches", "interval", "held", "told", "wrong", "width")}  # fmt: skip
        of, given, held = (round(total[key]) for key in ("benches", "interval", "held"))
        told, wrong = round(total["told"]), round(total["wrong"])
        share = wilson(held, given) if given else None
        lines.append([
            case, str(of), str(given), percent(share) if share else "-",
            f"{total['width'] / given:.2f}" if given else "-",
            f"{100.0 * told / of:.1f}", f"{100.0 * wrong / of:.1f}",
        ])  # fmt: skip
        if case.endswith(f"-{_BRIEF_H}h"):
            required.append(Requirement(
                f"law left open in 95 % or more over a small swing: {case}",
                f"told in {told} of {of}, wrongly in {wrong}",
                told <= 0.05 * of if of >= _ENOUGH else None,
            ))  # fmt: skip
        elif share is not None:
            required.append(Requirement(
                f"exponent within its interval in 93 % or more: {case}",
                f"{percent(share)} % of {given}",
                held >= _LEAST * given if given >= _ENOUGH else None,
            ))  # fmt: skip
            points.append(
                Dot(case, 100.0 * held / given, 100.0 * share.low, 100.0 * share.high, 93.0)
            )
    columns = ("case", "benches", "with interval", "holds n, %", "mean width", "told, %",
               "told wrongly, %")  # fmt: skip
    figures = {"Interval of the exponent holds the truth": dots(points, "%")} if points else {}
    return Findings([Table(columns, lines)] if lines else (), required, figures)

"""How often the stated 95 % interval of k holds the truth, on the host and on the device."""

from __future__ import annotations

import functools

from prkbench.analysis import correlated
from prkbench.analysis.verdict import Z95
from prkbench.node_setup import correlation_time_s
from prkbench.study.summary import wilson
from prkbench.study.work import Row
from verdict_study.made import K_PER_S, LAG_S, made
from verdict_study.onboard import told
from verdict_study.part import Case, Findings, Part, Rows, Table, percent, required_share
from verdict_study.plots import Dot, dots

BENCHES = 50
"""Benches that one run of a case makes at once."""
_RUNS = 20
_HOURS = (1, 4, 24)
_SHORT = {"ar1-1h": 1, "white-1h": 1, "hvac-1h": 1}
_ENOUGH = 500
TAU_S = correlation_time_s(1007)
"""The configured correlation time: a node's by default, an hour."""
PERCENT_DAY = 8.64e6
_WORDS = {
    "white": "white, 10 mK",
    "ar1": "autoregression, 10 mK, 30 min",
    "hvac": "the same, air conditioning",
    "diurnal": "the same, 2 K a day",
}


def part() -> Part:
    """Return the part."""
    return Part(
        "coverage",
        "How often the stated interval holds the truth",
        "The 95 % intervals of the host's estimate and of the device's, each against the true k of "
        "made records: a leak of 5.4 % of the gauge pressure a day in mode A, weather outside, and "
        "residuals that the estimate is not told.",
        cases(),
        findings,
    )


def cases() -> list[Case]:
    """Return every residual at every duration."""
    return [
        Case(
            f"{residual}-{hours}h",
            functools.partial(run, residual, hours),
            _RUNS,
            _SHORT.get(f"{residual}-{hours}h", 0),
        )
        for residual in _WORDS
        for hours in _HOURS
    ]


def run(residual: str, hours: int, seed: int) -> Row:
    """Make fifty benches and count: benches, held by host and device, squared errors, widths.

    Sums over the benches, errors and standard errors in % of the gauge pressure a day.
    """
    record = made(seed, BENCHES, 60 * hours, residual)
    row: dict[str, float] = {"benches": BENCHES}
    for name in ("host", "device"):
        row |= {f"{name}_{figure}": 0.0 for figure in ("held", "square", "se")}
    for bench in range(BENCHES):
        host = correlated.estimate(record.used(bench), LAG_S, TAU_S, 0.0)
        device = told(
            record.pressure_pa[bench],
            record.reference_pa[bench],
            record.temperature_k[bench],
            float(hours),
        )
        for name, found in (("host", host), ("device", device)):
            if found is None:
                continue
            off = found.k_per_s - K_PER_S
            row[f"{name}_held"] += abs(off) <= Z95 * found.se_per_s
            row[f"{name}_square"] += (off * PERCENT_DAY) ** 2
            row[f"{name}_se"] += found.se_per_s * PERCENT_DAY
    return dict(row)


def findings(rows: Rows) -> Findings:
    """Return table, requirements and plot."""
    lines, required, points = [], [], []
    for case, found in rows.items():
        if not found:
            continue
        total = {key: sum(float(str(row[key])) for row in found) for key in found[0]
                 if key.startswith(("benches", "host", "device"))}  # fmt: skip
        of = round(total["benches"])
        residual, _, hours = case.partition("-")
        cells = [_WORDS[residual], hours, str(of)]
        for name in ("host", "device"):
            held = round(total[f"{name}_held"])
            rms, se = (total[f"{name}_square"] / of) ** 0.5, total[f"{name}_se"] / of
            cells += [percent(wilson(held, of)), f"{rms:.4f}", f"{se:.4f}"]
        lines.append(cells)
        held = round(total["host_held"])
        required.append(required_share(
            f"host's interval holds the truth in 93 to 97 %: {case}", held, of,
            least=0.93, most=0.97, enough=_ENOUGH,
        ))  # fmt: skip
        required.append(required_share(
            f"device's interval holds the truth in 93 % or more: {case}",
            round(total["device_held"]), of, least=0.93, enough=_ENOUGH,
        ))  # fmt: skip
        share = wilson(held, of)
        points.append(
            Dot(case, 100.0 * held / of, 100.0 * share.low, 100.0 * share.high, 93.0, 97.0)
        )
    columns = ("residual", "after", "benches", "host holds, %", "rms error", "mean se",
               "device holds, %", "rms error", "mean se")  # fmt: skip
    note = "Errors in % of the gauge pressure a day."
    figures = {"Host's 95 % interval holds the truth": dots(points, "%")} if points else {}
    return Findings([Table(columns, lines, note)] if lines else (), required, figures)

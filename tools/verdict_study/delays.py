"""How long LEAK, SEALED and RETURNED take, and how often they come without a leak."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
from scipy.signal import lfilter

from prkbench.analysis.independent import FloatArray
from prkbench.analysis.watch import Watch
from prkbench.node_setup import correlation
from prkbench.study.summary import wilson
from prkbench.study.work import Row
from verdict_study.made import LAG_S, P_PA, REF_PA, RESIDUAL_K, RESIDUAL_TAU_S, T_K
from verdict_study.part import Case, Findings, Part, Requirement, Rows, Table, percent
from verdict_study.plots import Dot, dots

_DAY_PER_S = 0.01 / 86400.0
"""One per cent of the gauge pressure a day, 1/s."""
_RUNS = 200
_SEALED_RUNS = 200
_ENOUGH = 40
_WITHIN = 1.2
_TIGHT_H = 6.0
"""Hours without a leak before one begins."""
_RHO = correlation(RESIDUAL_TAU_S) / 1024.0
"""As a sealed run teaches it: the design study knew the covariance."""
EXPECTED: dict[str, dict[float, tuple[float, float]]] = {
    "LEAK": {1.08: (3.2, 4.0), 2.7: (1.2, 1.6), 5.4: (0.50, 0.70)},
    "RETURNED": {1.08: (2.1, 2.6), 2.7: (0.95, 1.2), 5.4: (0.52, 0.65), 10.8: (0.23, 0.32)},
    "SEALED": {2.7: (0.55, 0.95), 1.08: (1.7, 2.5), 0.54: (3.5, 4.8), 0.27: (6.5, 8.5)},
}
"""Hours to each at that rate or limit (%/day): median, 90 %, of the design study."""
_SHORT = {"LEAK-5.4": 4}


def part() -> Part:
    """Return the part."""
    return Part(
        "delays",
        "How soon it is told",
        "Hours until a record that is looked at every minute says LEAK or RETURNED, or bounds a "
        "sealed chamber, at the tunnel's own pace with 10 mK unseen and air conditioning, on a rig "
        "whose sealed run taught the residual's correlation time; and how "
        "often 72 h of a sealed chamber, and a month of them, are called a leak. RETURNED counts "
        "from the leak's beginning, six hours into the record.",
        cases(),
        findings,
    )


def cases() -> list[Case]:
    """Return every word at every rate, and sealed chambers of three days."""
    told = [
        Case(f"{word}-{rate:g}", functools.partial(run, word, rate), _RUNS,
             _SHORT.get(f"{word}-{rate:g}", 0))
        for word in ("LEAK", "RETURNED")
        for rate in EXPECTED[word]
    ]  # fmt: skip
    return [
        *told,
        Case("SEALED", sealed, _RUNS),
        Case("sealed-72h", watched, _SEALED_RUNS),
    ]


def run(word: str, rate: float, seed: int) -> Row:
    """Hours to that word at that rate, %/day; nan where it does not come in four times that."""
    tight = round(60.0 * _TIGHT_H) if word == "RETURNED" else 0
    most = tight + round(240.0 * EXPECTED[word][rate][1])
    watch = _watch()
    for slot, block in enumerate(_blocks(seed, most, rate, tight)):
        found = watch.push(1, slot, *block)
        if found is not None and slot >= tight:
            return {"hours": (slot + 1 - tight) / 60.0, "word": found.word}
        if found is not None:
            return {"hours": float("nan"), "word": f"too early: {found.word}"}
    return {"hours": float("nan"), "word": "none"}


def sealed(seed: int) -> Row:
    """Hours until a sealed chamber's bound falls below each limit; whether it is ever wrong."""
    limits = EXPECTED["SEALED"]
    row: dict[str, float | int | str | None] = {f"hours_{x:g}": float("nan") for x in limits}
    wrong, watch = False, _watch()
    for slot, block in enumerate(_blocks(seed, 1200, 0.0, 0)):
        watch.push(1, slot, *block)
        if watch.evidence is None:
            continue
        upper = watch.evidence.upper_per_s
        wrong = wrong or upper < 0.0
        for limit in limits:
            if row[f"hours_{limit:g}"] != row[f"hours_{limit:g}"] and upper < limit * _DAY_PER_S:
                row[f"hours_{limit:g}"] = (slot + 1) / 60.0
    return row | {"wrong": int(wrong)}


def watched(seed: int) -> Row:
    """What 72 h of a sealed chamber in a moving room are called, looked at every minute."""
    watch = _watch()
    for slot, block in enumerate(_blocks(seed, 72 * 60, 0.0, 0, drift=True)):
        watch.push(1, slot, *block)
    words = [found.word for found in watch.declared]
    return {"leak": int("LEAK" in words), "other": int(any(word != "LEAK" for word in words))}


def _watch() -> Watch:
    return Watch(_RHO, 1.0, LAG_S, T_K)


def _blocks(
    seed: int, count: int, rate: float, onset: int, *, drift: bool = False
) -> list[tuple[float, float, float]]:
    """Minutes as (x, T, p_T): air conditioning of 20 min, sensor lag, unseen residual.

    drift: a sensor that drifts by 16 Pa a year and a day's swing of 2 K besides.
    """
    rng = np.random.default_rng([seed, count])
    parts = 4
    keep = float(np.exp(-60.0 / parts / RESIDUAL_TAU_S))
    shocks = rng.standard_normal(count * parts) * np.sqrt(1.0 - keep * keep)
    shocks[0] = rng.standard_normal()
    gas = RESIDUAL_K * lfilter([1.0], [1.0, -keep], shocks).reshape(count, parts).mean(axis=1)
    at_s = 60.0 * np.arange(count)
    t, slope = np.full(count, T_K), np.zeros(count)
    # The air conditioning as the sensor has it behind the wall, and the day.
    swings = [(0.015, 1200.0), (1.0, 86400.0)] if drift else [(0.015, 1200.0)]
    for size, period in swings:
        turn, phase = 2.0 * np.pi / period, rng.uniform(0.0, 2.0 * np.pi)
        t = t + size * np.sin(turn * at_s + phase)
        slope = slope + size * turn * np.cos(turn * at_s + phase)
    decay = np.where(np.arange(count) >= onset, rate, 0.0) * _DAY_PER_S * 60.0
    head = (P_PA - REF_PA) * np.exp(-np.concatenate([[0.0], np.cumsum(decay[1:])]))
    creep = 16.0 / 365.25 / 86400.0 * at_s if drift else np.zeros(count)
    y = REF_PA + head + P_PA / T_K * (gas + LAG_S * slope) + creep
    y = y + 0.05 * rng.standard_normal(count)
    return list(zip(head.tolist(), t.tolist(), y.tolist(), strict=True))


def findings(rows: Rows) -> Findings:
    """Return table, requirements and plot."""
    lines: list[list[str]] = []
    required: list[Requirement] = []
    points: list[Dot] = []

    def told(word: str, rate: float, hours: FloatArray) -> None:
        expected = EXPECTED[word][rate]
        late = np.where(np.isfinite(hours), hours, np.inf)
        found = [float(np.quantile(late, share, method="higher")) for share in (0.5, 0.9)]
        lines.append([word, f"{rate:g}", str(len(hours)),
                      *(f"{value:.2f}" for value in (found[0], expected[0], found[1], expected[1]))
                      ])  # fmt: skip
        enough = len(hours) >= _ENOUGH
        required.append(Requirement(
            f"{word} at {rate:g} %/day within 1.2 of the design study",
            f"median {found[0]:.2f} of {expected[0]:g} h, 90 % {found[1]:.2f} of {expected[1]:g} h",
            all(f <= _WITHIN * e for f, e in zip(found, expected, strict=True)) if enough else None,
        ))  # fmt: skip
        if np.isfinite(found).all():
            ratios = [f / e for f, e in zip(found, expected, strict=True)]
            points.append(Dot(f"{word} {rate:g}", ratios[0], min(ratios), max(ratios), None, 1.2))

    for case, found in rows.items():
        word, _, rate = case.partition("-")
        if not found:
            continue
        if word in ("LEAK", "RETURNED"):
            told(word, float(rate), _column(found, "hours"))
        elif case == "SEALED":
            for limit in EXPECTED["SEALED"]:
                told("SEALED", limit, _column(found, f"hours_{limit:g}"))
        else:
            required += _false(found)
    columns = ("word", "%/day", "runs", "median h", "design", "90 % h", "design")
    return Findings(
        [Table(columns, lines)] if lines else (),
        required,
        {"Delay over the design study's (median and 90 %)": dots(points)} if points else {},
    )


def _false(rows: Sequence[Row]) -> list[Requirement]:
    of = len(rows)
    leaks, others = (sum(int(str(row[key])) for row in rows) for key in ("leak", "other"))
    return [
        Requirement(
            "a false LEAK in 1 of 100 sealed runs of 72 h or fewer",
            f"{percent(wilson(leaks, of))} % of {of}",
            leaks <= 0.01 * of if of >= _SEALED_RUNS else None,
        ),
        Requirement(
            "a false RETURNED once in 30 days or seldomer",
            f"{others} in {3 * of} days",
            others * 30 <= 3 * of if of >= _SEALED_RUNS else None,
        ),
    ]


def _column(rows: Sequence[Row], name: str) -> FloatArray:
    values = [float(str(row[name])) for row in rows]
    return np.asarray(values, dtype=np.float64)

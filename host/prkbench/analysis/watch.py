"""Watches a record block by block, for LEAK, SEALED, RETURNED and changes of a leak.

One object for the logger, as blocks come, and for the analysis of what was logged. It begins with
no leak assumed: LEAK when the e-process from the beginning passes 1/alpha, RETURNED when the
Shiryaev-Roberts statistic passes and the change is not as old as the record. From then on it
watches for a change of that leak, either way (INCREASED, REDUCED).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from prkbench.analysis import independent
from prkbench.analysis.calm import Calm, calm_minutes
from prkbench.analysis.conversion import Conversion
from prkbench.analysis.onset import LOG_THRESHOLD, ChangeWatch, Onset
from prkbench.analysis.outcome import INCREASED, LEAK, REDUCED, RETURNED
from prkbench.analysis.sequential import Evidence, LeakWatch
from prkbench.analysis.stream import BlockRows, LeastSquares, NormalEquations
from prkbench.analysis.testlog import LogEntry
from prkbench.analysis.verdict import Z95, show

SLOT_S = 60.0
_TIGHT_ROWS = 30
"""So many minutes of no leak must precede one that has RETURNED."""
_MOST_POINTS = 2000
_MOST_ASKED = 3000
"""A long record is asked in so many steps: it ends with the same sums."""


@dataclass(frozen=True)
class Declaration:
    """What was declared, at which slot, with the evidence then; when it began, where known."""

    word: str
    slot: int
    log_evidence: float
    k_per_s: float
    k_se_per_s: float
    onset: Onset | None

    def sentence(self, conversion: Conversion | None) -> str:
        """One line for the operator; rates PrK-equivalent where the conversion is known."""
        rate = _rate(self.k_per_s, self.k_se_per_s, conversion)
        text = f"{self.word} at {_hours(self.slot)}: {rate}"
        if self.onset is not None:
            first = self.onset
            change = _rate(first.change_per_s, first.se_per_s, conversion)
            text += (
                f"; began {_hours(first.slot)} "
                f"(95 %: {_hours(first.low_slot)} to {_hours(first.high_slot)}), "
                f"change {change}"
            )
        return text


@dataclass
class EvidenceSeries:
    """The evidence against time, thinned to some thousand points: hours, ln e, ln R, bound 1/s."""

    t_h: list[float]
    log_e: list[float]
    log_r: list[float]
    upper_per_s: list[float]


class Watch:
    """Push settled blocks in time; `declared` says what was found so far.

    rho: lag-1 correlation of the residual at 60 s; acceleration: of the bench; stride: rows between
    two looks at the evidence. Costs a third of a millisecond a look, and no more memory with time.
    """

    def __init__(
        self, rho: float, acceleration: float, lag_s: float, t_ref_k: float, stride: int = 1
    ) -> None:
        self._rho, self._lag_s, self._t_ref_k = rho, lag_s, t_ref_k
        self._acceleration = acceleration
        self.stride = stride
        self._blocks = BlockRows(SLOT_S)
        self._equations: NormalEquations | None = None
        self._leak = LeakWatch(acceleration)
        self._change = ChangeWatch(acceleration, free=False)
        self._first_slot = 0
        self._asked = 0
        self._every, self._looks = 1, 0
        self.evidence: Evidence | None = None
        self.declared: list[Declaration] = []
        self.series = EvidenceSeries([], [], [], [])

    @property
    def log_r(self) -> float:
        """ln of the Shiryaev-Roberts statistic now under way."""
        return self._change.log_r

    @property
    def fit(self) -> LeastSquares | None:
        """The estimate of k since the record, or the present leak, began."""
        return self._equations.fit() if self._equations is not None else None

    def save(self) -> dict[str, Any]:
        """All that the watch knows, to go back to with `restore`."""
        kept = {name: copy.deepcopy(value) for name, value in vars(self).items()
                if name not in ("series", "declared", "stride")}  # fmt: skip
        series = self.series
        lists = (series.t_h, series.log_e, series.log_r, series.upper_per_s)
        return kept | {"series": EvidenceSeries(*map(list, lists)), "declared": list(self.declared)}

    def restore(self, saved: dict[str, Any]) -> None:
        """Go back to what `save` returned; that may be gone back to again."""
        # What is saved must not be shared with what goes on from it.
        vars(self).update(copy.deepcopy(saved))

    @staticmethod
    def log_e_in(saved: dict[str, Any]) -> float:
        """ln e for a leak in what `save` returned, however few minutes it rests on."""
        equations, leak = saved["_equations"], saved["_leak"]
        fit = equations.fit() if equations is not None else None
        return -math.inf if fit is None else leak.log_e(fit)

    def push(self, segment: int, slot: int, x: float, t: float, y: float) -> Declaration | None:
        """Take a settled block (x = driving pressure T_ref/T, Pa; K; p_T, Pa)."""
        row = self._blocks.push(segment, slot, x, t, y)
        if row is None:
            return None
        equations = self._equations
        if equations is None:
            equations = NormalEquations(self._rho, y, self._lag_s, self._t_ref_k, SLOT_S)
            self._equations = equations
            self._first_slot = row.slot
        if row.segment != equations.segment:
            self._change.close(equations)
        equations.push(row)
        if equations.rows - self._asked < self.stride:
            return None
        self._asked = equations.rows
        return self._look(equations)

    def _look(self, equations: NormalEquations) -> Declaration | None:
        leaks = bool(self.declared)
        self.evidence = None if leaks else self._leak.ask(equations)
        self._change.ask(equations)
        self._note(equations.slot)
        found = None
        if self._change.alarm:
            onset = self._change.onset(equations)
            began = onset is not None and onset.low_slot - self._first_slot >= _TIGHT_ROWS
            if leaks and onset is not None:
                word = INCREASED if onset.change_per_s > 0.0 else REDUCED
                found = self._declare(word, equations, onset)
            elif began:
                found = self._declare(RETURNED, equations, onset)
        if found is not None:
            # What comes now is held against what was found, not against what was before.
            self._equations, self._asked = None, 0
        elif self._leak.leak and not leaks:
            found = self._declare(LEAK, equations, None)
        if found is not None:
            self._change = ChangeWatch(self._acceleration, free=True)
        return found

    def _declare(
        self, word: str, equations: NormalEquations, onset: Onset | None
    ) -> Declaration | None:
        fit = equations.fit()
        if fit is None:
            return None
        k, se = fit.k_per_s, fit.se_per_s
        if onset is not None and word == RETURNED:
            k, se = onset.change_per_s, onset.se_per_s
        log_evidence = self._change.log_r if onset is not None else self._leak.highest
        found = Declaration(word, equations.slot, log_evidence, k, se, onset)
        self.declared.append(found)
        return found

    def _note(self, slot: int) -> None:
        self._looks += 1
        if self._looks % self._every:
            return
        series, evidence = self.series, self.evidence
        series.t_h.append((slot + 0.5) * SLOT_S / 3600.0)
        series.log_e.append(evidence.log_e if evidence is not None else float("nan"))
        series.log_r.append(self._change.log_r if np.isfinite(self._change.log_r) else float("nan"))
        series.upper_per_s.append(evidence.upper_per_s if evidence is not None else float("nan"))
        if len(series.t_h) >= _MOST_POINTS:
            for name in ("t_h", "log_e", "log_r", "upper_per_s"):
                setattr(series, name, getattr(series, name)[1::2])
            self._every *= 2


def watch_record(
    used: independent.Used,
    setup: dict[str, Any],
    acceleration: float,
    log: Sequence[LogEntry] = (),
) -> tuple[Watch, Calm]:
    """Push the calm blocks of a whole record: the watch as it stands at its end, what disturbed."""
    calm_ones, calm = calm_minutes(used, float(setup["jump_pa"]), int(setup["settle_min"]), log)
    stride = max(1, round(len(calm_ones.slot) / _MOST_ASKED))
    watch = Watch(
        setup["rho1024"] / 1024.0,
        acceleration,
        float(setup["lag_s"]),
        setup["t_ref_mk"] / 1000.0,
        stride,
    )
    columns = (calm_ones.segment, calm_ones.slot, calm_ones.x, calm_ones.t, calm_ones.y)
    for block in zip(*(column.tolist() for column in columns), strict=True):
        watch.push(*block)
    return watch, calm


def watch_json(watch: Watch, conversion: Conversion, calm: Calm | None = None) -> dict[str, Any]:
    """What the watching says, for --json: thresholds, evidence, the bound, declarations."""
    evidence = watch.evidence
    return {
        "log_e": None if evidence is None else evidence.log_e,
        "log_e_threshold": LeakWatch.threshold,
        "sealed_below_lb_per_day": None
        if evidence is None
        else conversion.rate_lb_per_day(max(0.0, evidence.upper_per_s)),
        "log_change": watch.log_r if np.isfinite(watch.log_r) else None,
        "log_change_threshold": LOG_THRESHOLD,
        "disturbed_h": [] if calm is None else calm.spans_h,
        "declared": [
            {
                "verdict": d.word,
                "t_h": (d.slot + 1) * SLOT_S / 3600.0,
                "log_evidence": d.log_evidence,
                "k_per_s": d.k_per_s,
                "k_se_per_s": d.k_se_per_s,
                "onset_h": None if d.onset is None else _slots_h(d.onset.slot),
                "onset_interval95_h": None
                if d.onset is None
                else [_slots_h(d.onset.low_slot), _slots_h(d.onset.high_slot)],
                "sentence": d.sentence(conversion),
            }
            for d in watch.declared
        ],
    }


def _slots_h(slot: int) -> float:
    return (slot + 1) * SLOT_S / 3600.0


def _hours(slot: int) -> str:
    return f"{_slots_h(slot):.2f} h"


def _rate(k: float, se: float, conversion: Conversion | None) -> str:
    if conversion is None:
        return f"k {k:.3g} +- {Z95 * se:.1g} 1/s (95 %)"
    rate, half = conversion.rate_lb_per_day(k), conversion.rate_lb_per_day(Z95 * se)
    return f"{show(rate)} +- {show(half)} lb/day (95 %)"

"""What an analysis concludes: the verdict, its figures, and the series that show why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from prkbench.analysis.independent import Used

FloatArray = NDArray[np.float64]

LEAK = "LEAK"
SEALED = "SEALED"
NO_VERDICT = "NO VERDICT YET"
CANNOT_TELL = "CANNOT TELL"
CANNOT_VERIFY = "CANNOT VERIFY"
RETURNED = "RETURNED"
INCREASED = "INCREASED"
REDUCED = "REDUCED"
UNCHANGED = "UNCHANGED"
SENSOR = "SENSOR"
MASKED = "MASKED"
HATCH_ONLY = "HATCH ONLY"
THERMAL = "THERMAL"
DISTURBED = "DISTURBED"
VOLUME_CHANGED = "VOLUME CHANGED"

LAW_OPEN = "flow law not known: the interval spans the viscous and the choked law"
LAW_OF_RIG = "the flow law is the rig's, not estimated"
"""What one fit through a record says of its law, unless an examination by segments tells it."""


@dataclass(frozen=True)
class EventNote:
    """Something that happened: hours since the start, what, and the operator's or node's words."""

    t_h: float
    name: str
    text: str


@dataclass(frozen=True)
class Series:
    """Arrays for the plots, one entry per 60 s block (or reading); NaN where there is none.

    t_h: hours since the start; pressures in Pa, temperatures in K; fit and residual are of p_T;
    used: whether the row took part in the fit. k_t_h, k_per_s, k_se_per_s: the node's own decay
    constant against time (empty for foreign data). evidence_t_h, log_e, log_r: evidence for a leak
    and for a change against time. state: the node's, as records.* number it, at t_h.
    """

    t_h: FloatArray
    pressure_pa: FloatArray
    reference_pa: FloatArray
    temperature_k: FloatArray
    p_t_pa: FloatArray
    fit_pa: FloatArray
    residual_pa: FloatArray
    used: NDArray[np.bool_]
    k_t_h: FloatArray = field(default_factory=lambda: np.zeros(0))
    k_per_s: FloatArray = field(default_factory=lambda: np.zeros(0))
    k_se_per_s: FloatArray = field(default_factory=lambda: np.zeros(0))
    evidence_t_h: FloatArray = field(default_factory=lambda: np.zeros(0))
    log_e: FloatArray = field(default_factory=lambda: np.zeros(0))
    log_r: FloatArray = field(default_factory=lambda: np.zeros(0))
    state: FloatArray = field(default_factory=lambda: np.zeros(0))


@dataclass(frozen=True)
class Check:
    """One step of the verification: its name, whether it passed (None: not applicable), why."""

    name: str
    passed: bool | None
    detail: str


@dataclass(frozen=True)
class BudgetLine:
    """One contribution to the uncertainty: its source, standard relative uncertainty, remark."""

    source: str
    relative: float
    remark: str


@dataclass
class Outcome:
    """Everything that `verify`, `analyze`, `demo` and the page tell.

    Rates are PrK-equivalent lb/day at the reference conditions named in `conditions`; intervals are
    95 %. `en` is None where there is no prediction. Where a record falls into several `stretches`
    the rate is that of the last steady one. `minutes` are those that count of a node's run,
    `calibration` what the rig's sealed run did for its error.
    """

    title: str
    verdict: str
    sentence: str
    k_per_s: float | None
    k_se_per_s: float | None
    rate_lb_per_day: float | None
    rate_kg_per_day: float | None
    interval95_lb_per_day: tuple[float, float] | None
    interval95_with_volume_lb_per_day: tuple[float, float] | None
    upper_limit95_lb_per_day: float | None
    law: dict[str, Any]
    conditions: str
    samples: int
    blocks: int
    gaps: int
    duration_s: float
    reasons: list[str] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    budget: list[BudgetLine] = field(default_factory=list)
    events: list[EventNote] = field(default_factory=list)
    en: float | None = None
    u_over_x: float | None = None
    k_predicted_per_s: float | None = None
    k_predicted_se_per_s: float | None = None
    rate_true_lb_per_day: float | None = None
    replay_exact: bool | None = None
    device: dict[str, Any] | None = None
    node: dict[str, Any] | None = None
    watch: dict[str, Any] | None = None
    standard_methods: dict[str, Any] | None = None
    safety: dict[str, Any] | None = None
    simulated: bool = False
    head: str | None = None
    provenance: dict[str, str] = field(default_factory=dict)
    series: Series | None = None
    minutes: Used | None = None
    calibration: dict[str, Any] | None = None
    findings: list[dict[str, Any]] = field(default_factory=list)
    stretches: int = 1
    exit_code: int = 0
    report: str | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """Every word found, most urgent first, without the bound that SEALED has in brackets."""
        found = [str(finding["word"]) for finding in self.findings]
        return tuple(dict.fromkeys(found or [self.verdict.partition(" (")[0]]))

    def as_json(self) -> dict[str, Any]:
        """The object that --json prints; keys are never renamed."""
        return {
            "verdict": self.verdict,
            "sentence": self.sentence,
            "k_per_s": self.k_per_s,
            "k_se_per_s": self.k_se_per_s,
            "rate_lb_per_day": self.rate_lb_per_day,
            "rate_kg_per_day": self.rate_kg_per_day,
            "interval95_lb_per_day": self.interval95_lb_per_day,
            "interval95_with_volume_lb_per_day": self.interval95_with_volume_lb_per_day,
            "upper_limit95_lb_per_day": self.upper_limit95_lb_per_day,
            "law": self.law,
            "conditions": self.conditions,
            "en": self.en,
            "u_over_x": self.u_over_x,
            "k_predicted_per_s": self.k_predicted_per_s,
            "k_predicted_se_per_s": self.k_predicted_se_per_s,
            "replay_exact": self.replay_exact,
            "blocks": self.blocks,
            "samples": self.samples,
            "gaps": self.gaps,
            "duration_s": self.duration_s,
            "calibration": self.calibration,
            "device": self.device,
            "node": self.node,
            "watch": self.watch,
            "standard_methods": self.standard_methods,
            "safety": self.safety,
            "simulated": self.simulated,
            "checks": [
                {"name": c.name, "passed": c.passed, "detail": c.detail} for c in self.checks
            ],
            "findings": self.findings,
            "reasons": self.reasons,
            "head": self.head,
            "report": self.report,
        }

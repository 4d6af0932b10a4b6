"""One decay through all of a node's run: its rate, verdict and uncertainty budget."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from prkbench.analysis import correlated, independent, verdict
from prkbench.analysis.exponent import ASSUMED, VISCOSITY_PER_K
from prkbench.analysis.outcome import LAW_OF_RIG, NO_VERDICT, BudgetLine, Outcome
from prkbench.analysis.question import Question
from prkbench.law import Law

_NULL_PA = 50.0
"""Standard disagreement of two sensors that were never compared at equal pressure."""


def null_error_pa(question: Question) -> float:
    """Return the standard error of p - p_ref from two sensors that disagree."""
    return question.rig.sensors.null_uncertainty_pa if question.rig else _NULL_PA


def undecided(title: str, question: Question, law: Law) -> Outcome:
    """Return the outcome of a node's run of which nothing is known yet."""
    conversion = question.conversion
    return Outcome(
        title=title,
        verdict=NO_VERDICT,
        sentence="too little settled data for a rate: log at least half an hour after settling",
        k_per_s=None,
        k_se_per_s=None,
        rate_lb_per_day=None,
        rate_kg_per_day=None,
        interval95_lb_per_day=None,
        interval95_with_volume_lb_per_day=None,
        upper_limit95_lb_per_day=None,
        law={"name": law, "assumed": True, "exponent": ASSUMED[law], "interval95": None},
        conditions=(
            f"PrK-equivalent at {conversion.pressure_pa / 1000:.1f} kPa, "
            f"{conversion.temperature_k:.1f} K, V = {conversion.volume_m3:g} m3, "
            f"time acceleration a = {conversion.acceleration:g}"
        ),
        samples=0,
        blocks=0,
        gaps=0,
        duration_s=0.0,
        exit_code=5,
    )


def decide_by_one(
    outcome: Outcome,
    host: correlated.HostEstimate,
    question: Question,
    used: independent.Used,
    setup: dict[str, Any],
    law: Law,
    remark: str = "REML, correlated residual",
) -> None:
    """Let one decay through all of a run's minutes say what it says: rate, verdict, budget.

    remark: what the error of the fit rests on.
    """
    conversion = question.conversion
    k, statistical = host.k_per_s, host.statistical_per_s
    off_k = float(np.sqrt(np.mean((used.t - setup["t_ref_mk"] / 1000.0) ** 2)))
    thermal = VISCOSITY_PER_K * off_k if law == "viscous" else 0.0
    se = math.hypot(host.se_per_s, k * thermal)
    decided = verdict.decide(k, se, host.rows, conversion,
                             question.limit_kg_per_s)  # fmt: skip
    low, high = verdict.interval(k, se)
    outcome.verdict, outcome.sentence, outcome.exit_code = (
        decided.word, decided.sentence, decided.exit_code,
    )  # fmt: skip
    outcome.k_per_s, outcome.k_se_per_s = k, se
    outcome.rate_lb_per_day = conversion.rate_lb_per_day(k)
    outcome.rate_kg_per_day = conversion.rate_kg_per_s(k) * 86400.0
    outcome.interval95_lb_per_day = conversion.interval_lb_per_day((low, high))
    outcome.interval95_with_volume_lb_per_day = conversion.interval_with_volume_lb_per_day(
        (low, high)
    )
    outcome.upper_limit95_lb_per_day = conversion.rate_lb_per_day(verdict.upper_limit(k, se))
    outcome.reasons.append(
        f"one decay through {host.rows} minutes: residual correlation time most "
        f"likely {host.tau_s / 60:.0f} min; thermal lag "
        f"{'fitted' if host.lag_fitted else 'assumed from the configuration'}"
    )
    if host.twin_share is not None:
        outcome.reasons.append(
            f"sealed twin as reference: {100.0 * host.twin_share:.0f} % of the gas temperature "
            "that no thermometer sees is taken from its pressure"
        )
    outcome.reasons.append(LAW_OF_RIG)
    if k != 0.0:
        outcome.budget.append(BudgetLine("residual of the fit", statistical / abs(k), remark))
        outcome.budget.append(
            BudgetLine(
                "sensor null",
                math.sqrt(max(0.0, host.se_per_s**2 - statistical**2)) / abs(k),
                f"{null_error_pa(question):g} Pa on p - p_ref",
            )
        )
        if thermal:
            outcome.budget.append(
                BudgetLine(
                    "viscosity", thermal, f"{off_k:.2f} K rms from T_ref: k is told at T_ref"
                )
            )

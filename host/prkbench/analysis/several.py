"""Where a record is more than one undisturbed decay: the whole procedure, and its outcome."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from prkbench.analysis.campaign import Campaign, of_blocks, of_readings
from prkbench.analysis.conclude import Earlier, applies, conclude
from prkbench.analysis.conversion import Conversion
from prkbench.analysis.finding import UNDECIDED, Conclusion
from prkbench.analysis.independent import Blocks
from prkbench.analysis.outcome import LAW_OF_RIG, LAW_OPEN, SEALED, EventNote, Outcome
from prkbench.analysis.readings import TEMPERATURE_SWING_K, record_and_doubt
from prkbench.analysis.testlog import read_log
from prkbench.analysis.verdict import LEAST_ROWS, interval, show
from prkbench.law import Law
from prkbench.units import LB_KG

_UNDECIDED_EXIT = 5
_LOGGED = ("MARK", "log")


def campaign_of_readings(
    readings: Any, meta: dict[str, Any], conversion: Conversion, law: Law | None
) -> Campaign:
    """The campaign of an imported run file: its readings, its log, what its header states."""
    swing = meta.get("temperature_swing_k")
    record, doubt = record_and_doubt(
        readings,
        [],
        None,
        TEMPERATURE_SWING_K if swing is None else float(swing),
        meta.get("pressure_resolution_pa"),
        meta.get("temperature_resolution_k"),
    )
    log = read_log((float(t_s), str(text)) for t_s, text in meta.get("events") or [])
    return of_readings(
        record.t_s, record.pressure_pa, record.temperature_k, record.reference_pa, doubt, log,
        conversion, law,
    )  # fmt: skip


def campaign_of_run(
    blocks: Blocks,
    setup: dict[str, Any],
    events: list[EventNote],
    conversion: Conversion,
    law: Law,
    null_pa: float,
    volume_m3: float | None,
    expected_tau_s: float,
) -> Campaign:
    """The campaign of a node's run: its minutes, and what the operator marked."""
    log = read_log(
        (event.t_h * 3600.0, event.text) for event in events if event.name.startswith(_LOGGED)
    )
    return of_blocks(blocks, setup, log, conversion, law, null_pa, volume_m3, expected_tau_s)


def by_procedure(
    outcome: Outcome,
    campaign: Campaign,
    earlier: Earlier | None,
    limit_lb_per_day: float | None,
) -> bool:
    """Let the whole procedure decide where it says more than one decay through all can.

    Whoever examines a record, a run file or a simulated one, asks this and nothing else whether
    the fit through all of it stands (False) or what the procedure says (True).
    """
    if campaign.scale == "bench" and len(campaign.t_s) < LEAST_ROWS:
        return False
    found = conclude(campaign, earlier, limit_lb_per_day)
    if earlier is None and not applies(campaign, found):
        return False
    adopt(outcome, campaign, found, limit_lb_per_day)
    return True


def adopt(
    outcome: Outcome, campaign: Campaign, conclusion: Conclusion, limit_lb_per_day: float | None
) -> None:
    """Let a conclusion stand in an outcome; the rates are those of the last steady stretch."""
    first = conclusion.findings[0]
    outcome.verdict = first.word
    outcome.findings = [finding.as_json() for finding in conclusion.findings]
    outcome.sentence = first.sentence
    law_told = conclusion.law is not None
    outcome.reasons = [
        *conclusion.reasons,
        *_by_segment(conclusion),
        *(r for r in outcome.reasons if not (law_told and r in (LAW_OPEN, LAW_OF_RIG))),
    ]
    _without_single_fit(outcome, conclusion)
    upper = conclusion.upper_lb_per_day
    if first.word == SEALED and upper is not None:
        outcome.verdict = f"{SEALED} (< {show(upper)} lb/day)"
    outcome.exit_code = _UNDECIDED_EXIT if first.word in UNDECIDED else 0
    if conclusion.law is not None:
        outcome.law = {
            "name": conclusion.law.name,
            "assumed": not conclusion.law.told,
            "exponent": conclusion.law.best,
            "interval95": conclusion.law.interval95,
        }
    _rate(outcome, campaign, conclusion)
    if limit_lb_per_day is not None and first.word not in UNDECIDED:
        _hold_against(outcome, upper, limit_lb_per_day)


def earlier_of(outcome: Outcome) -> Earlier | None:
    """What an outcome says to a later test; None where it bounds nothing."""
    upper = outcome.upper_limit95_lb_per_day
    if outcome.verdict.startswith(SEALED) and upper is not None:
        return Earlier(0.0, upper)
    if outcome.interval95_lb_per_day is None or outcome.verdict in UNDECIDED:
        return None
    return Earlier(*outcome.interval95_lb_per_day)


def _without_single_fit(outcome: Outcome, conclusion: Conclusion) -> None:
    """Take away what one decay through all of the record gave, where that is not what it shows."""
    outcome.stretches = max(1, len(conclusion.spans_s))
    if outcome.stretches == 1 and conclusion.last_k_per_s is not None:
        return
    outcome.budget = []
    series = outcome.series
    if series is not None:
        nothing = np.full(len(series.t_h), np.nan)
        outcome.series = replace(series, fit_pa=nothing, residual_pa=nothing)


def _rate(outcome: Outcome, campaign: Campaign, conclusion: Conclusion) -> None:
    if conclusion.last_k_per_s is None:
        # Two paths, or a gauge not to be believed: no one rate describes the record.
        outcome.k_per_s = outcome.k_se_per_s = None
        outcome.rate_lb_per_day = outcome.rate_kg_per_day = None
        outcome.interval95_lb_per_day = outcome.interval95_with_volume_lb_per_day = None
        outcome.upper_limit95_lb_per_day = conclusion.upper_lb_per_day
        return
    k, se = conclusion.last_k_per_s
    bounds = interval(k, se)
    outcome.k_per_s, outcome.k_se_per_s = k, se
    outcome.rate_lb_per_day = campaign.lb_per_day(k)
    outcome.rate_kg_per_day = campaign.lb_per_day(k) * LB_KG
    outcome.interval95_lb_per_day = campaign.conversion.interval_lb_per_day(bounds)
    outcome.interval95_with_volume_lb_per_day = campaign.conversion.interval_with_volume_lb_per_day(
        bounds
    )
    outcome.upper_limit95_lb_per_day = conclusion.upper_lb_per_day


def _by_segment(conclusion: Conclusion) -> list[str]:
    return [
        f"{begin / 3600.0:.1f} to {end / 3600.0:.1f} h: {show(rate)} lb/day "
        f"({show(low)} to {show(high)})"
        for (begin, end), (rate, low, high) in zip(
            conclusion.spans_s, conclusion.rates_lb_per_day, strict=True
        )
    ]


def _hold_against(outcome: Outcome, upper: float | None, limit: float) -> None:
    """A limit is only ever the user's: status 1 above it, 0 below, else undecided."""
    low = (outcome.interval95_lb_per_day or (0.0, 0.0))[0]
    above, below = low > limit, upper is not None and upper < limit
    outcome.exit_code = 1 if above else 0 if below else _UNDECIDED_EXIT
    word = "above" if above else "below" if below else "not distinguishable from"
    outcome.sentence += f"; {word} the limit of {show(limit)} lb/day"

"""What stands beside the verdict of an examined run: watching, standard methods, safety."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from prkbench.analysis import independent
from prkbench.analysis.acceptance import ImposedLeak
from prkbench.analysis.outcome import Outcome
from prkbench.analysis.question import Question
from prkbench.analysis.safetyview import Present, growth_of, safety_view
from prkbench.analysis.several import log_of_run
from prkbench.analysis.standards import Stretch, standard_methods, verify_by_imposed_leak
from prkbench.analysis.watch import watch_json, watch_record
from prkbench.law import Law
from prkbench.node_setup import planned_k


def add_views(
    outcome: Outcome,
    question: Question,
    setup: dict[str, Any],
    law: Law,
    blocks: independent.Blocks,
    used: independent.Used,
) -> None:
    """Fill in watch, standard_methods and safety of an outcome whose k is known, if it is."""
    if not len(used.slot):
        return
    conversion, rig = question.conversion, question.rig
    t_ref_k = setup["t_ref_mk"] / 1000.0
    log = log_of_run(outcome.events)
    watch, calm = watch_record(used, setup, conversion.acceleration, log)
    outcome.watch = watch_json(watch, conversion, calm)
    outcome.reasons += [f"watching: {d.sentence(conversion)}" for d in watch.declared]
    if outcome.series is not None:
        outcome.series = replace(
            outcome.series,
            evidence_t_h=np.array(watch.series.t_h),
            log_e=np.array(watch.series.log_e),
            log_r=np.array(watch.series.log_r),
        )
    wanted = None
    if question.limit_kg_per_s is not None:
        wanted = conversion.k_per_s(question.limit_kg_per_s)
    elif rig is not None:
        wanted = planned_k(rig)
    outcome.standard_methods = standard_methods(
        Stretch.longest(used, t_ref_k), conversion, wanted, _imposed(outcome, question, setup, used)
    )
    if outcome.k_per_s is None or outcome.k_se_per_s is None:
        return
    last = int(np.searchsorted(blocks.slot, used.slot[-1]))
    outcome.safety = safety_view(
        Present(
            pressure_pa=float(blocks.pressure_pa[last]),
            reference_pa=float(blocks.reference_pa[last]),
            law=law,
            norm_pa=float(setup["norm_pa"]),
            k_per_s=outcome.k_per_s,
            se_per_s=outcome.k_se_per_s,
        ),
        conversion,
        question.limit_kg_per_s,
        rig.limit.minimum_pressure_pa if rig is not None else None,
        rig.risk if rig is not None else None,
        growth_of(used, setup["rho1024"] / 1024.0, float(setup["lag_s"]), t_ref_k),
    )


def _imposed(
    outcome: Outcome, question: Question, setup: dict[str, Any], used: independent.Used
) -> ImposedLeak | None:
    """The verification by the rig's imposed leak; without its mark the reason is said."""
    imposed = question.rig.imposed if question.rig is not None else None
    if imposed is None:
        return None
    marks = [e for e in outcome.events if e.name == "MARK" and e.text == imposed.mark]
    found = None
    if marks:
        found = verify_by_imposed_leak(
            used,
            setup["t_ref_mk"] / 1000.0,
            marks[0].t_h * 3600.0,
            float(setup["lag_s"]),
            question.conversion.k_per_s(imposed.rate_kg_per_s),
            question.conversion.k_per_s(imposed.allowed_kg_per_s),
        )
    if found is None:
        why = "too few minutes before or after it" if marks else f"no MARK '{imposed.mark}'"
        outcome.reasons.append(f"the imposed leak verifies nothing: {why}")
    return found

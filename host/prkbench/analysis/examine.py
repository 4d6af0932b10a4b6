"""Examines a logged run: integrity, replay, independent estimate, prediction, verdict."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from prkbench.analysis import correlated, independent, verdict
from prkbench.analysis.onedecay import decide_by_one, null_error_pa, undecided
from prkbench.analysis.outcome import CANNOT_VERIFY, BudgetLine, Check, Outcome
from prkbench.analysis.prediction import Prediction, predict
from prkbench.analysis.question import Question
from prkbench.analysis.replay import Replay, replay_run
from prkbench.analysis.several import by_procedure, campaign_of_run
from prkbench.analysis.shown import device_figures, event_notes, raw_events, series_of
from prkbench.analysis.views import add_views
from prkbench.errors import DataError
from prkbench.law import Law
from prkbench.node_setup import correlation_time_s, settings_of
from prkbench.runfile import Kind, Run, RunFile
from prknode.compensate import MAX_PA, MIN_PA
from prknode.records import (
    BLOCK_FAULT,
    BLOCK_RANGE,
    BLOCK_VALID,
    EVENT_SIZE,
    NO_SE,
    RESULT_SIZE,
    block_size,
    sample_size,
)
from prknode.unpack import EVENT_NAMES
from prknode.window import UNIT

_LAWS: dict[str, Law] = {"LINEAR": "linear", "VISCOUS": "viscous", "CHOKED": "choked"}
_MOST_U_OVER_X = 0.3


def longest_run(file: RunFile) -> Run:
    """The run with the most samples; DataError where the file has none."""
    runs = file.runs()
    if not runs:
        raise DataError(f"{file.path}: the file holds no run of a node")
    return max(runs, key=lambda run: file.next(run.run_id, Kind.SAMPLE))


def examine(
    file: RunFile, question: Question, on_progress: Callable[[int], None] | None = None
) -> Outcome:
    """Examine the longest run of a run file; faults of the file become failed checks."""
    run = _readable(file, longest_run(file))
    checks = [_integrity(file)]
    lost = [gap for gap in file.gaps() if gap.kind is Kind.SAMPLE]
    checks.append(_completeness(file, run))
    payload = file.payload(run.run_id, Kind.SAMPLE)
    sensors = len(run.setup["sensors"])
    if not payload:
        raise DataError(f"{file.path}: run {run.run_id} holds no samples")
    replay = replay_run(file, run, on_progress)
    checks.append(_replayed(replay, bool(lost)))
    law = _LAWS[run.setup["law"]]
    samples = independent.read_samples(payload, sensors)
    blocks = independent.block_means(samples, run.setup)
    segment_of = {b.slot: b.segment for b in replay.blocks if b.settled}
    used = independent.used_blocks(blocks, run.setup, segment_of, law)
    checks.append(_second_opinion(replay, used, run.setup))
    null_pa = null_error_pa(question)
    host = correlated.estimate(
        used, float(run.setup["lag_s"]), correlation_time_s(run.setup["rho1024"]), null_pa
    )
    outcome = _conclude(file, run, question, host, used, law, checks)
    outcome.reasons += _left_out(replay)
    outcome.samples = len(payload) // sample_size(sensors)
    outcome.blocks = len(replay.blocks)
    outcome.gaps = len(lost)
    outcome.duration_s = float(samples.t_us[-1] - samples.t_us[0]) / 1e6
    outcome.replay_exact = replay.exact and not replay.not_replayable
    outcome.device = device_figures(replay, question.conversion)
    outcome.series = series_of(file, run, blocks, used, host)
    outcome.events = event_notes(file, run)
    add_views(outcome, question, run.setup, law, blocks, used)
    if not question.verify:
        campaign = campaign_of_run(
            blocks, run.setup, outcome.events, question.conversion, law, null_pa,
            question.rig.chamber.volume_m3 if question.rig else None,
            correlation_time_s(run.setup["rho1024"]),
        )  # fmt: skip
        by_procedure(outcome, campaign, question.earlier, question.limit_lb_per_day)
    _settle_exit(outcome)
    return outcome


def _readable(file: RunFile, run: Run) -> Run:
    """The run with every setting in its set-up; DataError where it cannot be read at all."""
    settings, _ = settings_of(run.setup)
    sensors = len(settings.sensors)
    sizes = {
        Kind.SAMPLE: sample_size(sensors),
        Kind.BLOCK: block_size(sensors),
        Kind.RESULT: RESULT_SIZE,
        Kind.EVENT: EVENT_SIZE,
    }
    for kind, size in sizes.items():
        for chunk in file.chunks(run.run_id, kind):
            if len(chunk.payload) != chunk.count * size:
                raise DataError(
                    f"{file.path}: run {run.run_id} {kind} {chunk.first}: {len(chunk.payload)} "
                    f"bytes, expected {chunk.count} records of {size}: restore it from a copy"
                )
    return replace(run, setup={**run.setup, **settings.as_dict()})


# The checks -------------------------------------------------------------------------------


def _integrity(file: RunFile) -> Check:
    faults = file.check()
    detail = faults[0] if faults else f"hash chain and checksums whole, head {file.head()[:16]}"
    if len(faults) > 1:
        detail += f" (and {len(faults) - 1} more)"
    return Check("integrity", not faults, detail)


def _completeness(file: RunFile, run: Run) -> Check:
    gaps = [gap for gap in file.gaps() if gap.run_id == run.run_id]
    lost = sum(gap.count for gap in gaps if gap.kind is Kind.SAMPLE)
    times = np.diff(independent.read_samples(
        file.payload(run.run_id, Kind.SAMPLE), len(run.setup["sensors"])).t_us)  # fmt: skip
    if len(times) and int(times.min()) <= 0:
        return Check("sequence and time", False, "node time does not rise from sample to sample")
    missed = [e for e in raw_events(file, run) if EVENT_NAMES.get(e[1]) == "MISSED"]
    parts = ["no sample lost" if not gaps else f"{lost} samples lost in {len(gaps)} recorded gaps"]
    if missed:
        parts.append(f"{sum(e[3] for e in missed)} not taken in time")
    if gaps:
        parts.append(gaps[0].reason)
    return Check("sequence and time", not gaps, "; ".join(parts))


def _replayed(replay: Replay, lost: bool) -> Check:
    if replay.compared == 0 and not replay.not_replayable:
        return Check("replay", None, "no whole minute was recorded: nothing to replay")
    detail = (
        f"{replay.compared} blocks and results replayed through the node's own code, "
        f"{replay.differing_bits} bits differ"
    )
    if replay.not_replayable:
        detail += f", {replay.not_replayable} have no samples behind them"
    if replay.first_difference:
        detail += f"; first: {replay.first_difference}"
        if lost:
            detail += " (samples are missing, so the replay cannot follow)"
    return Check("replay", replay.exact and not replay.not_replayable, detail)


def _left_out(replay: Replay) -> list[str]:
    """Why minutes do not count, other than settling: one line a reason, with how many."""
    short = sum(1 for b in replay.blocks if not b.flags & BLOCK_VALID)
    outside = sum(1 for b in replay.blocks if b.flags & BLOCK_RANGE)
    fault = sum(1 for b in replay.blocks if b.flags & BLOCK_FAULT)
    lines = []
    if outside:
        lines.append(
            f"{outside} minutes left out: pressure or temperature outside the sensor's range "
            f"({MIN_PA // 409600} to {MAX_PA // 409600} hPa, -40 to 85 degC)"
        )
    if short:
        lines.append(f"{short} minutes left out: under 75 % of the samples due")
    if fault:
        lines.append(f"{fault} minutes with a sensor's fault or restart: a new segment after each")
    return lines


def _second_opinion(replay: Replay, used: independent.Used, setup: dict[str, Any]) -> Check:
    """The node's k against QR in double precision, from its integer rows and from raw counts."""
    name = "independent estimate"
    device = replay.estimator.estimate
    if device is None or device.se == NO_SE or device.rows < 30:
        return Check(name, None, "the node has no fitted estimate to compare with")
    rho = setup["rho1024"] / UNIT
    short = replay.estimator.windows()[0]
    exact = independent.window_rows(short, 60.0)
    same = independent.gls(exact, rho)
    rows = independent.rows_of(used)
    last = slice(max(0, len(rows.y) - short.rows), None)
    raw = independent.gls(
        independent.RowTable(
            rows.slot[last], rows.segment[last], rows.i[last], rows.d[last], rows.y[last]
        ),
        rho,
    )
    if same is None or raw is None:
        return Check(name, None, "the record does not vary enough for a fit")
    k = device.k * 1e-18
    tight = max(1e-17, 1e-9 * abs(k), 1e-6 * same.se_per_s)
    loose = 0.001 * same.se_per_s
    off, off_raw = abs(same.k_per_s - k), abs(raw.k_per_s - k)
    detail = (
        f"QR in double precision differs by {off:.1e} 1/s from the same rows (allowed "
        f"{tight:.1e}), by {off_raw / same.se_per_s:.1e} standard errors from the raw counts "
        f"(allowed 1e-3)"
    )
    return Check(name, off <= tight and off_raw <= loose, detail)


# The conclusion ---------------------------------------------------------------------------


def _conclude(
    file: RunFile,
    run: Run,
    question: Question,
    host: correlated.HostEstimate | None,
    used: independent.Used,
    law: Law,
    checks: list[Check],
) -> Outcome:
    outcome = undecided(str(file.meta.get("title") or file.path.stem), question, law)
    outcome.checks = checks
    outcome.simulated = bool(file.meta.get("simulated"))
    outcome.head = file.head()
    outcome.provenance = {
        "run file": file.path.name,
        "node": str(run.setup.get("node")),
        "firmware": str(run.setup.get("version")),
        "law in force": f"{law}, p_N {run.setup['norm_pa']} Pa, "
        f"T_ref {run.setup['t_ref_mk'] / 1000:g} K",
    }
    if host is None:
        return outcome
    decide_by_one(outcome, host, question, used, run.setup, law)
    if question.rig is not None and question.verify:
        if host.rows >= verdict.LEAST_ROWS:
            _compare(outcome, host.k_per_s, outcome.k_se_per_s or 0.0, predict(question.rig))
        else:
            detail = f"{host.rows} minutes are too few to compare, {verdict.LEAST_ROWS} are needed"
            checks.append(Check("prediction", None, detail))
    return outcome


def _compare(outcome: Outcome, k: float, se: float, prediction: Prediction) -> None:
    """E_n of the bench's decay constant against the rig file's; U are expanded, k = 2."""
    outcome.k_predicted_per_s = prediction.k_per_s
    outcome.k_predicted_se_per_s = prediction.u_per_s
    for name, relative in prediction.parts:
        outcome.budget.append(BudgetLine(f"prediction: {name}", relative, "rig file"))
    u, u_x = 2.0 * se, 2.0 * prediction.u_per_s
    total = math.hypot(u, u_x)
    outcome.en = (k - prediction.k_per_s) / total
    if prediction.k_per_s > 0.0:
        outcome.u_over_x = total / prediction.k_per_s
    passed = abs(outcome.en) <= 1.0
    label = "self-consistency" if outcome.simulated else "validation"
    detail = (
        f"{label}: measured {k:.4g} 1/s, predicted {prediction.k_per_s:.4g} 1/s, "
        f"E_n = {outcome.en:+.2f}"
    )
    if outcome.u_over_x is not None:
        detail += f", U/X = {100 * outcome.u_over_x:.1f} %"
        if outcome.u_over_x > _MOST_U_OVER_X:
            outcome.checks.append(Check("prediction", None, detail + "; too uncertain to verify"))
            outcome.reasons.append(
                f"{CANNOT_VERIFY}: U/X is {100 * outcome.u_over_x:.0f} %, above "
                f"{100 * _MOST_U_OVER_X:.0f} %; a longer test or better calibration decides"
            )
            outcome.sentence += "; too uncertain to be verified against the prediction"
            outcome.verdict = CANNOT_VERIFY
            outcome.exit_code = 5
            return
    else:
        detail += ", U/X has no meaning for a predicted rate of zero"
    outcome.checks.append(Check("prediction", passed, detail))


def _settle_exit(outcome: Outcome) -> None:
    """A failed check outranks the verdict: corrupt data first, then a prediction missed."""
    failed = {check.name for check in outcome.checks if check.passed is False}
    if failed & {"integrity", "sequence and time", "replay", "independent estimate"}:
        outcome.exit_code = 4
    elif "prediction" in failed:
        outcome.exit_code = 1
    for check in outcome.checks:
        if check.passed is False:
            outcome.reasons.append(f"{check.name} FAILED: {check.detail}")
    if failed:
        outcome.sentence += f"; NOT verified: {', '.join(sorted(failed))} failed"

"""Examines a logged run: integrity, replay, independent estimate, prediction, verdict."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from prkbench.analysis import correlated, independent, verdict
from prkbench.analysis.conversion import Conversion
from prkbench.analysis.outcome import (
    CANNOT_VERIFY,
    NO_VERDICT,
    BudgetLine,
    Check,
    EventNote,
    Outcome,
    Series,
)
from prkbench.analysis.prediction import Prediction, predict
from prkbench.analysis.replay import Replay, replay_run
from prkbench.errors import DataError
from prkbench.law import Law
from prkbench.rig import Rig
from prkbench.runfile import Kind, Run, RunFile
from prknode.records import (
    BASIS_NAMES,
    EVENT_NAMES,
    EVENT_SIZE,
    NO_SE,
    RESULT,
    RESULT_SIZE,
    sample_size,
    unpack_event,
)
from prknode.window import UNIT

_LAWS: dict[str, Law] = {"LINEAR": "linear", "VISCOUS": "viscous", "CHOKED": "choked"}
_EXPONENTS = {"linear": 1.0, "viscous": 2.0, "choked": 1.0}
_MOST_U_OVER_X = 0.3
_RESULT_DTYPE = np.dtype(
    [
        ("slot", "<u4"), ("state", "u1"), ("basis", "u1"), ("rows", "<u2"), ("long_rows", "<u2"),
        ("segments", "<u2"), ("k", "<i8"), ("se", "<u8"), ("long_k", "<i8"), ("long_se", "<u8"),
        ("p", "<u4"), ("p_ref", "<u4"), ("t", "<u4"),
    ]
)  # fmt: skip
assert _RESULT_DTYPE.itemsize == RESULT_SIZE, RESULT


@dataclass(frozen=True)
class Question:
    """What to examine against: the rig (None: no prediction), and whether to verify or analyse."""

    rig: Rig | None
    conversion: Conversion
    verify: bool
    limit_kg_per_s: float | None = None


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
    run = longest_run(file)
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
    host = correlated.estimate(used, float(run.setup["lag_s"]))
    outcome = _conclude(file, run, question, host, used, law, checks)
    outcome.samples = len(payload) // sample_size(sensors)
    outcome.blocks = len(replay.blocks)
    outcome.gaps = len(lost)
    outcome.duration_s = float(samples.t_us[-1] - samples.t_us[0]) / 1e6
    outcome.replay_exact = replay.exact and not replay.not_replayable
    outcome.device = _device(replay, question.conversion)
    outcome.series = _series(file, run, blocks, used, host)
    outcome.events = _events(file, run)
    _settle_exit(outcome)
    return outcome


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
    missed = [e for e in _raw_events(file, run) if EVENT_NAMES.get(e[1]) == "MISSED"]
    parts = ["no sample lost" if not gaps else f"{lost} samples lost in {len(gaps)} recorded gaps"]
    if missed:
        parts.append(f"{sum(e[3] for e in missed)} not taken in time")
    if gaps:
        parts.append(gaps[0].reason)
    return Check("sequence and time", not gaps, "; ".join(parts))


def _replayed(replay: Replay, lost: bool) -> Check:
    if replay.compared == 0:
        return Check("replay", None, "no whole minute was recorded: nothing to replay")
    detail = (
        f"{replay.compared} blocks and results replayed through the node's own code, "
        f"{replay.differing_bits} bits differ"
    )
    if replay.first_difference:
        detail += f"; first: {replay.first_difference}"
        if lost:
            detail += " (samples are missing, so the replay cannot follow)"
    return Check("replay", replay.exact, detail)


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
    conversion = question.conversion
    outcome = Outcome(
        title=str(file.meta.get("title") or file.path.stem),
        verdict=NO_VERDICT,
        sentence="too little settled data for a rate: log at least half an hour after settling",
        k_per_s=None,
        k_se_per_s=None,
        rate_lb_per_day=None,
        rate_kg_per_day=None,
        interval95_lb_per_day=None,
        interval95_with_volume_lb_per_day=None,
        upper_limit95_lb_per_day=None,
        law={"name": law, "assumed": True, "exponent": _EXPONENTS[law], "interval95": None},
        conditions=(
            f"PrK-equivalent at {conversion.pressure_pa / 1000:.1f} kPa, "
            f"{conversion.temperature_k:.1f} K, V = {conversion.volume_m3:g} m3, "
            f"time acceleration a = {conversion.acceleration:g}"
        ),
        samples=0,
        blocks=0,
        gaps=0,
        duration_s=0.0,
        checks=checks,
        simulated=bool(file.meta.get("simulated")),
        head=file.head(),
        provenance={
            "run file": file.path.name,
            "node": str(run.setup.get("node")),
            "firmware": str(run.setup.get("version")),
            "law in force": f"{law}, p_N {run.setup['norm_pa']} Pa, "
            f"T_ref {run.setup['t_ref_mk'] / 1000:g} K",
        },
        exit_code=5,
    )
    if host is None:
        return outcome
    null_pa = question.rig.sensors.null_uncertainty_pa if question.rig else 50.0
    mean_x = float(np.mean(np.abs(used.x)))
    relative = null_pa / mean_x if mean_x > 0.0 else math.inf
    k, statistical = host.k_per_s, host.se_per_s
    se = math.hypot(statistical, k * relative)
    decided = verdict.decide(k, se, host.rows * round(host.step_s / 60.0), conversion,
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
        f"fit of {host.rows} rows of {host.step_s / 60:g} min; residual correlation time most "
        f"likely {host.tau_s / 60:.0f} min; thermal lag "
        f"{'fitted' if host.lag_fitted else 'assumed from the configuration'}; the flow law is "
        f"the rig's, not estimated"
    )
    if k != 0.0:
        outcome.budget.append(
            BudgetLine("residual of the fit", statistical / abs(k), "REML, correlated residual")
        )
        outcome.budget.append(
            BudgetLine("sensor null", relative, f"{null_pa:g} Pa on {mean_x:.0f} Pa")
        )
    if question.rig is not None and question.verify:
        _compare(outcome, k, se, predict(question.rig))
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


# For the eye ------------------------------------------------------------------------------


def _device(replay: Replay, conversion: Conversion) -> dict[str, Any] | None:
    """The node's own figures: the long window once it spans more than the short one."""
    estimator = replay.estimator
    result: dict[str, Any] = {}
    for name, estimate, minutes in (
        ("short", estimator.estimate, 1),
        ("long", estimator.long_estimate, 10),
    ):
        if estimate is None or estimate.se == NO_SE:
            continue
        k, se = estimate.k * 1e-18, estimate.se * 1e-18
        result[name] = {
            "k_per_s": k,
            "k_se_per_s": se,
            "rate_lb_per_day": conversion.rate_lb_per_day(k),
            "se_lb_per_day": conversion.rate_lb_per_day(se),
            "basis": BASIS_NAMES[estimate.basis],
            "rows": estimate.rows,
            "window_min": estimate.rows * minutes,
        }
    return result or None


def _series(
    file: RunFile,
    run: Run,
    blocks: independent.Blocks,
    used: independent.Used,
    host: correlated.HostEstimate | None,
) -> Series:
    t_h = np.asarray((blocks.slot + 0.5) / 60.0, dtype=np.float64)
    p_t = blocks.pressure_pa * (run.setup["t_ref_mk"] / 1000.0) / blocks.temperature_k
    fit = np.full(len(t_h), np.nan)
    counted = np.isin(blocks.slot, used.slot)
    if host is not None and len(used.slot):
        rows = independent.rows_of(used)
        at = np.searchsorted(blocks.slot, rows.slot)
        # D of the fit is taken over two of its own steps; scale the minute's slope to it.
        slope = rows.d * (host.step_s / 60.0)
        offset = np.array([host.intercepts.get(int(s), np.nan) for s in rows.segment])
        fit[at] = offset - host.k_per_s * rows.i + host.d_pa_per_k * slope
    results = np.frombuffer(file.payload(run.run_id, Kind.RESULT), dtype=_RESULT_DTYPE)
    results = results[results["se"] != NO_SE]
    return Series(
        t_h=t_h,
        pressure_pa=blocks.pressure_pa,
        reference_pa=blocks.reference_pa,
        temperature_k=blocks.temperature_k,
        p_t_pa=p_t,
        fit_pa=fit,
        residual_pa=p_t - fit,
        used=counted,
        k_t_h=(results["slot"] + 1.0) / 60.0,
        k_per_s=results["k"] * 1e-18,
        k_se_per_s=results["se"] * 1e-18,
    )


def _raw_events(file: RunFile, run: Run) -> list[tuple[int, int, int | None, int, str]]:
    payload = file.payload(run.run_id, Kind.EVENT)
    return [
        unpack_event(payload[at : at + EVENT_SIZE]) for at in range(0, len(payload), EVENT_SIZE)
    ]


def _events(file: RunFile, run: Run) -> list[EventNote]:
    notes = []
    for t_us, code, sensor, value, text in _raw_events(file, run):
        what = EVENT_NAMES.get(code, f"event {code}")
        if sensor is not None:
            what += f", sensor {sensor + 1}"
        notes.append(EventNote(t_us / 3.6e9, what, text or str(value)))
    return notes

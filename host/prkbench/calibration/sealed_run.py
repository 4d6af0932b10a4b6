"""From the run file of a sealed rig to its table [sealed_run]; what is no blank is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from prkbench.analysis.calm import calm_minutes
from prkbench.analysis.conversion import Conversion
from prkbench.analysis.examine import day_of, examine, longest_run
from prkbench.analysis.independent import Used
from prkbench.analysis.outcome import DISTURBED, SEALED, Outcome
from prkbench.analysis.question import Question
from prkbench.analysis.several import log_of_run
from prkbench.analysis.verdict import upper_limit
from prkbench.calibration.learn import Learnt, learn_sealed
from prkbench.calibration.table import SealedRun
from prkbench.errors import DataError, UsageError
from prkbench.node_setup import settings_of
from prkbench.rig import Rig, parse_rig
from prkbench.runfile import RunFile
from prkbench.units import Dimension, to_text

LEAST_HOURS = 12.0
GOOD_HOURS = 72.0
_DIGITS = 4


@dataclass(frozen=True)
class Calibration:
    """The table to write, as an object and as text, and what its user should know."""

    sealed: SealedRun
    table: dict[str, Any]
    warnings: tuple[str, ...]


def calibrate_sealed(
    file: RunFile, rig: Rig, on_progress: Callable[[int], None] | None = None
) -> Calibration:
    """Learn from the longest run of a file; the verdict on it comes first.

    UsageError where it leaks, is too short, is of another rig or no node's run; DataError where its
    data are spoilt.
    """
    if file.readings() is not None and not file.runs():
        raise UsageError(
            f"{file.path}: holds imported readings, expected a node's run of the sealed rig: log "
            "one with 'prk log'"
        )
    _of_this_rig(file, rig)
    plain = rig.model_copy(update={"sealed_run": None})
    question = Question(plain, Conversion.from_rig(plain), False)
    outcome = examine(file, question, on_progress)
    _is_blank(file, outcome)
    used = outcome.minutes
    assert used is not None
    run = longest_run(file)
    setup = settings_of(run.setup)[0].as_dict()
    log = log_of_run(outcome.events)
    calm, _ = calm_minutes(used, float(setup["jump_pa"]), setup["settle_min"], log)
    _long_enough(file, calm)
    t_ref_k = setup["t_ref_mk"] / 1000.0
    learnt = learn_sealed(calm, t_ref_k)
    table = _table(file, rig, outcome, learnt, float(calm.t.mean()), day_of(run).isoformat())
    table["node_window"] = to_text(60.0 * setup["window_min"], Dimension.DURATION)
    return Calibration(SealedRun.model_validate(table), table, tuple(_warnings(used, learnt)))


def _of_this_rig(file: RunFile, rig: Rig) -> None:
    text = file.meta.get("rig")
    if not isinstance(text, str):
        return
    own = parse_rig(text, f"{file.path}: the rig inside")
    for what, one, two in (
        ("rig.mode", own.rig.mode, rig.rig.mode),
        ("chamber.volume", own.chamber.volume_m3, rig.chamber.volume_m3),
        ("node.roles", own.node.roles, rig.node.roles),
    ):
        if one != two:
            raise UsageError(
                f"{file.path}: was logged with another rig ({what} was {one}, is {two}): name the "
                "rig file it was logged with, or log a new sealed run"
            )


def _is_blank(file: RunFile, outcome: Outcome) -> None:
    """The verdict on the run comes first: only what is sealed and whole teaches its residual."""
    failed = [check for check in outcome.checks if check.passed is False]
    if failed:
        raise DataError(
            f"{file.path}: {failed[0].name} failed ({failed[0].detail}): expected a whole run; "
            "log another"
        )
    declared = [one["verdict"] for one in (outcome.watch or {}).get("declared", ())]
    words = set(outcome.words) | set(declared)
    if words - {SEALED, DISTURBED} or SEALED not in words:
        found = declared[0] if declared and SEALED in outcome.words else outcome.verdict
        raise UsageError(
            f"{file.path}: no sealed run, its verdict is {found}: {outcome.sentence}; expected "
            "SEALED: shut the element off, let the chamber settle, and log it again"
        )


def _long_enough(file: RunFile, used: Used) -> None:
    hours = len(used.slot) / 60.0
    if hours < LEAST_HOURS:
        raise UsageError(
            f"{file.path}: {hours:.1f} h of it count (settling and disturbances do not), expected "
            f"at least {LEAST_HOURS:g} h, better {GOOD_HOURS:g} h: log a longer run"
        )


def _warnings(used: Used, learnt: Learnt) -> list[str]:
    found = []
    hours = learnt.duration_s / 3600.0
    if hours < GOOD_HOURS * 0.99:
        found.append(
            f"{hours:.0f} h are fewer than {GOOD_HOURS:g}: the error of a day is then known to "
            f"{100 * learnt.windows[-1].uncertainty:.0f} % only"
        )
    left_out = len(used.slot) / 60.0 - hours
    if left_out > 0.5:
        found.append(f"{left_out:.1f} h disturbed by fast changes of temperature were left out")
    return found


def _table(
    file: RunFile, rig: Rig, outcome: Outcome, learnt: Learnt, kelvin: float, date: str
) -> dict[str, Any]:
    """The table as it stands in the file: units as text, four digits."""
    series, residual = outcome.series, learnt.residual
    assert series is not None
    reference = float(np.mean(series.reference_pa[series.used]))
    pressure = learnt.pa_per_k * kelvin

    def text(value: float, dimension: Dimension, digits: int = _DIGITS) -> str:
        return to_text(float(f"{value:.{digits}g}"), dimension)

    def relative(value: float) -> str:
        return f"{100.0 * value:.2g} %"

    windows = learnt.windows
    return {
        "date": date,
        "run": file.path.name,
        "head": file.head()[:16],
        "duration": text(learnt.duration_s, Dimension.DURATION),
        "temperature": text(kelvin, Dimension.TEMPERATURE, 5),
        "pressure": text(pressure, Dimension.PRESSURE, 6),
        "reference_pressure": text(reference, Dimension.PRESSURE, 6),
        "driving_pressure": text(learnt.x_pa, Dimension.PRESSURE, 6),
        "volume": to_text(rig.chamber.volume_m3, Dimension.VOLUME),
        "element": rig.element_text,
        "node_window": "",
        "bound": text(upper_limit(learnt.k_per_s, learnt.k_se_per_s), Dimension.DECAY),
        "rms": text(residual.rms_k, Dimension.TEMPERATURE_DIFFERENCE),
        "rms_uncertainty": relative(learnt.rms_uncertainty),
        "correlation_time": text(residual.tau_s, Dimension.DURATION),
        "correlation_time_uncertainty": relative(learnt.tau_uncertainty),
        "white": text(residual.white_k * learnt.pa_per_k, Dimension.PRESSURE),
        "lag": text(learnt.lag_s, Dimension.DURATION),
        "lag_uncertainty": relative(learnt.lag_uncertainty),
        "windows": [to_text(w.window_s, Dimension.DURATION) for w in windows],
        "se": [text(w.se_per_s, Dimension.DECAY) for w in windows],
        "se_uncertainty": [relative(w.uncertainty) for w in windows],
        "pieces": [w.pieces for w in windows],
    }

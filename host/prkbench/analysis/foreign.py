"""An imported record of readings as an outcome, so that it is shown like a run of our own."""

from __future__ import annotations

from typing import Any

import numpy as np

from prkbench.analysis.conclude import Earlier
from prkbench.analysis.conversion import Conversion
from prkbench.analysis.outcome import NO_VERDICT, SEALED, Check, EventNote, Outcome, Series
from prkbench.analysis.readings import (
    TEMPERATURE_SWING_K,
    ReadingsResult,
    analyze_readings,
)
from prkbench.analysis.readingviews import add_reading_views
from prkbench.analysis.several import by_procedure, campaign_of_readings
from prkbench.analysis.verdict import show
from prkbench.errors import DataError, UsageError
from prkbench.law import LAWS, Law
from prkbench.runfile import RunFile

_NO_VERDICT_EXIT = 5
_UNDECIDED = (NO_VERDICT, "CANNOT TELL", "SENSOR")


def examine_readings(
    file: RunFile,
    law: str | None,
    limit_lb_per_day: float | None = None,
    earlier: Earlier | None = None,
) -> Outcome:
    """Analyse the readings of a run file, `earlier` an earlier test of the same volume.

    UsageError for a law that does not exist.
    """
    if law is not None and law not in LAWS:
        raise UsageError(f"--law {law}: no such flow law, expected one of {', '.join(LAWS)}")
    readings = file.readings()
    if readings is None:
        raise DataError(f"{file.path}: the file holds no readings")
    meta = file.meta
    volume = meta.get("volume_m3")
    swing = meta.get("temperature_swing_k")
    result = analyze_readings(
        readings,
        law,
        volume_m3=volume,
        limit_lb_per_day=limit_lb_per_day,
        temperature_swing_k=TEMPERATURE_SWING_K if swing is None else float(swing),
        pressure_resolution_pa=meta.get("pressure_resolution_pa"),
        temperature_resolution_k=meta.get("temperature_resolution_k"),
        gaps=int(meta.get("gaps") or 0),
    )
    conversion = Conversion.for_volume(volume) if volume else Conversion()
    faults = file.check()
    notes = [str(note) for note in meta.get("notes") or []]
    outcome = Outcome(
        title=str(meta.get("title") or meta.get("file") or file.path.stem),
        verdict=result.verdict,
        sentence=_sentence(result),
        k_per_s=result.k_per_s,
        k_se_per_s=result.k_se_per_s,
        rate_lb_per_day=result.rate_lb_per_day,
        rate_kg_per_day=result.rate_kg_per_day,
        interval95_lb_per_day=result.interval95_lb_per_day,
        interval95_with_volume_lb_per_day=result.interval95_with_volume_lb_per_day,
        upper_limit95_lb_per_day=result.upper_limit95_lb_per_day,
        law=_law(result),
        conditions=(
            f"at {conversion.pressure_pa / 1000:.1f} kPa into vacuum, "
            f"{conversion.temperature_k:.0f} K, V = {conversion.volume_m3:g} m3"
            + ("" if volume else " (assumed)")
        ),
        samples=result.samples,
        blocks=0,
        gaps=result.gaps,
        duration_s=result.duration_s,
        reasons=[*result.reasons, *notes],
        checks=[
            Check("integrity", not faults, faults[0] if faults else "hash chain whole"),
            Check("replay", None, "imported readings hold no raw counts to replay"),
        ],
        simulated=bool(meta.get("simulated")),
        events=[EventNote(t_s / 3600.0, "log", text) for t_s, text in meta.get("events") or []],
        head=file.head(),
        provenance={
            "run file": file.path.name,
            "imported from": str(meta.get("file")),
            "SHA-256 of it": str(meta.get("file_sha256")),
        },
        series=_series(readings),
    )
    add_reading_views(
        outcome, readings, result, conversion, limit_lb_per_day, meta.get("pressure_resolution_pa")
    )
    if limit_lb_per_day is not None:
        _hold_against(outcome, result, limit_lb_per_day)
    if any(result.verdict.startswith(word) for word in _UNDECIDED):
        outcome.exit_code = _NO_VERDICT_EXIT
    if faults:
        outcome.exit_code = 4
        outcome.reasons.append(f"integrity FAILED: {faults[0]}")
    if result.verdict == SEALED:
        outcome.verdict = f"{SEALED} (< {show(result.upper_limit95_lb_per_day)} lb/day)"
    campaign = campaign_of_readings(readings, meta, conversion, _named(law))
    if by_procedure(outcome, campaign, earlier, limit_lb_per_day) and faults:
        outcome.exit_code = 4
    return outcome


def _named(law: str | None) -> Law | None:
    return next((known for known in LAWS if known == law), None)


def _hold_against(outcome: Outcome, result: ReadingsResult, limit: float) -> None:
    """A limit is only ever the user's: status 1 above it, 0 below, else undecided."""
    above = result.interval95_lb_per_day[0] > limit
    below = result.upper_limit95_lb_per_day < limit
    outcome.exit_code = 1 if above else 0 if below else _NO_VERDICT_EXIT
    word = "above" if above else "below" if below else "not distinguishable from"
    outcome.sentence += f"; {word} the limit of {show(limit)} lb/day"


def _sentence(result: ReadingsResult) -> str:
    low, high = result.interval95_lb_per_day
    hours = result.duration_s / 3600.0
    by_law = ", ".join(
        f"{name} {show(rate.rate_lb_per_day)}" for name, rate in result.by_law.items()
    )
    return (
        f"{result.samples} readings over {hours:.3g} h give {by_law} lb/day, "
        f"all in all between {show(low)} and {show(high)} lb/day"
    )


def _law(result: ReadingsResult) -> dict[str, Any]:
    return {
        "name": result.law,
        "assumed": result.exponent is None,
        "exponent": result.exponent,
        "interval95": result.exponent_interval95,
        "by_law_lb_per_day": {name: rate.rate_lb_per_day for name, rate in result.by_law.items()},
    }


def _series(readings: Any) -> Series:
    n = len(readings)
    nothing = np.full(n, np.nan)
    pressure = np.asarray(readings["pressure_pa"])
    temperature = np.asarray(readings["temperature_k"])
    return Series(
        t_h=np.asarray(readings["t_s"]) / 3600.0,
        pressure_pa=pressure,
        reference_pa=np.asarray(readings["reference_pa"]),
        temperature_k=temperature,
        p_t_pa=pressure * 295.0 / temperature,
        fit_pa=nothing,
        residual_pa=nothing,
        used=np.ones(n, dtype=bool),
    )

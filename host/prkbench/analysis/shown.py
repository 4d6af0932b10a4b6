"""What an examined run shows besides its verdict: the node's own figures, plots, events."""

from __future__ import annotations

from typing import Any

import numpy as np

from prkbench.analysis import correlated, independent
from prkbench.analysis.conversion import Conversion
from prkbench.analysis.nodeview import states_at
from prkbench.analysis.outcome import EventNote, Series
from prkbench.analysis.replay import Replay
from prkbench.nodeevents import told
from prkbench.runfile import Kind, Run, RunFile
from prknode.records import BASIS_NAMES, EVENT_SIZE, NO_SE, RESULT, RESULT_SIZE
from prknode.unpack import EVENT_NAMES, unpack_event

LOGGED = ("MARK", "log")
"""Beginnings of the names of events that are the operator's words."""
_RESULT_DTYPE = np.dtype(
    [
        ("slot", "<u4"), ("state", "u1"), ("basis", "u1"), ("rows", "<u2"), ("long_rows", "<u2"),
        ("segments", "<u2"), ("k", "<i8"), ("se", "<u8"), ("long_k", "<i8"), ("long_se", "<u8"),
        ("p", "<u4"), ("p_ref", "<u4"), ("t", "<u4"),
    ]
)  # fmt: skip
assert _RESULT_DTYPE.itemsize == RESULT_SIZE, RESULT


def device_figures(replay: Replay, conversion: Conversion) -> dict[str, Any] | None:
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


def series_of(
    file: RunFile,
    run: Run,
    blocks: independent.Blocks,
    used: independent.Used,
    host: correlated.HostEstimate | None,
) -> Series:
    """The arrays of the plots, one entry per block; the fit where it was made."""
    t_h = np.asarray((blocks.slot + 0.5) / 60.0, dtype=np.float64)
    p_t = blocks.pressure_pa * (run.setup["t_ref_mk"] / 1000.0) / blocks.temperature_k
    fit = np.full(len(t_h), np.nan)
    counted = np.isin(blocks.slot, used.slot)
    if host is not None and len(used.slot):
        rows = independent.rows_of(used)
        at = np.searchsorted(blocks.slot, rows.slot)
        offset = np.array([host.intercepts.get(int(s), np.nan) for s in rows.segment])
        starts = {int(s): rows.slot[rows.segment == s][0] for s in np.unique(rows.segment)}
        since_s = 60.0 * (rows.slot - np.array([starts[int(s)] for s in rows.segment]))
        fit[at] = offset - host.k_per_s * rows.i + host.d_pa_per_k * rows.d
        fit[at] += host.drift_pa_per_s * since_s
        if host.twin_pa is not None:
            fit[at] += host.twin_pa
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
        state=states_at(raw_events(file, run), t_h),
    )


def raw_events(file: RunFile, run: Run) -> list[tuple[int, int, int | None, int, str]]:
    """The node's events: (us since the start, code, sensor or None, value, text)."""
    payload = file.payload(run.run_id, Kind.EVENT)
    return [
        unpack_event(payload[at : at + EVENT_SIZE]) for at in range(0, len(payload), EVENT_SIZE)
    ]


def event_notes(file: RunFile, run: Run) -> list[EventNote]:
    """The node's events in words."""
    notes = []
    for t_us, code, sensor, value, text in raw_events(file, run):
        what = EVENT_NAMES.get(code, f"event {code}")
        if sensor is not None:
            what += f", sensor {sensor + 1}"
        notes.append(EventNote(t_us / 3.6e9, what, told(code, value, text)))
    return notes

"""The node's own account of a run: its states over time, holds, alarms, and the reserve it tells.

Counts and figures are those of the node's modules in the replay, which is held against what the
node sent.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from prkbench.analysis.conversion import Conversion
from prkbench.analysis.outcome import FloatArray
from prkbench.law import Law
from prknode.compensate import PASCAL_BITS
from prknode.decay import Estimator
from prknode.records import EV_ALARM, EV_HOLD, EV_STATE, NO_SE, STATE_NAMES
from prknode.reserve import reserve

RawEvent = tuple[int, int, int | None, int, str]

_HOUR_US = 3.6e9
_K = 1e-18
_LAWS: dict[Law, str] = {"linear": "LINEAR", "viscous": "VISCOUS", "choked": "CHOKED"}


def states_at(events: list[RawEvent], t_h: FloatArray) -> FloatArray:
    """Return the node's state (records.*) at these hours; NaN before it told any."""
    changes = [(t_us / _HOUR_US, value) for t_us, code, _, value, _ in events if code == EV_STATE]
    if not changes:
        return np.full(len(t_h), np.nan)
    times = np.array([t for t, _ in changes])
    values = np.array([np.nan, *(float(value) for _, value in changes)])
    found: FloatArray = values[np.searchsorted(times, t_h, side="right")]
    return found


def node_view(
    events: list[RawEvent],
    duration_h: float,
    estimator: Estimator,
    conversion: Conversion,
    law: Law,
    norm_pa: float,
    minimum_pa: float | None,
) -> dict[str, Any]:
    """For --json and the page: `states`, `hours`, `hold`, `reserve`, `alarms`.

    states: each change, {t_h, state}; hours: spent in each state; hold: None where nothing was
    repressed; reserve: None without the user's minimum pressure or an estimate.
    """
    changes = [
        (t_us / _HOUR_US, STATE_NAMES[value])
        for t_us, code, _, value, _ in events
        if code == EV_STATE
    ]
    hours: dict[str, float] = {}
    ends = [*(t_h for t_h, _ in changes[1:]), duration_h]
    for (t_h, state), end in zip(changes, ends, strict=False):
        hours[state] = hours.get(state, 0.0) + max(0.0, end - t_h)
    return {
        "states": [{"t_h": t_h, "state": state} for t_h, state in changes],
        "hours": hours,
        "hold": _hold(events, estimator, conversion),
        "reserve": _reserve(estimator, law, norm_pa, minimum_pa),
        "alarms": [
            {"t_h": t_us / _HOUR_US, "what": text, "value": value}
            for t_us, code, _, value, text in events
            if code == EV_ALARM
        ],
    }


def _hold(
    events: list[RawEvent], estimator: Estimator, conversion: Conversion
) -> dict[str, Any] | None:
    teeth = estimator.teeth
    if not teeth.count:
        return None
    bands = [text for _, code, _, value, text in events if code == EV_HOLD and value]
    k, se = teeth.mean()
    known, sure = teeth.number > 0, se != NO_SE
    return {
        "band": bands[-1] if bands else None,
        "represses": teeth.count,
        "teeth": teeth.number,
        "k_per_s": k * _K if known else None,
        "k_se_per_s": se * _K if sure else None,
        "rate_lb_per_day": conversion.rate_lb_per_day(k * _K) if known else None,
        "se_lb_per_day": conversion.rate_lb_per_day(se * _K) if sure else None,
    }


def _reserve(
    estimator: Estimator, law: Law, norm_pa: float, minimum_pa: float | None
) -> dict[str, Any] | None:
    estimate, last = estimator.estimate, estimator.last
    if minimum_pa is None or estimate is None or last is None or estimate.se == NO_SE:
        return None
    one = 1 << PASCAL_BITS
    times = reserve(
        _LAWS.get(law, "LINEAR"), estimate.k, estimate.se, last.p, last.p_ref,
        round(norm_pa) * one, round(minimum_pa) * one,
    )  # fmt: skip
    best, shortest, longest = (np.inf if t is None else t / 3600.0 for t in times)
    return {
        "minimum_pressure_pa": minimum_pa,
        "from_pressure_pa": last.p / one,
        "time_h": best,
        "interval95_h": [shortest, longest],
    }

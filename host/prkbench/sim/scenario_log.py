"""What happened on a stage, and what of it the operator wrote down."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from prkbench.sim.scenario import (
    HoldEvent,
    LevelEvent,
    RateEvent,
    RoomEvent,
    Stage,
    ValveEvent,
    VolumeEvent,
)
from prkbench.units import to_lb_per_day

Happening = tuple[float, str, str, object]
"""As the plant tells it: time in s, kind, vessel or passage, detail."""


REPRESS = "repress"
"""How the plant calls a hold's fill."""


@dataclass(frozen=True)
class Entry:
    """Something that happened: when, what it truly was, and the operator's words (None: none)."""

    t_s: float
    truth: str
    log: str | None


def entries(stage: Stage, happenings: Iterable[Happening]) -> list[Entry]:
    """Return everything that happened in order of time; controllers' represses one by one."""
    represses = [(t_s, name) for t_s, kind, name, _ in happenings if kind == REPRESS]
    found = []
    for event in stage.events:
        log = event.log if stage.logged else None
        if not isinstance(event, HoldEvent):
            found.append(Entry(event.t_s, _told(event), log))
            continue
        # What a hold's log says is said of each of its represses.
        found.append(Entry(event.t_s, _told(event), None))
        level = _kpa(event.high_pa)
        found += [
            Entry(t_s, f"{name} repressed to {level} by the hold", log)
            for t_s, name in represses
            if name == event.vessel
        ]
    return sorted(found, key=lambda entry: entry.t_s)


def operators_log(told: Iterable[Entry]) -> list[tuple[float, str]]:
    """Return what was written down: (time in s, words)."""
    return [(entry.t_s, entry.log) for entry in told if entry.log is not None]


def _told(event: Any) -> str:
    """Return the event in words."""
    if isinstance(event, LevelEvent):
        return (
            f"{event.vessel} {'filled' if event.do == 'fill' else 'vented'} to {_kpa(event.to_pa)}"
        )
    if isinstance(event, ValveEvent):
        return f"{event.path} {'opened' if event.do == 'open' else 'shut'}"
    if isinstance(event, RateEvent):
        rate = f"{to_lb_per_day(event.rate_kg_per_s or 0.0):.3g} lb/day"
        if event.until_s is not None:
            return f"{event.path} begins to change, to {rate} at {event.until_s / 3600.0:.4g} h"
        return f"{event.path} now {rate}"
    if isinstance(event, VolumeEvent):
        return f"{event.vessel} now {event.volume_m3 * 1e3:.4g} L"
    if isinstance(event, RoomEvent):
        how = f" over {event.over_s / 3600.0:.3g} h" if event.over_s else ""
        how = f", dying away in {event.tau_s / 60.0:.3g} min" if event.tau_s else how
        return f"room {event.change_k:+.3g} K{how}"
    if isinstance(event, HoldEvent):
        return f"{event.vessel} held between {_kpa(event.low_pa)} and {_kpa(event.high_pa)}"
    return "no change"


def _kpa(pressure_pa: float) -> str:
    return f"{pressure_pa / 1000.0:.4g} kPa"

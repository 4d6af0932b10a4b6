"""The truth of a scenario in series to draw and figures to compare with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from prkbench.sim.plant.plant import Plant
from prkbench.sim.scenario import RateEvent, Stage, ValveEvent, VolumeEvent
from prkbench.sim.surroundings import FloatArray
from prkbench.units import to_lb_per_day

_POINTS = 2000


@dataclass(frozen=True)
class Course:
    """Pressure (Pa) and temperature (K) of one vessel against time."""

    pressure_pa: FloatArray
    temperature_k: FloatArray


@dataclass(frozen=True)
class TruthSeries:
    """Times in s, the course of every vessel, and the rate of every leak in lb/day PrK."""

    t_s: FloatArray
    vessels: dict[str, Course]
    rates: dict[str, FloatArray]


def truth_series(stage: Stage, plant: Plant, points: int = _POINTS) -> TruthSeries:
    """Return what truly happened, with points on both sides of every step."""
    steps = [t for t in _event_times(stage, plant) if 0.0 < t < stage.duration_s]
    even = np.linspace(0.0, stage.duration_s, points)
    t_s = np.unique(np.concatenate([even, np.array(steps), np.array(steps) - 1e-3]))
    series = plant.series(t_s)
    return TruthSeries(
        t_s,
        {
            name: Course(series[name]["pressure_pa"], series[name]["gas_k"])
            for name in stage.vessels
        },
        {name: leak_rate(stage, name, t_s) for name, path in stage.paths.items()
         if path.law != "open"},
    )  # fmt: skip


def _event_times(stage: Stage, plant: Plant) -> list[float]:
    plant.at(stage.duration_s)
    return [event.t_s for event in stage.events] + [h[0] for h in plant.happenings()]


def leak_rate(stage: Stage, path: str, t_s: FloatArray) -> FloatArray:
    """Return the rate of a leak in lb/day (at 101.3 kPa into vacuum) at rising times."""
    rate = np.full(len(t_s), to_lb_per_day(stage.paths[path].rate_kg_per_s or 0.0))
    for event in sorted(stage.events, key=lambda event: event.t_s):
        if not isinstance(event, RateEvent) or event.path != path:
            continue
        after = to_lb_per_day(event.rate_kg_per_s or 0.0)
        later = t_s >= event.t_s
        if event.until_s is None:
            rate[later] = after
        else:
            before = rate[-1]
            share = np.clip((t_s - event.t_s) / (event.until_s - event.t_s), 0.0, 1.0)
            rate[later] = before + (after - before) * share[later]
    return rate


def external_rate(stage: Stage) -> tuple[float, float]:
    """Return the leak out of the tested volume in lb/day: its mean over the record, and its end."""
    t_s = np.linspace(0.0, stage.duration_s, _POINTS + 1)
    total = np.zeros(len(t_s))
    for name, path in stage.paths.items():
        if path.law != "open" and path.to not in stage.vessels and name != "baseline":
            total += leak_rate(stage, name, t_s)
    return float(np.mean(0.5 * (total[1:] + total[:-1]))), float(total[-1])


def steady_rate(stage: Stage) -> float | None:
    """Return the leak in lb/day that one k describes after its last step, None where none does.

    That is: the volume stays what it is, nothing flows in, and what flows out goes by a flow law.
    A baseline counts as leak: gas that leaves is gas that leaves.
    """
    ramped = any(isinstance(e, RateEvent) and e.until_s is not None for e in stage.events)
    shut_off = {event.path for event in stage.events if isinstance(event, ValveEvent)}
    resized = any(isinstance(event, VolumeEvent) for event in stage.events) or any(
        path.law == "open" and {path.source, path.to} <= set(stage.vessels)
        for name, path in stage.paths.items()
        if name in shut_off
    )
    inflow = any(
        path.rate_kg_per_s and path.source not in stage.vessels for path in stage.paths.values()
    )
    lossy = any(vessel.loss_kg_per_s for vessel in stage.vessels.values())
    if ramped or resized or inflow or lossy:
        return None
    baseline = leak_rate(stage, "baseline", np.array([stage.duration_s]))[0] if (
        "baseline" in stage.paths) else 0.0  # fmt: skip
    return external_rate(stage)[1] + float(baseline)

"""Stages as the tests want them: without weather, so that figures worked out by hand come out."""

from typing import TypeVar

from prkbench.sim.plant.plant import Plant
from prkbench.sim.scenario import BenchStage, PrkStage, RoomEvent, Stage
from prkbench.sim.scenario_library import scenario
from prkbench.sim.scenario_plant import plant_of

HOUR, DAY = 3600.0, 86400.0
S = TypeVar("S", bound=Stage)


def prk_stage(name: str) -> PrkStage:
    stage = scenario(name).stage("prk")
    assert isinstance(stage, PrkStage)
    return stage


def bench_stage(name: str) -> BenchStage:
    stage = scenario(name).stage("bench")
    assert isinstance(stage, BenchStage)
    return stage


def at_rest(stage: S, **changes: object) -> S:
    """Return the stage at one temperature, in still air; keep its leaks, fills and valves."""
    still = {"hvac_k": 0.0, "day_k": 0.0, "weather_pa_per_sqrt_h": 0.0}
    room = stage.room.model_copy(update=still)
    events = tuple(event for event in stage.events if not isinstance(event, RoomEvent))
    return stage.model_copy(update={"room": room, "events": events, **changes})


def plant(stage: PrkStage | BenchStage, seed: int = 1) -> Plant:
    return Plant(plant_of(stage), seed)


def slope_pa_per_h(running: Plant, vessel: str, t_s: float, over_s: float = 60.0) -> float:
    """Return dp/dt just after a time: nothing in these vessels changes its slope in a minute."""
    first, last = (running.at(t)[vessel].pressure_pa for t in (t_s, t_s + over_s))
    return (last - first) / over_s * HOUR

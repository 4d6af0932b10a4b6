"""A stage of a scenario as a plant: rates become elements, events become the plant's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from prkbench.analysis.conversion import Conversion
from prkbench.errors import UsageError
from prkbench.sim.elements import (
    Element,
    LinearConductance,
    Orifice,
    Sealed,
    ViscousCapillary,
)
from prkbench.sim.gas import R_AIR
from prkbench.sim.plant.spec import (
    Event,
    Fill,
    Hold,
    Passage,
    PlantSpec,
    Reservoir,
    SetElement,
    SetOpen,
    SetSurroundings,
    SetVolume,
    VentTo,
    Vessel,
)
from prkbench.sim.scenario import (
    BenchStage,
    FlowLaw,
    HoldEvent,
    LevelEvent,
    PathTruth,
    PrkStage,
    RateEvent,
    RoomEvent,
    Stage,
    ValveEvent,
    VolumeEvent,
)
from prkbench.sim.surroundings import Surroundings

TUBE_M = 1.5
"""Length of the tube that stands for a laminar leak: long against its bore, so without end loss."""
_HATCH_TAU_S = 1.0
"""An open hatch evens out the smaller of its two volumes in about this time: as good as at once."""
_RAMP_STEPS = 48
_PRK_PA = 101325.0
_PRK_K = 295.0
_RANGE_PA = (30000.0, 125000.0)
"""What the bench's sensors can measure."""


@dataclass(frozen=True)
class _Thermal:
    """What a vessel has where its table does not say: time constants in s, residual in K."""

    gas_tau_s: float
    wall_tau_s: float
    residual_k: float


# A large compartment is filled and vented slowly, through a valve: its gas keeps the walls'
# temperature, which follow the cabin air in hours.
_PRK_THERMAL = _Thermal(0.0, 10800.0, 0.0)
_BENCH_THERMAL = _Thermal(150.0, 1800.0, 0.010)


def conversion_of(stage: PrkStage | BenchStage) -> Conversion:
    """Return what makes a rate of the vessel told about a decay constant of the stage."""
    told = Conversion.for_volume(stage.volume_m3)
    if isinstance(stage, BenchStage):
        return replace(told, acceleration=stage.acceleration)
    return told


def element_for(law: FlowLaw, rate_kg_per_s: float | None, stage: Stage) -> Element:
    """Return the leak that a rate (at 101.3 kPa into vacuum, 295 K) means on a stage.

    On the bench it is the leak that gives the volume under test the decay constant of the vessel
    told about, `acceleration` times as fast, between the pressures the stage is rated at.
    """
    if not rate_kg_per_s:
        return Sealed()
    high, low, flow = _PRK_PA, 0.0, rate_kg_per_s
    if isinstance(stage, BenchStage):
        high, low = stage.rated_from_pa, stage.rated_to_pa
        k = conversion_of(stage).k_per_s(rate_kg_per_s)
        driving = high if law == "choked" else high - low
        flow = k * driving * stage.tested_m3 / (R_AIR * _PRK_K)
    if law == "viscous":
        return ViscousCapillary.for_flow(flow, high, low, _PRK_K, TUBE_M)
    if law == "choked":
        return Orifice.for_flow(flow, high, low, _PRK_K)
    return LinearConductance.for_flow(flow, high, low, _PRK_K)


def plant_of(stage: PrkStage | BenchStage) -> PlantSpec:
    """Return the plant of a stage; UsageError for what its instrument could not measure."""
    thermal = _PRK_THERMAL
    if isinstance(stage, BenchStage):
        _check_range(stage)
        thermal = _BENCH_THERMAL
    room = stage.room
    events, holds = _happening(stage)
    return PlantSpec(
        vessels=tuple(_vessel(stage, name, thermal) for name in stage.vessels),
        passages=tuple(
            Passage(name, _element(stage, path), path.source, path.to, open=not path.shut)
            for name, path in stage.paths.items()
        ),
        reservoirs=tuple(_reservoirs(stage)),
        surroundings=Surroundings(
            ambient_pa=room.ambient_pa,
            weather_pa_per_sqrt_h=room.weather_pa_per_sqrt_h,
            room_k=room.temperature_k,
            hvac_k=room.hvac_k,
            diurnal_k=room.day_k,
        ),
        events=tuple(events),
        holds=tuple(holds),
    )


def _vessel(stage: Stage, name: str, thermal: _Thermal) -> Vessel:
    truth = stage.vessels[name]

    def given(value: float | None, otherwise: float) -> float:
        return otherwise if value is None else value

    return Vessel(
        name,
        truth.volume_m3,
        truth.pressure_pa,
        truth.temperature_k,
        gas_tau_s=given(truth.gas_tau_s, thermal.gas_tau_s),
        wall_tau_s=given(truth.wall_tau_s, thermal.wall_tau_s),
        residual_rms_k=given(truth.residual_k, thermal.residual_k),
        loss_kg_per_s=given(truth.loss_kg_per_s, 0.0),
    )


def _reservoirs(stage: Stage) -> Iterator[Reservoir]:
    for name, truth in stage.reservoirs.items():
        yield Reservoir(name, truth.pressure_pa)
    ends = {end for path in stage.paths.values() for end in (path.source, path.to)}
    if "vacuum" in ends - set(stage.reservoirs):
        yield Reservoir("vacuum", "vacuum")
    if "ambient" in ends - set(stage.reservoirs):
        yield Reservoir("ambient", "ambient")


def _element(stage: Stage, path: PathTruth) -> Element:
    if path.law != "open":
        return element_for(path.law, path.rate_kg_per_s, stage)
    joined = [
        stage.vessels[end].volume_m3 for end in (path.source, path.to) if end in stage.vessels
    ]
    return LinearConductance(min(joined) / _HATCH_TAU_S)


def _happening(stage: Stage) -> tuple[list[Event], list[Hold]]:
    """Return the plant's events and its controllers."""
    events: list[Event] = []
    holds: list[Hold] = []
    rates = {name: path.rate_kg_per_s or 0.0 for name, path in stage.paths.items()}
    for event in sorted(stage.events, key=lambda event: event.t_s):
        if isinstance(event, LevelEvent):
            kind = Fill if event.do == "fill" else VentTo
            events.append(kind(event.t_s, event.vessel, event.to_pa))
        elif isinstance(event, ValveEvent):
            events.append(SetOpen(event.t_s, event.path, event.do == "open"))
        elif isinstance(event, RateEvent):
            events += _rate_changes(stage, event, rates[event.path])
            rates[event.path] = event.rate_kg_per_s or 0.0
        elif isinstance(event, VolumeEvent):
            events.append(SetVolume(event.t_s, event.vessel, event.volume_m3))
        elif isinstance(event, RoomEvent):
            events.append(
                SetSurroundings(
                    event.t_s, event.change_k, event.tau_s or 0.0, over_s=event.over_s or 0.0
                )
            )
        elif isinstance(event, HoldEvent):
            until = stage.duration_s if event.until_s is None else event.until_s
            holds.append(Hold(event.vessel, event.low_pa, event.high_pa, event.t_s, until))
    return events, holds


def _rate_changes(stage: Stage, event: RateEvent, before: float) -> Iterator[SetElement]:
    """A step, or a ramp of small ones, each at the rate of its middle."""
    law, after = stage.paths[event.path].law, event.rate_kg_per_s or 0.0
    if event.until_s is None:
        yield SetElement(event.t_s, event.path, element_for(law, after, stage))
        return
    step_s = (event.until_s - event.t_s) / _RAMP_STEPS
    for n in range(_RAMP_STEPS):
        rate = before + (after - before) * (n + 0.5) / _RAMP_STEPS
        yield SetElement(event.t_s + n * step_s, event.path, element_for(law, rate, stage))


def _check_range(stage: BenchStage) -> None:
    """A pressure the sensors cannot measure is the plan's fault, and said before anything runs."""
    wanted = [(f"vessel '{name}'", truth.pressure_pa) for name, truth in stage.vessels.items()]
    for event in stage.events:
        if isinstance(event, LevelEvent):
            wanted.append((f"{event.do} of '{event.vessel}'", event.to_pa))
        elif isinstance(event, HoldEvent):
            wanted += [(f"hold of '{event.vessel}'", p) for p in (event.low_pa, event.high_pa)]
    low, high = _RANGE_PA
    for what, pressure in wanted:
        if not low <= pressure <= high:
            raise UsageError(
                f"{what}: {pressure / 100:g} hPa is outside the sensors' range, "
                f"expected {low / 100:g} to {high / 100:g} hPa"
            )

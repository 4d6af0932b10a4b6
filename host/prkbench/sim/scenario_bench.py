"""A scenario at bench scale: the rig, the sensors on its plant, and what the operator types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from prkbench.errors import UsageError
from prkbench.node_setup import ADDRESSES, node_config
from prkbench.rig import Rig
from prkbench.sim.bus import Device
from prkbench.sim.elements import Orifice
from prkbench.sim.gas import R_AIR
from prkbench.sim.plant.events import SetOpen
from prkbench.sim.plant.plant import Plant
from prkbench.sim.plant.spec import Passage, PlantSpec, Reservoir
from prkbench.sim.scenario import BenchStage, HoldEvent, Scenario, SensorFaultTruth
from prkbench.sim.scenario_log import REPRESS, Entry, entries, operators_log
from prkbench.sim.scenario_plant import plant_of
from prkbench.sim.scenario_rig import rig_of
from prkbench.sim.sensor_faults import SensorFault
from prkbench.sim.transducer import TransducerSpec
from prkbench.sim.typed_lines import TypedLines
from prkbench.sim.world import BenchSensor, World

_YEAR_S = 365.25 * 86400.0
_HISTORY_S = 3600.0
_HOLD = "SOURce:PRESsure:HOLD"
_FILL, _SUPPLY = "fill valve", "fill supply"
_SUPPLY_PA, _SUPPLY_K = 4e5, 295.0
_FILL_PA_PER_S = 100.0
"""As fast as a small solenoid valve behind a needle: a band of 2 kPa in twenty seconds."""
_OPENING_LIMIT_MS = 120_000
_SAID_BEFORE_S = 3.0


@dataclass(frozen=True)
class BenchSetUp:
    """One bench scenario with its seed: everything but the node."""

    scenario: Scenario
    stage: BenchStage
    seed: int
    rig: Rig

    def world(self) -> World:
        """Return plant and chips, each chip in the place that its role names."""
        return self._world(plant_of(self.stage))

    def sensors(self) -> dict[tuple[int, int], BenchSensor]:
        """Return the chips by (bus, address)."""
        return self.world().chips

    def devices(self) -> Mapping[tuple[int, int], Device]:
        """Return all that a virtual board finds: the chips, and the valves it has.

        A scenario that holds a pressure leaves that to the node: its fill valve takes the place of
        the plant's own controller.
        """
        return self._world(self._spec(), (_FILL,) if self._held else ()).devices

    def plant(self, moves: Iterable[tuple[float, bool]]) -> Plant:
        """Return the truth of a run whose valve moved so: (time in s, whether it opened)."""
        plant = Plant(self._spec(), self.seed)
        if self._held:
            plant.steer([SetOpen(t_s, _FILL, is_open) for t_s, is_open in moves])
        return plant

    def _spec(self) -> PlantSpec:
        """The plant around a virtual node."""
        spec = plant_of(self.stage)
        if not self._held:
            return spec
        vessel = self._held[0].vessel
        supply = Reservoir(_SUPPLY, _SUPPLY_PA, _SUPPLY_K)
        volume = self.stage.vessels[vessel].volume_m3
        flow = _FILL_PA_PER_S * volume / (R_AIR * _SUPPLY_K)
        valve = Orifice.for_flow(flow, _SUPPLY_PA, self._held[0].high_pa, _SUPPLY_K)
        return replace(
            spec,
            holds=(),
            reservoirs=(*spec.reservoirs, supply),
            passages=(*spec.passages, Passage(_FILL, valve, _SUPPLY, vessel, open=False)),
        )

    def config(self) -> dict[str, Any]:
        """Return config.json of the virtual board: the rig's settings, and its valve if it has."""
        config = node_config(self.rig)
        if self._held:
            config["board"] = {"valves": [{"pin": 0, "role": "FILL"}]}
            config["valve_ms"] = _OPENING_LIMIT_MS
        return config

    @property
    def _held(self) -> list[HoldEvent]:
        """What the node has to hold: its chamber's pressure, from and until when."""
        holds = [event for event in self.stage.events if isinstance(event, HoldEvent)]
        if {event.vessel for event in holds} <= {self.stage.sensors[0]}:
            return holds
        raise UsageError(
            f"scenario {self.scenario.name} holds another vessel than its first sensor's, "
            f"{self.stage.sensors[0]}: no node can do that"
        )

    def _world(self, spec: PlantSpec, valves: Sequence[str] = ()) -> World:
        places = dict(zip(ADDRESSES, self.stage.sensors, strict=False))
        specs: dict[str, TransducerSpec] = {
            role: self._transducer(role) for role in self.stage.sensors
        }
        return World(spec, self.seed, places, specs, valves=valves)

    def _transducer(self, role: str) -> TransducerSpec:
        faults = [fault for fault in self.stage.faults if fault.sensor == role]
        apart = any(fault.kind == "offset" for fault in self.stage.faults)
        return TransducerSpec(
            # A control that sets the sensors apart by so much leaves nothing to chance.
            offset_pa=0.0 if apart else None,
            offset_limit_pa=self.stage.offsets_within_pa,
            faults=tuple(_fault(fault) for fault in faults),
        )

    def entries(self, plant: Plant | None = None) -> list[Entry]:
        """Return everything that happens; its plant is taken to the end for it.

        plant: that of a run through a node, whose represses are the ones to be told.
        """
        plant = plant or Plant(plant_of(self.stage), self.seed, history_s=_HISTORY_S)
        plant.at(self.stage.duration_s)
        happened = [
            (h.t_s, REPRESS, self.stage.sensors[0], h.detail)
            if (h.kind, h.name) == ("open", _FILL)
            else h
            for h in plant.happenings()
        ]
        return entries(self.stage, happened)

    def typed(self) -> TypedLines:
        """Return what the operator types: notes, and the bands that the node is to hold.

        What is noted of a hold's represses is left out: the node writes its own down.
        """
        stage = self.stage.model_copy(
            update={"events": [e for e in self.stage.events if not isinstance(e, HoldEvent)]}
        )
        # Whoever is about to do something says so first, or the node would ring.
        lines = [
            (max(0.0, t_s - _SAID_BEFORE_S), f'MARK "{text}"')
            for t_s, text in operators_log(entries(stage, ()))
        ]
        for hold in self._held:
            lines.append((hold.t_s, f"{_HOLD} {hold.low_pa:.0f},{hold.high_pa:.0f}"))
            if hold.until_s is not None:
                lines.append((hold.until_s, f"{_HOLD} OFF"))
        return TypedLines(lines)


def bench_of(scenario: Scenario, seed: int) -> BenchSetUp:
    """Set a scenario's bench up; UsageError where it has none or the rig fits no node."""
    stage = scenario.stage("bench")
    assert isinstance(stage, BenchStage)
    return BenchSetUp(scenario, stage, seed, rig_of(scenario, stage))


def _fault(truth: SensorFaultTruth) -> SensorFault:
    return SensorFault(
        truth.kind,
        truth.from_s,
        pa_per_s=truth.drift_pa_per_year / _YEAR_S,
        offset_pa=truth.offset_pa,
    )

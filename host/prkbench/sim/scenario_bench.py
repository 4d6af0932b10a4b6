"""A scenario at bench scale: the rig, the sensors on its plant, and what the operator types."""

from __future__ import annotations

from dataclasses import dataclass

from prkbench.node_setup import ADDRESSES
from prkbench.rig import Rig
from prkbench.sim.plant.plant import Plant
from prkbench.sim.scenario import BenchStage, Scenario, SensorFaultTruth
from prkbench.sim.scenario_log import Entry, entries, operators_log
from prkbench.sim.scenario_plant import plant_of
from prkbench.sim.scenario_rig import rig_of
from prkbench.sim.sensor_faults import SensorFault
from prkbench.sim.transducer import TransducerSpec
from prkbench.sim.typed_lines import TypedLines
from prkbench.sim.world import BenchSensor, World

_YEAR_S = 365.25 * 86400.0
_HISTORY_S = 3600.0


@dataclass(frozen=True)
class BenchSetUp:
    """One bench scenario with its seed: everything but the node."""

    scenario: Scenario
    stage: BenchStage
    seed: int
    rig: Rig

    def world(self) -> World:
        """Return plant and chips, each chip in the place that its role names."""
        places = dict(zip(ADDRESSES, self.stage.sensors, strict=False))
        specs: dict[str, TransducerSpec] = {
            role: self._transducer(role) for role in self.stage.sensors
        }
        return World(plant_of(self.stage), self.seed, places, specs)

    def sensors(self) -> dict[tuple[int, int], BenchSensor]:
        """Return the chips by (bus, address)."""
        return self.world().chips

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
        """Return everything that happens, by its plant, which is taken to the end for it."""
        plant = plant or Plant(plant_of(self.stage), self.seed, history_s=_HISTORY_S)
        plant.at(self.stage.duration_s)
        return entries(self.stage, plant.happenings())

    def typed(self) -> TypedLines:
        """Return what the operator writes down, as commands to the node."""
        log = operators_log(self.entries())
        return TypedLines([(t_s, f'MARK "{text}"') for t_s, text in log])


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

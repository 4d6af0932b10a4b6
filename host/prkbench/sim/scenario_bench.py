"""A scenario at bench scale: the rig, the sensors on its plant, and what the operator types."""

from __future__ import annotations

from dataclasses import dataclass, field

from prkbench.node_setup import ADDRESSES
from prkbench.rig import Rig
from prkbench.sim.bmp390_model import CHIP_ID_BMP390
from prkbench.sim.plant.plant import Plant
from prkbench.sim.scenario import BenchStage, Scenario
from prkbench.sim.scenario_log import Entry, entries, operators_log
from prkbench.sim.scenario_plant import plant_of
from prkbench.sim.scenario_rig import rig_of
from prkbench.sim.surroundings import spawn
from prkbench.sim.transducer import Transducer, TransducerSpec
from prkbench.sim.trims import plausible_trim
from prkbench.sim.typed_lines import TypedLines
from prkbench.sim.world import BenchSensor

_TRIMS, _CLOCKS, _SENSORS = 11, 12, 13
_CLOCK_SPREAD = 0.02
HISTORY_S = 3600.0
"""How much of the past a node needs: its chips are taken back by minutes at the most."""


@dataclass(frozen=True)
class BenchSetUp:
    """One bench scenario with its seed: everything but the node."""

    scenario: Scenario
    stage: BenchStage
    seed: int
    rig: Rig
    plant: Plant = field(repr=False)

    def sensors(self, history_s: float | None = None) -> dict[tuple[int, int], BenchSensor]:
        """Return the chips by (bus, address), each in the place that its role names."""
        chips = {}
        for n, (at, role) in enumerate(zip(ADDRESSES, self.stage.sensors, strict=False)):
            trim = plausible_trim(spawn(self.seed, _TRIMS, n))
            clock = float(spawn(self.seed, _CLOCKS, n).uniform(-_CLOCK_SPREAD, _CLOCK_SPREAD))
            own_seed = int(spawn(self.seed, _SENSORS, n).integers(1 << 62))
            spec = TransducerSpec(offset_limit_pa=self.stage.offsets_within_pa)
            element = Transducer(self.plant.source(role), own_seed, spec, history_s=history_s)
            chips[at] = BenchSensor(trim, element, CHIP_ID_BMP390, clock)
        return chips

    def entries(self) -> list[Entry]:
        """Return everything that happens; a plant of its own is taken to the end for it."""
        plant = Plant(plant_of(self.stage), self.seed, history_s=HISTORY_S)
        plant.at(self.stage.duration_s)
        return entries(self.stage, plant.happenings())

    def typed(self) -> TypedLines:
        """Return what the operator writes down, as commands to the node."""
        log = operators_log(self.entries())
        return TypedLines([(t_s, f'MARK "{text}"') for t_s, text in log])


def bench_of(scenario: Scenario, seed: int, history_s: float | None = None) -> BenchSetUp:
    """Set a scenario's bench up; UsageError where it has none or the rig fits no node."""
    stage = scenario.stage("bench")
    assert isinstance(stage, BenchStage)
    plant = Plant(plant_of(stage), seed, history_s=history_s)
    return BenchSetUp(scenario, stage, seed, rig_of(scenario, stage), plant)

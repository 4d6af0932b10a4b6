"""The world of one virtual node: a plant, its sensors, and the chips they sit on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from prkbench.sim.bmp390_model import CHIP_ID_BMP390, Bmp390
from prkbench.sim.chamber import BenchSpec
from prkbench.sim.child.virtual_board import VALVE_BLOCK
from prkbench.sim.plant.plant import Plant
from prkbench.sim.plant.spec import PlantSpec
from prkbench.sim.surroundings import spawn
from prkbench.sim.transducer import Transducer, TransducerSpec
from prkbench.sim.trims import Trim, plausible_trim
from prkbench.sim.valve_block import ValveBlock

_TRIMS, _CLOCKS, _SENSORS = 11, 12, 13
_HISTORY_S = 3600.0
"""Chips are taken back by two rehearsals at the most: a quarter of an hour at the slowest rate."""
_CLOCK_SPREAD = 0.02
"""The chips' own clocks are this far off at the most, relative."""


class BenchSensor(Bmp390):
    """A chip with its sensing element on the bench; both can be taken back together."""

    def __init__(self, trim: Trim, transducer: Transducer, chip_id: int, clock_error: float):
        self.transducer = transducer
        super().__init__(trim, transducer.measure, chip_id=chip_id, clock_error=clock_error)

    def save(self) -> object:
        """Return all that can change, noise draws included."""
        return super().save(), self.transducer.save()

    def restore(self, saved: object) -> None:
        """Go back to what `save` returned."""
        assert isinstance(saved, tuple)
        chip, draws = saved
        super().restore(chip)
        self.transducer.restore(draws)


class World:
    """Everything around a node, deterministic from (spec, seed).

    sensors: (bus, address) -> place: a vessel, a reservoir or "ambient". `transducer` is every
    sensor's, or place -> that sensor's (places it does not name have the usual one). valves: the
    plant's passages that the node's valves are, in their order. `devices` is all that a virtual
    board finds: the chips, and those valves.
    """

    def __init__(
        self,
        spec: PlantSpec | BenchSpec,
        seed: int,
        sensors: Mapping[tuple[int, int], str],
        transducer: TransducerSpec | Mapping[str, TransducerSpec] | None = None,
        chip_id: int = CHIP_ID_BMP390,
        valves: Sequence[str] = (),
    ) -> None:
        self.plant = Plant(spec.plant() if isinstance(spec, BenchSpec) else spec, seed)
        self.chips: dict[tuple[int, int], BenchSensor] = {}
        for n, (at, place) in enumerate(sensors.items()):
            trim = plausible_trim(spawn(seed, _TRIMS, n))
            clock = float(spawn(seed, _CLOCKS, n).uniform(-_CLOCK_SPREAD, _CLOCK_SPREAD))
            own_seed = int(spawn(seed, _SENSORS, n).integers(1 << 62))
            own = transducer.get(place) if isinstance(transducer, Mapping) else transducer
            element = Transducer(self.plant.source(place), own_seed, own, history_s=_HISTORY_S)
            self.chips[at] = BenchSensor(trim, element, chip_id, clock)
        elements = [chip.transducer for chip in self.chips.values()]
        self.devices: dict[tuple[int, int], BenchSensor | ValveBlock] = {
            **self.chips,
            VALVE_BLOCK: ValveBlock(self.plant, valves, elements),
        }

"""What the plant costs: a bench day, and how cost grows with length, vessels, runs and passages.

Processor time, the best of several. Run it: python tests/benchmarks/plant_speed.py
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import numpy as np

from prkbench.sim.elements import LinearConductance, Orifice, ViscousCapillary
from prkbench.sim.plant import Passage, Plant, PlantSpec, Reservoir, Vessel
from prkbench.sim.transducer import Transducer

DAY_S = 86400.0
TUBE = ViscousCapillary(0.25e-3, 1.06)
_TRIES = 5


def processor_s(work: Callable[[], object], tries: int = _TRIES) -> float:
    """Best processor time of several runs."""
    times = []
    for _ in range(tries):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def vessel(name: str) -> Vessel:
    """Five litres with heat and residual."""
    return Vessel(name, 5e-3, 1.2e5, residual_rms_k=0.01)


def chain(count: int) -> PlantSpec:
    """Vessels one behind the other, the last leaking into the room."""
    names = [f"v{n}" for n in range(count)]
    passages = [
        Passage(f"p{n}", TUBE, a, b)
        for n, (a, b) in enumerate(zip(names, [*names[1:], "room"], strict=True))
    ]
    return PlantSpec(tuple(map(vessel, names)), tuple(passages), (Reservoir("room"),))


def bench_day(days: float = 1.0, seed: int = 1, count: int = 2) -> None:
    """Vessels, and two sensors' readings at 1 Hz."""
    plant = Plant(chain(count), seed)
    times = np.arange(0.0, days * DAY_S)
    for n, place in enumerate(("v0", "ambient")):
        Transducer(plant.source(place), n).measure_series(times, 16, 2)


def alone(spec: PlantSpec, days: float = 1.0) -> Callable[[], object]:
    """The plant without sensors."""
    return lambda: Plant(spec, 1).at(days * DAY_S - 1.0)


def main() -> None:
    """Print the figures."""
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors; processor seconds")
    day = processor_s(bench_day)
    print(f"bench day at 1 Hz, two vessels, two sensors: {day:.3f} (asked for: under 0.2)")
    one = processor_s(alone(chain(2)))
    print(f"  of which the plant: {one:.3f}")
    print("times what one costs, over how many (1 is linear):")
    for days in (2, 4):
        print(f"  {days} days: {processor_s(lambda d=days: bench_day(d), 2) / day / days:.2f}")
    for runs in (2, 4):
        took = processor_s(lambda r=runs: [bench_day(seed=s) for s in range(r)], 2)
        print(f"  {runs} runs: {took / day / runs:.2f}")
    single = processor_s(alone(chain(1)))
    for count in (2, 3, 4, 6):
        took = processor_s(alone(chain(count)), 3)
        print(f"  {count} vessels (and passages): {took / single / count:.2f}")
    print("stiff ones, a day each, against the two vessels' plant:")
    vent = PlantSpec(
        (vessel("v"),), (Passage("vent", Orifice(3e-3), "v", "room"),), (Reservoir("room"),)
    )
    print(f"  a vent left open: {processor_s(alone(vent), 2) / one:.2f}")
    station = PlantSpec(
        (Vessel("station", 916.0, 101325.0), Vessel("tunnel", 4.0, 101325.0)),
        (
            Passage("hatch", Orifice(0.8), "station", "tunnel"),
            Passage("crack", LinearConductance(6e-6), "tunnel", "space"),
        ),
        (Reservoir("space", "vacuum"),),
    )
    print(f"  station and tunnel, hatch open: {processor_s(alone(station), 2) / one:.2f}")


if __name__ == "__main__":
    main()

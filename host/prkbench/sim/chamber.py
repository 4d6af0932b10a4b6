"""The usual bench: one chamber with its leak, in a room. A plant with the names filled in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from prkbench.errors import UsageError
from prkbench.sim.elements import Element
from prkbench.sim.plant.plant import Plant, Source
from prkbench.sim.plant.spec import Event, Hold, Passage, PlantSpec, Reservoir, Vessel
from prkbench.sim.surroundings import FloatArray, Surroundings

CHAMBER, LEAK, OUTLET = "chamber", "leak", "outlet"


@dataclass(frozen=True)
class BenchSpec:
    """One chamber, its leak and its surroundings.

    `gas_tau_s` is the gas's time constant to the wall at the initial mass: 0 holds the gas at
    wall temperature (isothermal), infinity parts them (adiabatic). `wall_tau_s` is the wall's to
    the room; infinity holds the wall at `initial_k`. The residual is an Ornstein-Uhlenbeck
    temperature that pressure follows and the sensor does not see. `events` and `holds` are the
    plant's, for the vessel "chamber" and the passage "leak".
    """

    element: Element
    volume_m3: float = 5e-3
    initial_pa: float = 120000.0
    initial_k: float = 295.0
    wall_tau_s: float = 1800.0
    gas_tau_s: float = 150.0
    surroundings: Surroundings = field(default_factory=Surroundings)
    residual_rms_k: float = 0.010
    residual_tau_s: float = 1800.0
    events: tuple[Event, ...] = ()
    holds: tuple[Hold, ...] = ()

    def __post_init__(self) -> None:
        for name in ("volume_m3", "initial_pa", "initial_k", "wall_tau_s", "residual_tau_s"):
            value = getattr(self, name)
            if not value > 0.0:
                raise UsageError(f"bench: {name} is {value!r}, expected above zero")
        for name in ("gas_tau_s", "residual_rms_k"):
            value = getattr(self, name)
            if not value >= 0.0:
                raise UsageError(f"bench: {name} is {value!r}, expected zero or above")

    def plant(self) -> PlantSpec:
        """Return the bench as a plant: vessel "chamber", passage "leak", reservoir "outlet"."""
        chamber = Vessel(
            CHAMBER,
            self.volume_m3,
            self.initial_pa,
            self.initial_k,
            gas_tau_s=self.gas_tau_s,
            wall_tau_s=self.wall_tau_s,
            residual_rms_k=self.residual_rms_k,
            residual_tau_s=self.residual_tau_s,
        )
        pumped = self.surroundings.downstream == "vacuum"
        return PlantSpec(
            (chamber,),
            (Passage(LEAK, self.element, CHAMBER, OUTLET),),
            (Reservoir(OUTLET, self.surroundings.vacuum_pa if pumped else "ambient"),),
            self.surroundings,
            self.events,
            self.holds,
        )


class BenchState(NamedTuple):
    """The bench at one moment: pressures in Pa, temperatures in K.

    `gas_k` is the mean gas temperature that pressure follows; `sensor_air_k` is the air around
    the sensor, which lacks the unobservable residual.
    """

    chamber_pa: float
    gas_k: float
    sensor_air_k: float
    ambient_pa: float
    room_k: float


class Bench:
    """One realisation of a bench, deterministic from (spec, seed), with time starting at 0 s."""

    def __init__(self, spec: BenchSpec, seed: int) -> None:
        self.spec = spec
        self.plant = Plant(spec.plant(), seed)
        self.surroundings = self.plant.surroundings

    def at(self, t_s: float) -> BenchState:
        """Return the state at one time (s, from 0 on)."""
        series = self.series(np.array([t_s]))
        return BenchState(*(float(series[name][0]) for name in BenchState._fields))

    def series(self, t_s: FloatArray) -> dict[str, FloatArray]:
        """Return the same as `at` for an array of times, by field name, and `outlet_pa`."""
        chamber = self.plant.series(t_s)[CHAMBER]
        ambient, room = self.surroundings.series(np.asarray(t_s, dtype=np.float64))
        return {
            "chamber_pa": chamber["pressure_pa"],
            "gas_k": chamber["gas_k"],
            "sensor_air_k": chamber["air_k"],
            "ambient_pa": ambient,
            "room_k": room,
            "outlet_pa": self.source(OUTLET)(t_s)[0],
        }

    def source(self, role: str) -> Source:
        """Return what a sensor in this role is surrounded by: chamber, ambient or outlet."""
        return self.plant.source(role)

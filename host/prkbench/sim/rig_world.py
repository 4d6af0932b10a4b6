"""Builds the world that a rig file describes, a little off where the rig file is uncertain."""

from __future__ import annotations

from dataclasses import dataclass, replace

from prkbench.node_setup import ADDRESSES
from prkbench.rig import Rig
from prkbench.sim.chamber import CHAMBER, OUTLET, BenchSpec
from prkbench.sim.elements import Element
from prkbench.sim.elements.scaled import scaled
from prkbench.sim.plant.spec import Passage, PlantSpec, Reservoir
from prkbench.sim.rig_element import decay_constant, element_of
from prkbench.sim.surroundings import Surroundings, spawn
from prkbench.sim.transducer import TransducerSpec
from prkbench.sim.world import World

_TRUTH = 21
# A rig file says nothing of other places: their sensors stand in the room.
_PLACES = {"chamber": CHAMBER, "outlet": OUTLET, "twin": "twin"}


@dataclass(frozen=True)
class Truth:
    """What only the simulator knows: the true decay constant (1/s), volume and element."""

    k_per_s: float
    volume_m3: float
    element: Element


def truth_of(rig: Rig, seed: int) -> Truth:
    """Draw the true volume and element within the rig's standard uncertainties."""
    draws = spawn(seed, _TRUTH).standard_normal(2)
    volume = rig.chamber.volume_m3 * (1.0 + rig.chamber.volume_uncertainty * float(draws[0]))
    element = scaled(element_of(rig), 1.0 + rig.element.uncertainty * float(draws[1]))
    return Truth(decay_constant(element, rig, volume), volume, element)


def surroundings_of(rig: Rig, hvac_k: float = 0.3) -> Surroundings:
    """Room and weather around a rig; mode C has a pumped outlet."""
    reference = rig.chamber.reference_pressure_pa
    pumped = rig.rig.mode == "C"
    return Surroundings(
        ambient_pa=100000.0 if pumped else reference,
        room_k=rig.chamber.temperature_k,
        hvac_k=hvac_k,
        downstream="vacuum" if pumped else "ambient",
        vacuum_pa=reference if pumped else 500.0,
    )


def world_for(
    rig: Rig,
    seed: int,
    *,
    surroundings: Surroundings | None = None,
    transducer: TransducerSpec | None = None,
) -> tuple[World, Truth]:
    """The world of a rig, and the truth about it; deterministic from (rig, seed).

    A sensor in the role "twin" sits in a second, sealed vessel of the same size and start.
    """
    truth = truth_of(rig, seed)
    spec = BenchSpec(
        element=truth.element,
        volume_m3=truth.volume_m3,
        initial_pa=rig.chamber.pressure_pa,
        initial_k=rig.chamber.temperature_k,
        surroundings=surroundings or surroundings_of(rig),
        residual_rms_k=rig.residual.rms_k,
        residual_tau_s=rig.residual.correlation_time_s,
    ).plant()
    spec, valves = _with_valves(spec, rig)
    if "twin" in rig.node.roles:
        twin = replace(spec.vessels[0], name="twin")
        spec = replace(spec, vessels=(*spec.vessels, twin))
    sensors = {
        at: _PLACES.get(role, "ambient")
        for at, role in zip(ADDRESSES, rig.node.roles, strict=False)
    }
    return World(spec, seed, sensors, transducer, valves=valves), truth


def _with_valves(spec: PlantSpec, rig: Rig) -> tuple[PlantSpec, list[str]]:
    """The bench with the rig's valves, all shut, and the passages' names in their order.

    A FILL comes from a supply that stays at its pressure, at the room's temperature; a VENT goes
    where the leak goes.
    """
    names = []
    for n, valve in enumerate(rig.board.valves if rig.board else (), 1):
        name = f"valve {n}"
        source, to = CHAMBER, OUTLET
        if valve.supply_pa is not None:
            bottle = Reservoir(f"supply {n}", valve.supply_pa)
            spec = replace(spec, reservoirs=(*spec.reservoirs, bottle))
            source, to = bottle.name, CHAMBER
        passage = Passage(name, valve.build(), source, to, open=False)
        spec = replace(spec, passages=(*spec.passages, passage))
        names.append(name)
    return spec, names

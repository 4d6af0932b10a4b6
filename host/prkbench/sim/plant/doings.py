"""What an event does to the gas: fills, vents and volumes, at once and with their energy."""

from __future__ import annotations

from dataclasses import dataclass

from prkbench.errors import UsageError
from prkbench.sim.gas import CP_AIR, CV_AIR, GAMMA, R_AIR
from prkbench.sim.plant.balance import Balance
from prkbench.sim.plant.body import Body
from prkbench.sim.plant.spec import (
    Event,
    Fill,
    SetElement,
    SetOpen,
    SetSurroundings,
    SetVolume,
    VentTo,
)


@dataclass
class _Gas:
    """One vessel at the moment of an event. `unseen_k` is the residual."""

    body: Body
    t_s: float
    mass_kg: float
    gas_k: float
    wall_k: float
    unseen_k: float
    pressure_pa: float

    @property
    def volume_m3(self) -> float:
        return self.body.volume_m3(self.t_s, self.wall_k, self.pressure_pa)

    def volume_at(self, pressure_pa: float) -> float:
        return self.body.volume_m3(self.t_s, self.wall_k, pressure_pa)


def _look(balance: Balance, n: int, t_s: float, state: list[float]) -> _Gas:
    now = balance.moment(t_s, state)
    return _Gas(
        balance.bodies[n],
        t_s,
        state[2 * n],
        now.gas[n],
        now.walls[n],
        now.unseen(n)[0],
        now.pressures[n],
    )


def _refuse(event: Fill | VentTo, present_pa: float, wrong: str, right: str) -> UsageError:
    return UsageError(
        f"{'fill' if isinstance(event, Fill) else 'vent'} of {event.vessel!r} at {event.t_s:g} s "
        f"is to {event.to_pa:g} Pa, {wrong} the vessel's {present_pa:.0f} Pa: "
        f"expected a {right} pressure"
    )


def _fill(gas: _Gas, event: Fill) -> tuple[float, float]:
    """Mass and gas temperature after the fill: enthalpy in is energy gained and work done."""
    before, after = gas.volume_m3, gas.volume_at(event.to_pa)
    gained = event.to_pa * after - gas.pressure_pa * before
    if gas.body.isothermal:
        return gas.mass_kg + gained / (R_AIR * (gas.gas_k + gas.unseen_k)), gas.gas_k
    work = 0.5 * (event.to_pa + gas.pressure_pa) * (after - before)
    brought = R_AIR * (GAMMA * event.supply_k + gas.unseen_k)
    added = (gained + (GAMMA - 1.0) * work) / brought
    energy = gas.mass_kg * CV_AIR * gas.gas_k + added * CP_AIR * event.supply_k - work
    mass = gas.mass_kg + added
    return mass, energy / (mass * CV_AIR)


def _vent(gas: _Gas, event: VentTo) -> tuple[float, float]:
    """Mass and gas temperature of what stays, which expands isentropically."""
    true_k = gas.gas_k + gas.unseen_k
    if not gas.body.isothermal:
        true_k *= (event.to_pa / gas.pressure_pa) ** ((GAMMA - 1.0) / GAMMA)
    return event.to_pa * gas.volume_at(event.to_pa) / (R_AIR * true_k), true_k - gas.unseen_k


def _resize(gas: _Gas, event: SetVolume) -> tuple[float, float]:
    """Mass and gas temperature in the new volume."""
    added = event.volume_m3 - gas.body.nominal_m3
    if added <= 0.0:
        if event.added_pa is not None or event.added_k is not None:
            raise UsageError(
                f"volume of {event.vessel!r} at {event.t_s:g} s falls to {event.volume_m3:g} m3, "
                "yet gas is added: leave added_pa and added_k out"
            )
        mass = gas.mass_kg * event.volume_m3 / gas.body.nominal_m3
        gas.body.resize(event.volume_m3)
        return mass, gas.gas_k
    pressure = gas.pressure_pa if event.added_pa is None else event.added_pa
    own_k = gas.gas_k + gas.unseen_k
    more = pressure * added / (R_AIR * (own_k if event.added_k is None else event.added_k))
    added_k = gas.gas_k if event.added_k is None else event.added_k
    mass = gas.mass_kg + more
    gas.body.resize(event.volume_m3)
    return mass, (gas.mass_kg * gas.gas_k + more * added_k) / mass


def apply(balance: Balance, event: Event, t_s: float, state: list[float]) -> tuple[str, str, str]:
    """Let an event happen to the plant and its state; return its kind, whom it met, and details.

    UsageError where the pressure makes it impossible.
    """
    balance.reconfigure()
    if isinstance(event, SetSurroundings):
        parts = [
            f"room {event.room_step_k:+g} K" if event.room_step_k else "",
            f"ambient {event.ambient_step_pa:+g} Pa" if event.ambient_step_pa else "",
        ]
        return "surroundings", "", ", ".join(filter(None, parts))
    if isinstance(event, SetElement | SetOpen):
        vent = balance.vents[event.passage]
        if isinstance(event, SetElement):
            vent.element = event.element
            told = "element", event.passage, str(event.element.law)
        else:
            vent.open = event.open
            told = "open" if event.open else "shut", event.passage, ""
        balance.reconfigure()
        return told
    n = balance.names.index(event.vessel)
    gas = _look(balance, n, t_s, state)
    if isinstance(event, Fill):
        if event.to_pa < gas.pressure_pa:
            raise _refuse(event, gas.pressure_pa, "below", "higher")
        mass, gas_k = _fill(gas, event)
        told = "fill", event.vessel, f"{gas.pressure_pa:.0f} to {event.to_pa:.0f} Pa"
    elif isinstance(event, VentTo):
        if event.to_pa > gas.pressure_pa:
            raise _refuse(event, gas.pressure_pa, "above", "lower")
        mass, gas_k = _vent(gas, event)
        told = "vent", event.vessel, f"{gas.pressure_pa:.0f} to {event.to_pa:.0f} Pa"
    else:
        old = gas.body.nominal_m3
        mass, gas_k = _resize(gas, event)
        told = "volume", event.vessel, f"{old:g} to {event.volume_m3:g} m3"
    state[2 * n], state[2 * n + 1] = mass, mass * CV_AIR * gas_k
    return told

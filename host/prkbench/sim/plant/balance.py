"""The balances of mass and energy: how fast the gas in every vessel changes.

State: mass and internal energy of each vessel in turn. Flows are taken from one end and given to
the other in full, so a closed plant keeps both sums to rounding.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeVar

from prkbench.sim.elements import Element
from prkbench.sim.gas import CP_AIR, CV_AIR, GAMMA, R_AIR
from prkbench.sim.plant.forcing import HEAD, PER_VESSEL
from prkbench.sim.plant.spec import PlantSpec, Vessel
from prkbench.sim.plant.ties import LEVEL_PA, QUICK_S, SLOW_S, Tie, tie_flows
from prkbench.sim.surroundings import GRID_S, FloatArray

# Below this pressure difference flow is in proportion to it: an orifice's conductance at rest
# would be infinite, and real flow is laminar there.
LAMINAR_PA = 0.01
# Heat conducted by thin gas does not fall with its mass, so its time constant does. Gas this
# quick is at its wall's temperature; to follow it closer would only cost steps.
_QUICKEST_GAS_S = 10.0


class StepTooLongError(ArithmeticError):
    """A trial step emptied a vessel."""


@dataclass
class Vent:
    """A passage as it is now, its ends as numbers: vessels first, then reservoirs."""

    name: str
    element: Element
    a: int
    b: int
    open: bool


def flow_kg_s(element: Element, a_pa: float, b_pa: float, gas_k: float) -> float:
    """Mass flow from a to b, in proportion to the difference where that is minute."""
    drop = a_pa - b_pa
    if drop >= LAMINAR_PA or drop <= -LAMINAR_PA:
        return element.mass_flow(a_pa, b_pa, gas_k)
    if drop == 0.0:
        return 0.0
    low = min(a_pa, b_pa)
    return drop / LAMINAR_PA * element.mass_flow(low + LAMINAR_PA, low, gas_k)


Number = TypeVar("Number", float, FloatArray)


def stretch(vessel: Vessel, t_s: Number, wall_k: Number) -> Number:
    """Volume over the nominal one, at the vessel's initial pressure."""
    warmer = wall_k - vessel.temperature_k
    return 1.0 + vessel.creep_per_s * t_s + vessel.thermal_expansion_per_k * warmer


def yielding_pressure_pa(
    vessel: Vessel, nominal_m3: float, m_r_t: Number, t_s: Number, wall_k: Number
) -> Number:
    """Pressure of gas of this m R T (J) in a vessel that gives way to it."""
    give = nominal_m3 * vessel.compliance_per_pa
    # p (loose + give (p - p0)) = m R T: the root that stays finite without give.
    rest = nominal_m3 * stretch(vessel, t_s, wall_k) - give * vessel.pressure_pa
    pressure: Number = 2.0 * m_r_t / (rest + (rest * rest + 4.0 * give * m_r_t) ** 0.5)
    return pressure


class Body:
    """A vessel's constants, of which an event may change the volume."""

    def __init__(self, vessel: Vessel) -> None:
        self.vessel = vessel
        self.isothermal = vessel.gas_tau_s == 0.0
        self.rigid = not (
            vessel.creep_per_s or vessel.compliance_per_pa or vessel.thermal_expansion_per_k
        )
        self.nominal_m3 = vessel.volume_m3
        mass = vessel.pressure_pa * vessel.volume_m3 / (R_AIR * vessel.temperature_k)
        tau = vessel.gas_tau_s
        self.wall_w_k = 0.0 if self.isothermal else mass * CV_AIR / tau
        self.wall_w_k_per_kg = CV_AIR / min(tau, _QUICKEST_GAS_S) if tau else 0.0
        self.sources = bool(vessel.loss_kg_per_s or vessel.sorption_kg)

    def resize(self, volume_m3: float) -> None:
        """Take another nominal volume, with as much more wall."""
        self.wall_w_k *= volume_m3 / self.nominal_m3
        self.nominal_m3 = volume_m3

    def loose_m3(self, t_s: float, wall_k: float) -> float:
        """Volume that the vessel would have at its initial pressure."""
        return self.nominal_m3 * stretch(self.vessel, t_s, wall_k)

    def volume_m3(self, t_s: float, wall_k: float, pressure_pa: float) -> float:
        """Volume under a pressure."""
        give = self.nominal_m3 * self.vessel.compliance_per_pa
        return self.loose_m3(t_s, wall_k) + give * (pressure_pa - self.vessel.pressure_pa)


class Balance:
    """Rates of the whole plant in its present configuration.

    `drive` gives it the driving table of the time that `rates(t_s, state)` is asked for.
    """

    def __init__(self, spec: PlantSpec) -> None:
        self.bodies = [Body(v) for v in spec.vessels]
        self.names = [v.name for v in spec.vessels]
        self.ends = [*self.names, *(r.name for r in spec.reservoirs)]
        self.reservoirs = [
            (r.pressure if not isinstance(r.pressure, str) else 0.0,
             r.pressure == "ambient", r.temperature_k)
            for r in spec.reservoirs
        ]  # fmt: skip
        self.vents = {
            p.name: Vent(p.name, p.element, self.ends.index(p.a), self.ends.index(p.b), p.open)
            for p in spec.passages
        }
        self.ties: dict[str, Tie] = {}
        self.reconfigure()

    def reconfigure(self) -> None:
        """Take note that passages or volumes were changed; ties end."""
        self.ties.clear()
        self._pick_loose()

    def _pick_loose(self) -> None:
        self._loose = [
            (v.element, v.a, v.b) for v in self.vents.values() if v.open and v.name not in self.ties
        ]

    def tie(self, tie: Tie) -> None:
        """Let the ends of a passage follow each other from now on."""
        self.ties[tie.name] = tie
        self._pick_loose()

    def untie(self, name: str) -> None:
        """Let a passage flow by its own law again."""
        del self.ties[name]
        self._pick_loose()

    def drive(self, rows: list[list[float]]) -> None:
        """Take the driving rows of the time to come."""
        self._rows = rows
        self._first = int(rows[0][0] / GRID_S)
        self.aim(math.inf)

    def aim(self, until_s: float) -> None:
        """Let steps end at this time: at it, slopes of straight lines are those before it."""
        self._until_s = until_s
        index = math.ceil(until_s / GRID_S) - 1 - self._first if until_s < math.inf else -1
        self._last = self._rows[min(index, len(self._rows) - 1)]

    def row(self, t_s: float) -> list[float]:
        """Return the driving row that holds at this time."""
        if t_s >= self._until_s:
            return self._last
        index = int(t_s / GRID_S) - self._first
        return self._rows[index] if index < len(self._rows) else self._rows[-1]

    def conditions(
        self, t_s: float, state: list[float]
    ) -> tuple[list[float], list[float], list[float]]:
        """Return pressure and gas temperature (unseen residual left out) of every end; walls."""
        row = self.row(t_s)
        s = t_s - row[0]
        pressures, gas, walls = [], [], []
        j, k = HEAD, 0
        for body in self.bodies:
            m, u = state[k], state[k + 1]
            if m <= 0.0 or u <= 0.0:
                raise StepTooLongError
            wall = row[j] + s * (row[j + 1] + s * (row[j + 2] + s * row[j + 3]))
            t = wall if body.isothermal else u / (m * CV_AIR)
            m_r_t = m * R_AIR * (t + row[j + 4] + s * row[j + 5])
            if body.rigid:
                pressures.append(m_r_t / body.nominal_m3)
            else:
                pressures.append(
                    yielding_pressure_pa(body.vessel, body.nominal_m3, m_r_t, t_s, wall)
                )
            gas.append(t)
            walls.append(wall)
            j += PER_VESSEL
            k += 2
        if self.reservoirs:
            ambient, room = row[1] + s * row[2], row[3] + s * row[4]
            for fixed, is_ambient, own_k in self.reservoirs:
                pressures.append(ambient if is_ambient else fixed)
                gas.append(room if own_k is None else own_k)
        return pressures, gas, walls

    def rates(self, t_s: float, state: list[float]) -> list[float]:
        """Return kg/s and W for every vessel in turn."""
        pressures, gas, walls = self.conditions(t_s, state)
        rates = [0.0] * (2 * len(pressures))
        for element, a, b in self._loose:
            p_a, p_b = pressures[a], pressures[b]
            # The gas in the passage has the temperature of the side it comes from.
            t = gas[a] if p_a >= p_b else gas[b]
            if -LAMINAR_PA < p_a - p_b < LAMINAR_PA:
                flow = flow_kg_s(element, p_a, p_b, t)
            else:
                flow = element.mass_flow(p_a, p_b, t)
            heat = flow * CP_AIR * t
            rates[2 * a] -= flow
            rates[2 * a + 1] -= heat
            rates[2 * b] += flow
            rates[2 * b + 1] += heat
        k = 0
        for n, body in enumerate(self.bodies):
            if body.wall_w_k:
                conducted = body.wall_w_k_per_kg * state[k]
                if body.wall_w_k < conducted:
                    conducted = body.wall_w_k
                rates[k + 1] += conducted * (walls[n] - gas[n])
            if body.sources:
                self._add_sources(body, t_s, gas[n], walls[n], rates, k)
            k += 2
        if self.ties:
            slopes = self.pressure_slopes(t_s, state, pressures, rates)
            for tie, flow, t in tie_flows(self, t_s, pressures, gas, slopes):
                heat = flow * CP_AIR * t
                rates[2 * tie.a] -= flow
                rates[2 * tie.a + 1] -= heat
                rates[2 * tie.b] += flow
                rates[2 * tie.b + 1] += heat
        del rates[k:]
        for n, body in enumerate(self.bodies):
            if body.isothermal:
                rates[2 * n + 1] = 0.0
            elif not body.rigid:
                slope = self._pressure_slope(n, t_s, state, pressures[n], rates)
                give = body.nominal_m3 * body.vessel.compliance_per_pa
                growth = self._growth_m3_s(n, t_s) + give * slope
                rates[2 * n + 1] -= pressures[n] * growth
        return rates

    @staticmethod
    def _add_sources(
        body: Body, t_s: float, gas_k: float, wall_k: float, rates: list[float], k: int
    ) -> None:
        vessel = body.vessel
        rates[k] -= vessel.loss_kg_per_s
        rates[k + 1] -= vessel.loss_kg_per_s * CP_AIR * gas_k
        tau = vessel.sorption_tau_s
        given = vessel.sorption_kg / tau * math.exp(-t_s / tau)
        rates[k] += given
        rates[k + 1] += given * CP_AIR * (wall_k if given > 0.0 else gas_k)

    def _wall_slope(self, n: int, t_s: float) -> float:
        row = self.row(t_s)
        s, j = t_s - row[0], HEAD + PER_VESSEL * n
        return row[j + 1] + s * (2.0 * row[j + 2] + s * 3.0 * row[j + 3])

    def _growth_m3_s(self, n: int, t_s: float) -> float:
        """How fast a vessel's volume grows at constant pressure."""
        body = self.bodies[n]
        v = body.vessel
        return body.nominal_m3 * (
            v.creep_per_s + v.thermal_expansion_per_k * self._wall_slope(n, t_s)
        )

    def _room_for(self, n: int, t_s: float, pressure_pa: float) -> float:
        """Volume that a change of m R T finds, m3: a yielding vessel seems larger."""
        body = self.bodies[n]
        if body.rigid:
            return body.nominal_m3
        row = self.row(t_s)
        s, j = t_s - row[0], HEAD + PER_VESSEL * n
        wall = row[j] + s * (row[j + 1] + s * (row[j + 2] + s * row[j + 3]))
        give = body.nominal_m3 * body.vessel.compliance_per_pa
        return (
            body.volume_m3(t_s, wall, pressure_pa)
            + (1.0 if body.isothermal else GAMMA) * pressure_pa * give
        )

    def _pressure_slope(
        self, n: int, t_s: float, state: list[float], pressure_pa: float, rates: list[float]
    ) -> float:
        """Pa/s of a vessel that these kg/s and W enter; the work it does is not in them."""
        body = self.bodies[n]
        row = self.row(t_s)
        s, j = t_s - row[0], HEAD + PER_VESSEL * n
        unseen = row[j + 4] + s * row[j + 5]
        mass, gained = state[2 * n], rates[2 * n]
        rise = R_AIR * (gained * unseen + mass * row[j + 5])
        if body.isothermal:
            wall = row[j] + s * (row[j + 1] + s * (row[j + 2] + s * row[j + 3]))
            rise += R_AIR * (gained * wall + mass * self._wall_slope(n, t_s))
        else:
            rise += (GAMMA - 1.0) * rates[2 * n + 1]
        if not body.rigid:
            stiffness = 1.0 if body.isothermal else GAMMA
            rise -= stiffness * pressure_pa * self._growth_m3_s(n, t_s)
        return rise / self._room_for(n, t_s, pressure_pa)

    def pressure_slopes(
        self, t_s: float, state: list[float], pressures: list[float], rates: list[float]
    ) -> list[float]:
        """Pa/s of every end, for these rates of the vessels."""
        count = len(self.bodies)
        slopes = [self._pressure_slope(n, t_s, state, pressures[n], rates) for n in range(count)]
        ambient = self.row(t_s)[2]
        return slopes + [ambient if is_ambient else 0.0 for _, is_ambient, _ in self.reservoirs]

    def pascal_per_kg(self, end: int, t_s: float, pressures: list[float], gas_k: float) -> float:
        """By how much gas of this temperature raises the pressure of an end, Pa/kg."""
        if end >= len(self.bodies):
            return 0.0
        row = self.row(t_s)
        s, j = t_s - row[0], HEAD + PER_VESSEL * end
        t = row[j + 4] + s * row[j + 5]
        if self.bodies[end].isothermal:
            t += row[j] + s * (row[j + 1] + s * (row[j + 2] + s * row[j + 3]))
        else:
            t += GAMMA * gas_k
        return R_AIR * t / self._room_for(end, t_s, pressures[end])

    def law_kg_s(self, tie: Tie, pressures: list[float], gas_k: float) -> float:
        """Flow of a passage by its own law."""
        return flow_kg_s(tie.element, pressures[tie.a], pressures[tie.b], gas_k)

    def levelling_s(
        self, tie: Tie, pascal_per_kg: float, pressures: list[float], gas_k: float
    ) -> float:
        """Time constant with which a passage levels its ends by its own law."""
        low = min(pressures[tie.a], pressures[tie.b])
        drop = max(abs(pressures[tie.a] - pressures[tie.b]), LAMINAR_PA)
        flow = abs(tie.element.mass_flow(low + drop, low, gas_k))
        return drop / (flow * pascal_per_kg) if flow > 0.0 else math.inf

    def retie(self, t_s: float, state: list[float], rates: list[float]) -> bool:
        """Tie passages whose ends are level and would be so at once; untie slow ones.

        Returns whether anything changed.
        """
        pressures, gas, _ = self.conditions(t_s, state)
        slopes = self.pressure_slopes(t_s, state, pressures, rates)
        before = set(self.ties)
        for vent in self.vents.values():
            if not vent.open:
                continue
            tie = Tie(vent.name, vent.element, vent.a, vent.b)
            a, b = vent.a, vent.b
            t = gas[a] if pressures[a] >= pressures[b] else gas[b]
            gain = self.pascal_per_kg(a, t_s, pressures, t)
            gain += self.pascal_per_kg(b, t_s, pressures, t)
            lasts = self.levelling_s(tie, gain, pressures, t) if gain > 0.0 else math.inf
            if vent.name in self.ties:
                if lasts > SLOW_S:
                    self.untie(vent.name)
            elif lasts < QUICK_S and lasts * abs(slopes[a] - slopes[b]) < LEVEL_PA:
                self.tie(tie)
        return before != set(self.ties)

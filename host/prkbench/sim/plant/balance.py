"""The balances of mass and energy: how fast the gas in every vessel changes.

State: mass and internal energy of each vessel in turn. Flows are taken from one end and given to
the other in full, so a closed plant keeps both sums to rounding.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from prkbench.sim.elements import Element
from prkbench.sim.gas import CP_AIR, CV_AIR, R_AIR
from prkbench.sim.plant.body import LAMINAR_PA, Body, Vent, flow_kg_s, yielding_pressure_pa
from prkbench.sim.plant.forcing import HEAD, PER_VESSEL
from prkbench.sim.plant.slopes import Moment, pressure_slope, work_w
from prkbench.sim.plant.spec import PlantSpec
from prkbench.sim.plant.ties import should_tie, tie_flows
from prkbench.sim.surroundings import GRID_S


class Configuration(NamedTuple):
    """Element and state of each passage, volume and wall of each vessel, passages tied."""

    passages: dict[str, tuple[Element, bool]]
    bodies: list[tuple[float, float]]
    ties: set[str]


class StepTooLongError(ArithmeticError):
    """A trial step emptied a vessel."""


class Balance:
    """Rates of the whole plant in its present configuration.

    `drive` gives it the driving table of the time that `rates(t_s, state)` is asked for.
    """

    def __init__(self, spec: PlantSpec) -> None:
        self.bodies = [Body(v) for v in spec.vessels]
        self.names = [v.name for v in spec.vessels]
        ends = [*self.names, *(r.name for r in spec.reservoirs)]
        self._reservoirs = [
            (
                0.0 if isinstance(r.pressure, str) else r.pressure,
                r.pressure == "ambient",
                r.temperature_k,
            )
            for r in spec.reservoirs
        ]
        self.vents = {
            p.name: Vent(p.name, p.element, ends.index(p.a), ends.index(p.b), p.open)
            for p in spec.passages
        }
        self.ties: dict[str, Vent] = {}
        self.reconfigure()

    def reconfigure(self) -> None:
        """Take note that passages, volumes or pressures were changed; ties end."""
        self.ties.clear()
        self._pick_loose()

    def _pick_loose(self) -> None:
        self._loose = [
            (v.element, v.a, v.b) for v in self.vents.values() if v.open and v.name not in self.ties
        ]

    def save(self) -> Configuration:
        """Return what events change of the plant, for `restore`."""
        return Configuration(
            {name: (vent.element, vent.open) for name, vent in self.vents.items()},
            [(body.nominal_m3, body.wall_w_k) for body in self.bodies],
            set(self.ties),
        )

    def restore(self, saved: Configuration) -> None:
        """Go back to what `save` returned."""
        for name, (element, is_open) in saved.passages.items():
            self.vents[name].element, self.vents[name].open = element, is_open
        for body, (nominal_m3, wall_w_k) in zip(self.bodies, saved.bodies, strict=True):
            body.nominal_m3, body.wall_w_k = nominal_m3, wall_w_k
        self.ties = {name: self.vents[name] for name in self.vents if name in saved.ties}
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

    def moment(self, t_s: float, state: list[float]) -> Moment:
        """Return pressures and temperatures at a time; StepTooLongError for an empty vessel."""
        row = self.row(t_s)
        return Moment(t_s, row, t_s - row[0], state, *self._conditions(t_s, row, state))

    def _conditions(
        self, t_s: float, row: list[float], state: list[float]
    ) -> tuple[list[float], list[float], list[float]]:
        """Return pressure and gas temperature (residual left out) of every end, and the walls."""
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
        if self._reservoirs:
            ambient, room = row[1] + s * row[2], row[3] + s * row[4]
            for fixed, is_ambient, own_k in self._reservoirs:
                pressures.append(ambient if is_ambient else fixed)
                gas.append(room if own_k is None else own_k)
        return pressures, gas, walls

    def rates(self, t_s: float, state: list[float]) -> list[float]:
        """Return kg/s and W for every vessel in turn; StepTooLongError for an empty vessel."""
        row = self.row(t_s)
        pressures, gas, walls = self._conditions(t_s, row, state)
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
                _add_sources(body, t_s, gas[n], walls[n], rates, k)
            k += 2
        if self.ties:
            now = Moment(t_s, row, t_s - row[0], state, pressures, gas, walls)
            ties = list(self.ties.values())
            for tie, flow, t in tie_flows(self.bodies, ties, now, self._slopes(now, rates)):
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
                now = Moment(t_s, row, t_s - row[0], state, pressures, gas, walls)
                rates[2 * n + 1] -= work_w(body, n, now, rates[2 * n], rates[2 * n + 1])
        return rates

    def _slopes(self, now: Moment, rates: list[float]) -> list[float]:
        """Pa/s of every end, for these rates of the vessels."""
        slopes = [
            pressure_slope(body, n, now, rates[2 * n], rates[2 * n + 1])
            for n, body in enumerate(self.bodies)
        ]
        return slopes + [now.row[2] if ambient else 0.0 for _, ambient, _ in self._reservoirs]

    def retie(self, t_s: float, state: list[float]) -> bool:
        """Tie passages whose ends are level and would be so at once; let slow ones go.

        Returns whether anything changed.
        """
        now = self.moment(t_s, state)
        slopes = self._slopes(now, self.rates(t_s, state))
        before = set(self.ties)
        for name, vent in self.vents.items():
            if vent.open:
                tied = name in self.ties
                if should_tie(self.bodies, vent, tied, now, slopes):
                    self.ties[name] = vent
                elif tied:
                    del self.ties[name]
        self._pick_loose()
        return before != set(self.ties)


def _add_sources(
    body: Body, t_s: float, gas_k: float, wall_k: float, rates: list[float], k: int
) -> None:
    """Add a vessel's steady loss and what its walls give off."""
    vessel = body.vessel
    rates[k] -= vessel.loss_kg_per_s
    rates[k + 1] -= vessel.loss_kg_per_s * CP_AIR * gas_k
    tau = vessel.sorption_tau_s
    given = vessel.sorption_kg / tau * math.exp(-t_s / tau)
    rates[k] += given
    rates[k + 1] += given * CP_AIR * (wall_k if given > 0.0 else gas_k)

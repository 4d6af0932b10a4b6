"""What was integrated, kept so that any time in it can be asked for, many at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from prkbench.sim.gas import CV_AIR, R_AIR
from prkbench.sim.plant.balance import Balance
from prkbench.sim.plant.body import yielding_pressure_pa
from prkbench.sim.plant.forcing import HEAD, PER_VESSEL, Table
from prkbench.sim.plant.stepper import STAGES, dense
from prkbench.sim.surroundings import FloatArray


class VesselSeries(NamedTuple):
    """One vessel at many times, SI; the fields are those of VesselState."""

    pressure_pa: FloatArray
    gas_k: FloatArray
    air_k: FloatArray
    wall_k: FloatArray
    mass_kg: FloatArray


class Steps:
    """The steps between two edges, as the integrator takes them."""

    def __init__(self) -> None:
        self.starts: list[float] = []
        self.lengths: list[float] = []
        self.states: list[float] = []
        self.slopes: list[float] = []

    def add(self, t_s: float, h_s: float, state: list[float], stages: list[list[float]]) -> None:
        """Take one step's start, length, first state and stages' slopes."""
        self.starts.append(t_s)
        self.lengths.append(h_s)
        self.states += state
        for slopes in stages:
            self.slopes += slopes


class Piece:
    """The plant between two edges of time, in one configuration."""

    def __init__(
        self, balance: Balance, table: Table, steps: Steps, start_s: float, end_s: float
    ) -> None:
        self.start_s, self.end_s = start_s, end_s
        self._table = table
        self._vessels = [
            (body.vessel, body.nominal_m3, body.isothermal, body.rigid) for body in balance.bodies
        ]
        count = 2 * len(self._vessels)
        self._starts, self._lengths = np.array(steps.starts), np.array(steps.lengths)
        self._states = np.array(steps.states).reshape(-1, count)
        stages = np.array(steps.slopes).reshape(-1, STAGES, count)
        self._rises = dense(stages.transpose(2, 0, 1)) * self._lengths[:, None]

    def _quantity(self, n: int, index: NDArray[np.intp], x: FloatArray) -> FloatArray:
        """Mass or energy number n in the steps of this index, at fractions x of them."""
        c0, c1, c2, c3 = self._rises[n].take(index, axis=0).T
        value: FloatArray = self._states[:, n].take(index) + x * (c0 + x * (c1 + x * (c2 + x * c3)))
        return value

    def vessel(self, n: int, t_s: FloatArray) -> VesselSeries:
        """Return vessel number n at times in the piece."""
        index = np.searchsorted(self._starts, t_s, side="right") - 1
        x = (t_s - self._starts[index]) / self._lengths[index]
        mass = self._quantity(2 * n, index, x)
        rows, s = self._table.at(t_s)
        j = HEAD + PER_VESSEL * n
        wall = rows[:, j] + s * (rows[:, j + 1] + s * (rows[:, j + 2] + s * rows[:, j + 3]))
        unseen = rows[:, j + 4] + s * rows[:, j + 5]
        vessel, nominal, isothermal, rigid = self._vessels[n]
        air = wall if isothermal else self._quantity(2 * n + 1, index, x) / (mass * CV_AIR)
        gas = air + unseen
        m_r_t = mass * R_AIR * gas
        if rigid:
            pressure = m_r_t / nominal
        else:
            pressure = yielding_pressure_pa(vessel, nominal, m_r_t, t_s, wall)
        return VesselSeries(pressure, gas, air, wall, mass)

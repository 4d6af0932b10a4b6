"""What drives the gas from outside: weather, room, walls and residuals, as pieces of polynomials.

Walls do not feel the gas, so each is the exact lagged response to its room. A table has one row
for every 10 s of the weather's grid and is evaluated one time at a time (by the integrator) or
many at once (by those who ask), with the same figures.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable

import numpy as np

from prkbench.sim.lag import lag_at
from prkbench.sim.plant.spec import PlantSpec, SunPatch, Vessel
from prkbench.sim.surroundings import GRID_S, FloatArray, SurroundingsTrace, spawn

_RESIDUAL = 4
# Draws of a residual are this far apart at the most; each spacing divides the next.
_SPACINGS_S = (600.0, 120.0, 60.0, 20.0, 10.0)
_DRAWS_PER_TAU = 30.0
_DRAWS_AT_ONCE = 60

WEATHER_KINK_S = 60.0
HEAD = 5
"""Columns before the first vessel's: origin, ambient and its slope, room and its slope."""
PER_VESSEL = 6
"""Columns per vessel: the wall's cubic, the residual and its slope."""


class Residual:
    """An Ornstein-Uhlenbeck temperature, straight lines between draws `spacing_s` apart."""

    def __init__(self, vessel: Vessel, seed: int, number: int) -> None:
        fitting = (s for s in _SPACINGS_S if s <= vessel.residual_tau_s / _DRAWS_PER_TAU)
        self.spacing_s = next(fitting, _SPACINGS_S[-1])
        # The first vessel has the generator to itself: others do not disturb it.
        self._rng = spawn(seed, _RESIDUAL, number) if number else spawn(seed, _RESIDUAL)
        self._keep = math.exp(-self.spacing_s / vessel.residual_tau_s)
        self._sigma = vessel.residual_rms_k * math.sqrt(1.0 - self._keep**2)
        self._values = array("d", [vessel.residual_rms_k * float(self._rng.standard_normal())])
        self.still = vessel.residual_rms_k == 0.0

    def series(self, t_s: FloatArray) -> FloatArray:
        """Return the residual in K at rising times."""
        if self.still:
            return np.zeros(len(t_s))
        low, high = int(t_s[0] / self.spacing_s), int(t_s[-1] / self.spacing_s) + 2
        while len(self._values) < high:
            last = self._values[-1]
            for draw in self._rng.standard_normal(_DRAWS_AT_ONCE).tolist():
                last = last * self._keep + self._sigma * draw
                self._values.append(last)
        grid = np.arange(low, high) * self.spacing_s
        return np.interp(t_s, grid, np.frombuffer(self._values[low:high]))


def sun_k(patches: Iterable[SunPatch], t_s: FloatArray) -> FloatArray:
    """Return by how much these patches of sun raise a temperature at each time, K."""
    total = np.zeros(len(t_s))
    for patch in patches:
        part = (np.mod(t_s - patch.from_s, patch.every_s)) / patch.for_s
        total += np.where(part < 1.0, patch.peak_k * np.sin(np.pi * part) ** 2, 0.0)
    return total


class Table:
    """The driving quantities between two edges of time, at which they may jump.

    `rows` hold, for each stretch of the grid, the polynomials in seconds since its origin.
    """

    def __init__(self, rows: FloatArray) -> None:
        self.rows = rows
        self._origins = rows[:, 0].copy()

    def at(self, t_s: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the row for each time and the seconds since its origin."""
        index = np.searchsorted(self._origins, t_s, side="right") - 1
        rows = self.rows[np.maximum(index, 0)]
        return rows, t_s - rows[:, 0]


class Forcing:
    """Makes the tables of a plant one after the other, keeping walls and residuals going."""

    def __init__(self, spec: PlantSpec, seed: int, trace: SurroundingsTrace) -> None:
        self._trace = trace
        self._vessels = spec.vessels
        self._residuals = [Residual(v, seed, n) for n, v in enumerate(spec.vessels)]
        self._walls = [v.temperature_k if v.wall_k is None else v.wall_k for v in spec.vessels]
        self._sun = [
            [p for p in spec.sun if p.on == "wall" and p.place == v.name] for v in spec.vessels
        ]
        kinks = [r.spacing_s for r in self._residuals if not r.still]
        ends = {end for p in spec.passages for end in (p.a, p.b)}
        weather = any(r.name in ends and r.pressure == "ambient" for r in spec.reservoirs)
        if weather and spec.surroundings.weather_pa_per_sqrt_h > 0.0:
            kinks.append(WEATHER_KINK_S)
        self.kink_s = min(kinks, default=math.inf)
        """Multiples of this are where a straight line bends: no step should cross them."""

    def save(self) -> list[float]:
        """Return the walls' temperatures at the end of the last table, for `restore`."""
        return list(self._walls)

    def restore(self, walls: list[float]) -> None:
        """Go back to what `save` returned; the next table begins there."""
        self._walls = list(walls)

    def table(self, start_s: float, end_s: float) -> Table:
        """Return the table from `start_s`, where the one before ended, to `end_s`."""
        first, last = math.floor(start_s / GRID_S) + 1, math.ceil(end_s / GRID_S) - 1
        grid = np.arange(first, last + 1) * GRID_S
        knots = np.concatenate(([start_s], grid, [end_s]))
        steps = np.diff(knots)
        ambient, room = self._trace.series(knots, until_s=start_s)
        columns = [
            knots[:-1],
            ambient[:-1],
            np.diff(ambient) / steps,
            room[:-1],
            np.diff(room) / steps,
        ]
        for n, vessel in enumerate(self._vessels):
            outside = room + sun_k(self._sun[n], knots) if self._sun[n] else room
            wall = lag_at(knots, outside, vessel.wall_tau_s, self._walls[n])
            slope = (outside - wall) / vessel.wall_tau_s
            self._walls[n] = float(wall[-1])
            rise = np.diff(wall) / steps
            unseen = self._residuals[n].series(knots)
            columns += [
                wall[:-1],
                slope[:-1],
                (3.0 * rise - 2.0 * slope[:-1] - slope[1:]) / steps,
                (slope[:-1] + slope[1:] - 2.0 * rise) / steps**2,
                unseen[:-1],
                np.diff(unseen) / steps,
            ]
        return Table(np.column_stack(columns))

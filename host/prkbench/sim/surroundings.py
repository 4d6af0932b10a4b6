"""The room and the weather around the bench: repeatable random series on a 10 s grid.

Between grid points both series are straight lines by definition, so that any integrator may
land on the kinks. Every random purpose has its own generator: switching one off leaves the
others as they were.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from prkbench.errors import UsageError

FloatArray = NDArray[np.float64]

GRID_S = 10.0
WALK_STEPS = 6
"""Grid steps between two draws of the weather's random walk: one a minute."""

CHUNK_S = 3600.0
CHUNK_STEPS = int(CHUNK_S / GRID_S)
_DAY_S = 86400.0


@dataclass(frozen=True)
class Surroundings:
    """What surrounds the chamber.

    `room_k` and `ambient_pa` are the values at time zero. `hvac_k` and `diurnal_k` are peak to
    peak; the HVAC's period is drawn anew for every cycle from `hvac_period_s`. `downstream`
    tells where the leak ends: in the room ("ambient"), or in a pumped outlet at `vacuum_pa`.
    `room_swing` false holds the room at `room_k`.
    """

    ambient_pa: float = 100000.0
    weather_pa_per_sqrt_h: float = 50.0
    ambient_ramp_pa_per_h: float = 0.0
    room_k: float = 295.0
    hvac_k: float = 0.3
    hvac_period_s: tuple[float, float] = (600.0, 1800.0)
    diurnal_k: float = 2.0
    room_swing: bool = True
    downstream: Literal["ambient", "vacuum"] = "ambient"
    vacuum_pa: float = 500.0

    def __post_init__(self) -> None:
        if not (0.0 <= self.vacuum_pa <= 1000.0):
            raise UsageError(
                f"outlet pressure is {self.vacuum_pa:g} Pa, expected 0 to 1000 Pa (10 hPa)"
            )
        if not (self.ambient_pa > 0.0 and self.room_k > 0.0):
            raise UsageError(
                f"ambient is {self.ambient_pa:g} Pa at {self.room_k:g} K, expected both above zero"
            )
        low, high = self.hvac_period_s
        if not (60.0 <= low <= high):
            raise UsageError(
                f"HVAC period is {low:g} to {high:g} s, expected at least 60 s, the shorter first"
            )


@dataclass(frozen=True)
class SetSurroundings:
    """At `t_s` the room or the weather changes by a step, for everything that is in it.

    The room's step decays with `room_tau_s` if that is above zero (a door opened, a transient).
    With `over_s` above zero the change comes as a straight line over that time instead of at
    once, as a programmed temperature does; a ramp does not decay.
    """

    t_s: float
    room_step_k: float = 0.0
    room_tau_s: float = 0.0
    ambient_step_pa: float = 0.0
    over_s: float = 0.0

    def __post_init__(self) -> None:
        for name in ("room_step_k", "room_tau_s", "ambient_step_pa", "over_s"):
            value = getattr(self, name)
            if not math.isfinite(value) or (name in ("room_tau_s", "over_s") and value < 0.0):
                raise UsageError(
                    f"SetSurroundings: {name} is {value!r}, expected a finite number"
                    + ("" if "step" in name else ", zero or above")
                )
        if self.over_s > 0.0 and self.room_tau_s > 0.0:
            raise UsageError("SetSurroundings: over_s and room_tau_s are given, expected one only")

    def share(self, t_s: FloatArray) -> FloatArray:
        """Return how much of the change has come by each time, 0 to 1, without its decay."""
        if self.over_s > 0.0:
            return np.clip((t_s - self.t_s) / self.over_s, 0.0, 1.0)
        return (t_s >= self.t_s).astype(np.float64)

    def room_k(self, t_s: FloatArray) -> FloatArray:
        """Return what it adds to the room's temperature at each time."""
        change = self.room_step_k * self.share(t_s)
        if self.room_tau_s > 0.0:
            change *= np.exp(-np.maximum(t_s - self.t_s, 0.0) / self.room_tau_s)
        return change


def spawn(seed: int, *purpose: int) -> np.random.Generator:
    """Return an independent generator for one purpose of one seed."""
    return np.random.Generator(
        np.random.PCG64(np.random.SeedSequence(entropy=seed, spawn_key=purpose))
    )


class SurroundingsTrace:
    """One realisation of the surroundings, extended hour by hour as it is asked for.

    `ambient_pa` and `room_k` hold the grid values so far, without `changes`; index i is at
    i * 10 s. `at` and `series` have the changes in them.
    """

    def __init__(
        self, spec: Surroundings, seed: int, changes: Sequence[SetSurroundings] = ()
    ) -> None:
        self.spec = spec
        self.changes = tuple(changes)
        self._walk_rng = spawn(seed, 1)
        self._hvac_rng = spawn(seed, 2)
        self._diurnal_phase = float(spawn(seed, 3).uniform(0.0, 2.0 * math.pi))
        self._walk = 0.0
        self._cycle_starts = [0.0]
        self._cycle_periods = [self._draw_period()]
        self._chunks = 0
        self.ambient_pa = array("d")
        self.room_k = array("d")

    def _draw_period(self) -> float:
        return float(self._hvac_rng.uniform(*self.spec.hvac_period_s))

    def _ambient_chunk(self, times: FloatArray) -> FloatArray:
        spec = self.spec
        draws = CHUNK_STEPS // WALK_STEPS
        sigma = spec.weather_pa_per_sqrt_h * math.sqrt(WALK_STEPS * GRID_S / 3600.0)
        knots = np.concatenate(([0.0], np.cumsum(self._walk_rng.standard_normal(draws)))) * sigma
        knots += self._walk
        self._walk = float(knots[-1])
        steps = np.arange(CHUNK_STEPS) / WALK_STEPS
        walk = np.interp(steps, np.arange(draws + 1), knots)
        ambient: FloatArray = spec.ambient_pa + walk + spec.ambient_ramp_pa_per_h * times / 3600.0
        return ambient

    def _room_chunk(self, times: FloatArray) -> FloatArray:
        spec = self.spec
        if not spec.room_swing:
            return np.full(len(times), spec.room_k)
        while self._cycle_starts[-1] + self._cycle_periods[-1] <= times[-1]:
            self._cycle_starts.append(self._cycle_starts[-1] + self._cycle_periods[-1])
            self._cycle_periods.append(self._draw_period())
        starts, periods = np.array(self._cycle_starts), np.array(self._cycle_periods)
        cycle = np.searchsorted(starts, times, side="right") - 1
        phase = (times - starts[cycle]) / periods[cycle]
        hvac = 0.5 * spec.hvac_k * np.sin(2.0 * np.pi * phase)
        # Measured from its value at time zero, so that bench and room start in equilibrium.
        day = np.sin(2.0 * np.pi * times / _DAY_S + self._diurnal_phase)
        day -= math.sin(self._diurnal_phase)
        room: FloatArray = spec.room_k + hvac + 0.5 * spec.diurnal_k * day
        self._cycle_starts = self._cycle_starts[-1:]
        self._cycle_periods = self._cycle_periods[-1:]
        return room

    def extend_to(self, index: int) -> None:
        """Make grid values up to and including `index` available."""
        while len(self.room_k) <= index:
            times = (self._chunks * CHUNK_STEPS + np.arange(CHUNK_STEPS, dtype=np.float64)) * GRID_S
            self.ambient_pa.frombytes(self._ambient_chunk(times).tobytes())
            self.room_k.frombytes(self._room_chunk(times).tobytes())
            self._chunks += 1

    def at(self, t_s: float) -> tuple[float, float]:
        """Return (ambient Pa, room K) at one time."""
        ambient, room = self.series(np.array([t_s]))
        return float(ambient[0]), float(room[0])

    def series(self, t_s: FloatArray, until_s: float = math.inf) -> tuple[FloatArray, FloatArray]:
        """Return (ambient Pa, room K) at each time, with the changes up to `until_s`.

        UsageError for a time below zero or none.
        """
        if not t_s.size:
            return np.empty(0), np.empty(0)
        first, last = float(t_s.min()), float(t_s.max())
        if not (first >= 0.0 and last < math.inf):
            raise UsageError(f"no surroundings at {first:g} s, expected a time from 0 s on")
        low, high = int(first / GRID_S), int(last / GRID_S) + 2
        self.extend_to(high)
        position = t_s / GRID_S - low
        # The slices are copies: a view would forbid the stored arrays to grow.
        grid = np.arange(high - low)
        ambient = np.interp(position, grid, np.frombuffer(self.ambient_pa[low:high]))
        room = np.interp(position, grid, np.frombuffer(self.room_k[low:high]))
        for change in self.changes:
            if change.t_s <= min(last, until_s):
                ambient += change.ambient_step_pa * change.share(t_s)
                room += change.room_k(t_s)
        return ambient, room

"""The plant's reference: gas volumes and walls in one system of equations, integrated by scipy.

Slow and plain, with nothing in common with the plant but the leak elements. A wall is a state of
its own here, where the plant has its exact response.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy.integrate import solve_ivp

from prkbench.errors import UsageError
from prkbench.sim.elements import Element
from prkbench.sim.gas import CP_AIR, CV_AIR, R_AIR
from prkbench.sim.surroundings import FloatArray

OfTime = Callable[[float], float]


@dataclass(frozen=True)
class Volume:
    """A vessel and its gas at the start.

    `gas_tau_s` couples gas to wall at the initial mass (0 isothermal, infinity adiabatic),
    `wall_tau_s` the wall to the room (infinity: the wall keeps its temperature). `wall_k` is the
    wall's start, the gas's temperature unless given.
    """

    volume_m3: float
    pressure_pa: float
    temperature_k: float = 295.0
    gas_tau_s: float = math.inf
    wall_tau_s: float = math.inf
    wall_k: float | None = None


@dataclass(frozen=True)
class Boundary:
    """A place whose pressure and temperature nothing on the bench can change."""

    pressure_pa: OfTime
    temperature_k: OfTime


@dataclass(frozen=True)
class Path:
    """A leak element between two named volumes or boundaries; flow counts from `a` to `b`."""

    element: Element
    a: str
    b: str


class VolumeSeries(NamedTuple):
    """What happened in one volume, one value per asked time, in SI units."""

    pressure_pa: FloatArray
    gas_k: FloatArray
    wall_k: FloatArray
    mass_kg: FloatArray
    energy_j: FloatArray


def constant(value: float) -> OfTime:
    """Return a function of time that is always this value."""
    return lambda _t_s: value


class Network:
    """Volumes, boundaries and the paths between them, in a room that walls follow.

    The room is at 295 K unless given.
    """

    def __init__(
        self,
        volumes: Mapping[str, Volume],
        paths: Sequence[Path],
        boundaries: Mapping[str, Boundary] | None = None,
        room_k: OfTime | None = None,
    ) -> None:
        self._names = list(volumes)
        self._volumes = list(volumes.values())
        self._boundaries = dict(boundaries or {})
        self._room_k = room_k or constant(295.0)
        known = [*self._names, *self._boundaries]
        for path in paths:
            for end in (path.a, path.b):
                if known.count(end) != 1:
                    raise UsageError(
                        f"a path ends at {end!r}, expected one of {', '.join(sorted(known))}"
                    )
        self._paths = [(path.element, path.a, path.b) for path in paths]
        self._mass0 = [
            v.pressure_pa * v.volume_m3 / (R_AIR * v.temperature_k) for v in self._volumes
        ]

    def _temperatures(self, state: FloatArray) -> list[tuple[float, float]]:
        """Return (gas, wall) temperature of each volume."""
        result = []
        for volume, (mass, energy, wall) in zip(self._volumes, state.reshape(-1, 3), strict=True):
            gas = wall if volume.gas_tau_s == 0.0 else energy / (mass * CV_AIR)
            result.append((float(gas), float(wall)))
        return result

    def _slopes(self, t_s: float, state: FloatArray) -> FloatArray:
        rates = np.zeros((len(self._volumes), 3))
        ends = {
            name: (b.pressure_pa(t_s), b.temperature_k(t_s), -1)
            for name, b in self._boundaries.items()
        }
        room = self._room_k(t_s)
        for n, (gas, wall) in enumerate(self._temperatures(state)):
            volume = self._volumes[n]
            pressure = float(state[3 * n]) * R_AIR * gas / volume.volume_m3
            ends[self._names[n]] = (pressure, gas, n)
            rates[n, 2] = (room - wall) / volume.wall_tau_s
            if volume.gas_tau_s > 0.0:
                rates[n, 1] = self._mass0[n] * CV_AIR / volume.gas_tau_s * (wall - gas)
        for element, a, b in self._paths:
            (p_a, t_a, n_a), (p_b, t_b, n_b) = ends[a], ends[b]
            # The gas in the passage has the temperature of the side it comes from.
            gas = t_a if p_a >= p_b else t_b
            flow = element.mass_flow(p_a, p_b, gas)
            for n, sign in ((n_a, -1.0), (n_b, 1.0)):
                if n >= 0:
                    rates[n, 0] += sign * flow
                    rates[n, 1] += sign * flow * CP_AIR * gas
        return rates.ravel()

    def solve(
        self, t_s: FloatArray, *, rtol: float = 1e-11, kinks_s: FloatArray | None = None
    ) -> dict[str, VolumeSeries]:
        """Return each volume's history at rising times, the first being the start.

        `kinks_s` are rising times at which a boundary or the room bends: no step crosses them.
        UsageError if the integration cannot reach the last time.
        """
        start: list[float] = []
        for volume, mass in zip(self._volumes, self._mass0, strict=True):
            wall = volume.temperature_k if volume.wall_k is None else volume.wall_k
            start += [mass, mass * CV_AIR * volume.temperature_k, wall]
        state = np.array(start)
        atol = np.abs(state) * rtol
        first, last = float(t_s[0]), float(t_s[-1])
        inner = np.empty(0) if kinks_s is None else kinks_s[(kinks_s > first) & (kinks_s < last)]
        edges = [first, *inner.tolist(), last]
        parts = [state[:, None]]
        for begin, end in pairwise(edges):
            asked = t_s[(t_s > begin) & (t_s <= end)]
            result = solve_ivp(
                self._slopes,
                (begin, end),
                state,
                method="DOP853",
                t_eval=asked if asked.size and asked[-1] == end else np.append(asked, end),
                rtol=rtol,
                atol=atol,
            )
            if not result.success:
                raise UsageError(f"cannot integrate {begin:g} s to {end:g} s: {result.message}")
            state = result.y[:, -1]
            parts.append(result.y[:, : asked.size])
        return self._histories(np.concatenate(parts, axis=1))

    def _histories(self, states: FloatArray) -> dict[str, VolumeSeries]:
        histories = {}
        for n, (name, volume) in enumerate(zip(self._names, self._volumes, strict=True)):
            mass, energy, wall = states[3 * n : 3 * n + 3]
            gas = wall if volume.gas_tau_s == 0.0 else energy / (mass * CV_AIR)
            pressure = mass * R_AIR * gas / volume.volume_m3
            histories[name] = VolumeSeries(pressure, gas, wall, mass, energy)
        return histories

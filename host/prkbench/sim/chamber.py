"""The bench: one chamber with its wall, its leak and its surroundings, extended lazily in time.

Gas mass and energy are integrated with fixed Runge-Kutta steps on plain floats; between steps a
cubic through values and slopes is evaluated. The steps never depend on which times are asked
for, so the same (spec, seed) gives the same answer to the bit however it is called.
`prkbench.sim.network` is the accurate integrator that this one is tested against.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from prkbench.errors import UsageError
from prkbench.sim.elements import Element
from prkbench.sim.gas import CP_AIR, CV_AIR, GAMMA, R_AIR
from prkbench.sim.surroundings import (
    CHUNK_S,
    CHUNK_STEPS,
    GRID_S,
    FloatArray,
    Surroundings,
    SurroundingsTrace,
    spawn,
)

Source = Callable[[FloatArray], tuple[FloatArray, FloatArray]]
"""Times in s to (pressure Pa, air temperature K) at one place on the bench."""

# Steps per time constant that keep the Runge-Kutta error of a fill's 15 K transient under 1e-3 Pa.
_STEPS_PER_TAU = 30.0
_STEPS_PER_LEAK_TAU = 50.0
# No step is shorter than 0.16 s; a leak gets 0.31 s at the least, a vent included.
_HALVINGS = 7
_FASTEST_LEAK_STEP_S = GRID_S / 32.0


@dataclass(frozen=True)
class LeakChange:
    """From `t_s` on the leak is this element."""

    t_s: float
    element: Element


@dataclass(frozen=True)
class Repress:
    """At `t_s` the chamber is filled to `to_pa` at once, from a supply at `supply_k`.

    Adiabatic: what enters brings its enthalpy, so the gas heats (100 to 120 kPa: 14.8 K).
    """

    t_s: float
    to_pa: float
    supply_k: float = 295.0


@dataclass(frozen=True)
class BenchSpec:
    """One chamber, its leak and its surroundings.

    `gas_tau_s` is the gas's time constant to the wall at the initial mass: 0 holds the gas at
    wall temperature (isothermal), infinity parts them (adiabatic). `wall_tau_s` is the wall's to
    the room; infinity holds the wall at `initial_k`. The residual is an Ornstein-Uhlenbeck
    temperature that pressure follows and the sensor does not see. `changes` (in order of time)
    take effect at the next integration step, at most 10 s later. A leak that would empty the
    chamber within 16 s (a vent, an open door) is resolved to about a second only.
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
    changes: tuple[LeakChange | Repress, ...] = ()

    def __post_init__(self) -> None:
        for name in ("volume_m3", "initial_pa", "initial_k", "wall_tau_s", "residual_tau_s"):
            value = getattr(self, name)
            if not value > 0.0:
                raise UsageError(f"bench: {name} is {value!r}, expected above zero")
        for name in ("gas_tau_s", "residual_rms_k"):
            value = getattr(self, name)
            if not value >= 0.0:
                raise UsageError(f"bench: {name} is {value!r}, expected zero or above")
        if list(self.changes) != sorted(self.changes, key=lambda change: change.t_s):
            raise UsageError("bench: changes are out of order, expected rising times")


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
        self.surroundings = SurroundingsTrace(spec.surroundings, seed)
        self._residual_rng = spawn(seed, 4)
        self._residual = spec.residual_rms_k * float(self._residual_rng.standard_normal())
        # Cubic coefficients per step, in the fraction of the step: pressure and sensor air.
        self._p = tuple(array("d") for _ in range(4))
        self._air = tuple(array("d") for _ in range(4))
        self._unseen = (array("d"), array("d"))
        self._chunks = 0
        self._known_s = 0.0
        self._pending = list(spec.changes)
        self._element = spec.element
        self._mass = spec.initial_pa * spec.volume_m3 / (R_AIR * (spec.initial_k + self._residual))
        self._gas_k = self._wall_k = spec.initial_k
        tau = spec.gas_tau_s
        self._wall_w_k = self._mass * CV_AIR / tau if tau > 0.0 else math.inf
        self.step_s = self._choose_step()
        self._flow_cap = spec.volume_m3 / (R_AIR * 2.0 * self.step_s)
        self._per_grid = round(GRID_S / self.step_s)

    def _choose_step(self) -> float:
        """Return the largest 10 s / 2^n that resolves every time constant of the bench."""
        spec = self.spec
        outside, _ = self.surroundings.at(0.0)
        outside = self.surroundings.downstream_pa(outside)
        limit = min(spec.wall_tau_s / _STEPS_PER_TAU, spec.gas_tau_s / _STEPS_PER_TAU or math.inf)
        elements = [spec.element, *(c.element for c in spec.changes if isinstance(c, LeakChange))]
        highest = max([spec.initial_pa, *(c.to_pa for c in spec.changes if isinstance(c, Repress))])
        for element in elements:
            flow = abs(element.mass_flow(highest, outside, spec.initial_k))
            if flow > 0.0:
                step = self._mass / flow / _STEPS_PER_LEAK_TAU
                limit = min(limit, max(step, _FASTEST_LEAK_STEP_S))
        for halving in range(_HALVINGS):
            if GRID_S / (1 << halving) <= limit:
                return GRID_S / (1 << halving)
        raise UsageError(
            f"bench: a time constant of {limit * _STEPS_PER_TAU:.2g} s is too fast to simulate, "
            "expected gas_tau_s = 0 (isothermal) or both gas_tau_s and wall_tau_s above 5 s"
        )

    def at(self, t_s: float) -> BenchState:
        """Return the state at one time (s, from 0 on)."""
        if not 0.0 <= t_s < self._known_s:
            self._require(t_s)
        position = t_s / self.step_s
        i = int(position)
        s = position - i
        p0, p1, p2, p3 = self._p
        a0, a1, a2, a3 = self._air
        u0, u1 = self._unseen
        air = a0[i] + s * (a1[i] + s * (a2[i] + s * a3[i]))
        g = t_s / GRID_S
        j = int(g)
        g -= j
        ambient, room = self.surroundings.ambient_pa, self.surroundings.room_k
        return BenchState(
            p0[i] + s * (p1[i] + s * (p2[i] + s * p3[i])),
            air + (u0[i] + s * u1[i]),
            air,
            ambient[j] + g * (ambient[j + 1] - ambient[j]),
            room[j] + g * (room[j + 1] - room[j]),
        )

    def series(self, t_s: FloatArray) -> dict[str, FloatArray]:
        """Return the same as `at` for an array of times, by field name, and `outlet_pa`."""
        t_s = np.asarray(t_s, dtype=np.float64)
        if not t_s.size:
            names = (*BenchState._fields, "outlet_pa")
            return {name: np.empty_like(t_s) for name in names}
        first, last = float(t_s.min()), float(t_s.max())
        self._require(min(first, last))
        self._require(last)
        position = t_s / self.step_s
        i = position.astype(np.int64)
        s = position - i
        low, high = int(i.min()), int(i.max()) + 1
        i -= low

        def taken(stored: array[float]) -> FloatArray:
            # The slice is a copy: a view would forbid the stored array to grow.
            return np.frombuffer(stored[low:high])[i]

        p0, p1, p2, p3 = (taken(a) for a in self._p)
        a0, a1, a2, a3 = (taken(a) for a in self._air)
        u0, u1 = (taken(a) for a in self._unseen)
        air = a0 + s * (a1 + s * (a2 + s * a3))
        g = t_s / GRID_S
        j = g.astype(np.int64)
        g -= j
        low, high = int(j.min()), int(j.max()) + 2
        j -= low
        ambient = np.frombuffer(self.surroundings.ambient_pa[low:high])
        room = np.frombuffer(self.surroundings.room_k[low:high])
        ambient_pa = ambient[j] + g * (ambient[j + 1] - ambient[j])
        pumped = self.spec.surroundings.downstream == "vacuum"
        return {
            "chamber_pa": p0 + s * (p1 + s * (p2 + s * p3)),
            "gas_k": air + (u0 + s * u1),
            "sensor_air_k": air,
            "ambient_pa": ambient_pa,
            "room_k": room[j] + g * (room[j + 1] - room[j]),
            "outlet_pa": (
                np.full_like(t_s, self.spec.surroundings.vacuum_pa) if pumped else ambient_pa
            ),
        }

    def source(self, role: str) -> Source:
        """Return what a sensor in this role is surrounded by: chamber, ambient or outlet."""
        keys = {
            "chamber": ("chamber_pa", "sensor_air_k"),
            "ambient": ("ambient_pa", "room_k"),
            "outlet": ("outlet_pa", "room_k"),
        }
        if role not in keys:
            raise UsageError(
                f"no sensor can have the role {role!r} on this bench, expected {', '.join(keys)}"
            )
        pressure, air = keys[role]

        def read(t_s: FloatArray) -> tuple[FloatArray, FloatArray]:
            values = self.series(t_s)
            return values[pressure], values[air]

        return read

    def _require(self, t_s: float) -> None:
        if not 0.0 <= t_s < math.inf:
            raise UsageError(f"the bench has no state at {t_s:g} s, expected a time from 0 s on")
        while t_s >= self._known_s:
            self._integrate_chunk()

    def _residual_chunk(self) -> FloatArray:
        """Return the residual on the integration steps of the next chunk, its end included."""
        spec = self.spec
        keep = math.exp(-GRID_S / spec.residual_tau_s)
        sigma = spec.residual_rms_k * math.sqrt(1.0 - keep * keep)
        values = [self._residual]
        for draw in self._residual_rng.standard_normal(CHUNK_STEPS).tolist():
            values.append(values[-1] * keep + sigma * draw)
        self._residual = values[-1]
        return self._on_steps(np.array(values))

    def _on_steps(self, grid_values: NDArray[np.float64]) -> FloatArray:
        """Interpolate a chunk's grid values to the ends and middles of the steps."""
        points = np.arange(2 * CHUNK_STEPS * self._per_grid + 1) / (2 * self._per_grid)
        return np.interp(points, np.arange(CHUNK_STEPS + 1), grid_values)

    def _forcing(self) -> tuple[list[float], list[float], list[float]]:
        """Return outside pressure, room and residual at the next chunk's half steps."""
        first = self._chunks * CHUNK_STEPS
        # One hour ahead, so that a look-up inside this chunk always finds its right neighbour.
        self.surroundings.extend_to(first + 2 * CHUNK_STEPS)
        span = slice(first, first + CHUNK_STEPS + 1)
        outside = np.frombuffer(self.surroundings.ambient_pa[span])
        if self.spec.surroundings.downstream == "vacuum":
            outside = np.full(CHUNK_STEPS + 1, self.spec.surroundings.vacuum_pa)
        room = np.frombuffer(self.surroundings.room_k[span])
        return (
            self._on_steps(outside).tolist(),
            self._on_steps(room).tolist(),
            self._residual_chunk().tolist(),
        )

    def _apply_changes(self, t_s: float, residual_k: float) -> None:
        while self._pending and self._pending[0].t_s <= t_s:
            change = self._pending.pop(0)
            if isinstance(change, LeakChange):
                self._element = change.element
                continue
            volume = self.spec.volume_m3
            gas = self._gas_k + residual_k
            present = self._mass * R_AIR * gas / volume
            if change.to_pa < present:
                raise UsageError(
                    f"repress at {change.t_s:g} s is to {change.to_pa:g} Pa, below the chamber's "
                    f"{present:.0f} Pa: expected a higher pressure"
                )
            # Enthalpy in = internal energy gained, and p V = (gamma - 1) U.
            self._mass += (change.to_pa - present) * volume / (GAMMA * R_AIR * change.supply_k)
            if self.spec.gas_tau_s > 0.0:
                self._gas_k = change.to_pa * volume / (self._mass * R_AIR) - residual_k

    def _slopes(
        self, mass: float, gas: float, wall: float, outside: float, room: float, residual: float
    ) -> tuple[float, float, float]:
        """Return d(mass)/dt, d(gas)/dt and d(wall)/dt: the balances of mass and energy."""
        wall_rate = (room - wall) / self.spec.wall_tau_s
        if self.spec.gas_tau_s == 0.0:
            gas = wall
        chamber = mass * R_AIR * (gas + residual) / self.spec.volume_m3
        # An orifice's conductance is infinite at rest: no flow may cross the balance within a step.
        limit = abs(chamber - outside) * self._flow_cap / gas
        if chamber >= outside:
            out = min(self._element.mass_flow(chamber, outside, gas), limit)
            heat = -out * R_AIR * gas
        else:
            out = -min(self._element.mass_flow(outside, chamber, room), limit)
            heat = -out * (CP_AIR * room - CV_AIR * gas)
        if self.spec.gas_tau_s == 0.0:
            return -out, wall_rate, wall_rate
        heat += self._wall_w_k * (wall - gas)
        return -out, heat / (mass * CV_AIR), wall_rate

    def _integrate_chunk(self) -> None:
        """Advance by one hour and store the cubics of its steps."""
        outside, room, residual = self._forcing()
        steps = CHUNK_STEPS * self._per_grid
        h, half = self.step_s, 0.5 * self.step_s
        per_volume = R_AIR / self.spec.volume_m3
        slopes = self._slopes
        start = self._chunks * CHUNK_S
        for n in range(steps):
            i, j, k = 2 * n, 2 * n + 1, 2 * n + 2
            if self._pending and self._pending[0].t_s <= start + n * h:
                self._apply_changes(start + n * h, residual[i])
            m, g, w = self._mass, self._gas_k, self._wall_k
            m1, g1, w1 = slopes(m, g, w, outside[i], room[i], residual[i])
            o, r, u = outside[j], room[j], residual[j]
            m2, g2, w2 = slopes(m + half * m1, g + half * g1, w + half * w1, o, r, u)
            m3, g3, w3 = slopes(m + half * m2, g + half * g2, w + half * w2, o, r, u)
            o, r, u = outside[k], room[k], residual[k]
            m4, g4, w4 = slopes(m + h * m3, g + h * g3, w + h * w3, o, r, u)
            sixth = h / 6.0
            me = m + sixth * (m1 + 2.0 * (m2 + m3) + m4)
            ge = g + sixth * (g1 + 2.0 * (g2 + g3) + g4)
            we = w + sixth * (w1 + 2.0 * (w2 + w3) + w4)
            m5, g5, _ = slopes(me, ge, we, o, r, u)
            self._mass, self._gas_k, self._wall_k = me, ge, we
            # The residual's share is a straight line in time, kept out of the cubic's slopes.
            u0, u1 = residual[i], residual[k]
            rp0, rp1 = per_volume * m * u0, per_volume * me * u1
            _append_cubic(
                self._p,
                per_volume * m * g,
                per_volume * (m1 * g + m * g1) * h,
                per_volume * me * ge,
                per_volume * (m5 * ge + me * g5) * h,
            )
            self._p[0][-1] += rp0
            self._p[1][-1] += rp1 - rp0
            _append_cubic(self._air, g, g1 * h, ge, g5 * h)
            self._unseen[0].append(u0)
            self._unseen[1].append(u1 - u0)
        self._chunks += 1
        self._known_s = self._chunks * CHUNK_S


def _append_cubic(
    store: tuple[array[float], ...], start: float, slope: float, end: float, end_slope: float
) -> None:
    """Append the cubic in s = 0..1 with these end values and slopes per step."""
    rise = end - start
    store[0].append(start)
    store[1].append(slope)
    store[2].append(3.0 * rise - 2.0 * slope - end_slope)
    store[3].append(slope + end_slope - 2.0 * rise)

"""How fast pressures change for given flows: what passages between level ends depend on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from prkbench.sim.gas import GAMMA, R_AIR
from prkbench.sim.plant.body import Body
from prkbench.sim.plant.forcing import HEAD, PER_VESSEL


class Moment(NamedTuple):
    """The plant at one time: `row` drives it, `since_s` after the row's origin.

    Pressures and gas temperatures are those of vessels, then of reservoirs; `state` is mass and
    energy of each vessel in turn.
    """

    t_s: float
    row: list[float]
    since_s: float
    state: list[float]
    pressures: list[float]
    gas: list[float]
    walls: list[float]

    def unseen(self, n: int) -> tuple[float, float]:
        """Return a vessel's residual temperature and its slope."""
        j = HEAD + PER_VESSEL * n + 4
        return self.row[j] + self.since_s * self.row[j + 1], self.row[j + 1]

    def wall_slope(self, n: int) -> float:
        """Return K/s of a vessel's wall."""
        j = HEAD + PER_VESSEL * n
        s = self.since_s
        return self.row[j + 1] + s * (2.0 * self.row[j + 2] + s * 3.0 * self.row[j + 3])


def growth_m3_s(body: Body, n: int, now: Moment) -> float:
    """How fast a vessel's volume grows at constant pressure."""
    v = body.vessel
    return body.nominal_m3 * (v.creep_per_s + v.thermal_expansion_per_k * now.wall_slope(n))


def _room_for(body: Body, n: int, now: Moment) -> float:
    """Volume that a change of m R T finds, m3: a yielding vessel seems larger."""
    if body.rigid:
        return body.nominal_m3
    pressure = now.pressures[n]
    volume = body.volume_m3(now.t_s, now.walls[n], pressure)
    return volume + (1.0 if body.isothermal else GAMMA) * pressure * body.give_m3_pa


def pressure_slope(body: Body, n: int, now: Moment, gained: float, heated: float) -> float:
    """Pa/s of a vessel that these kg/s and W enter; the work it does is not among them."""
    unseen, unseen_slope = now.unseen(n)
    mass = now.state[2 * n]
    rise = R_AIR * (gained * unseen + mass * unseen_slope)
    if body.isothermal:
        rise += R_AIR * (gained * now.walls[n] + mass * now.wall_slope(n))
    else:
        rise += (GAMMA - 1.0) * heated
    if not body.rigid:
        stiffness = 1.0 if body.isothermal else GAMMA
        rise -= stiffness * now.pressures[n] * growth_m3_s(body, n, now)
    return rise / _room_for(body, n, now)


def work_w(body: Body, n: int, now: Moment, gained: float, heated: float) -> float:
    """W that a vessel's gas does on its growing walls, for these kg/s and W entering."""
    slope = pressure_slope(body, n, now, gained, heated)
    return now.pressures[n] * (growth_m3_s(body, n, now) + body.give_m3_pa * slope)


def pascal_per_kg(bodies: Sequence[Body], end: int, now: Moment, gas_k: float) -> float:
    """By how much gas of this temperature raises the pressure of an end, Pa/kg."""
    if end >= len(bodies):
        return 0.0
    body = bodies[end]
    t = now.unseen(end)[0] + (now.walls[end] if body.isothermal else GAMMA * gas_k)
    return R_AIR * t / _room_for(body, end, now)

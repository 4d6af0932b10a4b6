"""Which pressures to hold so that a leak outwards and a leaking hatch can be told apart.

Levels go down from the station's pressure, which needs a vent only, after the sensors were nulled
with the hatch open; each is held as long as the accuracy wanted of both leaks takes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from prkbench.analysis.conversion import Conversion
from prkbench.analysis.paths import (
    LEAST_LEVELS,
    LEAST_SPAN,
    LEVELS,
    NEAR,
    enough_levels,
    levels_to_run,
)
from prkbench.analysis.prediction import predict
from prkbench.analysis.segments import SETTLE_LEVEL_S
from prkbench.analysis.verdict import Z95
from prkbench.errors import UsageError
from prkbench.planning.levels import Case, LevelRun, relative_halves, slope_se_pa_per_s
from prkbench.planning.setting import SENSOR_LOW_PA, setting_of
from prkbench.rig import Rig

NULLING_H = 0.5
"""With the hatch open, before anything else: it nulls the sensors against one another."""
_SHORTEST_H, _LONGEST_H = 1.2, 30.0 * 24.0
"""Holds of 1.2 h are the shortest with which the verdict was found right."""
_FINE = 1.01


@dataclass(frozen=True)
class LevelPlan:
    """A level to hold: Pa, share of the station's pressure, hours after settling, what for.

    slope_pa_per_h: dp/dt to be expected there, and its 95 % half-width after that hold.
    """

    pressure_pa: float
    share: float
    hours: float
    slope_pa_per_h: float
    slope_half_pa_per_h: float
    excludes: str


@dataclass(frozen=True)
class PathsPlan:
    """Levels in their order, with what is known after them; halves are relative, at 95 %.

    reached: whether the wanted accuracy is, with the holds planned; floor: the best that any hold
    gives, which the sensors' null error sets. next_pa: the level that teaches most now, None where
    nothing is missing.
    """

    rig: str
    station_pa: float
    external_lb_per_day: float
    hatch_lb_per_day: float
    wanted: float
    null_pa: float
    run: tuple[LevelRun, ...]
    enough_levels: bool
    levels: tuple[LevelPlan, ...]
    next_pa: float | None
    external_half: float
    hatch_half: float
    floor: tuple[float, float]
    reached: bool
    total_hours: float
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The plan as plain objects."""
        return asdict(self)


def plan_paths(
    rig: Rig,
    *,
    station_pa: float | None = None,
    external_kg_per_s: float | None = None,
    hatch_kg_per_s: float | None = None,
    wanted: float = 0.1,
    run: Sequence[LevelRun] = (),
) -> PathsPlan:
    """Plan the levels of a rig in mode C; rates are PrK-equivalent, `wanted` relative at 95 %.

    The external leak is the one given, else the rig's limit, else its element's; the hatch's is
    as large unless given. UsageError for another mode, pressures no sensor reads, no leak at all.
    """
    conversion = Conversion.from_rig(rig)
    case = _case(rig, conversion, station_pa, external_kg_per_s, hatch_kg_per_s)
    if not 0.0 < wanted < 1.0:
        raise UsageError(f"--to {100 * wanted:g} %: expected an accuracy between 0 and 100 %")
    held = tuple(sorted(run, key=lambda one: -one.pressure_pa))
    pressures = [one.pressure_pa for one in held]
    enough = enough_levels(case.station_pa, pressures)
    missing = sorted(levels_to_run(case.station_pa, pressures), reverse=True)
    to_hold = missing or [share * case.station_pa for share in LEVELS]
    planned = [p for p in to_hold if p >= SENSOR_LOW_PA]
    hours = _hours(case, held, planned, wanted)
    if not enough:
        hours = max(hours, _SHORTEST_H)
    if enough and hours == 0.0:
        planned = []
    halves = relative_halves(case, [*held, *(LevelRun(p, hours) for p in planned)])
    floor = relative_halves(case, [LevelRun(p, _LONGEST_H) for p in [*pressures, *planned]])
    reached = max(halves) <= wanted
    levels = tuple(_level(case, p, hours) for p in planned)
    nulling = 0.0 if held else NULLING_H
    lb = conversion.rate_lb_per_day
    return PathsPlan(
        rig=rig.rig.name,
        station_pa=case.station_pa,
        external_lb_per_day=lb(case.external_per_s),
        hatch_lb_per_day=lb(case.hatch_per_s),
        wanted=wanted,
        null_pa=case.null_pa,
        run=held,
        enough_levels=enough,
        levels=levels,
        next_pa=_next(case, held, planned, hours),
        external_half=halves[0],
        hatch_half=halves[1],
        floor=floor,
        reached=reached,
        total_hours=nulling + len(levels) * (hours + SETTLE_LEVEL_S / 3600.0),
        notes=tuple(_notes(case, floor, wanted, reached)),
    )


def _hours(case: Case, held: Sequence[LevelRun], planned: Sequence[float], wanted: float) -> float:
    """The shortest hold, the same for each planned level, that reaches what is wanted.

    Zero where what was held does already; the longest one where none does.
    """

    def enough(hours: float) -> bool:
        holds = [*held, *(LevelRun(p, hours) for p in planned)]
        return max(relative_halves(case, holds)) <= wanted

    if held and enough(0.0):
        return 0.0
    if not enough(_LONGEST_H):
        return _longest_worth(case, held, planned)
    low = high = _SHORTEST_H
    while not enough(high):
        low, high = high, min(2.0 * high, _LONGEST_H)
    while high / low > _FINE:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _longest_worth(case: Case, held: Sequence[LevelRun], planned: Sequence[float]) -> float:
    """Where the wanted is out of reach: the hold after which twice as long gains under a tenth."""
    hours = _SHORTEST_H

    def half(at: float) -> float:
        return max(relative_halves(case, [*held, *(LevelRun(p, at) for p in planned)]))

    while hours < _LONGEST_H and half(2.0 * hours) < 0.9 * half(hours):
        hours *= 2.0
    return min(hours, _LONGEST_H)


def _next(
    case: Case, held: Sequence[LevelRun], planned: Sequence[float], hours: float
) -> float | None:
    """The level to hold next: the station's own first, then the one that teaches most."""
    if not planned:
        return None
    near = [p for p in planned if abs(p / case.station_pa - 1.0) <= NEAR]
    if near:
        return near[0]

    def left(p: float) -> tuple[float, float]:
        halves = relative_halves(case, [*held, LevelRun(p, hours)])
        return max(halves), sum(halves)

    return min(planned, key=left)


def _level(case: Case, pressure_pa: float, hours: float) -> LevelPlan:
    share = pressure_pa / case.station_pa
    slope = case.slope_pa_per_s(pressure_pa)
    half = Z95 * slope_se_pa_per_s(case, LevelRun(pressure_pa, hours))
    return LevelPlan(
        pressure_pa, share, hours, 3600.0 * slope, 3600.0 * half, _excludes(share, 3600.0 * half)
    )


def _excludes(share: float, half_pa_per_h: float) -> str:
    if abs(share - 1.0) <= NEAR:
        return (
            f"nothing passes the hatch: the fall is the external leak alone; steady to "
            f"{half_pa_per_h:.2g} Pa/h excludes any above that"
        )
    if share <= 0.6:
        return (
            "the hatch feeds most: no rise excludes a leaking hatch; with the station's level it "
            "parts the two leaks"
        )
    return "the curve between: tells laminar from orifice-like, viscous from choked"


def _case(
    rig: Rig,
    conversion: Conversion,
    station_pa: float | None,
    external_kg_per_s: float | None,
    hatch_kg_per_s: float | None,
) -> Case:
    setting = setting_of(rig)
    station = rig.chamber.pressure_pa if station_pa is None else station_pa
    lowest = min(LEVELS) * station
    if setting.reference_pa > 0.5 * lowest:
        raise UsageError(
            f"mode {setting.mode}: the leak ends at {setting.reference_pa / 100:.0f} hPa, levels "
            f"go down to {lowest / 100:.0f} hPa: two paths need a pumped outlet, mode C"
        )
    third = sorted(share * station for share in LEVELS)[len(LEVELS) - LEAST_LEVELS]
    if third < SENSOR_LOW_PA:
        raise UsageError(
            f"the station's pressure is {station / 100:.0f} hPa: its levels lie below "
            f"{SENSOR_LOW_PA / 100:.0f} hPa, where no BMP390 reads; expected more"
        )
    stated = rig.limit.rate_kg_per_s if external_kg_per_s is None else external_kg_per_s
    external = predict(rig).k_per_s if stated is None else conversion.k_per_s(stated)
    hatch = external if hatch_kg_per_s is None else conversion.k_per_s(hatch_kg_per_s)
    if external <= 0.0 or hatch <= 0.0:
        raise UsageError(
            "no leak to plan for: the rig's element is sealed and it has no limit; say how large "
            "an external leak matters with --external"
        )
    return Case(setting, station, external, hatch, rig.sensors.null_uncertainty_pa)


def _notes(case: Case, floor: tuple[float, float], wanted: float, reached: bool) -> list[str]:
    found = []
    if not reached:
        found.append(
            f"{100 * wanted:g} % is out of reach: with sensors nulled to {case.null_pa:g} Pa no "
            f"hold gives better than {100 * floor[0]:.2g} % and {100 * floor[1]:.2g} %; null them "
            "with the hatch open, and say so in sensors.null_uncertainty"
        )
    if min(LEVELS) * case.station_pa < SENSOR_LOW_PA:
        found.append(f"levels below {SENSOR_LOW_PA / 100:.0f} hPa are left out: no sensor reads")
    found.append(
        f"fewest that decide: {LEAST_LEVELS} levels over {100 * LEAST_SPAN:.0f} % of the station's "
        f"pressure, one within {100 * NEAR:.0f} % of it"
    )
    return found

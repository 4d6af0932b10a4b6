"""Takes the plant forward, from one edge of time to the next, event by event.

No step crosses an edge (an event, a bend of the weather, the hour); a hold's threshold is found
on the dense output and stepped to. Steps never depend on which times are asked for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from scipy.optimize import brentq

from prkbench.errors import UsageError
from prkbench.sim.gas import CV_AIR, R_AIR
from prkbench.sim.plant.balance import Balance, Configuration, StepTooLongError
from prkbench.sim.plant.doings import apply
from prkbench.sim.plant.forcing import HEAD, PER_VESSEL, Forcing
from prkbench.sim.plant.history import Piece, Steps
from prkbench.sim.plant.spec import Event, Fill, Hold, PlantSpec, SetOpen, SetSurroundings
from prkbench.sim.plant.stepper import at_fraction, step
from prkbench.sim.plant.ties import QUICK_S
from prkbench.sim.surroundings import CHUNK_S, SurroundingsTrace

_TOLERANCE = 1e-9
"""Relative error of mass and energy in one step: 0.1 mPa at 100 kPa."""
_FIRST_STEP_S = 10.0
_LONGEST_STEP_S = 600.0
_SHORTEST_STEP_S = 1e-9
_CROSSING_S = 1e-5
_LOOKS = (0.25, 0.5, 0.75, 1.0)


class Happening(NamedTuple):
    """Something that happened: when, what kind, to which vessel or passage, and details."""

    t_s: float
    kind: str
    name: str
    detail: str


@dataclass(frozen=True)
class Checkpoint:
    """The plant as it was at a time, before the events of that time: all that `advance` changes."""

    now_s: float
    happenings: int
    planned: list[Event]
    steered: int
    edges: list[float]
    step_s: float
    state: list[float]
    rates: list[float] | None
    walls: list[float]
    configuration: Configuration


class Integrator:
    """The plant at its latest time, from which `advance` goes on."""

    def __init__(self, spec: PlantSpec, seed: int, trace: SurroundingsTrace) -> None:
        self.balance = Balance(spec)
        self.now_s = 0.0
        self.happenings: list[Happening] = []
        self._forcing = Forcing(spec, seed, trace)
        self._events: list[Event] = sorted(spec.events, key=lambda event: event.t_s)
        self._steered: list[SetOpen] = []
        self._steered_done = 0
        self._holds = spec.holds
        edges = [t for hold in spec.holds for t in (hold.from_s, hold.to_s)]
        edges += [event.t_s for event in spec.events]
        edges += [e.t_s + e.over_s for e in spec.events if isinstance(e, SetSurroundings)]
        self._edges = sorted({t for t in edges if 0.0 < t < math.inf})
        self._step_s = _FIRST_STEP_S
        self._state: list[float] = []
        self._rates: list[float] | None = None

    def steer(self, events: Sequence[SetOpen]) -> None:
        """Let these events, in order of time, come beside those of the spec.

        Those that are past already must be the ones that were given before.
        """
        self._steered = list(events)

    def save(self) -> Checkpoint:
        """Return a checkpoint of the present time, for `restore`."""
        return Checkpoint(
            self.now_s,
            len(self.happenings),
            list(self._events),
            self._steered_done,
            list(self._edges),
            self._step_s,
            list(self._state),
            self._rates,
            self._forcing.save(),
            self.balance.save(),
        )

    def restore(self, saved: Checkpoint) -> None:
        """Go back to a checkpoint; from there on everything comes again to the bit."""
        self.now_s = saved.now_s
        del self.happenings[saved.happenings :]
        self._events = list(saved.planned)
        self._steered_done = saved.steered
        self._edges = list(saved.edges)
        self._step_s = saved.step_s
        self._state = list(saved.state)
        self._rates = saved.rates
        self._forcing.restore(saved.walls)
        self.balance.restore(saved.configuration)

    def _next_edge(self) -> float:
        hour = (math.floor(self.now_s / CHUNK_S) + 1) * CHUNK_S
        later = (event.t_s for event in self._steered[self._steered_done :])
        hour = min(hour, next((t for t in later if t > self.now_s), math.inf))
        while self._edges and self._edges[0] <= self.now_s:
            self._edges.pop(0)
        return min(hour, self._edges[0]) if self._edges else hour

    def _start(self) -> None:
        """Fill the vessels for time zero: their pressure has the residual in it."""
        row = self.balance.row(0.0)
        for n, body in enumerate(self.balance.bodies):
            vessel, unseen = body.vessel, row[HEAD + PER_VESSEL * n + 4]
            wall = vessel.temperature_k if vessel.wall_k is None else vessel.wall_k
            gas = wall if body.isothermal else vessel.temperature_k
            volume = body.volume_m3(0.0, wall, vessel.pressure_pa)
            mass = vessel.pressure_pa * volume / (R_AIR * (gas + unseen))
            self._state += [mass, mass * CV_AIR * gas]

    def advance(self) -> Piece:
        """Integrate to the next edge and return what lies between.

        UsageError where an event is impossible or no step is short enough.
        """
        start, end = self.now_s, self._next_edge()
        table = self._forcing.table(start, end)
        self.balance.drive(table.rows.tolist())
        if not self._state:
            self._start()
        while self._events and self._events[0].t_s <= start:
            self._happen(self._events.pop(0))
        steered = self._steered
        while self._steered_done < len(steered) and steered[self._steered_done].t_s <= start:
            self._happen(steered[self._steered_done])
            self._steered_done += 1
        holds = [hold for hold in self._holds if hold.from_s <= start < hold.to_s]
        for hold in holds:
            if self._pressure(hold, start, self._state) <= hold.low_pa:
                self._repress(hold)
        steps = Steps()
        while self.now_s < end:
            kink = self._forcing.kink_s
            bend = (math.floor(self.now_s / kink) + 1) * kink if kink < math.inf else math.inf
            self._march(min(end, bend), holds, steps)
        return Piece(self.balance, table, steps, start, end)

    def _happen(self, event: Event) -> None:
        told = apply(self.balance, event, self.now_s, self._state)
        self.happenings.append(Happening(self.now_s, *told))
        self._step_s = min(self._step_s, _FIRST_STEP_S)
        self._rates = None

    def _repress(self, hold: Hold) -> None:
        event = Fill(self.now_s, hold.vessel, hold.high_pa, hold.supply_k)
        _, name, detail = apply(self.balance, event, self.now_s, self._state)
        self.happenings.append(Happening(self.now_s, "repress", name, detail))
        self._step_s = min(self._step_s, _FIRST_STEP_S)
        self._rates = None

    def _pressure(self, hold: Hold, t_s: float, state: list[float]) -> float:
        n = self.balance.names.index(hold.vessel)
        return self.balance.moment(t_s, state).pressures[n]

    def _march(self, target_s: float, holds: list[Hold], steps: Steps) -> None:
        """Step to `target_s`, or to the first repress before it."""
        balance = self.balance
        balance.aim(target_s)
        # The rates at the end of one step are those at the start of the next, unless slopes matter.
        rates = None if balance.ties else self._rates
        rates = rates or balance.rates(self.now_s, self._state)
        while self.now_s < target_s:
            left = target_s - self.now_s
            h = min(self._step_s, _LONGEST_STEP_S)
            if h >= left:
                h = left
            elif 2.0 * h > left:
                h = 0.5 * left
            limited = h < self._step_s
            try:
                state, stages, error = step(balance.rates, self.now_s, self._state, rates, h)
            except (StepTooLongError, OverflowError):
                state, stages, error = [], [], math.inf
            wanted = _factor(error) * h
            if not error <= _TOLERANCE:
                self._step_s = wanted
                if wanted < _SHORTEST_STEP_S * max(1.0, self.now_s * 1e-4):
                    raise UsageError(
                        f"the plant cannot be integrated at {self.now_s:g} s: "
                        "something changes within a nanosecond; check elements and volumes"
                    )
                continue
            crossing = self._crossing(holds, h, state, stages) if holds else None
            if crossing is not None:
                hold, fraction = crossing
                h *= fraction
                if h > _SHORTEST_STEP_S:
                    state, stages, _ = step(balance.rates, self.now_s, self._state, rates, h)
                    steps.add(self.now_s, h, self._state, stages)
                    self.now_s, self._state = self.now_s + h, state
                self._repress(hold)
                return
            steps.add(self.now_s, h, self._state, stages)
            self.now_s = target_s if h == left else self.now_s + h
            self._state = state
            self._rates = rates = stages[-1]
            self._step_s = max(self._step_s, wanted) if limited and wanted >= h else wanted
            if (balance.ties or self._step_s < 4.0 * QUICK_S) and balance.retie(self.now_s, state):
                self._rates = rates = balance.rates(self.now_s, state)
                if balance.ties:
                    self._step_s = max(self._step_s, QUICK_S)

    def _crossing(
        self, holds: list[Hold], h_s: float, end: list[float], stages: list[list[float]]
    ) -> tuple[Hold, float] | None:
        """Return the hold whose threshold is crossed first in a step, and the fraction of it."""
        found: tuple[Hold, float] | None = None
        for hold in holds:

            def above(x: float, hold: Hold = hold) -> float:
                state = at_fraction(self._state, stages, h_s, x)
                return self._pressure(hold, self.now_s + x * h_s, state) - hold.low_pa

            first, last = above(0.0), self._pressure(hold, self.now_s + h_s, end) - hold.low_pa
            if min(first, last) > abs(first - last) + 1.0:
                continue
            fraction = _first_root(above, _CROSSING_S / h_s)
            if fraction is not None and (found is None or fraction < found[1]):
                found = hold, fraction
        return found


def _factor(error: float) -> float:
    """By how much the next step may be longer than this one with its error."""
    if error == 0.0:
        return 5.0
    return min(5.0, max(0.2, 0.9 * math.pow(_TOLERANCE / error, 0.2)))


def _first_root(above: Callable[[float], float], tolerance: float) -> float | None:
    """Return the first fraction at which a quantity that was above zero is so no more."""
    before = 0.0
    for x in _LOOKS:
        if above(x) <= 0.0:
            if above(before) <= 0.0:
                return None
            return float(brentq(above, before, x, xtol=max(tolerance, 1e-15)))
        before = x
    return None

"""The plant in time: extended lazily, the same to the bit however it is asked."""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from prkbench.errors import UsageError
from prkbench.sim.plant.body import flow_kg_s
from prkbench.sim.plant.bounds import known_name
from prkbench.sim.plant.forcing import sun_k
from prkbench.sim.plant.history import Piece, VesselSeries
from prkbench.sim.plant.integrator import Checkpoint, Happening, Integrator
from prkbench.sim.plant.spec import PlantSpec, Reservoir, SetElement, SetOpen, SetSurroundings
from prkbench.sim.surroundings import CHUNK_S, FloatArray, SurroundingsTrace

__all__ = ["Happening", "Plant", "Source", "VesselState"]

Source = Callable[[FloatArray], tuple[FloatArray, FloatArray]]
"""Times in s to (pressure Pa, air temperature K) at one place on the bench."""


class VesselState(NamedTuple):
    """A vessel at one moment.

    `gas_k` is the mean gas temperature that pressure follows; `air_k` is the air around a sensor
    in it, which lacks the unobservable residual.
    """

    pressure_pa: float
    gas_k: float
    air_k: float
    wall_k: float
    mass_kg: float


class Plant:
    """One realisation of a plant, deterministic from (spec, seed), from time zero on.

    `surroundings` has the room and the weather (`.at(t_s)`, `.series(t_s)`). With `history_s`
    only that much before the latest time that was asked for is sure to be known, so that a month
    takes little memory.
    """

    def __init__(self, spec: PlantSpec, seed: int, history_s: float | None = None) -> None:
        self.spec = spec
        changes = [event for event in spec.events if isinstance(event, SetSurroundings)]
        self.surroundings = SurroundingsTrace(spec.surroundings, seed, changes)
        self._integrator = Integrator(spec, seed, self.surroundings)
        self._history_s = history_s
        self._asked_s = 0.0
        self._pieces: list[Piece] = []
        self._starts: list[float] = []
        self._before: list[Checkpoint] = []
        self._steered: tuple[SetOpen, ...] = ()
        self._numbers = {vessel.name: n for n, vessel in enumerate(spec.vessels)}

    def at(self, t_s: float) -> dict[str, VesselState]:
        """Return every vessel's state at one time; after an event, where one happens just then.

        UsageError for a time below zero, none, or forgotten, and where the plant is impossible.
        """
        when = np.array([t_s])
        return {
            name: VesselState(*(float(values[0]) for values in self._vessel(name, when)))
            for name in self._numbers
        }

    def series(self, t_s: FloatArray) -> dict[str, dict[str, FloatArray]]:
        """Return the same as `at` for an array of times: vessel -> field -> values."""
        t_s = np.asarray(t_s, dtype=np.float64)
        return {name: self._vessel(name, t_s)._asdict() for name in self._numbers}

    def source(self, place: str) -> Source:
        """Return what a sensor in a place is surrounded by.

        Places are the vessels, the reservoirs and "ambient". UsageError for any other.
        """
        patches = [p for p in self.spec.sun if p.on == "sensor" and p.place == place]
        found = self._inside(place) if place in self._numbers else self._outside(place)
        if not patches:
            return found

        def read(t_s: FloatArray) -> tuple[FloatArray, FloatArray]:
            pressure, air = found(t_s)
            return pressure, air + sun_k(patches, t_s)

        return read

    def _inside(self, vessel: str) -> Source:
        def read(t_s: FloatArray) -> tuple[FloatArray, FloatArray]:
            series = self._vessel(vessel, t_s)
            return series.pressure_pa, series.air_k

        return read

    def _outside(self, place: str) -> Source:
        end = next((r for r in self.spec.reservoirs if r.name == place), Reservoir("ambient"))
        if end.name != place:
            places = [*self._numbers, "ambient", *(r.name for r in self.spec.reservoirs)]
            raise UsageError(
                f"no sensor can be at {place!r} on this bench, "
                f"expected {', '.join(dict.fromkeys(places))}"
            )

        def read(t_s: FloatArray) -> tuple[FloatArray, FloatArray]:
            pressure, air = self.surroundings.series(t_s)
            if end.pressure != "ambient":
                figure = 0.0 if isinstance(end.pressure, str) else end.pressure
                pressure = np.full_like(t_s, figure)
            if end.temperature_k is not None:
                air = np.full_like(t_s, end.temperature_k)
            return pressure, air

        return read

    def flow_kg_per_s(self, passage: str, t_s: float) -> float:
        """Return the flow through a passage at one time, from its `a` to its `b`.

        UsageError for an unknown passage.
        """
        found = [p for p in self.spec.passages if p.name == passage]
        if not found:
            names = ", ".join(p.name for p in self.spec.passages)
            raise UsageError(f"there is no passage {passage!r}, expected one of {names}")
        element, is_open = found[0].element, found[0].open
        for event in sorted((*self.spec.events, *self._steered), key=lambda event: event.t_s):
            if event.t_s <= t_s and isinstance(event, SetElement) and event.passage == passage:
                element = event.element
            if event.t_s <= t_s and isinstance(event, SetOpen) and event.passage == passage:
                is_open = event.open
        when = np.array([t_s])
        (p_a, t_a), (p_b, t_b) = (
            (float(pressure[0]), float(air[0]))
            for pressure, air in (self.source(end)(when) for end in (found[0].a, found[0].b))
        )
        return flow_kg_s(element, p_a, p_b, t_a if p_a >= p_b else t_b) if is_open else 0.0

    def happenings(self) -> list[Happening]:
        """Return what has happened up to the time integrated: events and the holds' represses."""
        return list(self._integrator.happenings)

    def steer(self, events: Sequence[SetOpen]) -> float:
        """Let these events happen beside those of the spec, as somebody outside causes them.

        In order of time; they take the place of those given before. From the first difference on
        the plant is integrated anew when it is asked for; before it, its state stays within the
        integrator's tolerance, 0.1 mPa. Giving the old events again brings the old state back to
        the bit. Returns the time of that difference, infinity for none. UsageError for an unknown
        passage and for a time before all that is still known.
        """
        given = tuple(events)
        for event in given:
            known_name("a valve", event.passage, [p.name for p in self.spec.passages])
        pairs = itertools.zip_longest(self._steered, given)
        changed_s = min(
            (event.t_s for pair in pairs if pair[0] != pair[1] for event in pair if event),
            default=math.inf,
        )
        self._steered = given
        if changed_s < self._integrator.now_s:
            at = bisect.bisect_right(self._starts, changed_s) - 1
            if at < 0:
                raise UsageError(
                    f"a valve moved at {changed_s:g} s, which the plant has forgotten: "
                    f"expected a time from {self._starts[0]:g} s on"
                )
            self._integrator.restore(self._before[at])
            del self._pieces[at:], self._starts[at:], self._before[at:]
        self._integrator.steer(given)
        return changed_s

    def _vessel(self, name: str, t_s: FloatArray) -> VesselSeries:
        n = self._numbers[name]
        if not t_s.size:
            return VesselSeries(*(np.empty(0) for _ in VesselSeries._fields))
        first, last = float(t_s.min()), float(t_s.max())
        self._require(first, last)
        low = bisect.bisect_right(self._starts, first) - 1
        high = bisect.bisect_right(self._starts, last)
        if high - low == 1:
            return self._pieces[low].vessel(n, t_s)
        order = np.argsort(t_s, kind="stable")
        rising = t_s[order]
        cuts = np.searchsorted(rising, self._starts[low + 1 : high], side="left")
        parts = [
            self._pieces[low + k].vessel(n, times)
            for k, times in enumerate(np.split(rising, cuts))
            if times.size
        ]
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        return VesselSeries(*(np.concatenate(values)[back] for values in zip(*parts, strict=True)))

    def _require(self, first_s: float, last_s: float) -> None:
        """Integrate as far as needed, and see that the first time is still known."""
        # min() and max() of an array give NaN where one is in it.
        if not (first_s >= 0.0 and last_s < math.inf):
            wrong = last_s if first_s >= 0.0 else first_s
            raise UsageError(f"the plant has no state at {wrong:g} s, expected a time from 0 s on")
        while last_s >= self._integrator.now_s:
            self._before.append(self._integrator.save())
            piece = self._integrator.advance()
            self._pieces.append(piece)
            self._starts.append(piece.start_s)
        self._asked_s = max(self._asked_s, last_s)
        self._forget(first_s)
        if first_s < self._starts[0]:
            raise UsageError(
                f"the plant's state at {first_s:g} s is forgotten, "
                f"expected a time from {self._starts[0]:g} s on"
            )

    def _forget(self, needed_s: float) -> None:
        """Drop pieces that lie more than `history_s` before what was asked for last."""
        if self._history_s is None:
            return
        # Sensors ask hour by hour, and one of them is first: an hour more is for the others.
        oldest = min(needed_s, self._asked_s - self._history_s - CHUNK_S)
        while self._pieces[0].end_s <= oldest:
            del self._pieces[0], self._starts[0], self._before[0]

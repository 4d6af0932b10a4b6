"""The slow part of what a sensing element says: all but its white noise, second by second.

It is made an hour at a time. Where somebody's hand changes what surrounds the element (a valve that
a node opens), the rest of the hour is made again; draws are kept, so that the same bits come.
"""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.signal import lfilter

from prkbench.errors import UsageError
from prkbench.sim.lag import lag_response
from prkbench.sim.plant.plant import Source
from prkbench.sim.sensor_faults import WetPort
from prkbench.sim.surroundings import FloatArray, spawn

if TYPE_CHECKING:
    from prkbench.sim.transducer import TransducerSpec

_HOUR_S = 3600
_HOURS_KEPT = 3
"""Hours that can be made again: the newest one reaches into the future, and one is to spare."""
_KELVIN = 273.15
_TEMPCO_REFERENCE_C = 25.0
_FLICKER = 2


@dataclass
class _Hour:
    """What an hour is made from again: its flicker, and how it began."""

    flicker: FloatArray
    lagged_k: float | None
    ports_pa: list[float | None]
    sticks: list[tuple[float, float]]


class _Bend(NamedTuple):
    """Values and rises per second of pressure and temperature from a moment within a second on."""

    from_s: float
    pa: float
    pa_rise: float
    degc: float
    degc_rise: float


class SlowPart:
    """Pressure (Pa) and temperature (degC) before noise, repeatable from the seed.

    p, p_rise, t, t_rise: values and rises to the next second, from the second `first` on; bends:
    seconds within which that is not all, see `at`. known_s: how far they reach. `source`,
    `history_s` as of Transducer.
    """

    def __init__(
        self,
        source: Source,
        seed: int,
        spec: TransducerSpec,
        offset_pa: float,
        history_s: float | None,
    ) -> None:
        self._spec = spec
        self._source = source
        self._offset_pa = offset_pa
        self._flicker_rng = spawn(seed, _FLICKER)
        count = max(1, len(spec.flicker_taus_s))
        self._flicker_sigma = spec.flicker_pa / math.sqrt(count)
        self._flicker = [
            self._flicker_sigma * float(self._flicker_rng.standard_normal())
            for _ in spec.flicker_taus_s
        ]
        self._lagged_k: float | None = None
        self._wet = [WetPort(fault) for fault in spec.faults if fault.kind == "wet_port"]
        self.sticks = [
            (fault.from_s, fault.to_s, [0.0, 0.0]) for fault in spec.faults if fault.kind == "stick"
        ]
        """From, to, and the reading that it sticks at, once that is known."""
        self._hours: dict[int, _Hour] = {}
        self._history_s = history_s
        self._count = 0
        self.first = 0
        self.known_s = 0.0
        self.p, self.p_rise = array("d"), array("d")
        self.t, self.t_rise = array("d"), array("d")
        self._stores = (self.p, self.p_rise, self.t, self.t_rise)
        self.bends: dict[int, list[_Bend]] = {}

    def require(self, t_s: float) -> None:
        """Make it known up to a time; UsageError for one that is none, or forgotten."""
        if not self.first <= t_s < math.inf:
            raise UsageError(f"no measurement at {t_s:g} s, expected a time from {self.first} s on")
        while t_s >= self.known_s:
            for store, values in zip(self._stores, self._made(), strict=True):
                store.frombytes(values.tobytes())
            self._count += 1
            self.known_s = self._count * float(_HOUR_S)
            if self._history_s is not None:
                before = int((self.known_s - _HOUR_S - self._history_s) // _HOUR_S)
                self._forget(before * _HOUR_S)

    def at(self, t_s: float) -> tuple[float, float]:
        """Return pressure and temperature at a time that is known."""
        second = int(t_s)
        s = t_s - second
        for bend in reversed(self.bends.get(second, ())):
            if s >= bend.from_s:
                s -= bend.from_s
                return bend.pa + s * bend.pa_rise, bend.degc + s * bend.degc_rise
        i = second - self.first
        return self.p[i] + s * self.p_rise[i], self.t[i] + s * self.t_rise[i]

    def stuck(self, t_s: float) -> tuple[float, float] | None:
        """Return the reading that it sticks at, None where it does not."""
        for from_s, to_s, reading in self.sticks:
            if from_s <= t_s < to_s:
                return reading[0], reading[1]
        return None

    def replan(self, t_s: float, *, bend: bool) -> None:
        """What surrounds the element has become another from `t_s` on; what was before stays.

        Without `bend` it is again what it was before a call for this time: everything since is as
        if that had not been, to the bit. UsageError where that is too long ago.
        """
        second = int(t_s)
        for late in [s for s in self.bends if s >= second]:
            kept = [b for b in self.bends[late] if late == second and b.from_s < t_s - second]
            if kept:
                self.bends[late] = kept
            else:
                del self.bends[late]
        if t_s >= self.known_s:
            return
        number = second // _HOUR_S
        if number not in self._hours or t_s < self.first:
            raise UsageError(
                f"nothing can change at {t_s:g} s any more, expected a time from "
                f"{max(self.first, _HOUR_S * min(self._hours))} s on"
            )
        pa, degc = self.at(t_s)
        self._go_back_to(number)
        made = self._made()
        self._count = number + 1
        self.known_s = self._count * float(_HOUR_S)
        # The seconds up to this one keep their bits; of this one, what is before the bend.
        skip = second + 1 - number * _HOUR_S
        for store, values in zip(self._stores, made, strict=True):
            del store[second + 1 - self.first :]
            store.frombytes(values[skip:].tobytes())
        if bend:
            left = second + 1 - t_s
            next_pa, next_degc = (
                float(values[skip] if skip < _HOUR_S else values[-1] + rises[-1])
                for values, rises in (made[:2], made[2:])
            )
            self.bends.setdefault(second, []).append(
                _Bend(t_s - second, pa, (next_pa - pa) / left, degc, (next_degc - degc) / left)
            )

    # Hour by hour -------------------------------------------------------------------------

    def _go_back_to(self, number: int) -> None:
        hour = self._hours[number]
        self._count = number
        self._lagged_k = hour.lagged_k
        for port, level in zip(self._wet, hour.ports_pa, strict=True):
            port.level_pa = level
        for (_, _, reading), before in zip(self.sticks, hour.sticks, strict=True):
            reading[:] = before

    def _begin(self) -> FloatArray:
        """Note how the next hour begins; its flicker, drawn once."""
        known = self._hours.get(self._count)
        flicker = self._flicker_hour() if known is None else known.flicker
        self._hours[self._count] = _Hour(
            flicker,
            self._lagged_k,
            [port.level_pa for port in self._wet],
            [(reading[0], reading[1]) for _, _, reading in self.sticks],
        )
        self._hours.pop(self._count - _HOURS_KEPT, None)
        return flicker

    def _flicker_hour(self) -> FloatArray:
        total = np.zeros(_HOUR_S + 1)
        if self._flicker_sigma == 0.0:
            return total
        for n, tau in enumerate(self._spec.flicker_taus_s):
            keep = math.exp(-1.0 / tau)
            draws = self._flicker_rng.standard_normal(_HOUR_S)
            draws *= self._flicker_sigma * math.sqrt(1.0 - keep * keep)
            start = self._flicker[n]
            walk, _ = lfilter([1.0], [1.0, -keep], draws, zi=np.array([keep * start]))
            total[0] += start
            total[1:] += walk
            self._flicker[n] = float(walk[-1])
        return total

    def _made(self) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """The next hour: value and rise of pressure, then of temperature, at every second."""
        spec = self._spec
        flicker = self._begin()
        times = self._count * float(_HOUR_S) + np.arange(_HOUR_S + 1, dtype=np.float64)
        pressure, air = self._source(times)
        start = float(air[0]) if self._lagged_k is None else self._lagged_k
        lagged = lag_response(air, 1.0, spec.lag_s, start)
        self._lagged_k = float(lagged[-1])
        heating = -spec.self_heating_k * np.expm1(-times / spec.self_heating_tau_s)
        temperature = lagged + heating - _KELVIN
        for port in self._wet:
            pressure = port.filtered(times, pressure)
        apparent = (
            pressure
            + self._offset_pa
            + spec.tempco_pa_per_k * (temperature - _TEMPCO_REFERENCE_C)
            + flicker
        )
        for fault in spec.faults:
            apparent = apparent + fault.extra_pa(times, temperature)
        for from_s, _, reading in self.sticks:
            if times[0] <= from_s < times[-1]:
                reading[0] = float(np.interp(from_s, times, apparent))
                reading[1] = float(np.interp(from_s, times, temperature))
        return apparent[:-1], np.diff(apparent), temperature[:-1], np.diff(temperature)

    def _forget(self, before_s: int) -> None:
        """Drop what was known of the time before."""
        if before_s > self.first:
            for store in self._stores:
                del store[: before_s - self.first]
            self.first = before_s
            self.bends = {s: bends for s, bends in self.bends.items() if s >= before_s}

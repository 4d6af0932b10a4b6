"""What the sensing element reports: the truth with offset, drift with temperature, lag and noise.

The slow part (lag, self-heating, offset, temperature coefficient, flicker) is a repeatable
series on a 1 s grid, independent of when conversions happen; only the white noise is drawn per
conversion, in their order.
"""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from prkbench.errors import UsageError
from prkbench.sim.lag import lag_response
from prkbench.sim.plant.plant import Source
from prkbench.sim.sensor_faults import SensorFault, WetPort
from prkbench.sim.surroundings import FloatArray, spawn

__all__ = ["SensorFault", "Transducer", "TransducerSpec", "lag_response"]

_CHUNK_S = 3600
_NOISE_BLOCK = 4096
_KELVIN = 273.15
_TEMPCO_REFERENCE_C = 25.0


@dataclass(frozen=True)
class TransducerSpec:
    """One sensing element.

    `offset_pa` None draws it uniformly within +-`offset_limit_pa`. White noise: standard
    deviation `noise_pa` at x16, scaling as 1/sqrt(oversampling), which is a two-sided density of
    0.0162 Pa2/Hz at x16 and 25 Hz. `temperature_noise_k` is at x1; the datasheet gives the x1
    temperature resolution as 0.005 K and halves it per doubling, which we take as noise falling
    with the square root. Flicker is `flicker_pa` rms, spread evenly over `flicker_taus_s`.
    `faults` come on top, in this order.
    """

    offset_pa: float | None = None
    offset_limit_pa: float = 50.0
    tempco_pa_per_k: float = 0.6
    flicker_pa: float = 0.1
    flicker_taus_s: tuple[float, ...] = (10.0, 100.0, 1000.0, 10000.0)
    noise_pa: float = 0.636
    temperature_noise_k: float = 0.005
    lag_s: float = 240.0
    self_heating_k: float = 0.05
    self_heating_tau_s: float = 120.0
    faults: tuple[SensorFault, ...] = ()

    @classmethod
    def ideal(cls) -> TransducerSpec:
        """Return an element that reports the truth: no error, no noise, no lag."""
        return cls(
            offset_pa=0.0,
            tempco_pa_per_k=0.0,
            flicker_pa=0.0,
            noise_pa=0.0,
            temperature_noise_k=0.0,
            lag_s=0.0,
            self_heating_k=0.0,
        )


class Transducer:
    """A sensing element in one place of the bench, repeatable from its seed.

    `source` gives the true pressure and air temperature there (`Bench.source(role)`). Only the
    last `history_s` at least can be asked for, if given, so that a month takes no more memory.
    """

    def __init__(
        self,
        source: Source,
        seed: int,
        spec: TransducerSpec | None = None,
        history_s: float | None = None,
    ) -> None:
        self.spec = spec or TransducerSpec()
        self._source = source
        limit = self.spec.offset_limit_pa
        drawn = float(spawn(seed, 1).uniform(-limit, limit))
        self.offset_pa = drawn if self.spec.offset_pa is None else self.spec.offset_pa
        self._flicker_rng = spawn(seed, 2)
        self._noise_rng = spawn(seed, 3)
        count = max(1, len(self.spec.flicker_taus_s))
        self._flicker_sigma = self.spec.flicker_pa / math.sqrt(count)
        self._flicker = [
            self._flicker_sigma * float(self._flicker_rng.standard_normal())
            for _ in self.spec.flicker_taus_s
        ]
        self._lagged_k: float | None = None
        self._wet = [WetPort(fault) for fault in self.spec.faults if fault.kind == "wet_port"]
        # Each with the reading that it sticks at, once that is known.
        self._sticks = [
            (fault.from_s, fault.to_s, [0.0, 0.0])
            for fault in self.spec.faults
            if fault.kind == "stick"
        ]
        self._history_s = history_s
        self._first = 0
        self._chunks = 0
        self._known_s = 0.0
        # Value and rise to the next second, of apparent pressure and of sensor temperature.
        self._p, self._p_rise = array("d"), array("d")
        self._t, self._t_rise = array("d"), array("d")
        # Two blocks of draws: the one in use and the one before, so that a few can be taken back.
        self._noise: list[float] = []
        self._noise_from = self._drawn = 0
        self._p_sigma = {2**n: self.spec.noise_pa * math.sqrt(16 / 2**n) for n in range(6)}
        self._t_sigma = {2**n: self.spec.temperature_noise_k / math.sqrt(2**n) for n in range(6)}

    def _flicker_chunk(self) -> FloatArray:
        total = np.zeros(_CHUNK_S + 1)
        if self._flicker_sigma == 0.0:
            return total
        for n, tau in enumerate(self.spec.flicker_taus_s):
            keep = math.exp(-1.0 / tau)
            draws = self._flicker_rng.standard_normal(_CHUNK_S)
            draws *= self._flicker_sigma * math.sqrt(1.0 - keep * keep)
            start = self._flicker[n]
            walk, _ = lfilter([1.0], [1.0, -keep], draws, zi=np.array([keep * start]))
            total[0] += start
            total[1:] += walk
            self._flicker[n] = float(walk[-1])
        return total

    def _extend(self) -> None:
        """Add one hour of the slow part."""
        spec = self.spec
        times = self._chunks * float(_CHUNK_S) + np.arange(_CHUNK_S + 1, dtype=np.float64)
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
            + self.offset_pa
            + spec.tempco_pa_per_k * (temperature - _TEMPCO_REFERENCE_C)
            + self._flicker_chunk()
        )
        for fault in spec.faults:
            apparent = apparent + fault.extra_pa(times, temperature)
        for from_s, _, reading in self._sticks:
            if times[0] <= from_s < times[-1]:
                reading[0] = float(np.interp(from_s, times, apparent))
                reading[1] = float(np.interp(from_s, times, temperature))
        for store, values in (
            (self._p, apparent[:-1]),
            (self._p_rise, np.diff(apparent)),
            (self._t, temperature[:-1]),
            (self._t_rise, np.diff(temperature)),
        ):
            store.frombytes(values.tobytes())
        self._chunks += 1
        self._known_s = self._chunks * float(_CHUNK_S)
        if self._history_s is not None:
            self._forget(int((self._known_s - _CHUNK_S - self._history_s) // _CHUNK_S) * _CHUNK_S)

    def _forget(self, before_s: int) -> None:
        """Drop what was known of the time before."""
        if before_s > self._first:
            for store in (self._p, self._p_rise, self._t, self._t_rise):
                del store[: before_s - self._first]
            self._first = before_s

    def _require(self, t_s: float) -> None:
        if not self._first <= t_s < math.inf:
            raise UsageError(
                f"no measurement at {t_s:g} s, expected a time from {self._first} s on"
            )
        while t_s >= self._known_s:
            self._extend()

    def measure(self, t_s: float, osr_p: int, osr_t: int) -> tuple[float, float]:
        """Return one conversion's (pressure Pa, temperature degC) at a time, with noise.

        The oversampling factors are 1 to 32. Every call takes the next two noise draws.
        """
        if not self._first <= t_s < self._known_s:
            self._require(t_s)
        i = int(t_s)
        s = t_s - i
        i -= self._first
        noise = self._noise
        n = self._drawn
        if n + 2 > len(noise):
            fresh = self._noise_rng.standard_normal(_NOISE_BLOCK).tolist()
            kept = noise[-_NOISE_BLOCK:]
            self._noise_from += len(noise) - len(kept)
            self._noise = noise = kept + fresh
            n = len(kept)
        self._drawn = n + 2
        if self._sticks:
            stuck = self._stuck(t_s)
            if stuck:
                return stuck
        return (
            self._p[i] + s * self._p_rise[i] + self._p_sigma[osr_p] * noise[n],
            self._t[i] + s * self._t_rise[i] + self._t_sigma[osr_t] * noise[n + 1],
        )

    def measure_series(
        self, t_s: FloatArray, osr_p: int, osr_t: int
    ) -> tuple[FloatArray, FloatArray]:
        """Return what `measure` would for these rising times, one after the other, to the bit.

        UsageError for times that do not rise or are none. Draws made before are past `restore`.
        """
        t_s = np.asarray(t_s, dtype=np.float64)
        if not t_s.size:
            return np.empty(0), np.empty(0)
        if not np.all(np.diff(t_s) >= 0.0):
            raise UsageError("measurements one after the other need times that rise")
        noise = self._draws(2 * len(t_s))
        p, t = np.empty(len(t_s)), np.empty(len(t_s))
        done = 0
        while done < len(t_s):
            self._require(float(t_s[done]))
            end = int(np.searchsorted(t_s, self._known_s, side="left"))
            times = t_s[done:end]
            whole = times.astype(np.int64)
            s = times - whole
            low, high = int(whole[0]) - self._first, int(whole[-1]) + 1 - self._first
            whole -= int(whole[0])
            # The slices are copies: a view would forbid the stored arrays to grow.
            for out, store, rises in ((p, self._p, self._p_rise), (t, self._t, self._t_rise)):
                values, rise = np.frombuffer(store[low:high]), np.frombuffer(rises[low:high])
                out[done:end] = values[whole] + s * rise[whole]
            done = end
        p += self._p_sigma[osr_p] * noise[0::2]
        t += self._t_sigma[osr_t] * noise[1::2]
        for from_s, to_s, reading in self._sticks:
            stuck = slice(*np.searchsorted(t_s, (from_s, to_s), side="left"))
            p[stuck], t[stuck] = reading
        return p, t

    def _draws(self, count: int) -> FloatArray:
        """Return the next noise draws, as many calls of `measure` would take them."""
        ready = np.array(self._noise[self._drawn : self._drawn + count])
        fresh = self._noise_rng.standard_normal(max(0, count - len(ready)))
        if len(fresh):
            # All that was ready is taken: only these draws are left to be taken back.
            self._noise_from += len(self._noise)
            self._noise = fresh[-_NOISE_BLOCK:].tolist()
            self._noise_from += len(fresh) - len(self._noise)
            self._drawn = len(self._noise)
        else:
            self._drawn += count
        return np.concatenate((ready, fresh))

    def _stuck(self, t_s: float) -> tuple[float, float] | None:
        for from_s, to_s, reading in self._sticks:
            if from_s <= t_s < to_s:
                return reading[0], reading[1]
        return None

    def save(self) -> int:
        """Return how many draws have been made, for `restore`."""
        return self._noise_from + self._drawn

    def restore(self, saved: int) -> None:
        """Take back the draws made since `save`, at most one block of them."""
        self._drawn = saved - self._noise_from

    def expected(self, t_s: float) -> tuple[float, float]:
        """Return what `measure` scatters around, without taking a noise draw."""
        self._require(t_s)
        stuck = self._stuck(t_s)
        if stuck:
            return stuck
        i = int(t_s)
        s = t_s - i
        i -= self._first
        return self._p[i] + s * self._p_rise[i], self._t[i] + s * self._t_rise[i]

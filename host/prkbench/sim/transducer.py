"""What the sensing element reports: the truth with offset, drift with temperature, lag and noise.

The slow part (lag, self-heating, offset, temperature coefficient, flicker) is a repeatable
series on a 1 s grid, independent of when conversions happen; only the white noise is drawn per
conversion, in their order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from prkbench.errors import UsageError
from prkbench.sim.lag import lag_response
from prkbench.sim.plant.plant import Source
from prkbench.sim.sensor_faults import SensorFault
from prkbench.sim.slow_part import SlowPart
from prkbench.sim.surroundings import FloatArray, spawn

__all__ = ["SensorFault", "Transducer", "TransducerSpec", "lag_response"]

_NOISE_BLOCK = 4096


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
        limit = self.spec.offset_limit_pa
        drawn = float(spawn(seed, 1).uniform(-limit, limit))
        self.offset_pa = drawn if self.spec.offset_pa is None else self.spec.offset_pa
        self._slow = SlowPart(source, seed, self.spec, self.offset_pa, history_s)
        self._noise_rng = spawn(seed, 3)
        # Two blocks of draws: the one in use and the one before, so that a few can be taken back.
        self._noise: list[float] = []
        self._noise_from = self._drawn = 0
        self._p_sigma = {2**n: self.spec.noise_pa * math.sqrt(16 / 2**n) for n in range(6)}
        self._t_sigma = {2**n: self.spec.temperature_noise_k / math.sqrt(2**n) for n in range(6)}

    def measure(self, t_s: float, osr_p: int, osr_t: int) -> tuple[float, float]:
        """Return one conversion's (pressure Pa, temperature degC) at a time, with noise.

        The oversampling factors are 1 to 32. Every call takes the next two noise draws.
        """
        slow = self._slow
        if not slow.first <= t_s < slow.known_s:
            slow.require(t_s)
        i = int(t_s)
        s = t_s - i
        noise = self._noise
        n = self._drawn
        if n + 2 > len(noise):
            fresh = self._noise_rng.standard_normal(_NOISE_BLOCK).tolist()
            kept = noise[-_NOISE_BLOCK:]
            self._noise_from += len(noise) - len(kept)
            self._noise = noise = kept + fresh
            n = len(kept)
        self._drawn = n + 2
        if slow.sticks:
            stuck = slow.stuck(t_s)
            if stuck:
                return stuck
        if i in slow.bends:
            pa, degc = slow.at(t_s)
        else:
            i -= slow.first
            pa = slow.p[i] + s * slow.p_rise[i]
            degc = slow.t[i] + s * slow.t_rise[i]
        return pa + self._p_sigma[osr_p] * noise[n], degc + self._t_sigma[osr_t] * noise[n + 1]

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
        slow = self._slow
        noise = self._draws(2 * len(t_s))
        p, t = np.empty(len(t_s)), np.empty(len(t_s))
        done = 0
        while done < len(t_s):
            slow.require(float(t_s[done]))
            end = int(np.searchsorted(t_s, slow.known_s, side="left"))
            times = t_s[done:end]
            whole = times.astype(np.int64)
            s = times - whole
            low, high = int(whole[0]) - slow.first, int(whole[-1]) + 1 - slow.first
            whole -= int(whole[0])
            # The slices are copies: a view would forbid the stored arrays to grow.
            for out, store, rises in ((p, slow.p, slow.p_rise), (t, slow.t, slow.t_rise)):
                values, rise = np.frombuffer(store[low:high]), np.frombuffer(rises[low:high])
                out[done:end] = values[whole] + s * rise[whole]
            done = end
        for second in slow.bends:
            for k in range(*np.searchsorted(t_s, (second, second + 1), side="left").tolist()):
                p[k], t[k] = slow.at(float(t_s[k]))
        p += self._p_sigma[osr_p] * noise[0::2]
        t += self._t_sigma[osr_t] * noise[1::2]
        for from_s, to_s, reading in slow.sticks:
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

    def save(self) -> int:
        """Return how many draws have been made, for `restore`."""
        return self._noise_from + self._drawn

    def restore(self, saved: int) -> None:
        """Take back the draws made since `save`, at most one block of them."""
        self._drawn = saved - self._noise_from

    def expected(self, t_s: float) -> tuple[float, float]:
        """Return what `measure` scatters around, without taking a noise draw."""
        self._slow.require(t_s)
        return self._slow.stuck(t_s) or self._slow.at(t_s)

    def replan(self, t_s: float, *, bend: bool = True) -> None:
        """Let readings follow what surrounds the element from `t_s` on; see SlowPart.replan."""
        self._slow.replan(t_s, bend=bend)

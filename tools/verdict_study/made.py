"""Records of benches made many at a time: minutes straight from filters, no node and no plant.

The room moves a wall, the wall the gas, the gas the thermometer, each with its own time constant;
the gas has a residual that no thermometer sees. All of it is linear, so a day of fifty benches
takes a second. Sizes are the simulator's: 5 L at 1200 hPa over 1000 hPa, walls of 30 min.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from prkbench.analysis.independent import FloatArray, Used
from prkbench.law import Law, driving_pressure_pa
from prkbench.sim.transducer import TransducerSpec

P_PA, REF_PA, T_K = 120000.0, 100000.0, 295.0
K_PER_S = 6.268e-7
"""5.415 % of the gauge pressure a day: the tunnel's own pace."""
LAG_S = 240.0
RATE_HZ = 5.0
VACUUM_FROM_PA, VACUUM_PA = 101325.0, 500.0
"""Mode C: from and to."""
RESIDUAL_K, RESIDUAL_TAU_S = 0.010, 1800.0
TWIN_MISMATCH = 0.07
RESIDUALS = ("white", "ar1", "hvac", "diurnal", "room")
"""What disturbs a record: white residual; an autoregression; the same and the air conditioning; the
same and the day's swing of 2 K; all three."""
SETTLE_MIN = 10
_GRID_S = 10.0
_A_MINUTE = 6
_WALL_S, _GAS_S = 1800.0, 150.0
_WEATHER_PA_PER_SQRT_H = 50.0
_HVAC_K, _HVAC_S = 0.15, (600.0, 1800.0)
_DAY_K, _DAY_S = 1.0, 86400.0
_SPEC = TransducerSpec()


@dataclass(frozen=True)
class Made:
    """Minutes of several benches, (runs, minutes) each: Pa and K.

    Chamber, reference, the chamber's thermometer, and a twin: a sealed vessel beside, whose gas
    follows the room 7 % less and has a residual of
    its own.
    """

    pressure_pa: FloatArray
    reference_pa: FloatArray
    temperature_k: FloatArray
    twin_pa: FloatArray

    def used(self, run: int, *, twin: bool = False) -> Used:
        """The blocks of one bench as the host's estimate takes them, linear law."""
        t, p = self.temperature_k[run], self.pressure_pa[run]
        n = len(t)
        return Used(
            np.ones(n, dtype=np.int64),
            np.arange(n),
            (p - self.reference_pa[run]) * T_K / t,
            t,
            p * T_K / t,
            self.twin_pa[run] if twin else None,
        )


def made(
    seed: int,
    runs: int,
    minutes: int,
    residual: str,
    k_per_s: float = K_PER_S,
    *,
    law: Law = "linear",
    pumped: bool = False,
) -> Made:
    """Make that many benches after ten minutes of settling; the same seed gives the same bits.

    pumped: mode C, from 1013 hPa into a pumped outlet, and no weather; else mode A.
    """
    rng = np.random.default_rng([seed, RESIDUALS.index(residual), minutes])
    count = SETTLE_MIN + minutes
    grid = count * _A_MINUTE
    t_s = np.asarray((np.arange(grid) + 0.5) * _GRID_S, dtype=np.float64)
    room = np.zeros((runs, grid))
    if residual in ("hvac", "room"):
        room += np.array([_hvac(rng, t_s) for _ in range(runs)])
    if residual in ("diurnal", "room"):
        phase = rng.uniform(0.0, 2.0 * math.pi, (runs, 1))
        room += _DAY_K * (np.sin(2.0 * math.pi * t_s / _DAY_S + phase) - np.sin(phase))
    air = _follow(_follow(room, _WALL_S), _GAS_S)
    if residual == "white":
        hidden = np.repeat(RESIDUAL_K * rng.standard_normal((runs, count)), _A_MINUTE, axis=1)
    else:
        hidden = _red(rng, room.shape, RESIDUAL_K, RESIDUAL_TAU_S)
    gas = T_K + air + hidden
    start_pa = VACUUM_FROM_PA if pumped else P_PA
    if pumped:
        reference = np.full(room.shape, VACUUM_PA)
    else:
        walk = np.cumsum(rng.standard_normal((runs, count)), axis=1)
        reference = REF_PA + np.repeat(
            walk * _WEATHER_PA_PER_SQRT_H / math.sqrt(60.0), _A_MINUTE, axis=1
        )
    if law == "linear":
        # dp_T/dt = -k (p_T - p_ref T_ref/T): linear, so a step of the grid is an exponential.
        keep = math.exp(-k_per_s * _GRID_S)
        start = np.full((runs, 1), keep * start_pa)
        p_t, _ = lfilter([1.0 - keep], [1.0, -keep], reference * T_K / gas, axis=1, zi=start)
    else:
        p_t = _leaked(law, k_per_s, start_pa, reference, gas)
    beside = T_K + (1.0 - TWIN_MISMATCH) * air + _red(rng, room.shape, RESIDUAL_K, RESIDUAL_TAU_S)
    settled = slice(SETTLE_MIN, None)
    kelvin = _spread(_SPEC.temperature_noise_k / math.sqrt(2.0))
    measured = T_K + _minutes(_follow(air, LAG_S)) + kelvin * rng.standard_normal((runs, count))
    return Made(
        _sensor(rng, p_t * gas / T_K)[:, settled],
        _sensor(rng, reference)[:, settled],
        measured[:, settled],
        _sensor(rng, start_pa * beside / T_K)[:, settled],
    )


def norm_pa(pumped: bool) -> float:
    """p_N of the viscous law."""
    return (VACUUM_FROM_PA + VACUUM_PA) / 2.0 if pumped else (P_PA + REF_PA) / 2.0


def _leaked(
    law: Law, k_per_s: float, start_pa: float, reference: FloatArray, gas: FloatArray
) -> FloatArray:
    """p_T under a law that is not linear, by the midpoint rule: k times a step is under 1e-3."""
    y = np.full(len(gas), start_pa)
    out = np.empty_like(gas)
    norm = norm_pa(bool(reference[0, 0] < 0.5 * REF_PA))
    for n in range(gas.shape[1]):
        hot = T_K / gas[:, n]

        def fall(at: FloatArray, n: int = n, hot: FloatArray = hot) -> FloatArray:
            x = driving_pressure_pa(law, at / hot, reference[:, n], norm)
            return np.asarray(k_per_s * _GRID_S * x * hot)

        y = y - fall(y - 0.5 * fall(y))
        out[:, n] = y
    return out


def _hvac(rng: np.random.Generator, t_s: FloatArray) -> FloatArray:
    low, high = _HVAC_S
    periods = rng.uniform(low, high, int(t_s[-1] / low) + 2)
    starts = np.concatenate(([0.0], np.cumsum(periods)))
    cycle = np.searchsorted(starts, t_s, side="right") - 1
    return np.asarray(_HVAC_K * np.sin(2.0 * math.pi * (t_s - starts[cycle]) / periods[cycle]))


def _follow(driver: FloatArray, tau_s: float) -> FloatArray:
    """First order with that time constant, the driver's straight lines taken at their middles."""
    keep = math.exp(-_GRID_S / tau_s)
    half = 0.5 * (1.0 - keep)
    followed, _ = lfilter(
        [half, half], [1.0, -keep], driver, axis=1, zi=(keep + half) * driver[:, :1]
    )
    return np.asarray(followed)


def _red(rng: np.random.Generator, shape: tuple[int, ...], rms: float, tau_s: float) -> FloatArray:
    keep = math.exp(-_GRID_S / tau_s)
    shocks = rms * math.sqrt(1.0 - keep * keep) * rng.standard_normal(shape)
    shocks[:, 0] /= math.sqrt(1.0 - keep * keep)
    return np.asarray(lfilter([1.0], [1.0, -keep], shocks, axis=1))


def _minutes(values: FloatArray) -> FloatArray:
    return np.asarray(values.reshape(len(values), -1, _A_MINUTE).mean(axis=2))


def _spread(noise: float) -> float:
    return noise / math.sqrt(60.0 * RATE_HZ)


def _sensor(rng: np.random.Generator, pressure_pa: FloatArray) -> FloatArray:
    """A minute's mean as the barometer has it: with flicker and what is left of its noise."""
    share = _SPEC.flicker_pa / math.sqrt(len(_SPEC.flicker_taus_s))
    flicker = sum(_red(rng, pressure_pa.shape, share, tau) for tau in _SPEC.flicker_taus_s)
    means = _minutes(pressure_pa + flicker)
    return means + _spread(_SPEC.noise_pa) * rng.standard_normal(means.shape)

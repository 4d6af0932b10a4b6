"""Minutes of sealed and leaking runs from closed forms, and the table learnt from one."""

import math

import numpy as np
from scipy.signal import lfilter

from prkbench.analysis.independent import Used

P_PA, X_PA, T_K, LAG_S = 120000.0, 20000.0, 295.0, 240.0
SETTLED = 10
TABLE = {
    "date": "2026-03-01",
    "run": "blank.prk",
    "head": "0123456789abcdef",
    "duration": "72 h",
    "temperature": "295 K",
    "pressure": "1200 hPa",
    "reference_pressure": "1000 hPa",
    "driving_pressure": "200 hPa",
    "volume": "5 L",
    "element": "law linear, conductance 5e-08 m3/s",
    "node_window": "6 h",
    "bound": "1e-9 1/s",
    "rms": "0.01 K",
    "rms_uncertainty": "6 %",
    "correlation_time": "30 min",
    "correlation_time_uncertainty": "12 %",
    "white": "0.05 Pa",
    "lag": "240 s",
    "lag_uncertainty": "1 %",
    # The errors that the residual above means, by generalised least squares.
    "windows": ["15 min", "1 h", "4 h", "24 h"],
    "se": ["2.055e-7 1/s", "7.463e-8 1/s", "1.764e-8 1/s", "1.567e-9 1/s"],
    "se_uncertainty": ["4 %", "7 %", "12 %", "15 %"],
    "pieces": [287, 72, 18, 3],
}


def run(
    seed: int,
    hours: float,
    k_per_s: float = 0.0,
    *,
    rms_k: float = 0.010,
    tau_s: float = 1800.0,
    white_pa: float = 0.05,
    noise_k: float = 0.0,
) -> Used:
    """An Ornstein-Uhlenbeck gas temperature averaged over minutes, a breathing room, a lag.

    noise_k: standard deviation of a minute's temperature reading.
    """
    rng = np.random.default_rng(seed)
    count, parts = round(hours * 60) + SETTLED, 6
    rho = math.exp(-60.0 / parts / tau_s)
    shock = rng.standard_normal(count * parts) * math.sqrt(1.0 - rho * rho)
    shock[0] = rng.standard_normal()
    gas = lfilter([1.0], [1.0, -rho], shock).reshape(count, parts).mean(axis=1) * rms_k
    t_s = 60.0 * np.arange(count)
    turn, phase = 2.0 * np.pi / 1200.0, rng.uniform(0.0, 6.3)
    kelvin = T_K + 0.016 * np.sin(turn * t_s + phase)
    rate = 0.016 * turn * np.cos(turn * t_s + phase)
    x = X_PA * np.exp(-k_per_s * t_s)
    p = P_PA - X_PA + x
    read = noise_k * rng.standard_normal(count)
    y = p * (1.0 + (gas + LAG_S * rate - read) / T_K) + white_pa * rng.standard_normal(count)
    at = slice(SETTLED, None)
    return Used(
        np.ones(count, dtype=np.int64)[at], np.arange(count)[at], x[at], (kelvin + read)[at], y[at]
    )

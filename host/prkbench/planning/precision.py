"""How well a test of some length can know k: generalised least squares before there is data.

The model is the estimator's: p_T = c - k I + d D, its noise the residual's covariance with the
sensor's. Known beforehand within a standard deviation are the sensors' null error, whose column is
k times the integral of dx/dp, and in a short record the thermal lag. The standard error of k
follows from the information matrix (Fisher); the best estimator reaches it, none goes below.
"""

from __future__ import annotations

import functools
import math
from dataclasses import replace

import numpy as np
from scipy.linalg import solve_triangular
from threadpoolctl import ThreadpoolController

from prkbench.analysis.independent import FloatArray
from prkbench.planning.room import DRAWS, warmth
from prkbench.planning.setting import Setting

PERCENT_PER_DAY = 8.64e6
"""1/s as per cent of the driving pressure a day."""

_MOST_BLOCKS = 240
_FITTED_LAG_S = 3600.0
"""As the host: shorter records take the lag from the configuration."""
_LAG_U = 0.5
_TWIN_MISMATCH = 0.07
"""A sealed twin's gas follows the room this much differently, relative."""


def rmse_per_s(setting: Setting, k_per_s: float, duration_s: float) -> float:
    """Return the standard error of k (1/s) after a test of that length under that leak.

    What comes after the pressure has left the sensor's range adds nothing.
    """
    # The matrices are small: several threads would spend their time waiting for one another.
    with _threads().limit(limits=1):
        return _rmse_per_s(setting, k_per_s, duration_s)


@functools.cache
def _threads() -> ThreadpoolController:
    """Return the libraries with threads of their own; finding them takes as long as a plan."""
    return ThreadpoolController()


def _rmse_per_s(setting: Setting, k_per_s: float, duration_s: float) -> float:
    length = min(duration_s, setting.usable_s(k_per_s))
    count = max(6, min(_MOST_BLOCKS, math.floor(length / 60.0)))
    block_s = length / count
    # Every block lies on the grid of the room's draws; below a minute none does, and none is asked.
    centres = (np.arange(count, dtype=np.float64) + 0.5) * block_s
    p = setting.pressure_at(k_per_s, centres)
    pa_per_k = p / setting.temperature_k
    noise = setting.noise
    covariance = noise.covariance(count, block_s, pa_per_k)
    if setting.twin:
        covariance += noise.covariance(count, block_s, np.full(count, float(pa_per_k[0])))
    factor = np.linalg.cholesky(covariance)
    columns = [np.ones(count), setting.integral_at(k_per_s, centres)]
    priors = [0.0, 0.0]
    if k_per_s > 0.0 and setting.null_pa > 0.0:
        steps = setting.per_pascal(p) * block_s
        columns.append(k_per_s * (np.cumsum(steps) - steps / 2.0))
        priors.append(setting.null_pa**-2)
    fixed = solve_triangular(factor, np.stack(columns, axis=1), lower=True)
    total = 0.0
    for draw in range(DRAWS):
        seen = warmth(draw, count, block_s, setting.lag_s)
        if setting.twin:
            column, prior = _TWIN_MISMATCH * pa_per_k * seen.gas_k, 1.0
        else:
            column = seen.d_k
            # A lag of nothing is not known better than to a second.
            lag_pa_per_k = float(pa_per_k[0]) * max(setting.lag_s, 1.0) / 120.0
            prior = 0.0 if length >= _FITTED_LAG_S else (_LAG_U * lag_pa_per_k) ** -2
        whole = np.column_stack([fixed, solve_triangular(factor, column, lower=True)])
        total += _variance_of_k(whole, np.array([*priors, prior]))
    return math.sqrt(total / DRAWS)


def claimed_per_s(setting: Setting, k_per_s: float, duration_s: float) -> float:
    """Return the standard error that the host will claim, 1/s: never below the true one.

    It does not know the residual's correlation time and stays on the safe side, with the time it
    is told to expect (node.correlation_time) where that makes the error larger.
    """
    safe = replace(setting, noise=setting.noise.assumed(setting.expected_tau_s))
    return max(rmse_per_s(safe, k_per_s, duration_s), rmse_per_s(setting, k_per_s, duration_s))


def _variance_of_k(white: FloatArray, prior: FloatArray) -> float:
    """Variance of the second coefficient, given the whitened columns and the priors' weights."""
    scale = np.linalg.norm(white, axis=0)
    scale[scale == 0.0] = 1.0
    scaled = white / scale
    information = scaled.T @ scaled + np.diag(prior / scale**2)
    return float(np.linalg.inv(information)[1, 1]) / float(scale[1]) ** 2

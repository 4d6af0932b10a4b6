"""The exact response of a first-order lag to a series of straight lines."""

from __future__ import annotations

import math

import numpy as np
from scipy.signal import lfilter

from prkbench.sim.surroundings import FloatArray


def _weights(step_s: float, tau_s: float) -> tuple[float, float, float]:
    """Return what y[n], x[n] and x[n+1] count for in y[n+1], for y' = (x - y)/tau."""
    ratio = step_s / tau_s
    keep = math.exp(-ratio)
    ramp = -math.expm1(-ratio) / ratio
    return keep, ramp - keep, 1.0 - ramp


def lag_response(values: FloatArray, step_s: float, tau_s: float, start: float) -> FloatArray:
    """Follow a first-order lag driven by a series of straight lines.

    `values` are at equal steps, the response begins at `start` at the first of them. Exact for
    such an input: y' = (x - y)/tau. A `tau_s` of 0 returns the input, infinity the start.
    """
    if tau_s == 0.0:
        return values.copy()
    if math.isinf(tau_s):
        return np.full(len(values), start)
    keep, before, after = _weights(step_s, tau_s)
    drive = before * values[:-1] + after * values[1:]
    tail, _ = lfilter([1.0], [1.0, -keep], drive, zi=np.array([keep * start]))
    response: FloatArray = np.concatenate(([start], tail))
    return response


def lag_at(t_s: FloatArray, values: FloatArray, tau_s: float, start: float) -> FloatArray:
    """Do as `lag_response` for values at rising times of which the inner ones are evenly apart."""
    if len(t_s) < 4:
        response = [start]
        for n in range(len(t_s) - 1):
            pair = lag_response(values[n : n + 2], t_s[n + 1] - t_s[n], tau_s, response[-1])
            response.append(float(pair[1]))
        return np.array(response)
    first = lag_response(values[:2], t_s[1] - t_s[0], tau_s, start)
    inner = lag_response(values[1:-1], t_s[2] - t_s[1], tau_s, float(first[1]))
    last = lag_response(values[-2:], t_s[-1] - t_s[-2], tau_s, float(inner[-1]))
    return np.concatenate((first[:1], inner, last[1:]))

"""What a sealed run teaches: residual, lag, and the spread of k over pieces of the run.

The residual's model gives a standard error for any window; pieces of the run that long give
another, from how far their k lie apart. Both are pooled by their degrees of freedom, from the
shortest window on: by how much pieces spread more than the model says is carried to the next
longer window, of which there are fewer pieces.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from prkbench.analysis.independent import FloatArray, RowTable, Used, rows_of
from prkbench.calibration.residual import BLOCK_S, Residual, Whitener, learn
from prkbench.errors import UndecidedError

WINDOWS_S = (900.0, 3600.0, 4.0 * 3600.0, 24.0 * 3600.0)
_MOST_MODEL_FREEDOM = 20.0
"""The model is not believed beyond so many degrees of freedom: no bench is quite like it."""
_LEAST_SHARE = 0.9
_LEAST_ROWS = 300
_NEAR, _FAR = 3, 7
"""Minutes off between which the temperature stands in for that of the minutes beside a row."""


@dataclass(frozen=True)
class Window:
    """Standard error of k (1/s) in a window, its relative uncertainty, pieces of the run."""

    window_s: float
    se_per_s: float
    uncertainty: float
    pieces: int


@dataclass(frozen=True)
class Learnt:
    """All of it; relative standard uncertainties; pa_per_k is p/T, x_pa the driving pressure."""

    residual: Residual
    rms_uncertainty: float
    tau_uncertainty: float
    lag_s: float
    lag_uncertainty: float
    k_per_s: float
    k_se_per_s: float
    duration_s: float
    pa_per_k: float
    x_pa: float
    windows: tuple[Window, ...]


def model_se(residual: Residual, pa_per_k: float, x_pa: float, window_s: float) -> float:
    """Standard error of k (1/s) that the residual's model gives a sealed window of that length."""
    count = max(3, round(window_s / BLOCK_S))
    t_s = BLOCK_S * np.arange(count, dtype=np.float64)
    white = residual.whitener(t_s)
    design = np.stack([np.ones(count), t_s * x_pa / pa_per_k], axis=1)
    return _slope(white, design, np.zeros(count))[1]


def learn_sealed(used: Used, t_ref_k: float) -> Learnt:
    """Learn from the minutes that count of a sealed run; UndecidedError where they are too few."""
    rows = rows_of(used)
    if len(rows.y) < _LEAST_ROWS:
        raise UndecidedError(
            f"the sealed run has {len(rows.y)} minutes that count, expected {_LEAST_ROWS} at the "
            "least: log a longer one"
        )
    t_s = np.asarray(rows.slot * BLOCK_S, dtype=np.float64)
    scale = pa_per_k(rows, t_ref_k)
    segments, which = np.unique(rows.segment, return_inverse=True)
    constants = np.eye(len(segments))[which] / scale[:, None]
    design = np.column_stack([constants, rows.i / scale])
    y = (rows.y - levels(rows)) / scale
    d, d_se = _lag_coefficient(used, rows, y)
    # D spans two blocks, and a lag of L moves the temperature seen by L dT/dt.
    lag_s, lag_se = 2.0 * BLOCK_S * d, 2.0 * BLOCK_S * d_se
    clear = y - d * rows.d
    residual = learn(t_s, design, clear)
    beta, errors = _fitted(residual.whitener(t_s), design, clear)
    duration_s = BLOCK_S * len(rows.y)
    middle, x_pa = float(scale.mean()), abs(float(used.x.mean()))
    slow = duration_s / residual.tau_s
    return Learnt(
        residual,
        # Of an Ornstein-Uhlenbeck record of T: variance known to sqrt(2 tau/T), tau likewise.
        rms_uncertainty=math.sqrt(0.5 / slow),
        tau_uncertainty=math.sqrt(2.0 / slow),
        lag_s=max(lag_s, 0.0),
        lag_uncertainty=lag_se / max(abs(lag_s), 1.0),
        k_per_s=-float(beta[-1]),
        k_se_per_s=float(errors[-1]),
        duration_s=duration_s,
        pa_per_k=middle,
        x_pa=x_pa,
        windows=tuple(_windows(residual, rows, scale, clear, middle, x_pa, duration_s)),
    )


def _lag_coefficient(used: Used, rows: RowTable, y_k: FloatArray) -> tuple[float, float]:
    """Coefficient of D (K of p_T's temperature per K) and its standard error.

    From one minute to the next, which leaves little of the slow residual. D carries the noise of
    two readings of temperature, which would make its coefficient too small; the difference of
    means over some minutes further out has other readings, and stands in for it.
    """
    total = np.concatenate(([0.0], np.cumsum(used.t)))
    at = np.searchsorted(used.slot, rows.slot)
    inside = np.flatnonzero((at >= _FAR) & (at < len(used.slot) - _FAR))
    at = at[inside]
    first, last = at - _FAR, at + _FAR
    whole = (used.slot[last] - used.slot[first] == 2 * _FAR) & (
        used.segment[last] == used.segment[first]
    )
    inside, at = inside[whole], at[whole]
    count = _FAR - _NEAR + 1
    after = total[at + _FAR + 1] - total[at + _NEAR]
    before = total[at - _NEAR + 1] - total[at - _FAR]
    follows = np.diff(rows.slot[inside]) == 1
    steps = [np.diff(v)[follows] for v in ((after - before) / count, rows.d[inside], y_k[inside])]
    if len(steps[0]) < _LEAST_ROWS // 2:
        return 0.0, 0.0
    instrument, d, target = steps
    instrument = instrument - instrument.mean()
    shared = float(instrument @ d)
    if abs(shared) < 1e-9:
        # The temperature never moved: there is no lag to see.
        return 0.0, 0.0
    found = float(instrument @ target) / shared
    error = float(np.linalg.norm(instrument * (target - found * d))) / abs(shared)
    return max(found, 0.0), error


def pa_per_k(rows: RowTable, t_ref_k: float) -> FloatArray:
    """p/T at every row, by which a temperature shows as pressure: smooth within each segment."""
    scale = np.empty(len(rows.y))
    for segment in np.unique(rows.segment):
        at = rows.segment == segment
        i, y = rows.i[at], rows.y[at]
        moved = float(np.ptp(i))
        slope = float(np.polyfit((i - i.mean()) / moved, y, 1)[0]) / moved if moved > 0.0 else 0.0
        scale[at] = (y.mean() + slope * (i - i.mean())) / t_ref_k
    return scale


def levels(rows: RowTable) -> FloatArray:
    """Mean of y in each row's segment, Pa: off before a fit, it costs no digits and no slope."""
    _, which = np.unique(rows.segment, return_inverse=True)
    means = np.bincount(which, weights=rows.y) / np.bincount(which)
    return np.asarray(means[which])


def _windows(
    residual: Residual,
    rows: RowTable,
    scale: FloatArray,
    clear_k: FloatArray,
    middle: float,
    x_pa: float,
    duration_s: float,
) -> list[Window]:
    """The standard errors of k, window by window from the shortest on."""
    factor2, known = 1.0, min(residual.freedom(duration_s), _MOST_MODEL_FREEDOM)
    found = []
    for window_s in WINDOWS_S:
        scores = _scores(residual, rows, scale, clear_k, window_s)
        freedom = max(0, len(scores) - 1)
        spread2 = float(np.var(scores, ddof=1)) if freedom else 0.0
        factor2 = (known * factor2 + freedom * spread2) / (known + freedom)
        model = model_se(residual, middle, x_pa, window_s)
        uncertainty = 1.0 / math.sqrt(2.0 * (known + freedom))
        found.append(Window(window_s, math.sqrt(factor2) * model, uncertainty, len(scores)))
    return found


def _scores(
    residual: Residual, rows: RowTable, scale: FloatArray, clear_k: FloatArray, window_s: float
) -> FloatArray:
    """k of each piece of that length in units of what the model says it is known to."""
    count = round(window_s / BLOCK_S)
    scores = []
    for segment in np.unique(rows.segment):
        at = np.flatnonzero(rows.segment == segment)
        piece = (rows.slot[at] - rows.slot[at[0]]) // count
        for number in range(int(piece[-1]) + 1):
            own = at[piece == number]
            if len(own) < max(3, _LEAST_SHARE * count):
                continue
            white = residual.whitener(np.asarray(rows.slot[own] * BLOCK_S, dtype=np.float64))
            design = np.stack([1.0 / scale[own], rows.i[own] / scale[own]], axis=1)
            slope, error = _slope(white, design, clear_k[own])
            scores.append(slope / error)
    return np.array(scores)


def _slope(white: Whitener, design: FloatArray, y: FloatArray) -> tuple[float, float]:
    """The second coefficient and its standard error."""
    beta, errors = _fitted(white, design, y)
    return float(beta[1]), float(errors[1])


def _fitted(white: Whitener, design: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Coefficients and standard errors of generalised least squares with a known covariance."""
    size = np.linalg.norm(design, axis=0)
    size[size == 0.0] = 1.0
    q, r = np.linalg.qr(white(design / size))
    inverse = np.linalg.inv(r)
    beta = inverse @ (q.T @ white(y))
    return beta / size, np.asarray(np.sqrt((inverse**2).sum(axis=1)) / size)

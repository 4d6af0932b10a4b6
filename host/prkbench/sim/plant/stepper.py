"""One adaptive step of Dormand and Prince's embedded pair 5(4), with dense output.

Source: Dormand and Prince, J. Comp. Appl. Math. 6 (1980) 19; the fourth-order interpolant is
Shampine's, Math. Comp. 46 (1986) 135. On plain lists: for a handful of unknowns that is several
times as fast as arrays.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from prkbench.sim.surroundings import FloatArray

Rates = Callable[[float, list[float]], list[float]]

STAGES = 7
# Weights of the stages' slopes in the interpolant: powers 1 to 4 of the fraction of the step.
_DENSE = np.array(
    [
        [1.0, -8048581381 / 2820520608, 8663915743 / 2820520608, -12715105075 / 11282082432],
        [0.0, 0.0, 0.0, 0.0],
        [0.0, 131558114200 / 32700410799, -68118460800 / 10900136933, 87487479700 / 32700410799],
        [0.0, -1754552775 / 470086768, 14199869525 / 1410260304, -10690763975 / 1880347072],
        [0.0, 127303824393 / 49829197408, -318862633887 / 49829197408, 701980252875 / 199316789632],
        [0.0, -282668133 / 205662961, 2019193451 / 616988883, -1453857185 / 822651844],
        [0.0, 40617522 / 29380423, -110615467 / 29380423, 69997945 / 29380423],
    ]
)


def step(
    rates: Rates, t_s: float, state: list[float], first: list[float], h_s: float
) -> tuple[list[float], list[list[float]], float]:
    """Take one step of `h_s` from `state`, whose rates are `first`.

    Returns the new state, the slopes of all seven stages (the last are the rates there), and the
    largest estimated error relative to its quantity.
    """
    h, k1 = h_s, first
    k2 = rates(t_s + 0.2 * h, [y + h * 0.2 * a for y, a in zip(state, k1, strict=True)])
    c1, c2 = h * (3 / 40), h * (9 / 40)
    k3 = rates(t_s + 0.3 * h, [y + c1 * a + c2 * b for y, a, b in zip(state, k1, k2, strict=True)])
    c1, c2, c3 = h * (44 / 45), h * (-56 / 15), h * (32 / 9)
    k4 = rates(
        t_s + 0.8 * h,
        [y + c1 * a + c2 * b + c3 * c for y, a, b, c in zip(state, k1, k2, k3, strict=True)],
    )
    c1, c2 = h * (19372 / 6561), h * (-25360 / 2187)
    c3, c4 = h * (64448 / 6561), h * (-212 / 729)
    k5 = rates(
        t_s + (8 / 9) * h,
        [
            y + c1 * a + c2 * b + c3 * c + c4 * d
            for y, a, b, c, d in zip(state, k1, k2, k3, k4, strict=True)
        ],
    )
    c1, c2, c3 = h * (9017 / 3168), h * (-355 / 33), h * (46732 / 5247)
    c4, c5 = h * (49 / 176), h * (-5103 / 18656)
    end_s = t_s + h
    k6 = rates(
        end_s,
        [
            y + c1 * a + c2 * b + c3 * c + c4 * d + c5 * e
            for y, a, b, c, d, e in zip(state, k1, k2, k3, k4, k5, strict=True)
        ],
    )
    c1, c3, c4 = h * (35 / 384), h * (500 / 1113), h * (125 / 192)
    c5, c6 = h * (-2187 / 6784), h * (11 / 84)
    end = [
        y + (c1 * a + c3 * c + c4 * d + c5 * e + c6 * f)
        for y, a, c, d, e, f in zip(state, k1, k3, k4, k5, k6, strict=True)
    ]
    k7 = rates(end_s, end)
    c1, c3, c4 = h * (71 / 57600), h * (-71 / 16695), h * (71 / 1920)
    c5, c6, c7 = h * (-17253 / 339200), h * (22 / 525), h * (-1 / 40)
    error = max(
        abs(c1 * a + c3 * c + c4 * d + c5 * e + c6 * f + c7 * g) / y
        for y, a, c, d, e, f, g in zip(end, k1, k3, k4, k5, k6, k7, strict=True)
    )
    return end, [k1, k2, k3, k4, k5, k6, k7], error


def dense(slopes: FloatArray) -> FloatArray:
    """Return the interpolant's coefficients (..., 4) from stages' slopes (..., 7).

    At the fraction x of a step of h the quantity has risen by h (c0 x + c1 x^2 + ...).
    """
    coefficients: FloatArray = slopes @ _DENSE
    return coefficients


def at_fraction(state: list[float], stages: list[list[float]], h_s: float, x: float) -> list[float]:
    """Return the state at the fraction `x` of a step that began at `state`."""
    weights = (_DENSE @ np.array([x, x**2, x**3, x**4]) * h_s).tolist()
    return [
        y + sum(w * k for w, k in zip(weights, slopes, strict=True))
        for y, slopes in zip(state, zip(*stages, strict=True), strict=True)
    ]

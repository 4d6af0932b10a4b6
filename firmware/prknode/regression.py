"""Solves a window for the decay constant and its standard error, in exact integers.

Intercepts are eliminated segment by segment (Schur complement, kept with 32 fractional bits), the
two coefficients left by Cramer's rule. Rates come out as integers of 1e-18 1/s.
"""

from prknode.compat import const
from prknode.integers import isqrt, round_div
from prknode.records import BASIS_BATCH, BASIS_GLS, BASIS_NONE, BASIS_SEALED, NO_SE

_FRACTION = const(32)
_MIN_FREEDOM = const(3)
_BATCHES = const(6)
RATE_UNIT = 10**18
_MAX_RATE = (1 << 63) - 1
"""What a result record holds, 9.2 1/s; only a window without information gives more."""

# (t(4) / 1.96 at 97.5 %)^2 = 2.0067: six batch means have four degrees of freedom, and the
# reported standard error is meant to be multiplied by 1.96.
_T4_NUMERATOR = const(20067)
_T4_DENOMINATOR = const(10000)


class Estimate:
    """k and its standard error [1e-18 1/s], and which error it is (records.BASIS_*)."""

    __slots__ = ("basis", "k", "rows", "se")

    def __init__(self, k, se, basis, rows):
        self.k = k
        self.se = se
        self.basis = basis
        self.rows = rows


def complement(window):
    """Moments of (I, D, y) about each segment's own intercept, summed over the segments.

    Returns (II, ID, Iy, DD, Dy, yy), integers with 32 fractional bits.
    """
    total = [0] * 6
    for segment in window.segments:
        m = segment[2]
        m11 = m[0]
        border = (m[1], m[2], m[3])
        k = 0
        for a in range(3):
            for b in range(a, 3):
                total[k] += ((m[4 + k] * m11 - border[a] * border[b]) << _FRACTION) // m11
                k += 1
    return total


def solve(window, step_s, lag=None, sealed_se=0, batch_rows=0):
    """Estimate from a Window whose rows are step_s seconds apart.

    lag: (numerator, denominator) of the coefficient of D in (Pa/4096)/(K/2^20) when it is not to
    be fitted; sealed_se: standard error from a sealed run, 1e-18 1/s, 0 for none; batch_rows:
    rows from which the six-batch error is computed, 0 for never.
    The reported error is the largest of sqrt(1.5) x GLS (block averaging adds a moving-average
    term), six-batch and sealed. Returns an Estimate with basis NONE when there is too little.
    """
    rows = window.rows
    none = Estimate(0, NO_SE, BASIS_NONE, rows)
    freedom = rows - len(window.segments) - (1 if lag else 2)
    if freedom < _MIN_FREEDOM:
        return none
    sii, sid, siy, sdd, sdy, syy = complement(window)
    if lag:
        # Divide out the fixed coefficient n/d: y' = d y - n D, everything scaled by d.
        num, den = lag
        beta_num = siy * den - num * sid
        beta_den = sii * den
        rss = (syy * den - 2 * num * sdy) * den + num * num * sdd
        det = sii
        delta = num
        scale = den
        # rss of the regression on I alone, times sii.
        rss = rss * sii - beta_num * beta_num
        variance_num = rss
        variance_den = beta_den * beta_den * freedom
    else:
        det = sii * sdd - sid * sid
        beta_num = sdd * siy - sid * sdy
        beta_den = det
        delta = sii * sdy - sid * siy
        scale = det
        rss = syy * det - beta_num * siy - delta * sdy
        variance_num = rss * sdd
        variance_den = det * det * freedom
    if det <= 0 or beta_den <= 0:
        return none
    k = round_div(-2 * RATE_UNIT * beta_num, step_s * beta_den)
    if abs(k) > _MAX_RATE:
        return none
    if rss < 0:
        rss = variance_num = 0
    unit = 4 * RATE_UNIT * RATE_UNIT
    se = isqrt(variance_num * unit * 3 // (variance_den * step_s * step_s * 2))
    basis = BASIS_GLS
    if batch_rows and rows >= batch_rows and len(window.segments) == 1:
        batch = _batch_error(window.batches(_BATCHES), delta, scale, step_s)
        if batch > se:
            se = batch
            basis = BASIS_BATCH
    if sealed_se > se:
        se = sealed_se
        basis = BASIS_SEALED
    return Estimate(k, min(se, NO_SE - 1), basis, rows)


def _batch_error(batches, delta, scale, step_s):
    """Standard error of the slope of six batch means, D removed with coefficient delta/scale."""
    su = sv = suu = suv = svv = 0
    for i, d, y in batches:
        v = scale * y - delta * d
        su += i
        sv += v
        suu += i * i
        suv += i * v
        svv += v * v
    n = len(batches)
    suu = n * suu - su * su
    suv = n * suv - su * sv
    svv = n * svv - sv * sv
    if suu <= 0:
        return 0
    spread = svv * suu - suv * suv
    if spread <= 0:
        return 0
    unit = 4 * RATE_UNIT * RATE_UNIT * _T4_NUMERATOR
    below = suu * suu * (n - 2) * scale * scale * step_s * step_s * _T4_DENOMINATOR
    return isqrt(spread * unit // below)

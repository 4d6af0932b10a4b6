"""Least squares of a pressure record: p_T against the integral of its driving pressure.

dp_T/dt = -k x T_ref/T integrates to p_T = a - k I, exact whatever the temperature and the pressure
outside do. Between two readings the integral follows the flow law itself, not a straight line, so
two readings a day apart give the closed form of the law.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from prkbench.law import Law, driving_pressure_pa

T_REF_K = 295.0
P_REF_PA = 101325.0
NORM_PA = P_REF_PA / 2.0
"""p_N of the viscous law: k is then the rate at 101.3 kPa into vacuum, as for the other laws."""
MAX_BLOCKS = 240

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Record:
    """A record ready to fit: all arrays of one length, SI, temperature filled in, one segment."""

    t_s: Array
    pressure_pa: Array
    temperature_k: Array
    reference_pa: Array

    @property
    def reduced_pa(self) -> Array:
        """p_T, the pressure at the reference temperature."""
        return self.pressure_pa * T_REF_K / self.temperature_k

    @property
    def duration_s(self) -> float:
        """From the first reading to the last."""
        return float(self.t_s[-1] - self.t_s[0])

    def part(self, start: int, stop: int) -> "Record":
        """Return readings ``start`` to ``stop - 1``."""
        s = slice(start, stop)
        return Record(self.t_s[s], self.pressure_pa[s], self.temperature_k[s], self.reference_pa[s])


@dataclass(frozen=True)
class Fit:
    """A decay constant with its standard error and the degrees of freedom that stand behind it."""

    k_per_s: float
    se_per_s: float
    dof: float


def running_integral(record: Record, law: Law) -> Array:
    """Return I in Pa s at each reading, zero at the first."""
    p, ref = record.pressure_pa, record.reference_pa
    x = driving_pressure_pa(law, p, ref, NORM_PA)
    steps = np.diff(record.t_s)
    mean = (x[1:] + x[:-1]) / 2.0
    # Below 0.1 % a straight line is within 1e-7 of any law, and the closed forms cancel.
    curved = np.abs(np.diff(p)) > 1e-3 * np.maximum(np.abs(p[1:] - ref[1:]), 1.0)
    outside = (ref[1:] + ref[:-1]) / 2.0
    for i in np.flatnonzero(curved):
        mean[i] = _law_mean(law, p[i], p[i + 1], outside[i], float(mean[i]))
    hot = T_REF_K / record.temperature_k
    return np.concatenate([[0.0], np.cumsum(mean * (hot[1:] + hot[:-1]) / 2.0 * steps)])


def _law_mean(law: Law, p1: float, p2: float, ref: float, straight: float) -> float:
    """Return the time mean of x between two pressures when the decay follows the law exactly."""
    if law == "viscous":
        if min(p1, p2) <= ref:
            return straight
        # The logarithm cancels near vacuum, where the reference counts by its square only.
        if ref <= 1e-6 * min(p1, p2):
            return p1 * p2 / (2.0 * NORM_PA)
        decay = math.log((p1 - ref) * (p2 + ref) / ((p1 + ref) * (p2 - ref))) / (2.0 * ref)
        return (p1 - p2) / decay / (2.0 * NORM_PA)
    base = 0.0 if law == "choked" else ref
    ratio = (p1 - base) / (p2 - base) if p2 != base else 0.0
    return (p1 - p2) / math.log(ratio) if ratio > 0.0 else straight


@dataclass(frozen=True)
class Blocks:
    """Block means of one or more segments: time, p_T, I, which segment, readings per block."""

    t_s: Array
    y_pa: Array
    integral: Array
    segment: NDArray[np.intp]
    size: float

    def design(self) -> Array:
        """Return the regressors: one intercept a segment, and -I in Pa s."""
        intercepts = (self.segment[:, None] == np.unique(self.segment)[None, :]).astype(float)
        return np.column_stack([intercepts, -self.integral])


def blocks_of(segments: list[Record], law: Law) -> Blocks:
    """Average segments into at most about MAX_BLOCKS blocks; the regression loses nothing by it."""
    total = sum(len(part.t_s) for part in segments)
    size = max(1, math.ceil(total / MAX_BLOCKS))
    columns: list[list[Array]] = [[], [], []]
    numbers = []
    for number, part in enumerate(segments):
        count = max(1, round(len(part.t_s) / size))
        for column, values in zip(
            columns, (part.t_s, part.reduced_pa, running_integral(part, law)), strict=True
        ):
            column.append(np.array([chunk.mean() for chunk in np.array_split(values, count)]))
        numbers.append(np.full(count, number, dtype=np.intp))
    t, y, integral = (np.concatenate(column) for column in columns)
    return Blocks(t, y, integral, np.concatenate(numbers), float(size))


def least_squares(blocks: Blocks, covariance: Array) -> tuple[float, float, float, Array]:
    """Return (k, its se for chi2/dof = 1, chi2/dof, residuals) by generalised least squares."""
    factor = np.linalg.cholesky(covariance)
    design = blocks.design()
    white_x = np.linalg.solve(factor, design)
    white_y = np.linalg.solve(factor, blocks.y_pa - blocks.y_pa.mean())
    scale = np.linalg.norm(white_x, axis=0)
    q, r = np.linalg.qr(white_x / scale)
    beta = np.linalg.solve(r, q.T @ white_y)
    inverse = np.linalg.inv(r)
    se = math.sqrt(float(inverse[-1] @ inverse[-1])) / float(scale[-1])
    residual = white_y - white_x / scale @ beta
    dof = len(white_y) - design.shape[1]
    # The intercept absorbed the mean that was taken off.
    plain = blocks.y_pa - blocks.y_pa.mean() - design @ (beta / scale)
    return float(beta[-1]) / float(scale[-1]), se, float(residual @ residual) / dof, plain


def fit_given(blocks: Blocks, swing_pa: float, count_pa: float) -> Fit:
    """Fit with the covariance of a temperature nobody measured.

    ``swing_pa`` is the pressure that the peak-to-peak swing makes: its standard deviation is a
    quarter, its correlation time half a day; ``count_pa`` is the step of the gauge.
    """
    lag = np.abs(blocks.t_s[:, None] - blocks.t_s[None, :])
    covariance = (swing_pa / 4.0) ** 2 * np.exp(-lag / 43200.0)
    floor = max(count_pa**2 / 12.0 / blocks.size, 1e-6 * swing_pa**2, 1e-12)
    covariance += floor * np.eye(len(lag))
    k, se, chi2, _ = least_squares(blocks, covariance)
    dof = len(blocks.t_s) - blocks.design().shape[1]
    return Fit(k, se * math.sqrt(max(1.0, chi2)), float(dof))


def fit_learnt(blocks: Blocks) -> Fit:
    """Fit with a correlation learnt from the residuals by restricted maximum likelihood.

    Noise is an Ornstein-Uhlenbeck process (AR 1 on an uneven clock) plus white noise; ordinary
    least squares, which takes the residuals as independent, is several times too sure.
    """
    lag = np.abs(blocks.t_s[:, None] - blocks.t_s[None, :])
    span = float(lag.max())
    spacing = span / max(1, len(lag) - 1)
    columns = blocks.design().shape[1]
    dof = len(lag) - columns

    def correlation(log_tau: float, white: float) -> Array:
        return (1.0 - white) * np.exp(-lag / math.exp(log_tau)) + white * np.eye(len(lag))

    def cost(log_tau: float, white: float) -> float:
        matrix = correlation(log_tau, white)
        factor = np.linalg.cholesky(matrix)
        x = np.linalg.solve(factor, blocks.design())
        x = x / np.linalg.norm(blocks.design(), axis=0)
        _, _, chi2, _ = least_squares(blocks, matrix)
        logdet = 2.0 * float(np.sum(np.log(np.diag(factor))))
        fisher = float(np.linalg.slogdet(x.T @ x)[1])
        return float(dof * math.log(max(chi2, 1e-30)) + logdet + fisher)

    best = (math.inf, 0.0, 0.5)
    low, high = math.log(spacing / 5.0), math.log(span)
    for white in (1e-6, 0.2, 0.6, 0.9):
        found = optimize.minimize_scalar(
            cost, bounds=(low, high), args=(white,), method="bounded", options={"xatol": 0.1}
        )
        best = min(best, (float(found.fun), float(found.x), white))
    _, log_tau, white = best
    k, se, chi2, _ = least_squares(blocks, correlation(log_tau, white))
    # Freedom is counted in correlation times: a long memory leaves few independent readings.
    rho = (1.0 - white) * math.exp(-spacing / math.exp(log_tau))
    free = max(2.0, len(lag) * (1.0 - rho) / (1.0 + rho) - columns)
    return Fit(k, se * math.sqrt(chi2), min(free, float(dof)))


def settling_time(record: Record, laws: tuple[Law, ...]) -> float | None:
    """Return the time constant in s of a relaxation that fits better than any steady leak.

    None where the decay is steady under at least one of ``laws``. Significance is counted in
    independent residuals; p = 0.01.
    """
    if len(record.t_s) < 12:
        return None
    constants = np.geomspace(record.duration_s / 20.0, record.duration_s, 12)
    found: list[float] = []
    for law in laws:
        blocks = blocks_of([record], law)
        t = blocks.t_s - blocks.t_s[0]
        steady = blocks.design()
        rest = _residuals(steady, blocks.y_pa)
        trials = [
            (float(np.sum(r * r)), float(tau), r)
            for tau in constants
            for r in [_residuals(np.column_stack([steady, np.exp(-t / tau)]), blocks.y_pa)]
        ]
        after, tau, residual = min(trials, key=lambda trial: trial[0])
        # A swing of the room leaves few independent values; three ask for a 20-fold improvement.
        free = max(_independent(residual) - 4.0, 3.0)
        ratio = (float(rest @ rest) - after) / 2.0 / max(after / free, 1e-12)
        if ratio < stats.f.ppf(0.99, 2, free):
            return None
        found.append(tau)
    return min(found)


def exponent(record: Record) -> tuple[float, float, float] | None:
    """Return (n, low, high) of dp/dt = -k (p^n - p_ref^n); None where it cannot be told.

    That is where p - p_ref spans less than 20 %, or where the pressure outside was measured: how
    far two gauges disagree bends a decay as much as its law does.
    """
    p, ref = record.pressure_pa, record.reference_pa
    head = p - ref
    if float(np.ptp(ref)) > 0.0 or head.min() <= 0.0 or len(p) < 7:
        return None
    if head.max() < 1.25 * head.min():
        return None
    mean_p, outside = float(p.mean()), float(ref[0])
    hot = T_REF_K / record.temperature_k if outside > 0.0 else np.ones(len(p))

    def rest(n: float) -> Array:
        x = ((p / mean_p) ** n - ((outside / mean_p) ** n if outside > 0.0 else 0.0)) * hot
        integral = np.concatenate([[0.0], np.cumsum((x[1:] + x[:-1]) / 2.0 * np.diff(record.t_s))])
        return _residuals(np.column_stack([np.ones(len(p)), integral]), record.reduced_pa)

    def excess(n: float) -> float:
        residual = rest(n)
        return float(residual @ residual) - limit

    limit = 0.0
    # Against a pressure outside, p^n - p_ref^n loses its meaning at n = 0.
    bounds = (0.1 if outside > 0.0 else -1.0), 4.0
    best = float(optimize.minimize_scalar(excess, bounds=bounds, method="bounded").x)
    free = max(1.0, _independent(rest(best)) - 3.0)
    limit = max(excess(best), 1e-9) * (1.0 + float(stats.f.ppf(0.95, 1, free)) / free)
    low, high = (
        float(optimize.brentq(excess, best, end, xtol=1e-4)) if excess(end) > 0.0 else end
        for end in bounds
    )
    # The trapezoid and a slow temperature bend a record by about 0.01, however small its scatter.
    return best, min(low, best - 0.02), max(high, best + 0.02)


def _residuals(design: Array, y: Array) -> Array:
    scale = np.linalg.norm(design, axis=0)
    beta = np.linalg.lstsq(design / scale, y - y.mean(), rcond=None)[0]
    return np.asarray(y - y.mean() - design / scale @ beta, dtype=np.float64)


def _independent(residual: Array) -> float:
    """Return how many independent values correlated residuals are worth."""
    power = float(residual @ residual)
    rho = float(residual[1:] @ residual[:-1]) / power if power > 0.0 else 0.0
    rho = min(max(rho, 0.0), 0.999)
    return len(residual) * (1.0 - rho) / (1.0 + rho)

"""The firmware's estimator against definitions and against floating-point least squares."""

import math
import random
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from prkbench.sim.trims import PUBLISHED_TRIMS
from prknode.blocks import Block
from prknode.decay import Estimator
from prknode.records import BASIS_BATCH, BASIS_GLS, BASIS_NONE, BLOCK_VALID
from prknode.regression import Estimate, solve
from prknode.segments import Row, Rows, Tens
from prknode.settings import Settings
from prknode.window import UNIT, Window

SEEDS = st.integers(0, 2**32 - 1)
RHOS = st.sampled_from([0, 512, 1007, 1020])
STEP_S = 60
DAY_ROWS = 1440
T4_OVER_NORMAL = float(stats.t.ppf(0.975, 4) / stats.norm.ppf(0.975))


def random_rows(
    rng: np.random.Generator, count: int, gap: float = 0.03, cut: float = 0.01
) -> list[Row]:
    """Rows of a leaking chamber with an unobserved temperature, gaps and new fillings."""
    rows = []
    slot, segment, integral, residual = 0, 1, 0, 0.0
    k_half = 6.268e-7 * STEP_S / 2
    for _ in range(count):
        slot += 1
        if rng.random() < gap:
            slot += int(rng.integers(1, 6))
        if rng.random() < cut:
            segment, integral = segment + 1, 0
        # x near 20 kPa in Pa/4096, twice a slot.
        integral += 2 * 20000 * 4096 + int(rng.integers(-(10**6), 10**6))
        d = int(rng.normal(0, 3000))
        residual = 0.98 * residual + rng.normal(0, 2000)
        y = 120000 * 4096 - k_half * integral + 40 * d + residual
        rows.append(Row(segment, slot, integral, d, round(y)))
    return rows


def adjacent(before: Row | None, row: Row) -> bool:
    return before is not None and before.segment == row.segment and before.slot + 1 == row.slot


def whitened(rows: list[Row], rho: int) -> list[tuple[int, int, list[int]]]:
    """(segment, weight, (1, I, D, y) whitened) by the definition, in exact integers."""
    result = []
    before: Row | None = None
    for row in rows:
        values = [1, row.i, row.d, row.y]
        if before is not None and adjacent(before, row):
            last = [1, before.i, before.d, before.y]
            values = [UNIT * v - rho * w for v, w in zip(values, last, strict=True)]
            result.append((row.segment, 1, values))
        else:
            result.append((row.segment, UNIT * UNIT - rho * rho, values))
        before = row
    return result


def moments(rows: list[Row], rho: int) -> list[tuple[int, int, list[int]]]:
    """What Window.segments has to be."""
    sums: dict[int, tuple[int, list[int]]] = {}
    for segment, weight, v in whitened(rows, rho):
        n, total = sums.setdefault(segment, (0, [0] * 10))
        products = [weight * v[a] * v[b] for a in range(4) for b in range(a, 4)]
        sums[segment] = n + 1, [s + p for s, p in zip(total, products, strict=True)]
    return [(segment, n, total) for segment, (n, total) in sums.items()]


def held(window: Window) -> list[tuple[int, int, list[int]]]:
    return [(s[0], s[1], list(s[2])) for s in window.segments]


def fill(rows: list[Row], rho: int) -> Window:
    window = Window(len(rows), rho)
    for row in rows:
        window.add(row)
    return window


def float_fit(rows: list[Row], rho: int, lag: Fraction | None = None) -> tuple[float, float, float]:
    """(k, standard error, coefficient of D) by whitening and QR in double precision.

    Each segment has its own intercept; I, D and y are taken from the segment's first row on,
    which the intercept allows and which keeps the doubles small.
    """
    segments = sorted({row.segment for row in rows})
    first: dict[int, Row] = {}
    for row in rows:
        first.setdefault(row.segment, row)
    raw = []
    for row in rows:
        origin = first[row.segment]
        y = Fraction(row.y - origin.y) - (lag * (row.d - origin.d) if lag else 0)
        ones = [float(row.segment == s) for s in segments]
        raw.append([*ones, row.i - origin.i, row.d - origin.d, float(y)])
    matrix = np.array(raw)
    r = rho / UNIT
    white = matrix * math.sqrt(1 - r * r)
    for n in range(1, len(rows)):
        if adjacent(rows[n - 1], rows[n]):
            white[n] = matrix[n] - r * matrix[n - 1]
    x, y_white = white[:, :-1], white[:, -1]
    if lag is not None:
        x = x[:, :-1]
    scale = np.linalg.norm(x, axis=0)
    q, upper = np.linalg.qr(x / scale)
    beta = np.linalg.solve(upper, q.T @ y_white)
    residual = y_white - (x / scale) @ beta
    freedom = len(rows) - x.shape[1]
    covariance = np.linalg.inv(upper)
    column = len(segments)
    se = math.sqrt(residual @ residual / freedom * (covariance[column] @ covariance[column]))
    to_rate = 2 / (STEP_S * scale[column])
    of_d = float(lag) if lag is not None else float(beta[column + 1] / scale[column + 1])
    return -beta[column] * to_rate, se * to_rate * math.sqrt(1.5), of_d


def assert_agrees(got: Estimate, k: float, se: float) -> None:
    """The agreement that the host's independent estimator is held to."""
    assert got.basis == BASIS_GLS
    assert abs(got.k * 1e-18 - k) <= max(1e-17, 1e-9 * abs(k), 1e-6 * se)
    assert abs(got.se * 1e-18 - se) <= max(1e-17, 1e-6 * se)


@settings(deadline=None, max_examples=60)
@given(SEEDS, RHOS, st.integers(1, 40), st.floats(0, 0.6), st.floats(0, 0.4))
def test_a_sliding_window_equals_its_definition_at_every_step(
    seed: int, rho: int, capacity: int, gap: float, cut: float
) -> None:
    rows = random_rows(np.random.default_rng(seed), 90, gap, cut)
    window = Window(capacity, rho)
    for n, row in enumerate(rows, 1):
        window.add(row)
        inside = rows[max(0, n - capacity) : n]
        assert held(window) == moments(inside, rho)
        assert window.rows == len(inside)


def slide(days: int, every: int) -> None:
    rows = random_rows(np.random.default_rng(days), days * DAY_ROWS)
    window = Window(360, 1007)
    for n, row in enumerate(rows, 1):
        window.add(row)
        if n % every == 0 or n == len(rows):
            assert held(window) == moments(rows[max(0, n - 360) : n], 1007)


def test_a_window_has_not_drifted_after_two_days() -> None:
    slide(2, 20)


@pytest.mark.slow
def test_a_window_has_not_drifted_after_thirty_days() -> None:
    slide(30, 20)


@settings(deadline=None, max_examples=60)
@given(SEEDS, RHOS, st.integers(30, 360), st.floats(0, 0.2), st.floats(0, 0.02))
def test_k_and_its_error_agree_with_double_precision_least_squares(
    seed: int, rho: int, count: int, gap: float, cut: float
) -> None:
    rows = random_rows(np.random.default_rng(seed), count, gap, cut)
    k, se, _ = float_fit(rows, rho)
    assert_agrees(solve(fill(rows, rho), STEP_S), k, se)


@settings(deadline=None, max_examples=40)
@given(SEEDS, RHOS, st.integers(10, 29), st.integers(0, 3600))
def test_with_a_fixed_lag_too(seed: int, rho: int, count: int, lag_s: int) -> None:
    rows = random_rows(np.random.default_rng(seed), count)
    lag = (120000 * 4096 * lag_s, (295 << 20) * 120)
    k, se, _ = float_fit(rows, rho, Fraction(*lag))
    assert_agrees(solve(fill(rows, rho), STEP_S, lag), k, se)


@settings(deadline=None, max_examples=30)
@given(SEEDS, st.sampled_from([0, 1007]), st.integers(240, 360))
def test_the_six_batch_error_is_that_of_six_means(seed: int, rho: int, count: int) -> None:
    rows = random_rows(np.random.default_rng(seed), count, gap=0.02, cut=0)
    _, se, of_d = float_fit(rows, rho)
    size = count // 6
    newest = rows[count - 6 * size :]
    origin = newest[0]
    i = np.array([row.i - origin.i for row in newest], float).reshape(6, size).mean(axis=1)
    y = np.array([row.y - origin.y - of_d * row.d for row in newest]).reshape(6, size).mean(axis=1)
    fit, (ssr,), *_ = np.polyfit(i / i[-1], y, 1, full=True)
    assert len(fit) == 2
    spread = ((i - i.mean()) ** 2).sum()
    batch = math.sqrt(ssr / 4 / spread) * 2 / STEP_S * T4_OVER_NORMAL
    got = solve(fill(rows, rho), STEP_S, None, 0, 240)
    assert got.basis == (BASIS_BATCH if batch > se else BASIS_GLS)
    # The ratio of quantiles is kept to five figures, and its square root is taken.
    assert got.se * 1e-18 == pytest.approx(max(batch, se), rel=1e-5)


def test_batches_are_the_sums_of_the_newest_rows() -> None:
    rows = random_rows(np.random.default_rng(5), 300)
    window = Window(100, 1007)
    for row in rows:
        window.add(row)
    newest = rows[-96:]
    want = [
        tuple(sum(getattr(r, c) for r in newest[16 * b : 16 * b + 16]) for c in "idy")
        for b in range(6)
    ]
    assert window.batches(6) == want


@given(st.integers(0, 2**32 - 1), st.booleans())
def test_batches_hold_the_largest_and_smallest_rows_there_are(seed: int, sums: bool) -> None:
    rng = random.Random(seed)
    window = Window(360, 1007, sums=sums)
    # Ten of the largest pressures are 2^33.
    top = 1 << (47 if sums else 31)
    rows = [
        Row(
            1,
            n,
            rng.choice((-(1 << 63), -1, 0, (1 << 63) - 1)),
            rng.choice((-(1 << 31), -1, 0, (1 << 31) - 1)),
            rng.choice((-top, -1, 0, top - 1)),
        )
        for n in range(rng.choice((6, 360, 500)))
    ]
    for row in rows:
        window.add(row)
    size = window.rows // 6
    newest = rows[-6 * size :]
    assert window.batches(6) == [
        tuple(sum(getattr(r, c) for r in newest[size * b : size * (b + 1)]) for c in "idy")
        for b in range(6)
    ]


@settings(deadline=None, max_examples=60)
@given(SEEDS, RHOS, st.sampled_from(["x", "t", "both", "collinear", "one", "none"]), st.booleans())
def test_degenerate_windows_give_no_value_and_no_exception(
    seed: int, rho: int, what: str, fixed: bool
) -> None:
    rows = random_rows(np.random.default_rng(seed), {"one": 1, "none": 0}.get(what, 60))
    for row in rows:
        if what in ("x", "both"):
            row.i = 7
        if what in ("t", "both"):
            row.d = 11
        if what == "collinear":
            row.d = row.i // 4096
            row.i = row.d * 4096
    lag = (3, 5) if fixed else None
    got = solve(fill(rows, rho) if rows else Window(1, rho), STEP_S, lag, 0, 24)
    # With the coefficient of D fixed, a constant temperature takes nothing away.
    decided = fixed and what in ("t", "collinear")
    assert (got.basis != BASIS_NONE) == decided


def run_of_blocks(k: float, minutes: int, seed: int) -> tuple[Estimator, list[Row]]:
    """An estimator after a leak of decay constant k [1/s], and the rows of its window."""
    rng = np.random.default_rng(seed)
    trim = PUBLISHED_TRIMS[0]
    sensors = [{"address": 0x76, "role": "CHAMBER"}, {"address": 0x77, "role": "AMBIENT"}]
    # The noise made here is white, so that is what the estimator is told.
    config = {"sensors": sensors, "settle_min": 0, "rho1024": 0}
    estimator = Estimator(Settings(config), [trim.pack(), trim.pack()])
    former, rows = Rows(), []
    n = 300
    ambient, p_t, before = 100000.0, 120000.0, None
    for slot in range(minutes):
        t_c = 22.0 + 0.02 * math.sin(slot / 37.0) + 0.005 * math.sin(slot / 5.0)
        kelvin = t_c + 273.15
        # dp_T/dt = -k (p_T - p_ref T_ref/T), over a minute with the mean of p_ref T_ref/T: what
        # varies inside a minute is under 1e-6 of the pressure.
        level = ambient * 295.0 / kelvin
        if before is not None:
            middle = (level + before) / 2
            p_t = middle + (p_t - middle) * math.exp(-k * STEP_S)
        before = level
        pressures, temperatures = [], []
        for p in (p_t * kelvin / 295.0, ambient):
            raw_p, raw_t = trim.raw_for(p, t_c)
            pressures.append(round(raw_p * n + rng.normal(0, 30 * math.sqrt(n))))
            temperatures.append(round(raw_t * n))
        block = Block(slot, slot * n, BLOCK_VALID, n, [n, n], pressures, temperatures)
        estimator.step(block)
        now = estimator.last
        row = former.step(1, slot, now.x, now.t, now.y)
        if row is not None:
            rows.append(row)
    return estimator, rows[-360:]


@pytest.mark.parametrize("k", [0.0, 6.268e-7, 5e-6])
def test_a_known_leak_is_found_from_raw_counts(k: float) -> None:
    estimator, rows = run_of_blocks(k, 400, 1)
    got = estimator.estimate
    # Four standard errors, and 1e-5 of k for the minute's steps above.
    assert abs(got.k * 1e-18 - k) <= 4 * got.se * 1e-18 + 1e-5 * k
    # 30 counts of 12 to 18 mPa a sample are 21 to 31 mPa a block; a slope over 360 of them, 6 h
    # and 20 kPa, has 25e-3 sqrt(12 / 360) / (21600 * 20000) = 1.1e-11 1/s, times sqrt(1.5), and
    # D takes a share.
    assert 0.9e-11 < got.se * 1e-18 < 2.2e-11
    exact, se, _ = float_fit(rows, 0)
    assert abs(got.k * 1e-18 - exact) <= max(1e-17, 1e-9 * abs(exact), 1e-6 * se)


def test_single_precision_would_lose_the_measurement() -> None:
    # The reason for integers: the same fit of the same rows in the floats of a board.
    estimator, rows = run_of_blocks(6.268e-7, 400, 1)
    got = estimator.estimate
    f = np.float32
    integral = np.cumsum(np.diff([0, *(row.i for row in rows)]).astype(f) / f(4096), dtype=f)
    y = np.array([row.y / 4096 for row in rows], dtype=f)
    d = np.array([row.d / (1 << 20) for row in rows], dtype=f)
    columns = np.stack([np.ones(len(rows), f), integral, d, y])
    normal = np.zeros((4, 4), f)
    for n in range(len(rows)):
        normal += np.outer(columns[:, n], columns[:, n])
    assert normal.dtype == f
    beta = np.linalg.solve(normal[:3, :3], normal[:3, 3])
    wrong = -float(beta[1]) * 2 / STEP_S
    assert abs(wrong - got.k * 1e-18) > 10 * got.se * 1e-18


@pytest.mark.parametrize("period_min", [7.0, 16.0, 23.0, 1440.0])
def test_a_lagging_sensor_does_not_move_the_ten_minute_rows(period_min: float) -> None:
    """y = c - k I + d D minute by minute, for a swing of any period: the sums obey it, too.

    Taken between ten-minute means, D would show a swing of 16 minutes as a slower, smaller one.
    """
    k_half, lag = 6.268e-7 * STEP_S / 2, 700.0
    minutes, tens, window, i = Rows(), Tens(), Window(432, 1007, sums=True), 0
    warm = [round(3e5 * math.sin(2 * math.pi * b / period_min)) for b in range(DAY_ROWS)]
    for slot in range(1, DAY_ROWS - 1):
        i += 2 * 20000 * 4096
        y = 120000 * 4096 - k_half * i + lag * (warm[slot + 1] - warm[slot - 1])
        row = minutes.step(1, slot, 20000 * 4096, warm[slot], round(y))
        # The integral is known to half a step only where it begins.
        ten = None if row is None else tens.step(row)
        if ten is not None:
            window.add(ten)
    found = solve(window, STEP_S)
    assert window.rows == 142
    assert found.k * 1e-18 == pytest.approx(6.268e-7, rel=1e-6)

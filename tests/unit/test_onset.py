import math

import numpy as np
import pytest
from block_streams import P_PA, PERCENT_DAY, RHO, minutes, rows
from scipy.special import logsumexp

from prkbench.analysis import onset as onset_module
from prkbench.analysis.onset import INFLATION, SIZES_PER_S, ChangeWatch, Onset
from prkbench.analysis.stream import NormalEquations, Row


def watched(
    found: list[Row], *, free: bool, stop: bool = False
) -> tuple[ChangeWatch, NormalEquations]:
    equations, watch = NormalEquations(RHO, P_PA), ChangeWatch(free=free)
    for row in found:
        if row.segment != equations.segment:
            watch.close(equations)
        equations.push(row)
        watch.ask(equations)
        if stop and watch.alarm:
            break
    return watch, equations


@pytest.mark.parametrize("free", [False, True])
def test_the_statistic_is_the_sum_of_likelihood_ratios_of_dense_least_squares(free: bool) -> None:
    rng = np.random.default_rng(7)
    # With a repress between: the second segment begins its integral anew.
    found = [*rows(minutes(rng, 50, 8.0, onset=25)), *rows(minutes(rng, 40, 8.0), 60, 1)]
    watch, equations = watched(found, free=free)
    fit = equations.fit()
    assert fit is not None
    slot, segment, i, d, y = (
        np.array(c) for c in zip(*((r.slot, r.segment, r.i, r.d, r.y) for r in found), strict=True)
    )
    follows = np.concatenate([[False], (np.diff(slot) == 1) & (np.diff(segment) == 0)])
    first = math.sqrt(1.0 - RHO * RHO)

    def white(v: np.ndarray) -> np.ndarray:
        before = np.concatenate([np.zeros((1, *v.shape[1:])), v[:-1]])
        return np.where(follows[:, None], v - RHO * before, first * v)

    columns = [segment == 0, segment == 1, d, *([i] if free else [])]
    design = white(np.column_stack(columns).astype(float))
    target = white((y - P_PA)[:, None])[:, 0]
    # What is known of the lag beforehand is one more row.
    expected = (0.010 * found[0].y / 295.0 * first) ** 2
    lag_d = P_PA / 295.0 * 240.0 / 120.0
    known = math.sqrt((0.010 * P_PA / 295.0 * first) ** 2) / (0.5 * lag_d)
    assert expected == pytest.approx((0.010 * P_PA / 295.0 * first) ** 2, rel=1e-2)
    extra = np.zeros((1, design.shape[1]))
    extra[0, 2] = known
    design, target = np.vstack([design, extra]), np.append(target, known * lag_d)
    q, _ = np.linalg.qr(design / np.linalg.norm(design, axis=0))

    def left(v: np.ndarray) -> np.ndarray:
        return v - q @ (q.T @ v)

    residual = left(target)
    variance = fit.variance_pa2 * INFLATION**2
    sizes = [*SIZES_PER_S, *(-SIZES_PER_S if free else [])]
    terms = []
    for v in range(len(found) - 1):
        since = np.where(segment == segment[v], np.maximum(i - i[v], 0.0), 0.0)
        since = np.where(segment > segment[v], i, since)
        g = left(np.append(white(since[:, None])[:, 0], 0.0))
        terms += [
            (-size * float(g @ residual) - 0.5 * size**2 * float(g @ g)) / variance
            for size in sizes
        ]
    expected_log = float(logsumexp(terms)) - math.log(len(sizes))
    # Both take differences of sums some 1e8 larger.
    assert watch.log_r == pytest.approx(expected_log, abs=1e-4)


def test_without_a_change_its_mean_is_not_above_the_minutes_watched() -> None:
    # R - n is a martingale; the widened error keeps R below. 150 runs of an hour.
    rng = np.random.default_rng(11)
    last = [
        math.exp(watched(rows(minutes(rng, 62, tau_s=3600.0)), free=False)[0].log_r) / 59.0
        for _ in range(150)
    ]
    assert np.mean(last) <= 1.0 + 3.0 * np.std(last) / math.sqrt(len(last))
    assert np.mean(last) > 0.3


def test_thinning_old_moments_hardly_changes_the_statistic(monkeypatch: pytest.MonkeyPatch) -> None:
    found = rows(minutes(np.random.default_rng(5), 700, 1.08, onset=600))
    thinned = watched(found, free=False)[0].log_r
    monkeypatch.setattr(onset_module, "_MOST_CANDIDATES", 2000)
    assert thinned == pytest.approx(watched(found, free=False)[0].log_r, abs=0.2)


def delays(percent_day: float, runs: int) -> tuple[list[float], list[Onset]]:
    """Hours from the return of a leak, after four tight ones, to the alarm."""
    rng, tight = np.random.default_rng(int(percent_day * 100)), 240
    hours, found = [], []
    for _ in range(runs):
        data = rows(minutes(rng, tight + 300, percent_day, onset=tight))
        watch, equations = watched(data, free=False, stop=True)
        assert watch.alarm
        assert equations.slot > tight
        hours.append((equations.slot - tight) / 60.0)
        began = watch.onset(equations)
        assert began is not None
        found.append(began)
    return hours, found


@pytest.mark.parametrize(("percent_day", "median", "most"), [(2.7, 0.95, 1.2), (10.8, 0.23, 0.32)])
def test_a_leak_that_returns_is_found_about_as_soon_as_is_possible(
    percent_day: float, median: float, most: float
) -> None:
    hours, found = delays(percent_day, 16)
    # Hours of the design study, its median and nine tenths; a fifth more is allowed.
    assert np.median(hours) <= 1.2 * median
    assert np.percentile(hours, 90) <= 1.2 * most + 0.1
    covered = [began.low_slot <= 240 <= began.high_slot for began in found]
    # 95 % each: 13 of 16 or fewer happens in 1 of 100 such tests.
    assert sum(covered) >= 13
    assert all(began.low_slot <= began.slot <= began.high_slot for began in found)
    sizes = [began.change_per_s / PERCENT_DAY for began in found]
    assert np.median(sizes) == pytest.approx(percent_day, rel=0.5)


def test_a_sealed_stream_of_days_does_not_cry_wolf() -> None:
    # One alarm in 30 days at the most is stated; here 4 streams of two days, without a single one.
    for seed in range(4):
        found = rows(minutes(np.random.default_rng(seed), 2880))
        equations, watch = NormalEquations(RHO, P_PA), ChangeWatch(free=False)
        for n, row in enumerate(found):
            equations.push(row)
            if n % 5 == 0:
                watch.ask(equations)
        assert not watch.alarm


@pytest.mark.parametrize("factor", [2.0, 0.0])
def test_a_leak_that_changes_is_found_whichever_way(factor: float) -> None:
    found = rows(minutes(np.random.default_rng(2), 900, 10.8 * factor, onset=400, before=10.8))
    watch, equations = watched(found, free=True, stop=True)
    assert watch.alarm
    began = watch.onset(equations)
    assert began is not None
    assert began.low_slot <= 400 <= began.high_slot
    assert np.sign(began.change_per_s) == np.sign(factor - 1.0)


def test_a_steady_leak_has_not_changed() -> None:
    assert not watched(rows(minutes(np.random.default_rng(8), 720, 5.4)), free=True)[0].alarm


def test_a_stream_watched_in_steps_counts_every_minute_of_it() -> None:
    found = rows(minutes(np.random.default_rng(4), 300))
    each = watched(found, free=False)[0].log_r
    equations, watch = NormalEquations(RHO, P_PA), ChangeWatch(free=False)
    for n, row in enumerate(found):
        equations.push(row)
        if n % 5 == 4:
            watch.ask(equations)
    # The moments are coarser, their number is the same.
    assert watch.log_r == pytest.approx(each, abs=0.5)

import numpy as np
import pytest
from block_streams import P_PA, RHO, minutes, rows
from hypothesis import given, settings
from hypothesis import strategies as st

from prkbench.analysis import independent
from prkbench.analysis.stream import BlockRows, NormalEquations, Row


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.sampled_from([1, 1, 1, 1, 2, 4]), st.booleans()), min_size=3,
                max_size=40), st.integers(0, 2**31))  # fmt: skip
def test_rows_formed_one_by_one_are_those_formed_at_once(steps, seed):
    rng = np.random.default_rng(seed)
    slot = np.cumsum([step for step, _ in steps])
    # A new segment now and then, as after a repress.
    segment = np.cumsum([new and n % 7 == 0 for n, (_, new) in enumerate(steps)])
    x, t, y = (rng.normal(mean, 1.0, len(steps)) for mean in (2e4, 295.0, 1.2e5))
    whole = independent.rows_of(independent.Used(segment, slot, x, t, y))
    forming = BlockRows()
    found = [
        row for block in zip(segment, slot, x, t, y, strict=True)
        if (row := forming.push(*block)) is not None
    ]  # fmt: skip
    assert [row.slot for row in found] == whole.slot.tolist()
    assert [row.segment for row in found] == whole.segment.tolist()
    assert [row.i for row in found] == pytest.approx(whole.i.tolist())
    assert [row.d for row in found] == pytest.approx(whole.d.tolist())


def table(found: list[Row]) -> independent.RowTable:
    columns = ((r.slot, r.segment, r.i, r.d, r.y) for r in found)
    slot, segment, i, d, y = (np.array(c) for c in zip(*columns, strict=True))
    return independent.RowTable(slot, segment, i, d, y)


def segments_of(rng: np.random.Generator) -> list[Row]:
    first = rows(minutes(rng, 90, 5.4))
    # Two slots are missing in the second segment.
    second = rows(minutes(rng, 120, 5.4), 100, 1)
    return [*first, *second[:40], *second[42:]]


def test_the_running_fit_is_the_whole_least_squares_of_all_rows():
    found = segments_of(np.random.default_rng(3))
    equations = NormalEquations(RHO, P_PA, lag_s=0.0)
    for row in found:
        equations.push(row)
    ours, whole = equations.fit(), independent.gls(table(found), RHO)
    assert ours is not None
    assert whole is not None
    # Sums of squares keep half of the digits: 1e-8, and k is known to 1e-2.
    assert ours.k_per_s == pytest.approx(whole.k_per_s, rel=1e-7)
    assert ours.rows == whole.rows
    scale = ours.variance_pa2 / learnt_variance(found)
    plain = whole.se_per_s / independent.MOVING_AVERAGE**0.5
    assert ours.se_per_s == pytest.approx(plain * scale**0.5, rel=1e-6)


def learnt_variance(found: list[Row]) -> float:
    """Innovation variance of the whole least squares, by a design matrix of its own."""
    t = table(found)
    design = np.column_stack([t.segment == 0, t.segment == 1, t.i, t.d]).astype(float)
    y = t.y - t.y.mean()
    follows = np.concatenate([[False], (np.diff(t.slot) == 1) & (np.diff(t.segment) == 0)])
    lead = np.sqrt(1 - RHO**2)
    white, target = design * lead, y * lead
    at = np.flatnonzero(follows)
    white[at], target[at] = design[at] - RHO * design[at - 1], y[at] - RHO * y[at - 1]
    beta = np.linalg.lstsq(white / np.linalg.norm(white, axis=0), target, rcond=None)[0]
    rest = target - white / np.linalg.norm(white, axis=0) @ beta
    return float(rest @ rest) / (len(y) - 4)


def test_the_lag_is_known_before_the_record_can_tell_it():
    # 10 mK/min of steady warming: p_T runs ahead by a constant, D is a constant, too, and between
    # the intercept and D only what is known beforehand decides.
    n = 25
    t = 295.0 + 0.010 * np.arange(n)
    forming, equations = BlockRows(), NormalEquations(RHO, P_PA, 240.0)
    for slot in range(n):
        row = forming.push(0, slot, 2e4, float(t[slot]), P_PA - 0.5 * slot)
        if row is not None:
            equations.push(row)
    fit = equations.fit()
    assert fit is not None
    # 0.5 Pa a minute from 20 kPa, to the rounding of the sums.
    assert fit.k_per_s == pytest.approx(0.5 / 60.0 / 2e4, rel=1e-6)


def test_a_residual_that_remembers_longer_than_stated_widens_the_error_after_a_day():
    widths = {}
    for tau_s in (3600.0, 4 * 3600.0):
        ratios = []
        for seed in range(4):
            found = rows(minutes(np.random.default_rng(seed), 3 * 1440, tau_s=tau_s))
            equations = NormalEquations(RHO, P_PA)
            for row in found:
                equations.push(row)
            fit = equations.fit()
            assert fit is not None
            plain = independent.gls(table(found), RHO)
            assert plain is not None
            ratios.append(fit.se_per_s / plain.se_per_s * independent.MOVING_AVERAGE**0.5)
        widths[tau_s] = float(np.median(ratios))
    # Right: the moving-average term of block means (1.22) and the scatter of 34 batches. Four times
    # too short: up to 4 in the long run, of which two hours see about half.
    assert 0.99 < widths[3600.0] < 1.5
    assert 1.6 < widths[4 * 3600.0] < 4.0


def test_memory_does_not_grow_with_the_record():
    equations = NormalEquations(RHO, P_PA)
    for row in rows(minutes(np.random.default_rng(1), 2000)):
        equations.push(row)
    assert sum(np.size(value) for value in vars(equations).values()) < 200
    assert len(equations._held) <= 2

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inprocess_node import recorded_file

from prkbench.analysis import independent
from prkbench.analysis.conversion import Conversion
from prkbench.analysis.examine import examine
from prkbench.analysis.independent import RowTable, Used
from prkbench.analysis.question import Question
from prkbench.analysis.replay import replay_run
from prkbench.runfile import Kind, RunFile


def slots_of(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Slots with holes of up to four, and segments that change now and then."""
    slot = np.cumsum(rng.choice([1, 1, 1, 1, 1, 1, 2, 5], n)) - 1
    segment = 1 + np.cumsum(rng.random(n) < 0.05)
    return slot.astype(np.int64), segment.astype(np.int64)


def blocks_of(seed: int, n: int = 120, k: float = 1.1e-5, noise_pa: float = 2.0) -> Used:
    """A decay in segments with holes, x 20000 Pa or so, a temperature that swings 0.3 K."""
    rng = np.random.default_rng(seed)
    slot, segment = slots_of(rng, n)
    t = 295.0 + 0.15 * np.sin(slot / 11.0)
    x = 20000.0 * np.exp(-k * 60.0 * slot) + 300.0 * segment
    y = np.empty(n)
    for s in np.unique(segment):
        of = segment == s
        steps = np.diff(slot[of]) * 60.0 * 0.5 * (x[of][1:] + x[of][:-1])
        y[of] = 1e5 + 1e3 * s - k * np.concatenate([[0.0], np.cumsum(steps)])
    y += rng.normal(0.0, noise_pa, n)
    return Used(segment, slot, x, t, y)


def rows_by_hand(used: Used) -> list[tuple[int, int, float, float, float]]:
    """What estimation asks for, one block at a time: I at block centres, D over both neighbours."""
    rows = []
    integral = 0.0
    for n in range(len(used.slot)):
        begins = n == 0 or used.segment[n] != used.segment[n - 1]
        if begins:
            integral = 0.0
        else:
            span = 60.0 * (used.slot[n] - used.slot[n - 1])
            integral += 0.5 * (used.x[n] + used.x[n - 1]) * span
        before = not begins and used.slot[n - 1] == used.slot[n] - 1
        after = (
            n + 1 < len(used.slot)
            and used.segment[n + 1] == used.segment[n]
            and used.slot[n + 1] == used.slot[n] + 1
        )
        if before and after:
            d = used.t[n + 1] - used.t[n - 1]
            rows.append((int(used.slot[n]), int(used.segment[n]), integral, d, used.y[n]))
    return rows


@given(seed=st.integers(0, 10_000))
def test_rows_are_those_made_one_by_one(seed: int) -> None:
    used = blocks_of(seed, n=40)
    rows = independent.rows_of(used)
    expected = rows_by_hand(used)
    assert rows.slot.tolist() == [row[0] for row in expected]
    assert rows.segment.tolist() == [row[1] for row in expected]
    # Sums of 40 numbers of 1e6 Pa s in another order: a few units in the last place of 1e8.
    assert rows.i == pytest.approx([row[2] for row in expected], abs=1e-6)
    assert rows.d == pytest.approx([row[3] for row in expected], abs=1e-12)
    assert rows.y.tolist() == [row[4] for row in expected]


def gls_by_hand(rows: RowTable, rho: float) -> tuple[float, float]:
    """The textbook's (X' C^-1 X)^-1 X' C^-1 y with the whole covariance matrix written out."""
    n = len(rows.y)
    correlation = np.zeros((n, n))
    for a in range(n):
        for b in range(n):
            lag = abs(int(rows.slot[a]) - int(rows.slot[b]))
            # Rows correlate only along an unbroken chain of neighbours, as on the node.
            low, high = min(a, b), max(a, b)
            unbroken = high - low == lag and rows.segment[a] == rows.segment[b]
            correlation[a, b] = rho**lag if unbroken else 0.0
    segments = np.unique(rows.segment)
    design = np.column_stack([*(rows.segment == s for s in segments), rows.i / 1e7, rows.d]).astype(
        float
    )
    inverse = np.linalg.inv(correlation)
    normal = design.T @ inverse @ design
    target = rows.y - rows.y.mean()
    beta = np.linalg.solve(normal, design.T @ inverse @ target)
    residual = target - design @ beta
    variance = residual @ inverse @ residual / (n - design.shape[1])
    se = np.sqrt(1.5 * variance * np.linalg.inv(normal)[-2, -2])
    return -beta[-2] / 1e7, se / 1e7


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("rho", [0.0, 0.6, 0.98])
def test_whitening_and_qr_solve_the_textbooks_equations(seed: int, rho: float) -> None:
    rows = independent.rows_of(blocks_of(seed))
    fit = independent.gls(rows, rho)
    assert fit is not None
    k, se = gls_by_hand(rows, rho)
    assert fit.rows == len(rows.y)
    # Both in double precision; the textbook's normal equations lose half the digits.
    assert fit.k_per_s == pytest.approx(k, rel=1e-6)
    assert fit.se_per_s == pytest.approx(se, rel=1e-6)


def test_the_decay_constant_that_was_put_in_is_found() -> None:
    rows = independent.rows_of(blocks_of(3, noise_pa=0.0))
    fit = independent.gls(rows, 0.9)
    assert fit is not None
    assert fit.k_per_s == pytest.approx(1.1e-5, rel=1e-9)


def test_too_few_rows_or_no_variation_give_no_fit() -> None:
    rows = independent.rows_of(blocks_of(0))
    few = RowTable(rows.slot[:4], rows.segment[:4], rows.i[:4], rows.d[:4], rows.y[:4])
    assert independent.gls(few, 0.5) is None
    still = RowTable(rows.slot, rows.segment, rows.i, 0.0 * rows.d, rows.y)
    assert independent.gls(still, 0.5) is None


@pytest.mark.parametrize(
    ("seed", "lb_per_day", "hvac_k"), [(1, 1.0, 0.3), (2, 0.0, 1.0), (3, 10.0, 0.3)]
)
def test_the_second_opinion_agrees_on_simulated_runs(
    tmp_path: Path, seed: int, lb_per_day: float, hvac_k: float
) -> None:
    path = recorded_file(tmp_path, lb_per_day=lb_per_day, seed=seed, hvac_k=hvac_k)
    with RunFile.open(path) as file:
        outcome = examine(file, Question(None, Conversion(), False))
    (check,) = [check for check in outcome.checks if check.name == "independent estimate"]
    assert check.passed is True, check.detail


def test_a_node_that_computes_wrongly_is_caught_by_the_second_opinion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Replay runs the node's own code, so a fault in that code is invisible to it."""
    from prkbench.analysis import replay as replaying

    path = recorded_file(tmp_path)
    right = replaying.replay_run

    def wrong(*arguments: object) -> replaying.Replay:
        replay = right(*arguments)  # type: ignore[arg-type]
        # A part in a million of k: far below its standard error, far above rounding.
        replay.estimator.estimate.k += replay.estimator.estimate.k // 1_000_000
        return replay

    monkeypatch.setattr("prkbench.analysis.examine.replay_run", wrong)
    with RunFile.open(path) as file:
        outcome = examine(file, Question(None, Conversion(), False))
    (check,) = [check for check in outcome.checks if check.name == "independent estimate"]
    assert check.passed is False
    assert outcome.exit_code == 4


def test_block_means_match_the_nodes_own_reduction(tmp_path: Path) -> None:
    with RunFile.open(recorded_file(tmp_path)) as file:
        run = file.runs()[0]
        replay = replay_run(file, run)
        samples = independent.read_samples(file.payload(run.run_id, Kind.SAMPLE), 2)
    blocks = independent.block_means(samples, run.setup)
    assert blocks.count.tolist() == [30] * 45
    for n, block in enumerate(replay.blocks):
        assert block.slot == blocks.slot[n]
        # The node keeps 1/4096 Pa and 2^-20 K; its polynomial is fixed-point with a few guard bits.
        assert block.reduced.p / 4096 == pytest.approx(blocks.pressure_pa[n], abs=2e-3)
        assert block.reduced.p_ref / 4096 == pytest.approx(blocks.reference_pa[n], abs=2e-3)
        assert block.reduced.t / 2**20 == pytest.approx(blocks.temperature_k[n], abs=4e-6)


def test_a_sample_without_one_of_the_pair_does_not_count() -> None:
    def record(t_s: int, valid: int, raw: int) -> bytes:
        head = (t_s * 1_000_000).to_bytes(6, "little") + valid.to_bytes(2, "little")
        return head + (raw.to_bytes(3, "little") + (8_300_000).to_bytes(3, "little")) * 2

    payload = record(1, 3, 6_000_000) + record(2, 1, 1) + record(3, 2, 1) + record(61, 3, 7_000_000)
    samples = independent.read_samples(payload, 2)
    assert samples.t_us.tolist() == [1_000_000, 2_000_000, 3_000_000, 61_000_000]
    assert samples.valid.tolist() == [[True, True], [True, False], [False, True], [True, True]]
    assert samples.raw_p[:, 0].tolist() == [6_000_000, 1, 1, 7_000_000]
    trim = "236b5849f65cffcef42300ea636e79f3f6aa4312c4"
    setup = {
        "sensors": [
            {"role": "CHAMBER", "offset_mpa": 1500},
            {"role": "AMBIENT", "offset_mpa": 0},
        ],
        "trims": [trim, trim],
    }
    blocks = independent.block_means(samples, setup)
    assert blocks.slot.tolist() == [0, 1]
    assert blocks.count.tolist() == [1, 1]
    # Equal counts and trims: the pressures differ by the chamber's null offset alone.
    assert blocks.reference_pa - blocks.pressure_pa == pytest.approx([1.5, 1.5], abs=1e-9)

"""The host's estimate: the banded algebra against dense matrices, and what its error must carry."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from prkbench.analysis import correlated
from prkbench.analysis.independent import FloatArray, Used
from prkbench.analysis.redwhite import BlockCovariance

K = 1.1e-5
LAG_S = 240.0
TAU_S = 3600.0
TIMES = 60.0 * np.array([0, 1, 2, 7, 8, 50, 51])


def dense(tau_s: float, white: float) -> FloatArray:
    """Covariance of block means of the process, by summing it over 60 points a block."""
    within = (np.arange(60) + 0.5) - 30.0
    at = (TIMES[:, None] + within[None, :]).ravel()
    red = np.exp(-np.abs(np.subtract.outer(at, at)) / tau_s)
    n = len(TIMES)
    return np.asarray(red.reshape(n, 60, n, 60).mean(axis=(1, 3)) + white * np.eye(n))


@pytest.mark.parametrize("white", [0.0, 0.02, 0.5, 99.0])
@pytest.mark.parametrize("tau_s", [180.0, 21600.0])
def test_the_covariance_is_that_of_block_means_at_uneven_times(tau_s: float, white: float):
    banded = BlockCovariance(TIMES, tau_s, white)
    covariance = dense(tau_s, white)
    # Sixty points a block: the mean over them is off by (1 s/tau)/60 of what one varies less.
    assert banded.log_det == pytest.approx(np.linalg.slogdet(covariance)[1], abs=2e-3)
    vectors = np.random.default_rng(1).standard_normal((len(TIMES), 3))
    expected = np.linalg.solve(covariance, vectors)
    size = float(np.abs(expected).max())
    assert banded.solve(vectors) == pytest.approx(expected, abs=2e-3 * size)


def test_nothing_but_white_noise_has_no_correlation():
    banded = BlockCovariance(TIMES, math.nan, math.inf)
    vectors = np.random.default_rng(1).standard_normal((len(TIMES), 3))
    assert np.array_equal(banded.solve(vectors), vectors)
    assert banded.log_det == 0.0


def bench(
    minutes: int, seed: int = 0, *, null_pa: float = 0.0, residual_pa: float = 4.0, k: float = K
) -> Used:
    """A linear leak of 20 kPa with an Ornstein-Uhlenbeck residual of 30 min on p_T.

    null_pa: by how much the recorded p - p_ref is above the true one.
    """
    rng = np.random.default_rng(seed)
    slot = np.arange(minutes)
    x = 20000.0 * np.exp(-k * (60.0 * slot + 30.0))
    keep = math.exp(-60.0 / 1800.0)
    noise = np.empty(minutes)
    noise[0] = residual_pa * rng.standard_normal()
    for n in range(1, minutes):
        noise[n] = keep * noise[n - 1] + residual_pa * math.sqrt(1.0 - keep * keep) * float(
            rng.standard_normal()
        )
    temperature = 295.0 + 0.1 * np.sin(2.0 * math.pi * slot / 97.0)
    return Used(
        np.ones(minutes, dtype=np.int64), slot, x + null_pa, temperature, 100000.0 + x + noise
    )


def found(used: Used, **changes: Any) -> correlated.HostEstimate:
    given: dict[str, Any] = {"lag_s": LAG_S, "tau_s": TAU_S, "null_pa": 0.0, **changes}
    result = correlated.estimate(used, **given)
    assert result is not None
    return result


@pytest.mark.parametrize("minutes", [50, 240, 1440])
def test_the_true_rate_lies_within_four_standard_errors(minutes: int):
    for seed in range(8):
        # The synthetic p_T holds no lag, so none may be assumed where it cannot be fitted.
        result = found(bench(minutes, seed), lag_s=1e-6)
        assert abs(result.k_per_s - K) < 4.0 * result.se_per_s


def test_without_a_residual_the_rate_is_exact():
    result = found(bench(240, residual_pa=0.0))
    # The midpoint rule on an exponential: (k 60 s)^2/12 relative is 4e-8.
    assert result.k_per_s == pytest.approx(K, rel=1e-6)


def test_a_short_record_carries_the_null_error_whole():
    # x changes by 8 % only: e Pa of 20 kPa move k by e/20 kPa, and the bend that a null error
    # leaves, under 1 Pa here, drowns in the residual.
    used = bench(120, residual_pa=1.0)
    result = found(used, null_pa=50.0)
    null = math.sqrt(result.se_per_s**2 - result.statistical_per_s**2)
    assert null / K == pytest.approx(50.0 / 19250.0, rel=0.1)


def test_a_record_that_decays_far_decides_the_null_error():
    used = bench(30 * 1440, null_pa=50.0)
    result = found(used, null_pa=50.0)
    # Carried whole, 50 Pa on a mean of 700 Pa would be 7 %; uncorrected, k would be off by more.
    assert result.se_per_s / K < 0.005
    # y follows k null t from where the record begins; the correlation is learnt without it.
    assert result.drift_pa_per_s == pytest.approx(K * 50.0, rel=0.05)
    assert 600.0 < result.tau_s < 5400.0
    assert abs(result.k_per_s - K) < 4.0 * result.se_per_s
    assert abs(found(used).k_per_s - K) > 10.0 * result.se_per_s


def test_a_short_record_assumes_the_lag_and_carries_its_uncertainty():
    used = bench(45)
    result = found(used)
    assert not result.lag_fitted
    assert found(bench(90)).lag_fitted
    assert result.se_per_s > found(used, lag_s=1e-6).se_per_s


def test_too_few_rows_give_no_estimate():
    assert correlated.estimate(bench(7), LAG_S, TAU_S, 0.0) is None
    nothing = Used(*(np.zeros(0, dtype=np.int64),) * 2, *(np.zeros(0),) * 3)
    assert correlated.estimate(nothing, LAG_S, TAU_S, 0.0) is None


def beside(used: Used, seed: int, *, common: float, follows: float) -> Used:
    """The same bench with a sealed twin, which shares so much of the unseen temperature."""
    rng = np.random.default_rng(seed)
    own = bench(len(used.slot), 1000 + seed, k=0.0).y - 120000.0
    unseen = used.y - 100000.0 - used.x
    gas = follows * (used.t - 295.0) + (common * unseen + (1.0 - common) * own) * 295.0 / 120000.0
    noise = 0.05 * rng.standard_normal(len(used.slot))
    return replace(used, twin_pa=120000.0 * (295.0 + gas) / 295.0 + noise)


def rms_of_errors(common: float | None) -> tuple[float, float]:
    errors, shares = [], []
    for seed in range(12):
        used = bench(240, seed)
        if common is not None:
            used = beside(used, seed, common=common, follows=0.93)
        result = found(used, lag_s=1e-6)
        errors.append(result.k_per_s - K)
        shares.append(result.twin_share or 0.0)
        assert abs(errors[-1]) < 4.0 * result.se_per_s
    return float(np.sqrt(np.mean(np.square(errors)))), float(np.mean(shares))


def test_a_twin_that_shares_the_unseen_temperature_takes_most_of_its_error_away():
    alone, _ = rms_of_errors(None)
    together, share = rms_of_errors(1.0)
    # What is left of the residual's 4 Pa is the twin barometer's own noise, and the mismatch's fit.
    assert together < 0.4 * alone
    assert share == pytest.approx(1.0, abs=0.05)


def test_a_twin_with_a_residual_of_its_own_does_no_harm():
    alone, _ = rms_of_errors(None)
    together, share = rms_of_errors(0.0)
    # Its share is known to about 4 Pa over 4 Pa by sqrt(240) rows.
    assert together < 1.15 * alone
    assert abs(share) < 0.15

"""The host's estimate: the banded algebra against dense matrices, and what its error must carry."""

import math
from typing import Any

import numpy as np
import pytest

from prkbench.analysis import correlated
from prkbench.analysis.independent import MOVING_AVERAGE, FloatArray, Used, gls, rows_of

K = 1.1e-5
LAG_S = 240.0
TAU_S = 3600.0
TIMES = np.array([0.0, 60.0, 120.0, 420.0, 480.0, 3000.0, 3060.0])


def dense(tau_s: float, share: float) -> FloatArray:
    red = np.exp(-np.abs(np.subtract.outer(TIMES, TIMES)) / tau_s)
    return np.asarray((1.0 - share) * red + share * np.eye(len(TIMES)))


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.99])
@pytest.mark.parametrize("tau_s", [180.0, 21600.0])
def test_the_banded_precision_is_the_dense_inverse_at_uneven_times(tau_s: float, share: float):
    precision = correlated._Precision(TIMES, tau_s, share)
    covariance = dense(tau_s, share)
    assert precision.log_det_covariance == pytest.approx(np.linalg.slogdet(covariance)[1])
    vectors = np.random.default_rng(1).standard_normal((len(TIMES), 3))
    expected = np.linalg.solve(covariance, vectors)
    assert precision.solve(vectors) == pytest.approx(expected, rel=1e-7)
    assert precision.solve(vectors[:, 0]) == pytest.approx(expected[:, 0], rel=1e-7)


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


def test_the_error_is_never_below_that_at_the_expected_correlation_time():
    for seed in range(6):
        used = bench(110, seed)
        plain = gls(rows_of(used), math.exp(-60.0 / TAU_S))
        assert plain is not None
        # gls() carries the moving-average term, too; both fit lag and one intercept.
        assert found(used).se_per_s >= plain.se_per_s * (1.0 - 1e-9)
    assert MOVING_AVERAGE == 1.5


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

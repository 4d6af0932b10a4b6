"""What a sealed run teaches, and what it does for the error of a run that leaks."""

import datetime
import math

import numpy as np
import pytest
from sealed_runs import LAG_S, P_PA, T_K, TABLE, X_PA, run

from prkbench.analysis import correlated
from prkbench.calibration.applied import apply_sealed_run, spread_over_model
from prkbench.calibration.learn import learn_sealed, model_se
from prkbench.calibration.residual import Residual
from prkbench.calibration.table import SealedRun, widening
from prkbench.errors import UndecidedError
from prkbench.rig import Rig

TODAY = datetime.date(2026, 4, 1)
PER_K = P_PA / T_K


def rig(**sealed: object) -> Rig:
    return Rig.model_validate(
        {
            "rig": {"name": "test", "acceleration": 1.0},
            "element": {"law": "linear", "conductance": "5e-8 m3/s"},
            "sealed_run": {**TABLE, **sealed},
        }
    )


def test_the_models_errors_are_those_of_the_best_estimator() -> None:
    # estimation.md's limit with a residual of 10 mK and half an hour, in % a day.
    residual = Residual(0.010, 1800.0, 0.05 / PER_K)
    found = [8.64e6 * model_se(residual, PER_K, X_PA, 3600.0 * h) for h in (0.25, 1.0, 4.0, 24.0)]
    assert found == pytest.approx([1.8, 0.65, 0.15, 0.0135], rel=0.03)


def test_whitened_residual_has_unit_variance_and_no_memory() -> None:
    used = run(1, 72.0, white_pa=0.0)
    gas = used.y / P_PA * T_K - T_K
    # The room's lag is still in it: take it out by its closed form.
    d = np.gradient(used.t, 60.0)
    gas = gas - LAG_S * d
    white = Residual(0.010, 1800.0, 0.0).whitener(60.0 * used.slot)(gas)
    n = len(white)
    # Sampling errors of a variance and of a correlation over 4320 rows: sqrt(2/n), 1/sqrt(n).
    assert np.mean(white**2) == pytest.approx(1.0, abs=4.0 * math.sqrt(2.0 / n))
    assert abs(np.mean(white[1:] * white[:-1])) < 4.0 / math.sqrt(n)


def test_a_gap_changes_the_prediction_not_the_variance() -> None:
    t_s = 60.0 * np.array([0, 1, 2, 50, 51])
    residual = Residual(0.010, 1800.0, 0.002)
    lag = np.abs(t_s[:, None] - t_s[None, :])
    a = 60.0 / 1800.0
    covariance = 1e-4 * (2.0 * math.sinh(a / 2.0) / a) ** 2 * np.exp(-lag / 1800.0)
    np.fill_diagonal(covariance, 1e-4 * 2.0 * (a + math.expm1(-a)) / a**2 + 4e-6)
    white = residual.whitener(t_s)(np.eye(5))
    assert white.T @ white == pytest.approx(np.linalg.inv(covariance), rel=1e-9)


def test_three_days_teach_residual_lag_and_errors() -> None:
    learnt = learn_sealed(run(2, 72.0), T_K)
    # The known uncertainties of an Ornstein-Uhlenbeck record, 6 % and 12 %: four of them.
    assert learnt.residual.rms_k == pytest.approx(0.010, rel=0.24)
    assert learnt.residual.tau_s == pytest.approx(1800.0, rel=0.48)
    # A difference over two minutes sees sin(w 60)/(w 60) of a 20 min swing, 1.6 % too little.
    assert learnt.lag_s == pytest.approx(LAG_S * 1.016, rel=0.03)
    truth = Residual(0.010, 1800.0, 0.05 / PER_K)
    for window in learnt.windows:
        right = model_se(truth, PER_K, X_PA, window.window_s)
        assert window.se_per_s == pytest.approx(right, rel=4.0 * window.uncertainty)
    assert [w.pieces for w in learnt.windows] == [287, 72, 18, 3]
    assert abs(learnt.k_per_s) < 4.0 * learnt.k_se_per_s


def test_a_noisy_thermometer_does_not_hide_the_lag() -> None:
    # D then has as much noise as signal: least squares would find a third of the lag.
    learnt = learn_sealed(run(3, 72.0, noise_k=0.004), T_K)
    assert learnt.lag_s == pytest.approx(LAG_S * 1.016, rel=4.0 * learnt.lag_uncertainty)
    assert learnt.lag_uncertainty < 0.15


def test_what_pieces_spread_beyond_the_model_is_in_the_errors() -> None:
    used = run(4, 72.0)
    # A swing of 100 min that no autoregression of half an hour has: 20 Pa.
    swing = 20.0 * np.sin(2.0 * np.pi * used.slot / 100.0)
    more = learn_sealed(type(used)(used.segment, used.slot, used.x, used.t, used.y + swing), T_K)
    hour = more.windows[1]
    assert hour.se_per_s > 1.2 * model_se(more.residual, PER_K, X_PA, 3600.0)


def test_too_few_minutes_teach_nothing() -> None:
    with pytest.raises(UndecidedError, match="expected 300 at the least"):
        learn_sealed(run(5, 3.0), T_K)


def test_the_sealed_runs_error_holds_the_truth_and_is_narrower() -> None:
    covered, narrower, runs = 0, [], 40
    for seed in range(runs):
        used = run(100 + seed, 4.0, 1e-6)
        host = correlated.estimate(used, 240.0, 3600.0, 0.0)
        assert host is not None
        applied = apply_sealed_run(host, used, rig(), T_K, 0.0, TODAY)
        assert applied.used
        found = applied.estimate
        covered += abs(found.k_per_s - 1e-6) < 1.96 * found.se_per_s
        narrower.append(found.se_per_s / model_se(Residual(0.010, 1800.0, 0.0), PER_K, X_PA, 14400))
    # 95 %: fewer than 33 of 40 have odds of 3e-4.
    assert covered >= 33
    # The limit's error widened by Student's quantile at 12 %, 1.04, and the fitted lag.
    assert np.median(narrower) == pytest.approx(widening(0.12), rel=0.05)


def test_a_null_error_widens_a_calibrated_run_too() -> None:
    used = run(6, 24.0, 1e-6)
    host = correlated.estimate(used, 240.0, 3600.0, 50.0)
    assert host is not None
    found = apply_sealed_run(host, used, rig(), T_K, 50.0, TODAY).estimate
    # 50 Pa of 20 kPa are .25 % of k.
    assert math.sqrt(found.se_per_s**2 - found.statistical_per_s**2) == pytest.approx(
        0.0025e-6, rel=0.1
    )


def test_a_run_that_is_noisier_than_the_sealed_one_is_judged_by_itself() -> None:
    used = run(7, 6.0, 1e-6, rms_k=0.03)
    host = correlated.estimate(used, 240.0, 3600.0, 0.0)
    assert host is not None
    applied = apply_sealed_run(host, used, rig(), T_K, 0.0, TODAY)
    assert not applied.used
    assert applied.estimate is host
    assert any("left aside" in line for line in applied.reasons)


@pytest.mark.parametrize(
    ("sealed", "today", "says"),
    [
        ({}, datetime.date(2026, 9, 1), "184 days old"),
        ({"temperature": "301 K"}, TODAY, "over 5 K apart"),
        ({"volume": "4 L"}, TODAY, "volume of 4 L, this is 5 L"),
        ({"element": "law sealed"}, TODAY, "another element"),
        ({"node_window": "12 h"}, TODAY, "window was 12 h, is 6 h"),
    ],
)
def test_a_calibration_that_may_not_fit_is_used_with_a_warning(
    sealed: dict[str, object], today: datetime.date, says: str
) -> None:
    used = run(8, 2.0, 1e-6)
    host = correlated.estimate(used, 240.0, 3600.0, 0.0)
    assert host is not None
    applied = apply_sealed_run(host, used, rig(**sealed), T_K, 0.0, today)
    (warning,) = [line for line in applied.reasons if line.startswith("WARNING")]
    assert says in warning
    assert "2026-03-01" in warning
    fitting = apply_sealed_run(host, used, rig(), T_K, 0.0, TODAY)
    assert not [line for line in fitting.reasons if line.startswith("WARNING")]
    assert fitting.reasons[0].startswith("standard error from the sealed run of 2026-03-01 (72 h)")


def test_without_a_sealed_run_nothing_changes() -> None:
    used = run(9, 2.0, 1e-6)
    host = correlated.estimate(used, 240.0, 3600.0, 0.0)
    assert host is not None
    plain = rig().model_copy(update={"sealed_run": None})
    for one in (plain, None):
        applied = apply_sealed_run(host, used, one, T_K, 0.0, TODAY)
        assert applied.estimate is host
        assert applied.told is None


def test_the_spread_over_the_model_is_the_tables() -> None:
    sealed = SealedRun.model_validate(TABLE)
    # The table's errors are the model's own, to its four digits.
    assert [spread_over_model(sealed, w) for w in (60.0, 900.0, 7200.0, 1e6)] == pytest.approx(
        [1.0] * 4, rel=2e-3
    )
    twice = [f"{2 * float(text.split()[0])} 1/s" for text in TABLE["se"]]
    doubled = SealedRun.model_validate({**TABLE, "se": twice})
    assert spread_over_model(doubled, 7200.0) == pytest.approx(2.0, rel=2e-3)

import math

import numpy as np
import pytest

from prkbench.sim.plant.stepper import at_fraction, dense, step


def decay(_t, y):
    return [-y[0], -2.0 * y[1]]


def pendulum(t, y):
    return [y[1] + math.cos(t), -y[0] + 3.0 * t**2]


def exact_pendulum(t):
    """By variation of constants, from (5, 0)."""
    c, s = math.cos(t), math.sin(t)
    x = 5.0 * c + 0.5 * (t * c + s) + 3.0 * t**2 - 6.0 + 6.0 * c
    v = -5.0 * s + 0.5 * (-t * s) + 6.0 * t - 6.0 * s
    return x, v


def test_the_error_of_a_step_falls_with_its_sixth_power():
    errors = []
    for h in (0.4, 0.2):
        end, _, _ = step(decay, 0.0, [1.0, 1.0], decay(0.0, [1.0, 1.0]), h)
        errors.append([end[0] - math.exp(-h), end[1] - math.exp(-2.0 * h)])
    for coarse, fine in zip(*errors, strict=True):
        assert coarse / fine == pytest.approx(64.0, rel=0.3)


def test_times_of_the_stages_are_used():
    start = list(exact_pendulum(0.0))
    end, stages, error = step(pendulum, 0.0, start, pendulum(0.0, start), 0.1)
    assert end == pytest.approx(exact_pendulum(0.1), abs=1e-8)
    assert stages[-1] == pytest.approx(pendulum(0.1, end), abs=1e-12)
    # The estimate is that of the fourth-order companion: pessimistic, not blind.
    assert 1e-9 < error < 1e-5


def test_between_its_ends_a_step_is_known_to_fourth_order():
    worst = []
    for h in (0.4, 0.2):
        _, stages, _ = step(decay, 0.0, [1.0, 1.0], decay(0.0, [1.0, 1.0]), h)
        coefficients = dense(np.array(stages).T)
        errors = []
        for x in (0.0, 0.25, 0.6, 0.9, 1.0):
            found = at_fraction([1.0, 1.0], stages, h, x)
            errors.append(abs(found[0] - math.exp(-h * x)))
            powers = np.array([x, x**2, x**3, x**4])
            assert (1.0 + h * coefficients @ powers).tolist() == pytest.approx(found, abs=1e-12)
        worst.append(max(errors))
    # An error of the fifth power falls by 32, what is above it by more; at 0.2 time constants
    # it is 1e-6 of the whole.
    assert worst[0] / worst[1] == pytest.approx(32.0, rel=0.3)
    assert worst[1] < 2e-6

"""The alarm's slope against numpy's, its noise against its threshold, and what it must not do."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from fake_board import CHAMBER_RAW, RAW_TEMPERATURE, TRIM, make_config
from hypothesis import given, settings
from hypothesis import strategies as st

from prkbench.sim.transducer import TransducerSpec
from prknode.alarms import FAST_FALL, Alarms
from prknode.blocks import Block
from prknode.compensate import Compensation
from prknode.decay import Estimator
from prknode.settings import Settings
from prknode.starting import window_samples

DAY_S = 86400
_, GAIN, WARMER = Compensation(TRIM).tangent(CHAMBER_RAW, RAW_TEMPERATURE)
PA_PER_COUNT = abs(GAIN) / 2**24
SIGN = -1 if GAIN < 0 else 1


def alarms(**changes: Any) -> Alarms:
    """Alarms of a run that has begun."""
    chosen = Settings(make_config(**changes))
    found = Alarms()
    found.begin(chosen, Estimator(chosen, [TRIM, TRIM]), window_samples(chosen))
    return found


def record(pressure: int, temperature: int = RAW_TEMPERATURE, valid: int = 3) -> bytes:
    counts = [pressure, temperature, CHAMBER_RAW, RAW_TEMPERATURE]
    return bytes((0, 0, 0, 0, 0, 0, valid, 0)) + b"".join(c.to_bytes(3, "little") for c in counts)


def slot_of(pressure: int, slot: int = 0) -> Block:
    counts = [pressure, CHAMBER_RAW]
    return Block(slot, 0, 0, 1, [1, 1], counts, [RAW_TEMPERATURE] * 2)


def rang_at(watched: Alarms, levels_pa: Sequence[float]) -> int | None:
    """Index of the sample at which it rang, with the chamber so far above the start."""
    for n, level in enumerate(levels_pa):
        if watched.sample(record(CHAMBER_RAW + SIGN * round(level / PA_PER_COUNT)), 0):
            return n
    return None


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"alarm_mpa_s": 600},
        {"rate_mhz": 1000},
        {"rate_mhz": 12500},
        {"rate_mhz": 200000, "osr_p": 1, "osr_t": 1},
    ],
)
@pytest.mark.parametrize("factor", [0.98, 1.02])
def test_it_rings_at_the_threshold_of_numpys_slope(changes: dict[str, int], factor: float) -> None:
    watched = alarms(**changes)
    threshold = (changes.get("alarm_mpa_s") or 2500) / 1000
    rate = changes.get("rate_mhz", 5000) / 1000
    # Three times the window; noise of a count so that rounding does not line up.
    n = 3 * watched._number * watched._bin
    noise = np.random.default_rng(4).normal(0.0, 0.02, n)
    levels = -factor * threshold * np.arange(n) / rate + noise
    slope = np.polyfit(np.arange(n) / rate, levels, 1)[0]
    assert abs(slope / (-factor * threshold) - 1.0) < 0.005
    assert (rang_at(watched, levels.tolist()) is not None) == (factor > 1.0)
    if factor > 1.0:
        assert watched.ringing == FAST_FALL
        assert watched.value == pytest.approx(1000 * slope, rel=0.05)


def test_a_day_of_the_sensors_noise_stays_far_from_the_threshold() -> None:
    # 43 million slopes of 100 days with room and weather never went beyond 2.08 of 2.5 Pa/s. Their
    # noise decides: seven standard deviations are 1e-12, 2e-5 alarms in 30 days.
    watched = alarms()
    watched.sample(record(CHAMBER_RAW), 0)
    noise = np.random.default_rng(7).normal(0.0, TransducerSpec().noise_pa, 5 * DAY_S)
    counts = np.rint(noise / PA_PER_COUNT).astype(np.int64)
    n = watched._number
    weights = np.arange(1 - n, n, 2)
    sums = np.convolve(counts, weights[::-1], "valid")
    assert n == 10
    assert watched._bin == 1
    assert np.max(np.abs(sums)) < 0.85 * watched._limit
    assert watched._limit / np.std(sums) > 6.8
    assert 5.0 * DAY_S * 30 * math.erfc(6.8 / math.sqrt(2.0)) / 2 < 1e-3


def test_the_sums_are_those_of_numpy_for_any_counts() -> None:
    watched = alarms()
    dice = np.random.default_rng(2)
    counts = CHAMBER_RAW + dice.integers(-60, 60, 400)
    weights = np.arange(1 - watched._number, watched._number, 2)
    told = 0
    for n, count in enumerate(counts.tolist()):
        watched.ringing = watched.value = 0
        watched._cooling_until = -1
        watched.sample(record(count), 0)
        watched._limit = 1  # so that every fall rings and tells its slope
        if n >= 10 and watched.value:
            total = SIGN * int(np.dot(weights, counts[n - 9 : n + 1]))
            assert watched.value == total * watched.threshold_mpa_s
            told += 1
    assert told > 150


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0x10000, 0xFEFF00), min_size=3, max_size=3), st.integers(5, 40))
def test_a_new_tangent_point_disturbs_no_slope(points: list[int], before: int) -> None:
    # Within what a slot may see: some kilopascals from where it is.
    levels = [CHAMBER_RAW + (p - 0x800000) // 200 for p in points]
    with_it, without = alarms(), alarms()
    for watched in (with_it, without):
        for _ in range(before):
            assert not watched.sample(record(levels[0]), 0)
    with_it.block(slot_of(levels[1]))
    for _ in range(20):
        assert not with_it.sample(record(levels[0]), 0)
        assert not without.sample(record(levels[0]), 0)


def test_temperature_alone_makes_no_slope() -> None:
    watched = alarms()
    # 0.05 K a second for ten seconds: uncompensated 13 Pa/s; what is left comes from rounding.
    per_count = WARMER / 16384 / (GAIN / 4096)
    for n in range(50):
        warmth = 570 * n
        pressure = CHAMBER_RAW - round(per_count * warmth)
        assert not watched.sample(record(pressure, RAW_TEMPERATURE + warmth), 0)
        assert abs(watched.level) * PA_PER_COUNT < 0.5


def test_what_an_absent_chamber_sensor_says_is_not_looked_at() -> None:
    watched = alarms()
    assert rang_at(watched, [0.0] * 9) is None
    for _ in range(3):
        assert not watched.sample(record(0, 0, valid=2), 0)
    # A new window: what lies 100 Pa lower now has not been seen to fall.
    assert rang_at(watched, [-100.0] * 30) is None
    assert rang_at(watched, [-100.0 - n for n in range(30)]) is not None


def test_before_every_sensor_has_delivered_nothing_is_watched() -> None:
    watched = alarms()
    assert not watched.sample(record(CHAMBER_RAW, valid=1), 0)
    assert not watched.aimed
    assert not watched.sample(record(CHAMBER_RAW), 0)
    assert watched.aimed

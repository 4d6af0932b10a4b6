"""Times of FIFO frames, reconstructed from polls alone."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from prknode.frameclock import FrameClock
from prknode.ticks import TICKS_MASK, ticks_diff

CHIP_PERIODS_US = (5_000, 10_000, 20_000, 40_000)
FIRST_TICK = TICKS_MASK - 300_000
"""The tick counter wraps early in every run."""


def follow(nominal_us, period_us, phase_us, waits_us, capacity=73):
    """Poll a chip that really has this period; yields (poll, true time, its frames' times).

    All in microseconds since the start; the FIFO keeps the oldest `capacity` frames.
    """
    clock = FrameClock(nominal_us)
    clock.start(FIRST_TICK)
    now = 0
    next_frame = phase_us
    for wait in waits_us:
        now += wait
        true = []
        while next_frame <= now:
            true.append(next_frame)
            next_frame += period_us
        kept = true[:capacity]
        clock.poll((FIRST_TICK + now) & TICKS_MASK, len(kept), len(true) >= capacity)
        times = [ticks_diff(clock.next(), FIRST_TICK) for _ in kept]
        yield now, kept, times, clock.lost, len(true) - len(kept)


@given(
    nominal_us=st.sampled_from(CHIP_PERIODS_US),
    error=st.floats(-0.05, 0.05),
    phase=st.floats(0.5, 1.5),
    waits=st.lists(st.floats(0.2, 60.0), min_size=1, max_size=150),
)
def test_times_never_decrease_nor_lie_ahead_of_the_poll_and_are_two_periods_right(
    nominal_us, error, phase, waits
):
    """At each poll the newest lies in the last period, as the true one does; between polls the
    estimated period may be off by as much again."""
    period_us = nominal_us * (1 + error)
    waits_us = [max(1, int(w * nominal_us)) for w in waits]
    last = 0
    for now, true, times, lost, _ in follow(nominal_us, period_us, phase * nominal_us, waits_us):
        assert lost == 0
        assert times == sorted(times)
        for t in times:
            assert last <= t <= now
            last = t
        if times:
            assert abs(times[-1] - true[-1]) <= 1.125 * nominal_us + 2


@given(nominal_us=st.sampled_from(CHIP_PERIODS_US), error=st.floats(-0.05, 0.05))
def test_the_chips_period_is_learnt(nominal_us, error):
    """Polls every 6.3 periods for 300 of them: the drift left over is below a period per window."""
    period_us = nominal_us * (1 + error)
    times = []
    for _, _, found, _, _ in follow(
        nominal_us, period_us, nominal_us, [int(6.3 * nominal_us)] * 300
    ):
        times += found
    late = times[-1000:]
    # Each end is within a period of the truth, in 999 steps.
    assert abs((late[-1] - late[0]) / 999 - period_us) <= 2 * period_us / 999
    # A poll may find the times up to a period wrong, and spreads that over its six frames.
    steps = [b - a for a, b in pairwise(late)]
    assert min(steps) >= 0.8 * period_us
    assert max(steps) <= 1.2 * period_us


@settings(max_examples=40)
@given(
    nominal_us=st.sampled_from(CHIP_PERIODS_US),
    error=st.floats(-0.05, 0.05),
    stall=st.integers(60, 2000),
)
def test_frames_lost_to_a_full_fifo_are_counted(nominal_us, error, stall):
    """To within the period that the times themselves may be off, before and after the stall, and
    0.1 % for the period's estimate."""
    period_us = nominal_us * (1 + error)
    waits_us = [6 * nominal_us] * 200 + [stall * nominal_us] + [6 * nominal_us] * 20
    counted = truly = 0
    for _, true, times, lost, really in follow(nominal_us, period_us, nominal_us, waits_us):
        counted += lost
        truly += really
        assert abs(times[-1] - true[-1]) <= 1.125 * nominal_us + 2 or really
    assert abs(counted - truly) <= 2 + 0.001 * stall


@given(
    nominal_us=st.sampled_from(CHIP_PERIODS_US),
    error=st.floats(-0.05, 0.05),
    stalls=st.lists(st.integers(80, 400), min_size=2, max_size=8),
)
def test_frames_lost_to_a_node_that_never_keeps_up_are_counted_and_times_stay_near(
    nominal_us, error, stalls
):
    """With the FIFO full at every look: its frames begin where the look before made room, so they
    are a period right; so is their count, and 0.1 % for the period's estimate."""
    period_us = nominal_us * (1 + error)
    waits_us = [6 * nominal_us] * 200 + [s * nominal_us for s in stalls] + [6 * nominal_us] * 20
    counted = truly = 0
    last = 0
    for now, true, times, lost, really in follow(nominal_us, period_us, nominal_us, waits_us):
        counted += lost
        truly += really
        for t, exact in zip(times, true, strict=True):
            assert last <= t <= now
            assert abs(t - exact) <= 2.125 * nominal_us + 2
            last = t
    assert abs(counted - truly) <= 2 + 0.001 * sum(stalls)


def test_a_silence_without_a_full_fifo_is_counted_too():
    clock = FrameClock(5_000)
    clock.start(0)
    clock.poll(30_000, 6, False)
    for _ in range(6):
        clock.next()
    clock.poll(530_000, 2, False)
    assert abs(clock.lost - 98) <= 1
    assert 515_000 < clock.next() < clock.next() <= 530_000


def test_another_chips_frames_do_not_go_back_in_time():
    clock = FrameClock(5_000)
    clock.start(0)
    clock.poll(30_000, 6, False)
    for _ in range(6):
        last = clock.next()
    clock.restart()
    clock.poll(60_000, 9, False)
    for _ in range(9):
        now = clock.next()
        assert last <= now <= 60_000
        last = now


def test_another_chips_period_is_learnt_anew():
    """After 6000 frames of a chip 4 % slower, 300 frames are known to one in 300."""
    clock = FrameClock(5_000)
    clock.start(0)
    now = 0
    for period_us, polls in ((5_100, 1000), (4_900, 50)):
        for _ in range(polls):
            now += 6 * period_us
            clock.poll(now, 6, False)
            for _ in range(6):
                clock.next()
        if period_us == 5_100:
            assert abs(clock.period_us - 5_100) <= 1
            clock.restart()
    assert abs(clock.period_us - 4_900) <= 4_900 / 300 + 1

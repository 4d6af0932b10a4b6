"""Unwrapping the tick counter."""

from runner import run

from prknode.ticks import TICKS_MASK, Elapsed, ticks_add, ticks_diff

PERIOD = 1 << 30


def test_differences_are_right_across_the_wrap():
    for base in (0, 1, 1 << 29, PERIOD - 1):
        for step in (0, 1, 1000, (1 << 29) - 1, -1, -(1 << 29)):
            assert ticks_diff((base + step) & TICKS_MASK, base) == step


def test_adding_wraps():
    for base in (0, 1, 1 << 29, PERIOD - 1):
        for step in (0, 1, 1000, 1 << 29, TICKS_MASK):
            assert ticks_add(base, step) == (base + step) % PERIOD


def test_elapsed_time_never_wraps_over_eight_weeks_of_uneven_steps():
    elapsed = Elapsed()
    start = PERIOD - 5
    elapsed.start(start)
    total = 0
    step = 1
    weeks_us = 8 * 7 * 86400 * 1000000
    while total < weeks_us:
        step = (step * 69069 + 12345) & TICKS_MASK
        total += step
        elapsed.update((start + total) & TICKS_MASK)
        assert elapsed.microseconds() == total
        hi, lo = elapsed.words[0], elapsed.words[1]
        assert 0 <= lo < 1 << 24
        assert hi < 1 << 24


def test_no_time_passes_between_equal_tick_counts():
    elapsed = Elapsed()
    elapsed.start(77)
    elapsed.update(77)
    assert list(elapsed.words[:2]) == [0, 0]


def test_starting_again_makes_that_moment_zero():
    elapsed = Elapsed()
    elapsed.start(0)
    elapsed.update(1 << 29)
    elapsed.start(1 << 29)
    elapsed.update((1 << 29) + 3)
    assert elapsed.microseconds() == 3


def test_a_time_can_be_asked_for_without_moving_on():
    elapsed = Elapsed()
    elapsed.start(PERIOD - 10)
    elapsed.update(PERIOD - 5)
    assert elapsed.at(7) == 17
    assert elapsed.microseconds() == 5
    # A moment before the last update is not negative time.
    assert elapsed.at(PERIOD - 9) == 5


if __name__ == "__main__":
    run(globals())

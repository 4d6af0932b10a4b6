"""On the board small ints have 31 bits: what the hot path must not allocate shows only there."""

import random

import pytest
from pico_bench import PicoBench

from prknode.records import sample_size

pytestmark = pytest.mark.xdist_group("pico-b")

# The extremes of what the driver takes for a reading: the low and the high halves of the sums grow
# as fast as they can. No short pattern: counts that come again and again would be a stuck sensor.
_ENDS = (0x010000, 0xFEFF00)
_DICE = random.Random(3)
EXTREMES = [
    (_DICE.choice(_ENDS) + _DICE.randrange(256), _DICE.choice(_ENDS) + _DICE.randrange(256))
    for _ in range(997)
]
LOCKED_MS = 600
HALF_US = LOCKED_MS * 500
LEAD_US = 1_100_000
"""From setting the clock until it wraps: starting the run takes half of it."""
SMALL_INT = 1 << 30


def run_locked(bench: PicoBench, rate_hz: float) -> bytes:
    """Samples of a run with the heap locked while ticks wrap and the run's time passes 2^30 us."""
    for chip in bench.chips:
        chip.play(EXTREMES)
    bench.inside("load('loop') and 1")
    bench.between(f"load('clocks').wraps_in(board,{LEAD_US})")
    bench.start(rate_hz, 1, 1)
    left_us = bench.inside("-board.ticks_us() & 0x3fffffff")
    bench.inside(f"load('clocks').set_time(node,{SMALL_INT}-{left_us})")
    wait_us = left_us - HALF_US
    assert 0 < wait_us < LEAD_US, "the lead does not suit the time that starting takes"
    bench.pico.run(wait_us)
    found = bench.between(f"load('loop').locked(node,{LOCKED_MS})")
    assert isinstance(found, tuple), found
    first, end, before, after = found
    assert after < before, "the ticks did not wrap while the heap was locked"
    assert end - first == pytest.approx(rate_hz * LOCKED_MS / 1000, rel=0.02, abs=1 + rate_hz / 30)
    size = sample_size(2)
    data = bench.samples()[first * size : end * size]
    times = [int.from_bytes(data[at : at + 6], "little") for at in range(0, len(data), size)]
    assert times[0] < SMALL_INT < times[-1]
    assert times == sorted(times)
    return data


def test_forced_sampling_allocates_nothing_across_both_wraps(bench: PicoBench) -> None:
    run_locked(bench, 10)


def test_fifo_sampling_allocates_nothing_across_both_wraps(bench: PicoBench) -> None:
    run_locked(bench, 200)


def test_the_lock_notices_one_allocation_a_sample(bench: PicoBench) -> None:
    bench.start(10, 1, 1)
    bench.run(0.2)
    found = bench.between("load('loop').wasteful(node,400)")
    assert isinstance(found, str)
    assert "locked" in found

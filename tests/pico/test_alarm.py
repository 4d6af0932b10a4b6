"""The alarm on the board: in time, whatever else it has to do."""

import pytest
from pico_bench import PicoBench

from prknode.records import EV_ALARM

pytestmark = pytest.mark.xdist_group("pico-b")

THRESHOLD = 2.5
LIMIT_S = 2.0
SLOT_US = 60_000_000
BEFORE_US = 3_200_000
"""How long before a slot ends the clock is set: the window fills first, then the fall begins."""
ASKED = ("DATA:READ? 0,200", "CALC:RES? 100000;:CALC:DEC?", "SENS:RATE?;:CALC:ALAR?")


@pytest.mark.parametrize(
    ("rate_hz", "osr_p"), [(5, 16), pytest.param(200, 1, marks=pytest.mark.slow)]
)
def test_a_fall_of_twice_the_threshold_rings_within_two_seconds(
    bench: PicoBench, rate_hz: float, osr_p: int
) -> None:
    bench.start(rate_hz, osr_p, 1)
    # With both windows full the block step, and the collection after it, take longest.
    bench.between("load('filled').fill(node)")
    bench.inside("forget('filled')")
    bench.inside(f"load('clocks').set_time(node,{SLOT_US - BEFORE_US})")
    bench.run(2.6)
    assert bench.ask("CALC:ALAR?") == "0,2.500"
    begun_us = bench.pico.now_us
    bench.chips[0].fall(int(begun_us), 2 * THRESHOLD)
    rang_us = None
    slowest_us = 0.0
    turn = 0
    while rang_us is None and bench.pico.now_us - begun_us < 1.2e6 * LIMIT_S:
        answer = bench.exchange(ASKED[turn % len(ASKED)])
        slowest_us = max(slowest_us, answer.last_us)
        turn += 1
        if bench.ask("CALC:ALAR?").startswith("1"):
            rang_us = bench.pico.now_us - begun_us
    assert rang_us is not None
    print(
        f"{rate_hz} Hz: rang after {rang_us / 1e6:.2f} s, slowest answer {slowest_us / 1e3:.0f} ms"
    )
    assert rang_us < LIMIT_S * 1e6
    assert bench.inside("node.blocks_ring.next") == 1, "a slot ended while it fell"
    rings = [event for event in bench.events() if event[1] == EV_ALARM]
    assert [event[4] for event in rings] == ["fast fall"]
    assert bench.ask("STAT:QUES:COND?") == "8192"
    bench.tell("CALC:ALAR:CLE")

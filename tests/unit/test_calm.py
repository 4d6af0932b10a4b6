"""Which minutes count while a run is watched: the analysis' own rules, minute by minute."""

import numpy as np
import pytest
from block_streams import P_PA, RHO, T_K, X_PA, minutes

from prkbench.analysis import segments
from prkbench.analysis.calm import Calm, calm_minutes
from prkbench.analysis.campaign import of_blocks
from prkbench.analysis.conversion import Conversion
from prkbench.analysis.guarded import GuardedWatch
from prkbench.analysis.independent import Blocks, Used
from prkbench.analysis.segments import cut
from prkbench.analysis.testlog import read_entry, read_log
from prkbench.analysis.watch import Watch

JUMP_PA, SETTLE_MIN = 150.0, 10


def door(count: int, at: int, size_k: float = 3.0, ahead: float = 0.5) -> tuple[np.ndarray, ...]:
    """Minutes of a sealed chamber whose room is colder for a quarter of an hour.

    The wall follows the room in half an hour, the gas the wall in 150 s, the thermometer the gas in
    four minutes; `ahead`: so much more of the change than the thermometer ever sees is the gas's.
    """
    data = minutes(np.random.default_rng(3), count)
    room = np.zeros(count * 6)
    room[at * 6 : (at + 15) * 6] = -size_k

    def lagged(values: np.ndarray, tau_s: float) -> np.ndarray:
        out, now = np.zeros(len(values)), 0.0
        for n, value in enumerate(values):
            now += (value - now) * 10.0 / tau_s
            out[n] = now
        return out

    gas = lagged(lagged(room, 1800.0), 150.0)
    seen = lagged(gas, 240.0)
    mean = [v.reshape(count, 6).mean(axis=1) for v in (gas, seen)]
    t = data.t + mean[1]
    y = data.y + P_PA / T_K * ((1.0 + ahead) * mean[0] - mean[1])
    return data.x, t, y


def used_of(x: np.ndarray, t: np.ndarray, y: np.ndarray) -> Used:
    n = len(x)
    return Used(np.ones(n, dtype=np.int64), np.arange(n), x, t, y)


def test_doors_are_cut_out_exactly_as_the_analysis_cuts_them() -> None:
    x, t, y = door(600, 300)
    calm_ones, calm = calm_minutes(used_of(x, t, y), JUMP_PA, SETTLE_MIN)
    p = y * t / T_K
    n = len(p)
    blocks = Blocks(np.arange(n), p, np.full(n, P_PA - X_PA), t, np.full(n, 60))
    campaign = of_blocks(
        blocks,
        {"norm_pa": P_PA, "jump_pa": JUMP_PA},
        (),
        Conversion(),
        "linear",
        50.0,
        5e-3,
        1800.0,
    )
    whole = cut(campaign)
    ((begin, end),) = whole.disturbed_s
    ((first, last),) = calm.spans
    # Times of the cut are those of the middles of minutes.
    assert (first, last) == (begin / 60.0 - 0.5, end / 60.0 - 0.5)
    # In which a chip warms itself: minutes that a node leaves out before anybody counts.
    start = round(segments.SETTLE_START_S["bench"] / 60.0)
    assert calm_ones.slot[start:].tolist() == np.flatnonzero(whole.kept).tolist()
    # From twelve minutes before the first ten of them to three quarters of an hour after.
    assert first < 300 - 12
    assert last > 315 + 45


def test_a_room_that_is_heated_disturbs_nothing() -> None:
    data = minutes(np.random.default_rng(4), 600)
    calm_ones, calm = calm_minutes(used_of(data.x, data.t, data.y), JUMP_PA, SETTLE_MIN)
    assert calm.spans == []
    assert len(calm_ones.slot) == 600


@pytest.mark.parametrize(
    ("words", "first"),
    [
        ("REPRESS: 1200 hPa", 130),
        ("VENT: 1100 hPa", 120),
        ("VALVE: shut", 101),
        ("STEP: 3 counts", 130),
        ("the shift has changed", 100),
    ],
)
def test_after_an_event_minutes_count_once_the_gas_has_settled(words: str, first: int) -> None:
    data = minutes(np.random.default_rng(5), 240)
    # Half past the minute 100, so that its middle and its end are at and after it.
    log = read_log([(100.0 * 60.0 + 10.0, words)])
    left, calm = calm_minutes(used_of(data.x, data.t, data.y), JUMP_PA, SETTLE_MIN, log)
    missing = sorted(set(range(240)) - set(left.slot.tolist()))
    assert missing == list(range(100, first + 1 if first >= 120 else first))
    # A new segment has its own intercept.
    assert len(set(left.segment.tolist())) == (1 if first == 100 else 2)
    assert calm.cuts == (0 if first == 100 else 1)


def test_with_the_hatch_open_nothing_counts() -> None:
    data = minutes(np.random.default_rng(6), 300)
    log = read_log([(100 * 60.0, "HATCH OPENED"), (200 * 60.0, "HATCH SHUT")])
    left, _ = calm_minutes(used_of(data.x, data.t, data.y), JUMP_PA, SETTLE_MIN, log)
    assert not [slot for slot in left.slot.tolist() if 100 <= slot <= 220]
    assert left.slot[-1] == 299
    open_first = read_log([(60 * 60.0, "HATCH SHUT")])
    left, _ = calm_minutes(used_of(data.x, data.t, data.y), JUMP_PA, SETTLE_MIN, open_first)
    # What was measured with the hatch open says nothing of the volume under test.
    assert left.slot[0] == 81


def test_a_repress_that_nobody_noted_settles_for_half_an_hour() -> None:
    data = minutes(np.random.default_rng(7), 200)
    segment = np.ones(200, dtype=np.int64)
    segment[100:] = 2
    keep = np.ones(200, dtype=bool)
    keep[90:100] = False
    y = data.y + np.where(segment == 2, 5000.0, 0.0)
    used = Used(segment[keep], np.arange(200)[keep], data.x[keep], data.t[keep], y[keep])
    left, _ = calm_minutes(used, JUMP_PA, SETTLE_MIN)
    assert not [slot for slot in left.slot.tolist() if 90 <= slot < 120]
    assert 120 in left.slot.tolist()


# The guarded watch --------------------------------------------------------------------------


def guarded() -> GuardedWatch:
    return GuardedWatch(Watch(RHO, 1.0, 240.0, T_K), Calm(JUMP_PA, SETTLE_MIN))


def pushed(guard: GuardedWatch, x: np.ndarray, t: np.ndarray, y: np.ndarray) -> list[str]:
    told = []
    for slot, block in enumerate(zip(x.tolist(), t.tolist(), y.tolist(), strict=True)):
        found = guard.push(1, slot, *block)
        told += [d.word for d in found.declared]
        told += ["DISTURBED"] if found.disturbed else []
    return told


@pytest.mark.parametrize("at", [90, 300])
def test_a_door_cries_no_wolf(at: int) -> None:
    x, t, y = door(600, at)
    bare = Watch(RHO, 1.0, 240.0, T_K)
    for slot, block in enumerate(zip(x.tolist(), t.tolist(), y.tolist(), strict=True)):
        bare.push(1, slot, *block)
    # The gas moves before the thermometer does: taken as it is, that is a leak.
    assert bare.declared
    assert pushed(guarded(), x, t, y) == ["DISTURBED"]


def test_after_a_door_the_watch_is_as_if_it_had_never_been_opened() -> None:
    x, t, y = door(600, 300)
    guard = guarded()
    pushed(guard, x, t, y)
    left, _ = calm_minutes(used_of(x, t, y), JUMP_PA, SETTLE_MIN)
    plain = Watch(RHO, 1.0, 240.0, T_K)
    for block in zip(left.segment, left.slot.tolist(), left.x, left.t, left.y, strict=True):
        plain.push(*block)
    assert guard.watch.evidence == plain.evidence
    assert guard.watch.log_r == plain.log_r
    assert guard.watch.fit == plain.fit


def test_a_leak_is_told_within_ten_minutes_of_its_being_found() -> None:
    data = minutes(np.random.default_rng(8), 400, 5.4)
    bare, guard = Watch(RHO, 1.0, 240.0, T_K), guarded()
    found = told = None
    for slot, block in enumerate(
        zip(data.x.tolist(), data.t.tolist(), data.y.tolist(), strict=True)
    ):
        found = slot if bare.push(1, slot, *block) and found is None else found
        told = slot if guard.push(1, slot, *block).declared and told is None else told
    assert found is not None
    assert told is not None
    assert found <= told <= found + 10


def test_a_leak_found_before_a_door_stays_found_and_is_told_once() -> None:
    _, t, y = door(700, 400)
    leaking = minutes(np.random.default_rng(3), 700, 10.8)
    still = minutes(np.random.default_rng(3), 700)
    told = pushed(guarded(), leaking.x, t, y + leaking.y - still.y)
    assert told.count("LEAK") == 1
    assert "DISTURBED" in told
    assert "RETURNED" not in told


def test_a_saved_watch_can_be_gone_back_to_twice() -> None:
    data = minutes(np.random.default_rng(9), 200)
    watch = Watch(RHO, 1.0, 240.0, T_K)
    blocks = list(zip(data.x.tolist(), data.t.tolist(), data.y.tolist(), strict=True))
    for slot in range(100):
        watch.push(1, slot, *blocks[slot])
    saved = watch.save()
    ends = []
    for _ in range(2):
        watch.restore(saved)
        for slot in range(100, 200):
            watch.push(1, slot, *blocks[slot])
        ends.append((watch.evidence, watch.log_r, list(watch.series.log_e)))
    assert ends[0] == ends[1]


def test_entries_may_come_in_any_order() -> None:
    calm = Calm(JUMP_PA, SETTLE_MIN)
    for t_s, words in ((9000.0, "REPRESS"), (600.0, "VENT")):
        calm.note(read_entry(t_s, words))
    assert calm.push(1, 5, T_K, P_PA)[0]
    assert not calm.push(1, 12, T_K, P_PA)[0]
    assert calm.push(1, 31, T_K, P_PA)[0]
    assert not calm.push(1, 160, T_K, P_PA)[0]

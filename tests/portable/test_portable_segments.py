"""The flow laws, segments and regression rows."""

from runner import run

from prknode.law import CHOKED, LINEAR, VISCOUS, driving_pressure
from prknode.segments import (
    BEGINS,
    CONTINUES,
    GAP,
    REPRESS,
    RESTART,
    VENT,
    Row,
    Rows,
    Segmenter,
    Tens,
)
from prknode.stability import Stability

PA = 1 << 12
K = 1 << 20
T_REF = 295 * K


def test_the_laws_are_what_their_equations_say():
    p, ref, norm = 120000 * PA, 100000 * PA, 110000 * PA
    assert driving_pressure(LINEAR, p, ref, norm, T_REF, T_REF) == 20000 * PA
    # (1.2e5^2 - 1e5^2) / 2.2e5 = 20000 Pa exactly: the mean pressure is the norm.
    assert driving_pressure(VISCOUS, p, ref, norm, T_REF, T_REF) == 20000 * PA
    assert driving_pressure(CHOKED, p, ref, norm, T_REF, T_REF) == p
    for law in (LINEAR, VISCOUS):
        assert driving_pressure(law, ref, ref, norm, T_REF, T_REF) == 0
        assert driving_pressure(law, ref, p, norm, T_REF, T_REF) == -20000 * PA


def test_driving_pressure_is_taken_to_the_reference_temperature_and_rounded_once():
    for law in (LINEAR, VISCOUS, CHOKED):
        x = driving_pressure(law, 1200 * PA, 0, 600 * PA, 3 * T_REF, T_REF)
        assert x == 400 * PA
    # 1/3 and 2/3 of a unit.
    assert driving_pressure(CHOKED, 1, 0, 1, 3, 1) == 0
    assert driving_pressure(CHOKED, 2, 0, 1, 3, 1) == 1


def steps(pressures, settle=0, slots=None):
    segmenter = Segmenter(150 * PA, settle)
    events = []
    for i, p in enumerate(pressures):
        slot = i if slots is None else slots[i]
        events.append(segmenter.step(slot, p * PA, 0))
    return events


def test_a_steady_fall_is_one_segment():
    assert steps([120000 - 100 * i for i in range(50)]) == [BEGINS] + [CONTINUES] * 49


def test_a_repress_by_hand_begins_one_segment_however_it_lies_in_its_block():
    for part in (1, 5, 10, 15, 19):
        events = steps([1000] * 10 + [1000 + 1000 * part] + [21000] * 10)
        assert events == [BEGINS] + [CONTINUES] * 9 + [REPRESS] + [CONTINUES] * 10


def test_a_vent_begins_a_segment():
    events = steps([120000] * 10 + [110000] + [100000] * 10)
    assert events == [BEGINS] + [CONTINUES] * 9 + [VENT] + [CONTINUES] * 10


def test_a_jump_is_judged_against_the_trend_and_over_the_time_it_took():
    falling = [120000 - 400 * i for i in range(10)]
    assert steps(falling)[1:] == [CONTINUES] * 9
    assert steps(falling + [falling[-1] - 251]).pop() == CONTINUES
    assert steps(falling + [falling[-1] - 249]).pop() == REPRESS
    assert steps(falling + [falling[-1] - 549]).pop() == CONTINUES
    assert steps(falling + [falling[-1] - 551]).pop() == VENT
    # Three slots later the same trend has gone on three times.
    slots = list(range(10)) + [12]
    assert steps(falling + [falling[-1] - 1200], slots=slots).pop() == CONTINUES
    assert steps(falling + [falling[-1] - 1049], slots=slots).pop() == REPRESS


def test_five_missing_slots_are_bridged_and_six_are_not():
    assert steps([1000] * 3, slots=[0, 1, 7])[2] == CONTINUES
    assert steps([1000] * 3, slots=[0, 1, 8])[2] == GAP


def test_a_restarted_sensor_begins_a_segment():
    segmenter = Segmenter(150 * PA, 0)
    assert segmenter.step(0, 1000 * PA, 1) == BEGINS
    assert segmenter.step(1, 1000 * PA, 1) == RESTART
    assert segmenter.step(2, 1000 * PA, 0) == CONTINUES
    assert segmenter.number == 2


def test_settling_blocks_are_counted_from_each_beginning():
    segmenter = Segmenter(150 * PA, 3)
    for slot in range(5):
        segmenter.step(slot, 1000 * PA, 0)
        assert segmenter.settled(slot) == (slot >= 3)
    # Gas let in or out: twice as many.
    segmenter.step(5, 9000 * PA, 0)
    assert not segmenter.settled(10)
    assert segmenter.settled(11)
    segmenter.step(12, 9000 * PA, 1)
    assert not segmenter.settled(14)
    assert segmenter.settled(15)


def feed(rows, blocks):
    got = []
    for block in blocks:
        row = rows.step(*block)
        if row is not None:
            got.append((row.segment, row.slot, row.i, row.d, row.y))
    return got


def test_rows_carry_the_trapezoid_integral_and_the_central_difference():
    blocks = [(1, s, 10 + s, 100 + s * s, 1000 + s) for s in range(5)]
    # In half slots: I(1) = 10 + 11, I(2) = I(1) + 11 + 12, ...
    assert feed(Rows(), blocks) == [
        (1, 1, 21, 4, 1001),
        (1, 2, 44, 8, 1002),
        (1, 3, 69, 12, 1003),
    ]


def test_missing_slots_are_bridged_in_the_integral_without_rows_beside_them():
    slots = (0, 1, 2, 5, 6, 7)
    blocks = [(1, s, 10, 100 + s, 1000 + s) for s in slots]
    rows = feed(Rows(), blocks)
    assert [(r[1], r[2]) for r in rows] == [(1, 20), (6, 120)]


def test_the_integral_begins_at_zero_in_each_segment():
    blocks = [(1, s, 10, 100, 1000) for s in range(3)]
    blocks += [(2, s, 10, 100, 1000) for s in range(3, 6)]
    assert [(r[0], r[1], r[2]) for r in feed(Rows(), blocks)] == [(1, 1, 20), (2, 4, 20)]


def test_ten_minute_rows_need_all_ten_of_one_segment_and_are_their_sums():
    tens = Tens()

    def step(segment, slot):
        row = tens.step(Row(segment, slot, slot, 2, 3))
        return None if row is None else (row.segment, row.slot, row.i, row.d, row.y)

    for slot in range(20):
        total = 10 * slot - 45
        assert step(1, slot) == ((1, slot // 10, total, 20, 30) if slot % 10 == 9 else None)
    for slot in range(21, 30):
        assert step(1, slot) is None
    for slot in range(30, 40):
        assert step(1 + slot // 35, slot) is None


def settle(planned, change_per_block):
    stability = Stability(planned)
    for i in range(1000):
        if stability.step(120000 * PA, 20000 * PA, T_REF + i * change_per_block):
            return i
    return None


def test_the_chamber_settles_by_the_planned_leak():
    # dT/dt p/T <= 0.1 k x: with k = 6.268e-7 1/s and x = 20 kPa, 1.2536 mPa/s; so
    # dT/dt <= 1.2536e-3 * 295 / 120000 K/s = 193.9 in K/2^20 a minute.
    planned = 626800000000
    assert settle(planned, 193) == 20
    assert settle(planned, -193) == 20
    assert settle(planned, 195) is None


def test_without_a_planned_leak_half_a_degree_fahrenheit_an_hour_is_quiet():
    # 0.5 degF/h is 4854.5 in K/2^20 a minute.
    assert settle(0, 4854) == 20
    assert settle(0, 4856) is None


def test_a_new_segment_has_to_settle_again():
    stability = Stability(0)
    for _ in range(21):
        settled = stability.step(PA, PA, T_REF)
    assert settled
    # Once settled it stays so: later drift is the regression's business.
    assert stability.step(PA, PA, T_REF + K)
    stability.restart()
    assert not stability.step(PA, PA, T_REF)


if __name__ == "__main__":
    run(globals())

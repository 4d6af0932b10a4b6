"""Represses counted, the leak from their cadence, and how long the gas lasts."""

from fake_board import FakeBoard, ask, crank, make_config, tell
from runner import run

from prknode.law import CHOKED, LINEAR, VISCOUS
from prknode.node import Node
from prknode.records import NO_SE
from prknode.reserve import log_ratio, reserve
from prknode.segments import GAP, REPRESS, VENT, Row
from prknode.starting import icbrt
from prknode.teeth import Teeth

PA = 4096
K = 10**18


def saw(teeth, lengths, rate=3 * PA, x=20000 * PA, gap=None):
    """Teeth of so many slots: y falls at `rate` a slot. gap: tooth that a gap of samples ends."""
    slot = 0
    for n, length in enumerate(lengths):
        teeth.begin(slot, GAP if n == gap else REPRESS)
        for i in range(length):
            step(teeth, slot, i, x, 10**9 - rate * i)
            slot += 1
    return slot


def step(teeth, slot, i, x, y, d=0, lag=(0, 1)):
    """The row of a segment's i-th block, x being steady; I is in half steps of the slot."""
    teeth.step(Row(1, slot, 2 * i * x, d, y), *lag)


def test_the_leak_of_a_tooth_is_its_fall_over_its_driving_pressure():
    teeth = Teeth()
    saw(teeth, (60, 70, 50, 10))
    assert (teeth.count, teeth.number) == (4, 3)
    k, se = teeth.mean()
    # 3 Pa a minute at 20 kPa: 2.5e-6 1/s; every tooth says the same.
    assert k == 2500000000000
    assert se == 0


def test_the_standard_error_is_that_of_the_mean_of_the_teeth():
    teeth = Teeth()
    slot = 0
    for rate in (2, 3, 4, 0):
        teeth.begin(slot, REPRESS)
        for i in range(40):
            step(teeth, slot, i, 20000 * PA, 10**9 - rate * PA * i)
            slot += 1
    k, se = teeth.mean()
    assert k == 2500000000000
    # Standard deviation 1/3 of it, three teeth; t(2) is 4.3027 instead of 1.96.
    assert abs(se - 2500000000000 // 3 * 1000 // 1732 * 43027 // 19600) < 10**9


def test_few_teeth_widen_the_error_as_student_does():
    # t at 97.5 % for 1, 2, 3, 4, 5, 6, 9, 14, 29, 100 degrees of freedom.
    for number, t in (
        (2, 12.7062), (3, 4.30265), (4, 3.18245), (5, 2.77645), (6, 2.57058), (7, 2.44691),
        (10, 2.26216), (15, 2.14479), (30, 2.04523), (101, 1.98397),
    ):  # fmt: skip
        teeth = Teeth()
        slot = 0
        for n in range(number + 1):
            teeth.begin(slot, REPRESS)
            for i in range(40):
                step(teeth, slot, i, 20000 * PA, 10**9 - (3 * PA + n % 2 * 100) * i)
                slot += 1
        spread = 100 / (3 * PA) * 2.5e12
        ones = number // 2
        deviation = (ones * (number - ones) / (number * (number - 1))) ** 0.5 * spread
        wanted = deviation / number**0.5 * t / 1.959964
        found = teeth.mean()[1]
        # Never too small by more than rounding, never too large by over a hundredth.
        assert 0.999 * wanted < found < 1.01 * wanted, (number, found, wanted)


def test_the_sensors_lag_is_taken_out_of_a_tooth():
    # The sensor cools by 24 mK a minute at first, then no more; 240 s behind, at 120 kPa and 300 K:
    # 240 s x 0.4 mK/s x 400 Pa/K, 38.4 Pa that the gas has lost and the sensor not seen yet.
    kelvin = 1 << 20
    lag = (120000 * PA * 240, 300 * kelvin * 120)
    plain = Teeth()
    teeth = Teeth()
    slot = 0
    for _ in range(4):
        teeth.begin(slot, REPRESS)
        plain.begin(slot, REPRESS)
        for i in range(60):
            d = -48 * kelvin // 1000 if i < 20 else 0
            seen = 10**9 - 3 * PA * i - (384 * PA // 10 if d else 0)
            step(teeth, slot, i, 20000 * PA, seen, d, lag)
            step(plain, slot, i, 20000 * PA, seen)
            slot += 1
    assert abs(teeth.mean()[0] - 2500000000000) < 2500000000000 // 1000
    assert plain.mean()[0] < 2500000000000 * 8 // 10


def test_below_the_reference_pressure_the_sign_is_the_same():
    teeth = Teeth()
    saw(teeth, (60, 60, 60), rate=-3 * PA, x=-20000 * PA)
    assert teeth.mean()[0] == 2500000000000


def test_an_interrupted_tooth_and_a_short_one_count_for_nothing():
    for lengths, gap, count, number in (
        ((60, 60, 60), 1, 2, 0), ((60, 3, 60, 60), None, 4, 2), ((60,), None, 1, 0),
    ):  # fmt: skip
        teeth = Teeth()
        saw(teeth, lengths, gap=gap)
        assert (teeth.count, teeth.number) == (count, number), lengths
    assert Teeth().mean() == (0, NO_SE)


def test_a_valve_that_stays_open_for_minutes_is_one_repress():
    teeth = Teeth()
    teeth.begin(5, REPRESS)
    for slot in (60, 61, 62, 100, 101):
        teeth.begin(slot, REPRESS)
    assert teeth.count == 3
    teeth.begin(102, VENT)
    teeth.begin(103, REPRESS)
    assert teeth.count == 4


def test_the_pressure_is_held_while_represses_keep_coming():
    teeth = Teeth()
    teeth.begin(100, REPRESS)
    assert not teeth.holding(100)
    teeth.begin(160, REPRESS)
    assert teeth.holding(160)
    assert teeth.holding(160 + 130)
    assert not teeth.holding(160 + 131)


# exp(0.1), exp(0.5) and exp(2) to twelve digits.
POWERS = ((1105170918076, 0.1), (1648721270700, 0.5), (7389056098931, 2.0))


def test_logarithms_are_exact_to_twelve_digits():
    for power, exponent in POWERS:
        wanted = int(exponent * 10) * (1 << 40) // 10
        assert abs(log_ratio(power, 10**12, 40) - wanted) < 8
    assert log_ratio(7, 7, 40) == 0


def test_cube_roots_are_rounded_up():
    for root in (0, 1, 2, 3, 10, 999, 10**6):
        assert icbrt(root**3) == root
        assert icbrt(root**3 + 1) == root + 1


def near(found, wanted):
    assert abs(found - wanted) <= 1 + wanted // 10**5, (found, wanted)


def test_the_reserve_is_what_the_law_says():
    k, se = 10**12, 10**11  # 1e-6 and 1e-7 1/s
    p, ref = 120000 * PA, 100000 * PA
    # Linear: 20 kPa above the reference become 20 kPa/e^0.5 after 0.5/k.
    target = ref + 20000 * PA * 10**12 // POWERS[1][0]
    times = reserve(LINEAR, k, se, p, ref, 110000 * PA, target)
    near(times[0], 500000)
    near(times[1], 418060)  # 0.5 / 1.196e-6
    near(times[2], 621890)  # 0.5 / 0.804e-6
    # Choked: down to p/e^0.1 after 0.1/k, whatever is outside.
    near(reserve(CHOKED, k, 0, p, ref, 0, p * 10**12 // POWERS[0][0])[0], 100000)
    # Viscous into vacuum: 2 p_N/k (1/q - 1/p).
    near(reserve(VISCOUS, k, 0, p, 0, 110000 * PA, 60000 * PA)[0], 1833333)
    # Viscous to 100 kPa: p_N/(k p_ref) ln of (20/10) (210/220), with p_N 110 kPa.
    near(reserve(VISCOUS, k, 0, p, ref, 110000 * PA, 110000 * PA)[0], 711290)
    # Evacuated, gas comes in: 60 kPa below the reference become 60 kPa/e^0.1.
    target = ref - 60000 * PA * 10**12 // POWERS[0][0]
    near(reserve(LINEAR, k, 0, 40000 * PA, ref, 0, target)[0], 100000)


def test_what_never_comes_and_what_is_past_already():
    k, p, ref = 10**12, 120000 * PA, 100000 * PA
    assert reserve(LINEAR, k, 0, p, ref, 0, ref) == (None, None, None)
    assert reserve(LINEAR, -k, 0, p, ref, 0, 110000 * PA) == (None, None, None)
    assert reserve(CHOKED, k, 0, p, ref, 0, 0) == (None, None, None)
    # Zero within the interval: the longest time has no end.
    times = reserve(LINEAR, k, 10**12, p, ref, 0, 110000 * PA)
    assert times[0] > times[1] > 0
    assert times[2] is None
    for law in (LINEAR, VISCOUS, CHOKED):
        assert reserve(law, k, 0, p, ref, 110000 * PA, 121000 * PA) == (0, 0, 0)
    assert reserve(LINEAR, k, 0, 40000 * PA, ref, 0, 30000 * PA) == (0, 0, 0)


def test_the_commands_answer_before_there_is_anything_to_say_and_after():
    board = FakeBoard(5, make_config(rate_mhz=200, settle_min=0))
    node = Node(board, board.config(), 512)
    crank(node, board, 500000)
    line = "CALC:RES? 90000;:CALC:HOLD?;:CALC:ALAR?"
    assert ask(node, board, line) == b"9.91E37,9.91E37,9.91E37;0,0,9.91E37,9.91E37;0,2.500"
    tell(node, board, "INIT")
    for minute in range(40):
        # The fall goes on towards ambient, which is below by this trim's sign.
        board.chamber.pressure += 200
        board.chamber.temperature += (minute * minute) % 7
        crank(node, board, 60000000)
    best, least, most = ask(node, board, "CALC:RES? 117600").decode().split(",")
    pressure = float(ask(node, board, "MEAS:PRES?"))
    assert pressure < 117800
    assert 0 <= int(least) <= int(best) <= float(most)
    assert ask(node, board, "CALC:RES? 125000") == b"0,0,0"
    assert tell(node, board, "CALC:RES? 125001")[:4] == "-222"
    assert tell(node, board, "CALC:RES?")[:4] == "-109"


if __name__ == "__main__":
    run(globals())

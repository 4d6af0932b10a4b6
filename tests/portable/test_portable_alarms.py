"""Alarms of the chamber's pressure: what rings, how soon, and what does not."""

from fake_board import CHAMBER_RAW, RAW_TEMPERATURE, TRIM, FakeBoard, ask, crank, make_config, tell
from runner import run

from prknode.compensate import Compensation
from prknode.node import Node
from prknode.records import ALARM, EV_ALARM, EV_CLEARED, EV_STATE, FLAG_STATE_SHIFT, SETTLING
from prknode.settings import Settings
from prknode.starting import window_samples
from prknode.unpack import unpack_event

S = 1000000
_, GAIN, WARMER = Compensation(TRIM).tangent(CHAMBER_RAW, RAW_TEMPERATURE)


def counts(pascals):
    """Raw counts by which a pressure is further on; they fall as pressure rises, with this trim."""
    return int(pascals * 4096 * 4096) // GAIN


def bench(rate_mhz=5000, **settings):
    board = FakeBoard(99, make_config(rate_mhz=rate_mhz, **settings))
    node = Node(board, board.config(), 2048)
    crank(node, board, S // 2)
    assert tell(node, board, "INIT") == ""
    return board, node


def play(node, board, us, pascals, until=None):
    """Let the chamber's pressure follow pascals(seconds); in us when until() came true, or None."""
    start = board.chamber.pressure
    spent = 0
    while spent < us:
        board.chamber.pressure = start + counts(pascals(spent / S))
        wait = min(max(50, node.step(board.now)), 20000)
        board.pass_us(wait)
        spent += wait
        if until is not None and until():
            return spent
    return None


def events(node, code):
    ring = node.events
    held = range(ring.oldest, ring.next)
    found = []
    for n in held:
        at = n % ring.capacity * ring.size
        event = unpack_event(bytes(ring.data[at : at + ring.size]))
        if event[1] == code:
            found.append(event)
    return found


def rings(node):
    return lambda: node.state == ALARM


def test_a_fall_of_twice_the_threshold_rings_within_two_seconds():
    for rate_mhz, osr_p, osr_t in ((5000, 16, 2), (12500, 16, 2), (200000, 1, 1)):
        board, node = bench(rate_mhz, osr_p=osr_p, osr_t=osr_t)
        assert play(node, board, 5 * S, lambda t: 0, rings(node)) is None
        took = play(node, board, 3 * S, lambda t: -5.0 * t, rings(node))
        assert took is not None
        assert took <= 2 * S, (rate_mhz, took)
        (event,) = events(node, EV_ALARM)
        assert event[4] == "fast fall"
        # Half of the window was steady: the slope is some half of that of the fall.
        assert -5200 < event[3] < -2500
        assert "ALARM" in [e[4] for e in events(node, EV_STATE)]
        crank(node, board, S // 2)
        ring = node.samples
        newest = (ring.at or ring.size * ring.capacity) - ring.size
        assert ring.data[newest + 6] >> FLAG_STATE_SHIFT & 7 == ALARM


def test_it_rings_in_time_while_a_slot_ends_and_commands_are_answered():
    board, node = bench()
    crank(node, board, 58 * S + S // 2)
    blocks = node.blocks_ring.next
    taken = 0
    start = board.chamber.pressure
    while node.state != ALARM and taken < 2 * S:
        board.chamber.pressure = start + counts(-5.0 * taken / S)
        before = board.now
        assert ask(node, board, "DATA:READ? 0,100;:CALC:DEC?;:DATA:POIN?")
        crank(node, board, 20000)
        taken += board.now - before
    assert node.state == ALARM
    crank(node, board, 2 * S)
    assert node.blocks_ring.next == blocks + 1


def test_a_fall_of_half_the_threshold_does_not_ring():
    board, node = bench()
    assert play(node, board, 60 * S, lambda t: -1.25 * t, rings(node)) is None
    assert ask(node, board, "CALC:ALAR?") == b"0,2.500"


def test_a_smaller_threshold_is_watched_over_a_longer_window():
    # 2 s * (2.5 / 0.5)^(2/3) = 5.8 s, of 29.2 samples.
    board, node = bench(alarm_mpa_s=500)
    assert window_samples(node.settings) == 30
    assert play(node, board, 60 * S, lambda t: -0.25 * t, rings(node)) is None
    took = play(node, board, 8 * S, lambda t: -1.0 * t, rings(node))
    assert took is not None
    assert took <= 5.8 * S


def test_the_window_grows_with_the_noise_of_its_samples():
    def samples(**settings):
        return window_samples(Settings(make_config(**settings)))

    assert samples() == 10
    assert samples(rate_mhz=12500) == 25
    assert samples(rate_mhz=200000, osr_p=1) == 400
    # A fifth of the samples: the cube root of five times as long, 3.4 s; four samples at least.
    assert samples(rate_mhz=1000) == 4
    assert samples(rate_mhz=100) == 4
    assert samples(osr_p=2) == 20
    assert samples(alarm_mpa_s=100000) == 10


def test_warming_up_the_sensor_is_no_fall():
    # Two kelvin a minute: the raw pressure alone would look like 9 Pa/s.
    board, node = bench()
    per_count = WARMER * 4096 / (GAIN * 16384)
    start = board.chamber.pressure
    for direction in (1, -1):
        for step in range(0, 30 * 50):
            warmth = direction * step * 38  # 2 K/min in steps of 20 ms
            board.chamber.temperature = RAW_TEMPERATURE + warmth
            board.chamber.pressure = start - int(per_count * warmth)
            crank(node, board, 20000)
            assert node.state == SETTLING
        board.chamber.temperature = RAW_TEMPERATURE
        board.chamber.pressure = start
        tell(node, board, "ABOR;INIT")


def cooling(t):
    """Pascals above the start: 20 kPa let in in 5 s; of that two sevenths go as the gas cools."""
    if t < 5:
        return 4000 * t
    fraction = 2.718281828 ** (-(t - 5) / 150)
    return 20000 - 20000 * 2 / 7 * (1 - fraction)


def test_a_fill_and_the_cooling_after_it_do_not_ring():
    board, node = bench()
    assert play(node, board, 20 * 60 * S, cooling, rings(node)) is None
    assert play(node, board, 3 * S, lambda t: -5.0 * t, rings(node)) is not None


def test_a_fill_that_is_lost_again_rings():
    board, node = bench()
    play(node, board, 6 * S, cooling)
    # 7.5 of 20 kPa are what cooling and hoses may take.
    took = play(node, board, 60 * S, lambda t: -1000 * t, rings(node))
    assert took is not None
    assert 7 * S < took < 9 * S


def test_a_vent_rings_unless_it_was_announced():
    for announced, line in (
        (False, "MARK 'looked at it'"), (True, "MARK 'vent it'"), (True, "MARK 'Hatch open'"),
        (True, "MARK 'REPRESS: 1000 hPa'"), (True, "MARK 'valve 3'"), (True, "MARK 'step down'"),
    ):  # fmt: skip
        board, node = bench()
        crank(node, board, 5 * S)
        assert tell(node, board, line) == ""
        took = play(node, board, 30 * S, lambda t: -300 * t, rings(node))
        assert (took is None) == announced, line
        # Two to three minutes later it would ring again.
        crank(node, board, 180 * S)
        assert announced == (node.state != ALARM)
        assert (
            play(node, board, 10 * S, lambda t: -300 * t, rings(node)) is not None or not announced
        )


def test_an_alarm_stays_until_it_is_acknowledged_and_rings_again_if_it_goes_on():
    board, node = bench()
    crank(node, board, 5 * S)
    play(node, board, 5 * S, lambda t: -10 * t)
    assert ask(node, board, "STAT:QUES:COND?;EVEN?;EVEN?") == b"8192;8192;0"
    crank(node, board, 70 * S)
    assert node.state == ALARM
    assert ask(node, board, "CALC:DEC?").split(b",")[2] == b"ALARM"
    assert tell(node, board, "CALC:ALAR:CLE") == ""
    assert node.state == SETTLING
    assert ask(node, board, "STAT:QUES:COND?;:CALC:ALAR?") == b"0;0,2.500"
    assert len(events(node, EV_CLEARED)) == 1
    assert play(node, board, 5 * S, lambda t: -10 * t, rings(node)) is not None
    tell(node, board, "CALC:ALAR:CLE")
    assert play(node, board, 5 * S, lambda t: -10 * t, rings(node)) is not None
    # Nothing rang: there is nothing to take note of.
    tell(node, board, "CALC:ALAR:CLE;:CALC:ALAR:CLE")
    assert len(events(node, EV_CLEARED)) == 3


def test_a_low_pressure_rings_once_until_it_has_been_higher():
    board, node = bench(alarm_pa=110000)
    pressure = float(ask(node, board, "MEAS:PRES?"))
    assert pressure > 110100
    crank(node, board, 125 * S)
    assert node.state != ALARM
    down = counts(110000 - pressure - 50)
    tell(node, board, "MARK 'vent'")
    board.chamber.pressure += down
    crank(node, board, 125 * S)
    assert node.state == ALARM
    (event,) = events(node, EV_ALARM)
    assert event[4] == "low pressure"
    assert 109900 < event[3] < 110000
    tell(node, board, "CALC:ALAR:CLE")
    crank(node, board, 125 * S)
    assert node.state != ALARM
    board.chamber.pressure -= down
    crank(node, board, 125 * S)
    tell(node, board, "MARK 'vent'")
    board.chamber.pressure += down
    crank(node, board, 125 * S)
    assert node.state == ALARM


def test_the_default_threshold_is_five_times_the_planned_rate():
    # The ambient of this bench is some 3.2 kPa lower; 1e-3 of that a second, times five.
    board, node = bench(planned=10**15)
    crank(node, board, S)
    ambient, chamber = [float(v) for v in ask(node, board, "MEAS:PRES? (@2,1)").decode().split(",")]
    shown = float(ask(node, board, "CALC:ALAR?").split(b",")[1])
    assert abs(shown - 5e-3 * abs(chamber - ambient)) < 0.02 * shown
    assert shown > 5
    board, node = bench(planned=10**13)
    crank(node, board, S)
    assert ask(node, board, "CALC:ALAR?") == b"0,2.500"


def test_a_new_run_begins_without_an_alarm():
    board, node = bench()
    crank(node, board, 5 * S)
    play(node, board, 5 * S, lambda t: -10 * t)
    assert node.state == ALARM
    tell(node, board, "ABOR")
    assert ask(node, board, "STAT:QUES:COND?") == b"8192"
    tell(node, board, "INIT")
    assert node.state == SETTLING
    assert ask(node, board, "STAT:QUES:COND?") == b"0"


def test_a_sensor_that_comes_back_begins_a_new_window():
    board, node = bench()
    crank(node, board, 5 * S)
    board.chamber.present = False
    crank(node, board, S)
    # What happened meanwhile nobody saw fall.
    board.chamber.pressure += counts(-50)
    board.chamber.present = True
    assert play(node, board, 20 * S, lambda t: 0, rings(node)) is None


if __name__ == "__main__":
    run(globals())

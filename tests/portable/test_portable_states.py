"""The node's states: what leads from each to the next, and what it shows of itself meanwhile."""

from fake_board import CHAMBER_RAW, RAW_TEMPERATURE, TRIM, FakeBoard, ask, crank, make_config, tell
from runner import run

from prknode.compensate import Compensation
from prknode.node import Node
from prknode.records import (
    ALARM,
    EV_STATE,
    FAULT,
    FLAG_STATE,
    FLAG_STATE_SHIFT,
    HOLDING,
    IDLE,
    MEASURING,
    SETTLING,
    STATE_NAMES,
)
from prknode.unpack import unpack_event

S = 1000000
MINUTE = 60 * S
GAIN = Compensation(TRIM).tangent(CHAMBER_RAW, RAW_TEMPERATURE)[1]

OPERATION = {IDLE: 0, SETTLING: 0x12, MEASURING: 0x10, HOLDING: 0x110, ALARM: 0x10, FAULT: 0x10}


class Story:
    """A node whose chamber leaks 3 Pa a minute, sampled every 5 s; no settling blocks.

    planned: 5e-6 1/s of some 3 kPa, so that a temperature which stands still is settled.
    """

    def __init__(self, **settings):
        given = {"rate_mhz": 200, "settle_min": 0, "planned": 5 * 10**12}
        given.update(settings)
        self.board = FakeBoard(11, make_config(**given))
        self.node = Node(self.board, self.board.config(), 1024)
        self.warming = 0
        crank(self.node, self.board, S)

    def raise_by(self, pascals):
        self.board.chamber.pressure += int(pascals * 4096 * 4096) // GAIN

    def minutes(self, number):
        """Let time pass; the state at the end of every minute."""
        seen = []
        for _ in range(number):
            self.raise_by(-3)
            self.board.chamber.temperature += self.warming
            crank(self.node, self.board, MINUTE)
            seen.append(self.node.state)
        return seen

    def tell(self, line):
        assert tell(self.node, self.board, line) == "", line

    def shows(self, state):
        """Whether command, status, and the newest sample all say so."""
        assert self.node.state == state, (self.node.state, state)
        told, condition = ask(self.node, self.board, "CALC:DEC?;:STAT:OPER:COND?").split(b";")
        assert told.split(b",")[2].decode() == STATE_NAMES[state]
        assert int(condition) == OPERATION[state]
        if state != IDLE:
            ring = self.node.samples
            newest = (ring.at or ring.size * ring.capacity) - ring.size
            assert ring.data[newest + 6] & FLAG_STATE == state << FLAG_STATE_SHIFT
        return True

    def states(self):
        """Every state that the event log has, in order."""
        ring = self.node.events
        found = []
        for n in range(ring.oldest, ring.next):
            at = n % ring.capacity * ring.size
            event = unpack_event(bytes(ring.data[at : at + ring.size]))
            if event[1] == EV_STATE:
                assert event[4] == STATE_NAMES[event[3]]
                found.append(event[3])
        return found


def measuring():
    """A story that has come as far as MEASURING."""
    story = Story()
    story.tell("INIT")
    story.minutes(30)
    assert story.shows(MEASURING)
    return story


def test_a_run_settles_for_twenty_quiet_minutes_and_then_measures():
    story = Story()
    assert story.shows(IDLE)
    story.tell("INIT")
    crank(story.node, story.board, 6 * S)
    assert story.shows(SETTLING)
    seen = story.minutes(30)
    # The first slot's block is closed in the second minute; the criterion spans 20 from there.
    assert 20 <= seen.index(MEASURING) <= 23
    assert seen == sorted(seen)
    k, se = ask(story.node, story.board, "CALC:DEC?").split(b",")[:2]
    assert 0 < float(se) < abs(float(k))
    story.tell("ABOR")
    assert story.shows(IDLE)
    assert story.states() == [SETTLING, MEASURING, IDLE]


def test_a_chamber_whose_temperature_drifts_too_fast_never_leaves_settling():
    # A tenth of the planned 15 mPa/s is 1.5 mPa/s, of 118 kPa at 300 K 0.2 mK a minute.
    story = Story()
    story.warming = 100  # raw counts a minute: milliKelvins, some tens of times too many
    story.tell("INIT")
    assert set(story.minutes(45)) == {SETTLING}
    story.warming = 0
    assert story.minutes(25)[-1] == MEASURING


def test_a_repress_by_hand_has_it_settle_again_and_two_of_them_hold():
    story = measuring()
    story.raise_by(300)
    assert SETTLING in story.minutes(3)
    assert story.shows(SETTLING)
    assert story.minutes(27)[-1] == MEASURING
    story.raise_by(300)
    assert story.minutes(3)[-1] == HOLDING
    assert story.shows(HOLDING)
    represses, teeth, k, se = ask(story.node, story.board, "CALC:HOLD?").decode().split(",")
    assert (represses, teeth) == ("2", "1")
    assert abs(float(k)) > 0
    # One tooth has no spread: its error is not a number.
    assert float(se) > 1e37
    # Every half hour; overdue by a whole interval and ten minutes it is held no more.
    seen = story.minutes(85)
    assert seen[60] == HOLDING
    assert seen[-1] == MEASURING
    assert story.states() == [SETTLING, MEASURING, SETTLING, MEASURING, HOLDING, MEASURING]


def test_a_sensor_that_fails_is_a_fault_and_what_follows_has_to_settle_at_once():
    for role in ("chamber", "ambient"):
        story = measuring()
        sensor = getattr(story.board, role)
        sensor.present = False
        crank(story.node, story.board, 20 * S)
        assert story.shows(FAULT)
        sensor.present = True
        crank(story.node, story.board, 15 * S)
        # In the middle of the slot: the estimator has not heard of it yet, the user has.
        assert story.shows(SETTLING)
        assert set(story.minutes(10)) == {SETTLING}
        assert story.minutes(20)[-1] == MEASURING
        assert story.states() == [SETTLING, MEASURING, FAULT, SETTLING, MEASURING]


def test_a_slot_spoilt_by_a_fault_never_measures_in_between():
    story = measuring()
    # Half of a slot is missing, so it is not valid, and no sooner is the sensor back.
    crank(story.node, story.board, 10 * S)
    story.board.chamber.present = False
    crank(story.node, story.board, 30 * S)
    story.board.chamber.present = True
    for _ in range(20):
        crank(story.node, story.board, 10 * S)
        assert story.node.state in (FAULT, SETTLING)


def test_an_alarm_outranks_all_stays_and_gives_way_to_what_is_under_it():
    story = measuring()
    # 20 Pa/s for some ten samples, 50 s, which the slope at this rate spans at the most.
    for _ in range(200):
        story.raise_by(-5)
        crank(story.node, story.board, S // 4)
        if story.node.state == ALARM:
            break
    crank(story.node, story.board, 6 * S)
    assert story.shows(ALARM)
    story.board.chamber.present = False
    crank(story.node, story.board, 20 * S)
    assert story.shows(ALARM)
    story.tell("CALC:ALAR:CLE")
    crank(story.node, story.board, 6 * S)
    assert story.shows(FAULT)
    story.board.chamber.present = True
    crank(story.node, story.board, 15 * S)
    assert story.shows(SETTLING)
    story.tell("ABOR")
    assert story.shows(IDLE)
    assert story.states() == [SETTLING, MEASURING, ALARM, FAULT, SETTLING, IDLE]


def test_a_new_run_begins_with_settling_whatever_the_last_one_was():
    story = measuring()
    story.board.chamber.present = False
    crank(story.node, story.board, 20 * S)
    story.tell("ABOR")
    assert story.shows(IDLE)
    story.board.chamber.present = True
    crank(story.node, story.board, 5 * S)
    story.tell("INIT")
    crank(story.node, story.board, 6 * S)
    assert story.shows(SETTLING)


if __name__ == "__main__":
    run(globals())

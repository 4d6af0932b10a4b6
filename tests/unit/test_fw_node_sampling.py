"""The node's sampling path: which sampler, what goes into records and blocks, what is reported."""

import struct

import chip_bench
import pytest
from chip_bench import Bench, NodeBoard

from prknode import app
from prknode.node import Node
from prknode.records import (
    BLOCK_FAULT,
    BLOCK_VALID,
    EV_FAULT,
    EV_MISSED,
    EV_RECOVERED,
    FAULT,
    FLAG_FAULT,
    FLAG_LATE,
    FLAG_RESTART,
    FLAG_STATE,
    FLAG_STATE_SHIFT,
    FLAG_VALID,
)
from prknode.unpack import unpack_block, unpack_event

SECOND = 1_000_000
I2C_400K_US = 22.5
SENSORS = (
    {"bus": 0, "address": chip_bench.CHAMBER, "role": "CHAMBER"},
    {"bus": 0, "address": chip_bench.REFERENCE, "role": "AMBIENT"},
    {"bus": 1, "address": chip_bench.CHAMBER, "role": "SPARE"},
)


def node_on(bench, **config):
    board = NodeBoard(bench)
    sensors = [dict(entry) for entry in SENSORS[: len(bench.chips)]]
    node = Node(board, {"sensors": sensors, **config}, 20000)
    board.turn(node, SECOND // 10)
    return node, board


def fast(bench, rate_mhz=200000):
    return node_on(bench, rate_mhz=rate_mhz, osr_p=1, osr_t=1)


def initiate(node, board):
    board.ask(node, "INIT", 0)
    board.turn(node, 2000)
    assert board.ask(node, "SYST:ERR?") == '0,"No error"'


def held(ring):
    out = bytearray(ring.size * (ring.next - ring.oldest))
    ring.read_into(ring.oldest, ring.next - ring.oldest, out, 0)
    return [bytes(out[k : k + ring.size]) for k in range(0, len(out), ring.size)]


def records(node):
    """(t_us, flags, (raw pressure, raw temperature) of each sensor) of all samples held."""
    found = []
    for record in held(node.samples):
        raw = [int.from_bytes(record[k : k + 3], "little") for k in range(8, len(record), 3)]
        pairs = list(zip(raw[::2], raw[1::2], strict=True))
        found.append(
            (int.from_bytes(record[:6], "little"), *struct.unpack("<H", record[6:8]), pairs)
        )
    return found


def blocks(node):
    return [unpack_block(record, len(node.chips)) for record in held(node.blocks_ring)]


def events(node, code):
    return [e for e in map(unpack_event, held(node.events)) if e[1] == code]


@pytest.mark.parametrize("byte_us", [0.0, I2C_400K_US])
def test_at_200_hz_every_chamber_frame_is_a_record_across_a_stall(byte_us):
    bench = Bench((0.02, -0.02), byte_us)
    node, board = fast(bench)
    begun = bench.models[0].conversions
    initiate(node, board)
    for _ in range(4):
        board.turn(node, SECOND)
        bench.clock.us += 300_000
    board.turn(node, SECOND)
    found = records(node)
    element = bench.elements[0]
    assert [r[2][0] for r in found] == element.counts[begun : begun + len(found)]
    assert len(found) > 6.1 * 200
    times = [r[0] for r in found]
    assert times == sorted(times)
    assert events(node, EV_MISSED) == []
    assert not any(r[1] & (FLAG_LATE | FLAG_RESTART | FLAG_FAULT) for r in found)
    # The reference delivers 4 % fewer; where it has nothing its bytes are zero.
    assert sum(r[1] & FLAG_VALID == 1 for r in found) == pytest.approx(0.04 * len(found), abs=6)
    assert all(r[2][1] == (0, 0) for r in found if r[1] & FLAG_VALID == 1)


class SlowBoard(NodeBoard):
    """A board whose line takes its time: 64 bytes a millisecond to the host."""

    def write(self, view):
        self.bench.clock.us += 1000
        return super().write(view[:64])


def test_at_200_hz_bursts_of_commands_and_garbage_and_a_stall_cost_no_frame():
    """Each second ten commands that fetch 1000 records, each command 20 ms of processor beside the
    line, and a collection of 13 ms; every third second a stall of 300 ms."""
    bench = Bench((0.02, -0.02), I2C_400K_US)
    board = SlowBoard(bench)
    sensors = [dict(entry) for entry in SENSORS[:2]]
    config = {"sensors": sensors, "rate_mhz": 200000, "osr_p": 1, "osr_t": 1}
    node = Node(board, config, 20000)
    board.turn(node, SECOND // 10)
    begun = bench.models[0].conversions
    initiate(node, board)
    for second in range(12):
        for n in range(5):
            board.sent += f"DATA:READ? {second * 200 + 40 * n},200\nSYST:ERR?\n".encode()
            board.turn(node, 10_000)
            bench.clock.us += 40_000
        bench.clock.us += 13_000
        board.turn(node, 400_000)
        if second % 3 == 1:
            bench.clock.us += 300_000
        board.turn(node, 300_000)
        assert bench.models[0].fifo.lost == bench.models[1].fifo.lost == 0
    found = records(node)
    assert [r[2][0] for r in found] == bench.elements[0].counts[begun : begun + len(found)]
    assert len(found) > 12 * 200
    assert board.received.count(b'0,"No error"') > 12 * 4
    assert events(node, EV_MISSED) == []
    assert not any(r[1] & (FLAG_LATE | FLAG_RESTART | FLAG_FAULT) for r in found)
    # Each chip's own clock: a sample for each frame of the fast one, a pair for each of the slow.
    pairs = sum(r[1] & FLAG_VALID == 3 for r in found)
    assert pairs == pytest.approx(len(found) * 0.98 / 1.02, abs=8)


def test_frames_lost_to_a_stall_of_400_ms_are_an_event_and_flag_the_sample_after_them():
    bench = Bench()
    node, board = fast(bench)
    initiate(node, board)
    board.turn(node, 2 * SECOND)
    bench.clock.us += 430_000
    board.turn(node, 2 * SECOND)
    (event,) = events(node, EV_MISSED)
    assert abs(event[3] - bench.models[0].fifo.lost) <= 1
    assert sum(bool(r[1] & FLAG_LATE) for r in records(node)) == 1


def test_a_block_of_chips_with_clocks_apart_is_valid_without_fault_and_unbiased():
    """The slot's mean pressures are those of its middle, to what frame times may be off."""
    slope = 0.5
    bench = Bench((0.02, -0.02), pascal_per_s=slope, kelvin_per_s=0.001)
    node, board = fast(bench, 25000)
    zero_s = bench.clock.us / SECOND
    initiate(node, board)
    board.turn(node, 125 * SECOND)
    found = blocks(node)
    assert len(found) == 2
    for slot, _, flags, count, numbers, pressures, temperatures in found:
        assert flags == BLOCK_VALID
        assert count == pytest.approx(1500 * 1.02, abs=2)
        assert numbers[0] == numbers[1] == pytest.approx(1500 * 0.98, abs=3)
        middle_s = zero_s + 60 * slot + 30
        for i in (0, 1):
            p, celsius = bench.elements[i].trim.compensate(
                pressures[i] / numbers[i], temperatures[i] / numbers[i]
            )
            # Times are right to a period of 40 ms, and pairs to a poll of 100 ms.
            assert p == pytest.approx(1e5 + slope * middle_s, abs=0.15 * slope)
            assert celsius == pytest.approx(22.0 + 0.001 * middle_s, abs=0.15 * 0.001)


@pytest.mark.parametrize(("rate_mhz", "osr_p", "osr_t"), [(200000, 1, 1), (5000, 16, 2)])
def test_a_reset_of_a_paired_sensor_is_told_and_flags_records_and_block(rate_mhz, osr_p, osr_t):
    bench = Bench()
    node, board = node_on(bench, rate_mhz=rate_mhz, osr_p=osr_p, osr_t=osr_t)
    initiate(node, board)
    board.turn(node, 5 * SECOND)
    bench.models[1].power_on_reset()
    board.turn(node, 57 * SECOND)
    assert [e[2:5] for e in events(node, EV_FAULT)] == [(1, 8, "POR")]
    assert [e[2:5] for e in events(node, EV_RECOVERED)] == [(1, 0, "OK")]
    found = records(node)
    faulty = [r for r in found if r[1] & FLAG_FAULT]
    assert faulty
    assert all(r[1] & FLAG_VALID == 1 for r in faulty)
    assert any((r[1] & FLAG_STATE) >> FLAG_STATE_SHIFT == FAULT for r in faulty)
    assert sum(bool(r[1] & FLAG_RESTART) for r in found) == 1
    assert [b[2] for b in blocks(node)] == [BLOCK_VALID | BLOCK_FAULT]


@pytest.mark.parametrize(("rate_mhz", "osr_p", "osr_t"), [(200000, 1, 1), (5000, 16, 2)])
def test_a_spare_sensors_reset_leaves_the_fit_alone(rate_mhz, osr_p, osr_t):
    bench = Bench((0.0, 0.0, 0.0))
    node, board = node_on(bench, rate_mhz=rate_mhz, osr_p=osr_p, osr_t=osr_t)
    initiate(node, board)
    board.turn(node, 5 * SECOND)
    bench.models[2].power_on_reset()
    board.turn(node, 57 * SECOND)
    assert [e[2] for e in events(node, EV_FAULT)] == [2]
    assert not any(r[1] & (FLAG_RESTART | FLAG_FAULT) for r in records(node))
    assert [b[2] for b in blocks(node)] == [BLOCK_VALID]


@pytest.mark.parametrize("rate_mhz", [1000, 12500, 25000, 200000])
def test_readings_are_answered_idle_and_measuring(rate_mhz):
    bench = Bench((0.03, -0.03), pascal_per_s=0.2)
    node, board = fast(bench, rate_mhz)

    def check():
        pressures = [float(x) for x in board.ask(node, "MEAS:PRES? (@1,2)", 3 * SECOND).split(",")]
        # Rounding of the chip's coefficients and, of a reading up to 1 s old, 0.2 Pa.
        now = 1e5 + 0.2 * bench.clock.us / SECOND
        assert pressures == pytest.approx([now, now], abs=0.25)
        kelvin = float(board.ask(node, "MEAS:TEMP?", 3 * SECOND))
        celsius = 22.0 + 0.05 * bench.clock.us / SECOND
        assert kelvin == pytest.approx(273.15 + celsius, abs=0.06)

    check()
    initiate(node, board)
    for _ in range(10):
        check()
    board.ask(node, "ABOR", 0)
    board.turn(node, 2000)
    check()
    assert board.ask(node, "SYST:ERR?") == '0,"No error"'


@pytest.mark.parametrize("rate_mhz", [5000, 25000])
def test_a_reading_of_a_dead_sensor_is_answered_all_the_same(rate_mhz):
    bench = Bench()
    node, board = fast(bench, rate_mhz)
    initiate(node, board)
    board.turn(node, SECOND)
    bench.bus.absent.add(chip_bench.REFERENCE)
    board.turn(node, SECOND)
    good, dead = board.ask(node, "MEAS:PRES? (@1,2)", 2 * SECOND).split(",")
    assert float(good) == pytest.approx(1e5, abs=200)
    assert dead == "9.91E37"
    bench.bus.absent.add(chip_bench.CHAMBER)
    board.turn(node, SECOND)
    assert board.ask(node, "MEAS:PRES? (@1,2)", 2 * SECOND) == "9.91E37,9.91E37"


def test_rates_the_chips_do_not_have_are_a_settings_conflict():
    node, board = fast(Bench(), 30000)
    board.ask(node, "INIT", 0)
    board.turn(node, 2000)
    error = board.ask(node, "SYST:ERR?")
    assert error.startswith("-221,")
    assert "25, 50, 100 or 200 Hz" in error
    assert not node.measuring


def test_a_rate_can_be_changed_between_runs_both_ways():
    bench = Bench()
    node, board = fast(bench, 5000)
    for rate_hz, seconds in ((5, 4), (100, 2), (10, 3), (200, 2)):
        board.ask(node, f"SENS:RATE {rate_hz}", 0)
        initiate(node, board)
        board.turn(node, seconds * SECOND)
        # The last poll's frames may be waiting still.
        assert len(records(node)) == pytest.approx(rate_hz * seconds, abs=8)
        assert all(r[1] & FLAG_VALID == 3 for r in records(node))
        assert not any(r[1] & (FLAG_LATE | FLAG_RESTART | FLAG_FAULT) for r in records(node))
        board.ask(node, "ABOR", 0)
        board.turn(node, 2000)


def test_other_oversampling_takes_effect_before_the_first_sample():
    bench = Bench()
    node, board = fast(bench, 5000)
    board.ask(node, "SENS:OVER:PRES 8;:INIT", 0)
    board.turn(node, 2 * SECOND)
    assert bench.models[0].peek(chip_bench.model.OSR) & 7 == 3
    assert [r[1] & FLAG_VALID for r in records(node)] == [3] * 10


class RunningBoard(NodeBoard):
    """A board for app.run, that pulls the plug at a given time."""

    def __init__(self, bench, config, until_us):
        super().__init__(bench)
        self._config, self._until_us = config, until_us
        self.node = None

    def config(self):
        return self._config

    def begin(self):
        self.sent = b"INIT\n"

    def end(self):
        pass

    def idle(self, us, node):
        if self.bench.clock.us > self._until_us:
            raise KeyboardInterrupt
        if self.bench.clock.us < SECOND // 2:
            self.sent = b""
        elif self._runs == 0 and not self.sent:
            self.sent = b"INIT\n"
        self.bench.clock.us += max(us, 20)


def test_on_a_board_that_takes_its_time_ticks_still_come_on_time(monkeypatch):
    """The bus takes 0.4 ms a read; the loop waits for what is left, not for the whole period."""
    bench = Bench(byte_us=I2C_400K_US)
    config = {
        "sensors": [{"bus": 0, "address": chip_bench.CHAMBER, "role": "CHAMBER"}],
        "rate_mhz": 10000,
    }
    board = RunningBoard(bench, config, 3 * SECOND)
    made = []

    def keep(*arguments):
        made.append(Node(*arguments))
        return made[-1]

    monkeypatch.setattr(app, "Node", keep)
    with pytest.raises(KeyboardInterrupt):
        app.run(board)
    times = [r[0] for r in records(made[0])]
    assert len(times) > 20
    late = [t - times[0] - 100_000 * k for k, t in enumerate(times)]
    assert min(late) >= 0
    assert max(late) <= 40

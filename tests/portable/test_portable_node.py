"""The whole node on a board with a hand-cranked clock."""

import binascii
import json
import struct

from fake_board import TRIM, FakeBoard, ask, crank, make_config, tell
from runner import run

from prknode import PROTOCOL
from prknode.bmp390 import ABSENT, FAULT_NAMES, NACK, OK, STUCK
from prknode.node import Node
from prknode.records import (
    ANSWER_HEAD,
    BLOCK_VALID,
    EV_ABORT,
    EV_BOOT,
    EV_FAULT,
    EV_INIT,
    EV_MARK,
    EV_MISSED,
    EV_RECOVERED,
    EV_REPRESS,
    EVENT_SIZE,
    FAULT,
    FLAG_RESTART,
    FLAG_STATE,
    FLAG_STATE_SHIFT,
    IDLE,
    SETTLING,
    block_size,
)
from prknode.ticks import TICKS_MASK
from prknode.unpack import unpack_block, unpack_event

S = 1000000


def bench(now=TICKS_MASK - 3 * S, ring_records=512, **settings):
    """A board and a node whose sensors are up."""
    board = FakeBoard(now, make_config(**settings))
    node = Node(board, board.config(), ring_records)
    crank(node, board, S // 2)
    return board, node


def block_of(answer):
    """What a definite-length block holds."""
    digits = answer[1] - 48
    assert answer[:1] == b"#"
    size = int(answer[2 : 2 + digits])
    data = answer[2 + digits :]
    assert len(data) == size
    return data


def records_of(answer):
    """(run, first, records) of a data answer, its checksum checked."""
    data = block_of(answer)
    run_id, first, count, size = struct.unpack(ANSWER_HEAD, data[:12])
    assert len(data) == 12 + count * size + 4
    assert binascii.crc32(data[:-4]) & 0xFFFFFFFF == int.from_bytes(data[-4:], "little")
    return run_id, first, [data[12 + i * size : 12 + (i + 1) * size] for i in range(count)]


def events(node, board):
    _, _, got = records_of(ask(node, board, "DATA:EVEN? 0,64"))
    assert all(len(record) == EVENT_SIZE for record in got)
    return [unpack_event(record) for record in got]


def sample(record):
    """(t_us, flags, [(raw pressure, raw temperature)])."""
    sensors = (len(record) - 8) // 6
    raw = [int.from_bytes(record[8 + 3 * i : 11 + 3 * i], "little") for i in range(2 * sensors)]
    t_us = int.from_bytes(record[:6], "little")
    flags = int.from_bytes(record[6:8], "little")
    return t_us, flags, [(raw[2 * i], raw[2 * i + 1]) for i in range(sensors)]


def test_sensors_come_up_by_themselves_and_the_boot_is_on_record():
    board, node = bench()
    assert ask(node, board, "*TST?") == b"0"
    assert node.state == IDLE
    log = events(node, board)
    assert log[0][1:] == (EV_BOOT, None, 0, "power")
    assert [(e[1], e[2]) for e in log[1:]] == [(EV_RECOVERED, 0), (EV_RECOVERED, 1)]


def test_samples_are_taken_at_the_rate_and_hold_the_raw_counts():
    board, node = bench()
    board.chamber.stuck = False
    assert tell(node, board, "INIT") == ""
    crank(node, board, 100 * S)
    run_id, oldest, following = ask(node, board, "DATA:RUNS?").decode().split(",")
    assert (run_id, oldest) == ("1", "0")
    assert 499 <= int(following) <= 502
    got = []
    while len(got) < 500:
        _, first, part = records_of(ask(node, board, "DATA:READ? %d,200" % len(got)))
        assert first == len(got)
        assert part
        got.extend(part)
    times = []
    for record in got:
        t_us, flags, raw = sample(record)
        times.append(t_us)
        assert flags & 0x180F == 3
        assert (flags & FLAG_STATE) >> FLAG_STATE_SHIFT == SETTLING
        for i, chip in enumerate((board.chamber, board.ambient)):
            assert 0 <= raw[i][0] - chip.pressure < 64
            assert 0 <= raw[i][1] - chip.temperature < 64
    # On the node's own clock nothing is late by more than a turn of the loop.
    for n, t_us in enumerate(times):
        assert -1000 < t_us - times[0] - n * 200000 < 1000
    assert node.samples.taken >= 400


def test_blocks_are_the_sums_of_their_samples():
    board, node = bench(rate_mhz=1000)
    tell(node, board, "INIT")
    crank(node, board, 200 * S)
    samples = []
    for first in (0, 100):
        samples += records_of(ask(node, board, "DATA:READ? %d,100" % first))[2]
    _, _, blocks = records_of(ask(node, board, "DATA:BLOC? 0,200"))
    assert len(blocks) == 3
    assert len(blocks[0]) == block_size(2)
    following = 0
    for number, record in enumerate(blocks):
        slot, first, flags, count, numbers, pressures, temperatures = unpack_block(record, 2)
        assert (slot, first, flags & BLOCK_VALID) == (number, following, BLOCK_VALID)
        inside = [sample(r) for r in samples[first : first + count]]
        assert all(slot * 60 * S <= s[0] < (slot + 1) * 60 * S for s in inside)
        assert numbers == [count, count]
        for i in range(2):
            assert pressures[i] == sum(s[2][i][0] for s in inside)
            assert temperatures[i] == sum(s[2][i][1] for s in inside)
        following += count
    assert len(records_of(ask(node, board, "CALC:DEC:READ? 0,9"))[2]) == 3


def test_nothing_is_lost_or_doubled_when_an_answer_is_asked_for_again():
    board, node = bench()
    tell(node, board, "INIT")
    crank(node, board, 10 * S)
    once = records_of(ask(node, board, "DATA:READ? 5,10"))
    assert records_of(ask(node, board, "DATA:READ? 5,10,1")) == once
    assert once[:2] == (1, 5)
    assert records_of(ask(node, board, "DATA:READ? 4000000000,10"))[2] == []
    assert records_of(ask(node, board, "DATA:READ? 0,0"))[2] == []
    assert ask(node, board, "DATA:READ? 0,10,2;:SYST:ERR?")[:4] == b"-230"


def test_a_full_ring_drops_the_oldest_and_says_so():
    board, node = bench(ring_records=64)
    tell(node, board, "INIT")
    # That the run began is said in two events.
    assert node.fill_percent() < 10
    crank(node, board, 40 * S)
    assert node.fill_percent() == 100
    _, first, got = records_of(ask(node, board, "DATA:READ? 0,10"))
    assert first == node.samples.next - 64
    assert len(got) == 10


def test_the_host_that_does_not_read_does_not_stop_the_sampling():
    board, node = bench()
    tell(node, board, "INIT")
    crank(node, board, 20 * S)
    board.takes = 7
    board.incoming.extend(b"DATA:READ? 0,100\n")
    crank(node, board, 1000)
    board.takes = 0
    before = node.samples.next
    crank(node, board, 2 * S)
    assert 9 <= node.samples.next - before <= 11
    board.takes = 1000
    assert ask(node, board, "SYST:ERR?")[:4] == b"-430"
    assert ask(node, board, "*OPC?") == b"1"


def test_hostile_bytes_do_not_stop_the_sampling():
    board, node = bench()
    tell(node, board, "INIT")
    before = node.samples.next
    board.incoming.extend(bytes(range(256)) * 30 + b"\x00\x03\xff" * 100 + b"\n")
    crank(node, board, 2 * S)
    assert node.samples.next - before >= 9
    assert int(ask(node, board, "SYST:ERR:COUN?")) > 0


def test_settings_are_locked_while_measuring():
    board, node = bench()
    tell(node, board, "INIT")
    for line in ("SENS:RATE 1", "SENS:ROLE2 TWIN", "CAL:OFFS 1,(@1)", "CALC:WIND 60"):
        assert tell(node, board, line)[:4] == "-221"
    assert tell(node, board, "INIT")[:4] == "-213"
    assert tell(node, board, "ABOR") == ""
    assert tell(node, board, "SENS:RATE 1") == ""


def test_a_run_starts_at_zero_with_its_own_set_up():
    board, node = bench()
    tell(node, board, "INIT")
    crank(node, board, 5 * S)
    tell(node, board, 'MARK "one"')
    tell(node, board, "ABOR;:SENS:RATE 2;:CALC:WIND 60")
    crank(node, board, S)
    tell(node, board, "INIT")
    crank(node, board, 3 * S)
    setup = json.loads(block_of(ask(node, board, "DATA:SET?")))
    assert (setup["run"], setup["rate_mhz"], setup["window_min"]) == (2, 2000, 60)
    assert setup["protocol"] == PROTOCOL
    assert setup["trims"] == [binascii.hexlify(TRIM).decode()] * 2
    assert next(e[1] for e in events(node, board)) == EV_INIT
    run_id, _, got = records_of(ask(node, board, "DATA:READ? 0,9"))
    assert run_id == 2
    assert sample(got[0])[0] < 300000


def test_marks_and_times_are_those_of_their_own_moment():
    board, node = bench(rate_mhz=100)
    tell(node, board, "INIT")
    crank(node, board, 27 * S)
    up, into = [int(v) for v in ask(node, board, "SYST:TIME?").decode().split(",")]
    assert 27 * S <= into < 27 * S + S // 10
    assert up > 27 * S
    tell(node, board, 'MARK "hatch ""open"""')
    tell(node, board, "ABOR")
    log = events(node, board)
    assert [e[1] for e in log if e[1] in (EV_MARK, EV_ABORT)] == [EV_MARK, EV_ABORT]
    mark = next(e for e in log if e[1] == EV_MARK)
    assert mark[4] == 'hatch "open"'
    assert 27 * S <= mark[0] < 27 * S + S // 5
    assert ask(node, board, "SYST:TIME?").decode().endswith(",-1")
    seconds = ask(node, board, "SYST:UPT?").decode()
    assert 27 < float(seconds) < 30


def test_a_sensor_that_fails_is_named_comes_back_and_leaves_the_other_alone():
    board, node = bench()
    tell(node, board, "*CLS;INIT")
    crank(node, board, 3 * S)
    board.ambient.present = False
    crank(node, board, 3 * S)
    assert node.state == FAULT
    assert ask(node, board, "*TST?") == b"2"
    assert ask(node, board, "STAT:QUES:COND?") == b"1024"
    board.ambient.present = True
    crank(node, board, 3 * S)
    assert node.state == SETTLING
    assert ask(node, board, "STAT:QUES:COND?;EVEN?;EVEN?") == b"0;1024;0"
    log = [(e[1], e[2], e[3], e[4]) for e in events(node, board)]
    assert (EV_FAULT, 1, NACK, FAULT_NAMES[NACK]) in log
    assert (EV_RECOVERED, 1, OK, "OK") in log
    _, _, got = records_of(ask(node, board, "DATA:READ? 0,60"))
    flags = [sample(r)[1] for r in got]
    assert all(f & 1 for f in flags)
    assert [bool(f & FLAG_RESTART) for f in flags].count(True) == 1
    assert 14 <= [f & 2 for f in flags].count(0) <= 18


def test_a_stuck_sensor_is_a_fault():
    board, node = bench()
    tell(node, board, "INIT")
    crank(node, board, 2 * S)
    board.chamber.stuck = True
    crank(node, board, 4 * S)
    assert (EV_FAULT, 0, STUCK) in [(e[1], e[2], e[3]) for e in events(node, board)]


def test_missed_samples_are_counted():
    board, node = bench()
    tell(node, board, "INIT")
    crank(node, board, S)
    board.pass_us(3 * S)
    crank(node, board, S)
    missed = [e for e in events(node, board) if e[1] == EV_MISSED]
    assert sum(e[3] for e in missed) in (14, 15)


def test_a_repress_is_an_event():
    board, node = bench(rate_mhz=1000)
    tell(node, board, "INIT")
    crank(node, board, 300 * S)
    # A raw count is some 14 mPa here, and pressure falls with it.
    board.chamber.pressure -= 200000
    crank(node, board, 120 * S)
    assert EV_REPRESS in [e[1] for e in events(node, board)]


def test_a_run_needs_its_sensors():
    board, node = bench()
    board.chamber.present = False
    tell(node, board, "SENS:OVER:PRES 8")
    crank(node, board, 2 * S)
    error = tell(node, board, "INIT")
    assert error[:4] == "-241"
    assert FAULT_NAMES[ABSENT] in error
    assert not node.measuring
    board.chamber.present = True
    crank(node, board, S)
    assert tell(node, board, "INIT") == ""


def test_a_run_needs_a_set_up_that_can_be_sampled():
    board, node = bench()
    tell(node, board, "SENS:OVER:PRES 32;TEMP 8;:SENS:RATE 12.5")
    assert tell(node, board, "INIT")[:4] == "-221"
    tell(node, board, "SENS:RATE 0.05;OVER:PRES 1")
    assert tell(node, board, "INIT")[:4] == "-221"
    tell(node, board, "*RST;:SENS:ROLE1 SPARE")
    assert tell(node, board, "INIT")[:4] == "-221"


def test_readings_are_the_compensated_pressure_and_temperature():
    board, node = bench()
    for line in ("MEAS:PRES? (@1:2)", "INIT;:MEAS:PRES? (@1:2)"):
        chamber, ambient = [float(v) for v in ask(node, board, line).decode().split(",")]
        # Raw counts that differ by 200000 are some 2.8 kPa apart with this trim.
        assert 2000 < chamber - ambient < 4000
        assert 80000 < ambient < 130000
    assert 290 < float(ask(node, board, "MEAS:TEMP?")) < 310
    assert ask(node, board, "MEAS:PRES? (@3)") == b""
    tell(node, board, "ABOR;*CLS")
    plain = float(ask(node, board, "MEAS:PRES?"))
    tell(node, board, "CAL:OFFS 50,(@1)")
    # Noise of 64 counts is under 1 Pa.
    assert abs(plain - 50 - float(ask(node, board, "MEAS:PRES?"))) < 1


def test_a_sensor_that_does_not_work_reads_as_not_a_number():
    board, node = bench()
    board.ambient.present = False
    for measuring in (False, True):
        if measuring:
            board.ambient.present = True
            crank(node, board, S)
            assert tell(node, board, "INIT") == ""
            board.ambient.present = False
        answer = ask(node, board, "MEAS:PRES? (@1,2)").decode().split(",")
        assert answer[1] == "9.91E37"
        assert float(answer[0]) < 1e6
        assert ask(node, board, "SYST:ERR?")[:4] == b"-240"
        tell(node, board, "*CLS")


def test_state_and_status_follow_the_run():
    board, node = bench()
    assert ask(node, board, "STAT:OPER:COND?") == b"0"
    tell(node, board, "INIT")
    assert ask(node, board, "STAT:OPER:COND?") == b"18"
    tell(node, board, "ABOR")
    assert ask(node, board, "STAT:OPER:COND?;EVEN?;EVEN?") == b"0;18;0"
    assert node.state == IDLE


def test_the_decay_is_measured_from_start_to_answer():
    board, node = bench(rate_mhz=200, settle_min=0)
    assert ask(node, board, "CALC:DEC?") == b"9.91E37,9.91E37,IDLE,0,NONE"
    tell(node, board, "INIT")
    assert ask(node, board, "CALC:DEC?") == b"9.91E37,9.91E37,SETTLING,0,NONE"
    for minute in range(40):
        # Some 2.8 Pa a minute out of 2.8 kPa: k near 1.7e-5 1/s.
        board.chamber.pressure += 200
        board.chamber.temperature += (minute * minute) % 7
        crank(node, board, 60 * S)
    k, se, state, count, basis = ask(node, board, "CALC:DEC?").decode().split(",")
    assert 1e-5 < float(k) < 3e-5
    assert 0 < float(se) < 1e-6
    assert (state, basis) == ("MEASURING", "GLS")
    assert 35 < int(count) < 41
    assert ask(node, board, "CALC:DEC:LONG?")[:7] == b"9.91E37"


if __name__ == "__main__":
    run(globals())

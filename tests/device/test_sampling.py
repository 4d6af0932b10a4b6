"""Samples at every rate the node has, by its own clock and by the chips' FIFOs."""

import struct
import zlib

import pytest
from device_target import (
    Capture,
    Target,
    chamber_of,
    check_whole,
    events_of,
    plain_ask,
    plain_block,
    rate_of,
    samples_of,
    set_up,
    start,
)

from prkbench.client import MOST_RECORDS, NodeClient, ScpiRefusal
from prknode.records import EV_ABORT, EV_INIT, EV_MARK, EV_MISSED, sample_size

RATE_TOLERANCE = 0.03
"""The chips' own clocks run a few per cent off; the node's crystal is a thousand times better."""

LATEST_TICK_S = 0.01
"""By so much a command that is being carried out may delay the first tick or the last."""

FEWEST = 5
"""Samples, where a node is too slow for more."""

FORCED = [("1", 16, 2, 8), ("5", 16, 2, 25), ("12.5", 16, 2, 60)]
FIFO = [("25", 16, 1, 150), ("50", 8, 1, 250), ("100", 2, 1, 500), ("200", 1, 1, 1000)]


@pytest.mark.parametrize(("rate", "osr_p", "osr_t", "count"), FORCED + FIFO)
def test_samples_come_at_the_rate_set_with_rising_time_and_no_gap(
    node: NodeClient, target: Target, rate: str, osr_p: int, osr_t: int, count: int
) -> None:
    set_up(node, rate, osr_p, osr_t)
    count = max(FEWEST, round(count * target.share))
    hertz = float(rate)
    # Twice the nominal time: far more than any clock is off, plus the chips' start-up.
    samples = start(node).until(count, 2.0 * count / hertz + 2.0)
    check_whole(samples)
    tolerance = RATE_TOLERANCE if hertz > 12.5 else 0.002 + LATEST_TICK_S * hertz / (count - 1)
    assert rate_of(samples) == pytest.approx(hertz, rel=tolerance)
    gaps = [event for event in events_of(node, node.points()) if event[1] == EV_MISSED]
    assert not gaps
    chamber = chamber_of(node)
    assert all(sample.delivered(chamber) for sample in samples), "it sets the time of each sample"


@pytest.mark.parametrize("rate", ["1", "200"])
def test_neighbouring_samples_differ_as_noise_makes_them(node: NodeClient, rate: str) -> None:
    set_up(node, rate, 1, 1)
    samples = start(node).until(10, 30.0)
    # Noise of x1 is a hundred counts: ten equal pressures in a row mean a stuck sensor.
    chamber = chamber_of(node)
    assert len({sample.pressure(chamber) for sample in samples}) > 5


def test_a_rate_that_the_conversion_does_not_fit_is_refused(node: NodeClient) -> None:
    set_up(node, "200", 16, 2)
    with pytest.raises(ScpiRefusal) as refused:
        node.command("INITiate")
    assert refused.value.number == -221


def test_an_answer_has_head_records_and_crc_as_documented(node: NodeClient, target: Target) -> None:
    sensors = int(node.query("SENSe:COUNt?"))
    capture = start(node)
    capture.until(10, 30.0)
    node.close()
    with target.raw() as line:
        block = plain_block(line, "DATA:READ? 3,5")
        run_id, first, count, size = struct.unpack_from("<IIHH", block)
        assert (run_id, first, count, size) == (capture.run_id, 3, 5, sample_size(sensors))
        assert len(block) == 12 + count * size + 4
        assert zlib.crc32(block[:-4]) == int.from_bytes(block[-4:], "little")
        assert samples_of(block[12:-4], size) == capture.samples[3:8]


def test_an_answer_asked_for_again_is_the_same_to_the_byte(
    node: NodeClient, target: Target
) -> None:
    start(node).until(30, 60.0)
    node.close()
    with target.raw() as line:
        first = plain_block(line, "DATA:READ? 0,30")
        target.rest(0.5)
        assert plain_block(line, "DATA:READ? 0,30") == first
        text = plain_ask(line, "FORMat ASCii;:DATA:READ? 0,30").split(",")
        line.write(b"FORMat INTeger\n")
        head, body = [int(x) for x in text[:4]], bytes(int(x) for x in text[4:])
        assert struct.pack("<IIHH", *head) + body == first[:-4]


def test_samples_the_host_did_not_fetch_in_time_are_reported_as_gone(
    node: NodeClient, target: Target
) -> None:
    # A racing node takes its samples quickest where it has least to do for each.
    set_up(node, "200" if target.realtime else "12.5", 1, 1)
    start(node)
    now_us = 0
    while not node.points().samples[0]:
        # Asked for the newest, the node takes all before it for fetched and goes on.
        run_id, end = node.points().run_id, node.points().samples[1]
        node.records("DATA:READ?", run_id, end, 0)
        now_us = node.run_time_us() or 0
        assert now_us < 600e6, "ten minutes and the ring is not full"
    node.command("ABORt")
    points = node.points()
    answer = node.records("DATA:READ?", points.run_id, 0, MOST_RECORDS)
    assert answer.first == points.samples[0] > 0
    assert answer.count == MOST_RECORDS
    held = points.samples[1] - points.samples[0]
    # 4096 on a Pico; a smaller board may have less, but never less than a minute at 5 Hz.
    assert held >= 300


def test_abort_ends_the_run_and_leaves_it_readable(node: NodeClient, target: Target) -> None:
    capture = start(node)
    capture.until(10, 30.0)
    node.command("ABORt")
    capture.pull()
    points = node.points()
    assert node.run_time_us() is None
    assert points.samples == (0, len(capture.samples))
    target.rest(1.0)
    assert node.points() == points, "nothing comes after the end"
    codes = [event[1] for event in events_of(node, points)]
    assert codes[0] == EV_INIT
    assert EV_ABORT in codes
    again = start(node)
    assert again.run_id != capture.run_id
    assert again.until(3, 30.0)[0].t_us < 3e6, "time begins anew"


def test_marks_are_in_the_event_log_with_their_text_and_time(node: NodeClient) -> None:
    capture = start(node)
    node.command('MARK "valve closed"')
    capture.until(5, 30.0)
    node.command("MARK 'say \"closed\"; it is (not) open'")
    now_us = node.run_time_us()
    assert now_us is not None
    marks = [event for event in events_of(node, node.points()) if event[1] == EV_MARK]
    assert [mark[4] for mark in marks] == ["valve closed", 'say "closed"; it is (not) open']
    # A simulated clock may have stood still in between.
    assert 0 <= marks[0][0] <= marks[1][0] <= now_us


def test_a_run_goes_on_while_others_connect(node: NodeClient, target: Target) -> None:
    capture = start(node)
    capture.until(5, 30.0)
    node.close()
    for _ in range(10):
        target.rest(0.2)
        client = target.connect()
        assert client.points().run_id == capture.run_id
        resumed = Capture(client)
        resumed.samples = capture.samples
        resumed.pull()
        client.close()
    assert len(capture.samples) > 5
    check_whole(capture.samples)

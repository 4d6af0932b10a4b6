"""What the board computes is what the host computes, to the bit, from the same counts."""

import random
from itertools import pairwise
from pathlib import Path

import pytest
from pico_bench import PicoBench
from played_chip import Counts
from reference_node import ReferenceNode
from run_records import numbered, numbers_of, samples_of

from prkbench.analysis.replay import replay_run
from prkbench.runfile import Kind, RunFile
from prknode.records import BLOCK_VALID, EV_FAULT, EV_MISSED, NO_SE, RESULT_SIZE

pytestmark = pytest.mark.xdist_group("pico-b")

EXTREME = ((0xFEFF00, 0x0100FF), (0x0100FF, 0xFEFF00))


def decay(sensor: int, minute: int) -> list[Counts]:
    """A minute of counts at either end of what there is, then a slow decay with noise."""
    noise = random.Random(sensor)
    ends = [EXTREME[n % 2] for n in range(minute)]
    start = (7_184_279, 6_400_000)[sensor]
    fall = (360 // minute, 0)[sensor]
    return ends + [
        (start + fall * n + noise.randrange(-40, 40), 8_771_699 + noise.randrange(-30, 30))
        for n in range(minute * 20)
    ]


def check_forced_run(bench: PicoBench, path: Path, a_minute: int, minutes: int, shift: int) -> None:
    """A run whose node has a clock 2^shift times as fast as the board's; see hasten()."""
    counts = [decay(sensor, a_minute) for sensor in range(2)]
    bench.hasten(shift)
    for chip, played in zip(bench.chips, counts, strict=True):
        chip.play(played)
    bench.start(a_minute / 60, settings=("CALC:SETT 0;:CALC:CORR 0",))
    bench.log(path, 60.0 * minutes, 60.0 * minutes / (1 << shift) - 1.0)
    with RunFile.open(path) as file:
        (run,) = file.runs()
        replay = replay_run(file, run)
        ours = samples_of(file.payload(run.run_id, Kind.SAMPLE))
        result = file.payload(run.run_id, Kind.RESULT)[-RESULT_SIZE:]
    assert replay.exact, replay.first_difference
    assert replay.compared == minutes
    assert int.from_bytes(result[20:28], "little") != NO_SE, "no estimate was compared"
    reference = ReferenceNode({"rate_mhz": round(a_minute * 1000 / 60)}, counts)
    theirs = samples_of(reference.samples(60.0 * minutes))
    # Whether a sample came late is a matter of the board's pace.
    assert len(ours) >= a_minute * minutes - 1
    assert [s.counts for s in ours] == [s.counts for s in theirs[: len(ours)]]
    assert all(s.flags & 3 == 3 for s in ours)
    assert not [e for e in bench.events() if e[1] in (EV_MISSED, EV_FAULT)]


def test_a_forced_run_replays_to_the_bit_and_equals_the_reference_node(
    bench: PicoBench, tmp_path: Path
) -> None:
    check_forced_run(bench, tmp_path / "run.prk", 12, 7, 6)


@pytest.mark.slow
def test_a_forced_run_at_1_hz_replays_to_the_bit_and_equals_the_reference_node(
    bench: PicoBench, tmp_path: Path
) -> None:
    check_forced_run(bench, tmp_path / "run.prk", 60, 8, 5)


@pytest.mark.slow
def test_a_minute_at_200_hz_replays_to_the_bit(bench: PicoBench, tmp_path: Path) -> None:
    played = numbered(14_000)
    for chip in bench.chips:
        chip.play(played)
    bench.start(200, 1, 1)
    bench.log(tmp_path / "run.prk", 61.0, 5.0)
    with RunFile.open(tmp_path / "run.prk") as file:
        (run,) = file.runs()
        replay = replay_run(file, run)
        samples = samples_of(file.payload(run.run_id, Kind.SAMPLE))
    assert replay.exact, replay.first_difference
    assert replay.blocks[0].flags & BLOCK_VALID
    assert numbers_of(samples, 0) == list(range(len(samples)))


def test_a_fifo_run_replays_to_the_bit_and_loses_no_frame_past_2_to_the_32_us(
    bench: PicoBench, tmp_path: Path
) -> None:
    played = numbered(1000)
    for chip in bench.chips:
        chip.play(played)
    bench.start(200, 1, 1)
    bench.run(0.4)
    # 0.5 s later the run's time passes 2^32 us, which is in slot 71; that one ends within the run.
    bench.inside("load('clocks').set_time(node,(1<<32)-500000)")
    bench.run(0.6)
    bench.inside("load('clocks').set_time(node,72*60000000-100000)")
    bench.run(0.5)
    bench.tell("ABOR")
    client = bench.client
    points = client.points()
    with RunFile.create(tmp_path / "fifo.prk", {"source": "node", "simulated": True}) as file:
        file.begin_run(points.run_id, client.setup(), 0)
        kinds = {
            Kind.SAMPLE: ("DATA:READ?", points.samples),
            Kind.BLOCK: ("DATA:BLOCks?", points.blocks),
            Kind.RESULT: ("CALC:DEC:READ?", points.results),
        }
        with file.transaction():
            for kind, (command, (first, end)) in kinds.items():
                while first < end:
                    records = client.records(command, points.run_id, first, min(200, end - first))
                    file.append(points.run_id, kind, first, records.count, records.payload, 0, 0)
                    first += records.count
        replay = replay_run(file, file.runs()[0])
        samples = samples_of(file.payload(points.run_id, Kind.SAMPLE))
    assert replay.exact, replay.first_difference
    assert replay.compared >= 2
    chamber, ambient = numbers_of(samples, 0), numbers_of(samples, 1)
    assert chamber == list(range(len(samples)))
    # The ambient chip's clock is 2 % faster: a frame is passed over now and then, never two.
    assert all(0 < b - a <= 2 for a, b in pairwise(ambient))
    assert len(ambient) >= 0.97 * len(samples)


def test_a_fifo_run_equals_the_reference_node_frame_for_frame(bench: PicoBench) -> None:
    counts = [numbered(400)[::-1], numbered(400)]
    for chip, played in zip(bench.chips, counts, strict=True):
        chip.play(played)
    bench.start(200, 1, 1)
    bench.run(0.7)
    ours = samples_of(bench.samples())
    rates = {"rate_mhz": 200000, "osr_p": 1, "osr_t": 1}
    theirs = samples_of(ReferenceNode(rates, counts).samples(3.0))
    n = len(ours)
    assert n > 100
    assert [s.counts[0] for s in ours] == [s.counts[0] for s in theirs[:n]]
    # When the FIFOs are looked at decides which two frames go together, a period apart at most.
    for a, b in zip(ours, theirs, strict=False):
        if a.counts[1] and b.counts[1]:
            assert abs(a.counts[1][0] - b.counts[1][0]) <= 1


def test_numbers_that_single_precision_cannot_hold_pass_json_struct_and_scpi(
    bench: PicoBench,
) -> None:
    odd = [16_777_217, 2**32 + 1, 2**53 + 1, 10**40 + 1, -(2**31) - 1]
    assert bench.inside(f"__import__('json').loads('{odd}')") == odd
    assert bench.inside(f"__import__('json').dumps({odd})") == str(odd)
    packed = bench.inside(f"__import__('struct').pack('<qQ',{-(2**53) - 1},{2**64 - 1})")
    assert packed == (-(2**53) - 1).to_bytes(8, "little", signed=True) + b"\xff" * 8
    bench.tell("SENS:RATE 0.123;:CALC:PLAN 1.096912345678912345E-6")
    assert bench.ask("SENS:RATE?") == "0.123"
    # In units of 1e-18 1/s, of which single precision would keep seven digits.
    assert bench.ask("CALC:PLAN?") == "0.000001096912345679"
    bench.start(10, 1, 1)
    bench.inside(f"load('clocks').set_time(node,{2**32 + 1})")
    up, run = (int(part) for part in bench.ask("SYST:TIME?").split(","))
    assert 2**32 < run < 2**32 + 500_000
    assert up > 0
    # The simulated noise is 1 Pa.
    assert float(bench.ask("MEAS:PRES?")) == pytest.approx(1.2e5, abs=10)

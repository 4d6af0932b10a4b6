"""Sampling through the chips' FIFOs, against the simulated chips."""

from itertools import pairwise

import chip_bench
import pytest
from chip_bench import AT_BRING_UP, IN_ANY_MODE, IN_FIFO_MODE, Bench, run

from prknode.bmp390 import EVENT, FAULT_NAMES
from prknode.fifo import RATES_MHZ, FifoSampler
from prknode.framequeue import FrameQueue
from prknode.hotpath import copy_frame
from prknode.sampler import Sampler

SECOND = 1_000_000
I2C_400K_US = 22.5
"""A byte and its acknowledge at 400 kHz; 0 is the virtual node, where the clock stands still."""
OVERHEAD_US = 600
"""What a step costs on a board beside the bus: about a record."""

BUSES = [(0.0, 0), (I2C_400K_US, OVERHEAD_US)]
CLOCKS = [(0.0, 0.0), (0.02, -0.02), (-0.02, 0.02)]


def settings(rate_mhz=200000, osr_p=1, osr_t=1, iir=0):
    return {"rate_mhz": rate_mhz, "osr_p": osr_p, "osr_t": osr_t, "iir": iir}


def start(bench, chosen, chamber=0):
    sensors = bench.sensors(chosen)
    sampler = FifoSampler(sensors, chosen, chamber)
    sampler.start(bench.clock.ticks)
    return sampler, sensors


def named(sensors):
    return [FAULT_NAMES[fault] for fault in sensors.faults]


def stalls(ms, seconds):
    """One stall a second, at ever other moments of the poll cycle."""
    return [(s * SECOND + 3_700 * s, 1000 * ms) for s in range(1, seconds)]


def conversion(element, counts, after=-1):
    """Which conversion of the element these counts are."""
    return element.counts.index(counts, after + 1)


def times_us(bench, samples, i):
    """When the frames of sensor i in these samples were converted."""
    element = bench.elements[i]
    found, at = [], -1
    for sample in samples:
        at = conversion(element, sample.counts[i], at)
        found.append(element.times_us[at])
    return found


@pytest.mark.parametrize(("byte_us", "overhead_us"), BUSES)
@pytest.mark.parametrize("errors", CLOCKS)
@pytest.mark.parametrize("stall_ms", [0, 13, 100, 300])
def test_at_200_hz_stalls_lose_no_frame_of_the_chamber(stall_ms, errors, byte_us, overhead_us):
    bench = Bench(errors, byte_us)
    sampler, sensors = start(bench, settings())
    samples = run(bench, sampler, 6 * SECOND, stalls(stall_ms, 6), overhead_us)
    element = bench.elements[0]
    assert [s.counts[0] for s in samples] == element.counts[: len(samples)]
    # What is missing at the end is still in the FIFO: six periods, and those of a stall.
    waiting = bench.models[0].fifo.length // 7
    assert bench.models[0].conversions - len(samples) in (waiting, waiting + 1)
    assert [m.fifo.lost for m in bench.models] == [0, 0]
    assert sampler.missed == 0
    assert not any(s.late or s.restarted for s in samples)
    assert named(sensors) == ["OK", "OK"]


@pytest.mark.parametrize(("byte_us", "overhead_us"), BUSES)
@pytest.mark.parametrize("errors", [(0.02, -0.02), (-0.02, 0.02), (0.05, -0.05), (-0.05, 0.05)])
@pytest.mark.parametrize(("rate_mhz", "stall_ms"), [(25000, 400), (50000, 400), (100000, 400)])
def test_below_200_hz_a_stall_of_400_ms_loses_nothing(
    rate_mhz, stall_ms, errors, byte_us, overhead_us
):
    bench = Bench(errors, byte_us)
    sampler, _ = start(bench, settings(rate_mhz))
    samples = run(bench, sampler, 10 * SECOND, stalls(stall_ms, 10), overhead_us)
    assert [s.counts[0] for s in samples] == bench.elements[0].counts[: len(samples)]
    assert len(samples) >= (10 - 0.6) * rate_mhz / 1000 * (1 + errors[0]) - 2
    assert sampler.missed == 0


@pytest.mark.parametrize(("byte_us", "overhead_us"), BUSES)
@pytest.mark.parametrize("errors", CLOCKS)
def test_at_200_hz_a_stall_of_400_ms_is_reported_with_the_number_of_frames_lost(
    errors, byte_us, overhead_us
):
    bench = Bench(errors, byte_us)
    sampler, sensors = start(bench, settings())
    samples = run(bench, sampler, 6 * SECOND, [(4 * SECOND, 400_000)], overhead_us)
    lost = bench.models[0].fifo.lost
    assert lost > 5
    # The time of a frame is known to a period.
    assert abs(sampler.missed - lost) <= 1
    assert [s.late for s in samples].count(True) == 1
    first = next(k for k, s in enumerate(samples) if s.late)
    counts = [s.counts[0] for s in samples]
    element = bench.elements[0]
    assert counts[:first] == element.counts[:first]
    rest = element.counts[first + lost :]
    assert counts[first:] == rest[: len(counts) - first]
    assert named(sensors) == ["OK", "OK"]


FOUR_CLOCKS = (0.02, -0.02, 0.01, -0.01)
RECORD_US = 649
"""A sample of two sensors with its record, measured on an emulated RP2040."""
DERATING = 1.7
"""Real boards are up to so much slower than the emulated one."""


def test_four_sensors_at_200_hz_lose_nothing_to_stalls_and_a_slow_processor():
    """On two buses that the processor serves in turn: 20 % of it for the bus, 35 % for records."""
    bench = Bench(FOUR_CLOCKS, I2C_400K_US)
    sampler, sensors = start(bench, settings())
    record_us = round(DERATING * RECORD_US * 32 / 20)
    samples = run(bench, sampler, 6 * SECOND, stalls(100, 6), OVERHEAD_US, record_us)
    assert [s.counts[0] for s in samples] == bench.elements[0].counts[: len(samples)]
    assert [m.fifo.lost for m in bench.models] == [0] * 4
    assert sampler.missed == 0
    # Each with its own clock: of the slowest 4 % fewer than samples.
    for i, error in enumerate(FOUR_CLOCKS):
        valid = sum(bool(s.valid & (1 << i)) for s in samples)
        assert valid == pytest.approx(len(samples) * (1 + error) / 1.02, abs=8)
    assert named(sensors) == ["OK"] * 4


@pytest.mark.parametrize(("sensors", "sample_us"), [(2, 6000), (2, 12_000), (4, 6000), (4, 5000)])
@pytest.mark.parametrize("errors", [(0.0,) * 4, FOUR_CLOCKS, (-0.02, 0.02, -0.01, 0.01)])
def test_what_a_node_cannot_keep_up_with_is_counted_and_its_times_stay_right(
    errors, sensors, sample_us
):
    """A processor that is too slow for ever: each FIFO is full whenever it is looked at."""
    bench = Bench(errors[:sensors], I2C_400K_US)
    sampler, states = start(bench, settings())
    samples = run(bench, sampler, 20 * SECOND, (), OVERHEAD_US, sample_us)
    element = bench.elements[0]
    lost = bench.models[0].fifo.lost
    assert lost > 100
    # What was lost since the last look, two pieces ago, is not known yet; of what was known each
    # look may be a period wrong.
    since = 75 * sample_us / 5_000 + 15
    assert lost - since <= sampler.missed <= lost + 2
    assert sum(s.late for s in samples) >= lost / 80 / (sample_us / 5_000)
    assert all(a.t_us <= b.t_us for a, b in pairwise(samples))
    # Room is made twice between looks, a piece each time; the hole at the second is put down only
    # at the next look: what a piece takes longer than its frames. Three periods: when the look was,
    # when the first piece, and the period itself.
    a_piece_us = 37 * sample_us + sensors * 37 * 7 * I2C_400K_US + 8 * OVERHEAD_US
    of_a_piece = max(0, a_piece_us - 37 * 4_900) + 3 * 5_200
    times = times_us(bench, samples, 0)
    # Until a FIFO was seen full what it holds is fetched in smaller pieces, each with its hole.
    unseen = next(k for k, s in enumerate(samples) if s.late)
    for k, (sample, true_us) in enumerate(zip(samples, times, strict=True)):
        slack = of_a_piece if k >= unseen else 2 * of_a_piece
        assert -slack <= sample.t_us - true_us <= 2_500 + slack
    assert len(element.counts) - lost - len(samples) <= 80
    assert named(states) == ["OK"] * sensors


@pytest.mark.parametrize(("rate_mhz", "most"), [(200000, 0.011), (25000, 0.0035)])
def test_looking_without_being_called_costs_the_processor_a_hundredth(rate_mhz, most):
    """Why the chip's interrupt pin is not used: seven bytes a look, 33 or 10 looks a second of
    each sensor, and no look that finds nothing. That is all which the pin could save."""
    bench = Bench((0.0, 0.0), I2C_400K_US)
    sampler, _ = start(bench, settings(rate_mhz))
    run(bench, sampler, SECOND)
    found, spent = [], 0
    read = bench.bus.readfrom_mem_into

    def counted(address, register, buffer):
        nonlocal spent
        begun = bench.clock.us
        read(address, register, buffer)
        if register == EVENT:
            spent += bench.clock.us - begun
            found.append(buffer[2] | buffer[3] << 8)

    bench.bus.readfrom_mem_into = counted
    run(bench, sampler, 11 * SECOND)
    assert spent <= most * 10 * SECOND
    assert len(found) > 150
    assert min(found) >= 7


@pytest.mark.parametrize(("byte_us", "overhead_us"), BUSES)
@pytest.mark.parametrize("errors", CLOCKS)
@pytest.mark.parametrize("rate_mhz", RATES_MHZ)
def test_times_are_right_to_a_period_and_run_forward_and_do_not_drift(
    rate_mhz, errors, byte_us, overhead_us
):
    bench = Bench(errors, byte_us)
    sampler, _ = start(bench, settings(rate_mhz))
    seconds = 4_000_000 // rate_mhz  # 4000 frames
    samples = run(bench, sampler, seconds * SECOND, stalls(130, seconds), overhead_us)
    assert all(s.age_us >= 0 for s in samples)
    assert all(a.t_us < b.t_us for a, b in pairwise(samples))
    period = 1e9 / rate_mhz
    # Half a conversion after the middle of the measurement, give or take a period and a step.
    shift = [s.t_us - t for s, t in zip(samples, bench.elements[0].times_us, strict=False)]
    slack = 1.2 * period + 2 * overhead_us
    assert min(shift) > 2400 - slack
    assert max(shift) < 2400 + slack


@pytest.mark.parametrize("errors", CLOCKS[1:])
def test_pairs_lie_close_in_time_though_the_clocks_differ(errors):
    """Over 20 s the chips come 160 frames apart, a pair never more than a poll and two periods."""
    bench = Bench(errors)
    sampler, _ = start(bench, settings())
    samples = run(bench, sampler, 20 * SECOND, stalls(200, 20))
    pairs = [s for s in samples if s.valid == 3]
    apart = [
        r - c for c, r in zip(times_us(bench, pairs, 0), times_us(bench, pairs, 1), strict=True)
    ]
    assert max(abs(a) for a in apart) <= 30_000 + 2 * 5_200
    assert abs(sum(apart) / len(apart)) <= 2 * 5_200
    # Every frame of the slower clock is used, to the two a start may cost.
    short = len(samples) - len(pairs)
    excess = sampler.surplus(1)
    assert abs((short if errors[0] > 0 else excess) - 20 * 200 * 0.04) <= 10
    assert (excess if errors[0] > 0 else short) <= 2


@pytest.mark.parametrize("stall_ms", [*range(44, 300, 16), 48, 136, 228, 232])
def test_after_a_hold_up_of_any_length_pairs_are_whole_and_no_run_of_frames_is_dropped(stall_ms):
    # What the two chips hold then may lie on both sides of a length that is fetched at once.
    bench = Bench((-0.008, 0.011), I2C_400K_US)
    sampler, _ = start(bench, settings())
    samples = run(bench, sampler, 2 * SECOND, [(SECOND, 1000 * stall_ms)], OVERHEAD_US)
    found, at = [], -1
    for sample in samples:
        if sample.counts[1] is not None:
            at = conversion(bench.elements[1], sample.counts[1], at)
            found.append(at)
    # The clocks are 2 % apart: one surplus frame at a time, and hardly a sample without a partner.
    assert max(b - a for a, b in pairwise(found)) <= 2
    assert len(found) >= len(samples) - 2


def test_samples_without_a_partner_are_spread_evenly():
    """So leaving them out biases no mean: half a second holds the four in a hundred, give or take
    two, as they come at the end of a poll."""
    bench = Bench((0.02, -0.02))
    sampler, _ = start(bench, settings())
    samples = run(bench, sampler, 10 * SECOND)
    without = [s.valid == 1 for s in samples]
    for k in range(0, len(samples) - 100):
        assert 2 <= sum(without[k : k + 100]) <= 6


@pytest.mark.parametrize(
    ("rate_mhz", "byte_us", "overhead_us"), [(200000, *BUSES[1]), (25000, *BUSES[0])]
)
@pytest.mark.parametrize("fault", [*IN_ANY_MODE, *IN_FIFO_MODE])
@pytest.mark.parametrize("i", [0, 1])
def test_a_sensor_that_fails_in_mid_run_is_named_and_comes_back_and_the_others_go_on(
    rate_mhz, i, fault, byte_us, overhead_us
):
    bench = Bench((0.01, -0.01, 0.0), byte_us)
    sampler, sensors = start(bench, settings(rate_mhz))
    run(bench, sampler, 3 * SECOND // 2, (), overhead_us)
    assert named(sensors) == ["OK"] * 3
    sensors.changed = 0
    act = {**IN_ANY_MODE, **IN_FIFO_MODE}[fault]
    act(bench, i, True)
    seen = []
    during = []
    for _ in range(400):
        during += run(bench, sampler, bench.clock.us + 5_000, (), overhead_us)
        if sensors.changed:
            assert sensors.changed == 1 << i
            sensors.changed = 0
            seen.append(named(sensors)[i])
    assert seen[0] == fault
    act(bench, i, False)
    after = run(bench, sampler, bench.clock.us + 3 * SECOND, (), overhead_us)
    assert named(sensors) == ["OK"] * 3
    samples = during + after
    other = 1 - i
    with_other = sum(bool(s.valid & (1 << other)) for s in samples)
    # The time master's change costs a poll at each fault and recovery, of 100 ms at most.
    assert with_other >= 0.97 * 5 * rate_mhz / 1000 - 0.1 * rate_mhz / 1000 * (1 + len(seen))
    assert sum(s.valid == 7 for s in after) > 0.9 * rate_mhz / 1000
    assert any(s.restarted & (1 << i) for s in samples)
    assert all(s.restarted in (0, 1 << i) for s in samples)
    assert all(a.t_us <= b.t_us for a, b in pairwise(samples))
    assert all(s.age_us < SECOND for s in samples)
    # No frame twice, none out of order.
    for k in range(3):
        got = [s.counts[k] for s in samples if s.counts[k] is not None]
        if fault not in ("STUCK", "RANGE") or k != i:
            times_us(bench, [s for s in samples if s.counts[k] is not None], k)
            assert len(got) == len(set(got))


@pytest.mark.parametrize("fault", AT_BRING_UP)
def test_a_sensor_that_does_not_come_up_is_named_and_the_others_are_sampled(fault):
    bench = Bench()
    AT_BRING_UP[fault](bench, 1, True)
    sampler, sensors = start(bench, settings(50000))
    samples = run(bench, sampler, 2 * SECOND)
    assert named(sensors) == ["OK", fault]
    assert len(samples) > 90
    assert all(s.valid == 1 for s in samples)
    AT_BRING_UP[fault](bench, 1, False)
    samples = run(bench, sampler, 3 * SECOND)
    assert named(sensors) == ["OK", "OK"]
    assert samples[-1].valid == 3
    assert sum(s.restarted == 2 for s in samples) == 1


def test_when_every_sensor_is_gone_nothing_is_invented_and_the_gap_is_counted():
    bench = Bench()
    sampler, _ = start(bench, settings())
    before = run(bench, sampler, 2 * SECOND)
    bench.bus.absent.update(chip_bench.ADDRESSES)
    assert run(bench, sampler, 5 * SECOND) == []
    bench.bus.absent.clear()
    after = run(bench, sampler, 7 * SECOND)
    gap = round((after[0].t_us - before[-1].t_us) / 5_000) - 1
    assert 590 < gap < 680
    assert abs(sampler.missed - gap) <= 1
    assert after[0].late
    assert after[-1].valid == 3


@pytest.mark.parametrize("at_us", range(2_000_000, 2_100_000, 17_000))
def test_the_frames_a_reset_cost_are_counted_whatever_its_moment(at_us):
    """Bringing it back takes two polls of 100 ms at 25 Hz, the first frame a conversion more."""
    bench = Bench((0.0,))
    sampler, _ = start(bench, settings(25000))
    before = run(bench, sampler, at_us)
    bench.models[0].power_on_reset()
    after = run(bench, sampler, 4 * SECOND)
    assert after[0].late
    assert after[0].restarted == 1
    assert not any(s.late for s in before + after[1:])
    first = conversion(bench.elements[0], after[0].counts[0])
    times = bench.elements[0].times_us
    gap = (times[first] - times[len(before) - 1]) / 40_000
    # Both ends are known to a period.
    assert abs(sampler.missed + 1 - gap) <= 1.5


def test_a_second_run_begins_afresh():
    bench = Bench()
    sampler, _ = start(bench, settings())
    run(bench, sampler, 2 * SECOND)
    sampler.stop()
    assert run(bench, sampler, 4 * SECOND) == []
    done = bench.models[0].conversions
    begun = bench.clock.us
    sampler.start(bench.clock.ticks)
    samples = run(bench, sampler, 5 * SECOND)
    assert bench.models[0].conversions - done > 190
    assert all(s.t_us >= begun for s in samples)
    assert not any(s.restarted or s.late for s in samples)
    assert sampler.missed == 0
    assert [s.counts[0] for s in samples] == bench.elements[0].counts[done : done + len(samples)]


def test_after_stop_the_chips_sleep_and_obey_forced_mode():
    bench = Bench()
    chosen = settings()
    sampler, sensors = start(bench, chosen)
    run(bench, sampler, SECOND)
    sampler.stop()
    done = [m.conversions for m in bench.models]
    run(bench, sampler, 2 * SECOND)
    assert [m.conversions for m in bench.models] == done
    assert [m.fifo.length for m in bench.models] == [0, 0]
    forced = Sampler(sensors, chosen)
    forced.single(bench.clock.ticks)
    (sample,) = run(bench, forced, 3 * SECOND)
    assert sample.counts == [e.counts[-1] for e in bench.elements]


def test_the_chips_filter_is_used_when_it_is_set():
    plain, filtered = (
        run(bench, start(bench, settings(iir=iir))[0], SECOND)
        for iir in (0, 15)
        for bench in [Bench(pascal_per_s=5000.0)]
    )
    # A first-order lag of 16 samples behind a ramp of 25 Pa a sample: the counts differ.
    assert plain[100].counts[0] != filtered[100].counts[0]


@pytest.mark.parametrize(
    ("rate_mhz", "osr_p", "osr_t", "word"),
    [
        (200000, 1, 1, None),
        (200000, 2, 1, "6849 us"),
        (100000, 2, 1, None),
        (50000, 8, 1, None),
        (50000, 8, 2, "20989 us"),
        (25000, 16, 2, None),
        (25000, 32, 1, "67449 us"),
        (30000, 1, 1, "25, 50, 100 or 200 Hz"),
        (12501, 1, 1, "25, 50, 100 or 200 Hz"),
    ],
)
def test_settings_the_chip_cannot_follow_are_refused_with_the_reason(rate_mhz, osr_p, osr_t, word):
    """Section 3.9.2: 234 + 392 + 2020 p + 163 + 2020 t us must fit the period."""
    chosen = settings(rate_mhz, osr_p, osr_t)
    problem = FifoSampler(Bench().sensors(chosen), chosen, 0).problem()
    assert (problem is None) == (word is None)
    if word:
        assert word in problem


class Chip:
    """A Bmp390 whose FIFO is a byte string; a frame cut short comes again."""

    def __init__(self, data):
        self.data = data

    def read_into(self, register, view):
        view[:] = self.data[: len(view)].ljust(len(view), b"\x80\x00"[:1])
        self.data = self.data[len(view) :]

    def check(self, data, at):
        return 0


def test_frames_of_other_kinds_are_passed_over():
    sample = bytes((0x94, 1, 2, 3, 4, 5, 6))
    data = b"\x48\x01" + sample + b"\xa0\x11\x22\x33" + sample + b"\x80\x00"
    queue = FrameQueue(Chip(data.ljust(28, b"\x80")))
    queue.unread = 4
    queue.keep(1)
    assert queue.fetch(99) == 0
    six = bytearray(6)
    for _ in range(2):
        assert queue.take() == 1
        copy_frame(queue.data, queue.words, six, 0)
        assert bytes(six) == bytes((4, 5, 6, 1, 2, 3))
    assert queue.take() == 0


@pytest.mark.parametrize("byte_us", [0.0, I2C_400K_US])
def test_a_change_frame_among_the_samples_costs_none_of_them(byte_us):
    """Two bytes that shift all that follow; on a chip it may also be the first of a stream."""
    bench = Bench((0.01, -0.01), byte_us)
    sampler, sensors = start(bench, settings(iir=1))
    samples = []
    for k in range(20):
        samples += run(bench, sampler, bench.clock.us + 97_000 + 1_700 * k)
        bench.models[0].write(chip_bench.model.CONFIG, 0x02 * (k % 2))
    assert [s.counts[0] is not None for s in samples] == [True] * len(samples)
    in_fifo = bench.models[0].fifo.length // 7
    assert bench.models[0].conversions - len(samples) in (in_fifo, in_fifo + 1)
    assert sampler.missed == 0
    assert named(sensors) == ["OK", "OK"]


def test_a_chip_that_refuses_its_settings_in_mid_run_is_named_and_set_up_again():
    """Its error frame is the only thing it says: it then sleeps."""
    bench = Bench()
    sampler, sensors = start(bench, settings())
    run(bench, sampler, 2 * SECOND)
    sensors.changed = 0
    # Oversampling whose conversion takes longer than 5 ms, as a disturbed transfer might set it.
    bench.models[0].write(chip_bench.model.OSR, 0x04)
    seen = []
    samples = []
    for _ in range(60):
        samples += run(bench, sampler, bench.clock.us + 20_000)
        if sensors.changed:
            sensors.changed = 0
            seen.append(named(sensors))
    assert seen == [["CONF_ERR", "OK"], ["OK", "OK"]]
    assert samples[-1].valid == 3
    assert bench.models[0].peek(chip_bench.model.OSR) == 0

"""Forced-mode sampling on the node's clock, against the simulated chips."""

import chip_bench
import pytest
from chip_bench import AT_BRING_UP, IN_ANY_MODE, IN_FORCED_MODE, Bench, run

from prknode.bmp390 import FAULT_NAMES, conversion_us
from prknode.sampler import Sampler
from prknode.ticks import TICKS_MASK

SECOND = 1_000_000
I2C_400K_US = 22.5
"""A byte and its acknowledge at 400 kHz; 0 is the virtual node, where the clock stands still."""


def settings(rate_mhz=5000, osr_p=16, osr_t=2, iir=0):
    return {"rate_mhz": rate_mhz, "osr_p": osr_p, "osr_t": osr_t, "iir": iir}


def start(bench, chosen):
    sensors = bench.sensors(chosen)
    sampler = Sampler(sensors, chosen)
    sampler.start(bench.clock.ticks)
    return sampler, sensors


def named(sensors):
    return [FAULT_NAMES[fault] for fault in sensors.faults]


@pytest.mark.parametrize("byte_us", [0.0, I2C_400K_US])
@pytest.mark.parametrize("error", [-0.05, 0.0, 0.05])
@pytest.mark.parametrize("rate_mhz", [5000, 12500])
def test_every_tick_gives_every_sensor_fresh_counts_whatever_the_chips_clocks(
    rate_mhz, error, byte_us
):
    bench = Bench((error, -error), byte_us)
    sampler, _ = start(bench, settings(rate_mhz))
    samples = run(bench, sampler, 20 * SECOND, overhead_us=50 if byte_us else 0)
    assert len(samples) in (20 * rate_mhz // 1000, 20 * rate_mhz // 1000 - 1)
    assert all(s.valid == 3 and not s.restarted for s in samples)
    for i, element in enumerate(bench.elements):
        assert [s.counts[i] for s in samples] == element.counts[: len(samples)]
    assert sampler.missed == 0


@pytest.mark.parametrize("byte_us", [0.0, I2C_400K_US])
def test_ticks_do_not_drift_over_hours(byte_us):
    """Each is triggered within a step of its time: nothing adds up, even across wraps."""
    bench = Bench((0.03, -0.03), byte_us)
    sampler, _ = start(bench, settings(500))
    samples = run(bench, sampler, 2 * 3600 * SECOND, overhead_us=130 if byte_us else 0)
    first = samples[0].t_us
    # A step that ends just before the tick is followed by one that begins 130 us later.
    late = [s.t_us - first - 2 * SECOND * k for k, s in enumerate(samples)]
    assert min(late) >= 0
    assert max(late) <= (131 if byte_us else 0)
    assert len(samples) == 3600


def test_the_first_sample_waits_until_the_sensors_have_been_tried():
    bench = Bench()
    chosen = settings()
    sensors = bench.sensors(chosen)
    sampler = Sampler(sensors, chosen)
    bench.bus.absent.add(chip_bench.REFERENCE)
    sampler.start(bench.clock.ticks)
    samples = run(bench, sampler, SECOND)
    # Start-up takes 2 ms; the absent one is known at once.
    assert 2000 < samples[0].t_us < 10_000
    assert [s.valid for s in samples] == [1] * len(samples)
    assert named(sensors) == ["OK", "ABSENT"]


def test_a_stall_costs_the_ticks_it_covers_and_they_are_counted():
    bench = Bench()
    sampler, _ = start(bench, settings(10000, osr_p=4))
    stalls = [(2 * SECOND, 370_000), (4 * SECOND, 1_000_000), (6 * SECOND, 20_000)]
    samples = run(bench, sampler, 10 * SECOND, stalls)
    # The sample due when a stall begins is taken at its end, the ticks after it are lost.
    ticks = round((samples[-1].t_us - samples[0].t_us) / 100_000) + 1
    assert sampler.missed == ticks - len(samples)
    assert 11 <= sampler.missed <= 15
    assert sum(s.late for s in samples) in (2, 3)
    assert all(s.valid == 3 for s in samples)


def test_a_tick_taken_late_says_so():
    bench = Bench()
    sampler, _ = start(bench, settings(10000, osr_p=4))
    for stall_us, late in ((9_000, False), (11_000, True), (0, False)):
        samples = run(bench, sampler, bench.clock.us + SECOND)
        assert not any(s.late for s in samples[1:])
        while sampler.step(bench.clock.ticks) < 50_000:
            bench.clock.us += 1000
        sampler.next_sample()
        # The node comes back from elsewhere that much after the next tick.
        bench.clock.us += sampler.step(bench.clock.ticks) + stall_us
        sampler.step(bench.clock.ticks)
        assert sampler.late == late


@pytest.mark.parametrize("byte_us", [0.0, I2C_400K_US])
@pytest.mark.parametrize("fault", [*IN_ANY_MODE, *IN_FORCED_MODE])
@pytest.mark.parametrize("i", [0, 1])
def test_a_sensor_that_fails_in_mid_run_is_named_and_comes_back_and_the_others_go_on(
    fault, i, byte_us
):
    bench = Bench((0.01, -0.01, 0.0), byte_us)
    sampler, sensors = start(bench, settings())
    before = run(bench, sampler, 3 * SECOND)
    assert named(sensors) == ["OK"] * 3
    sensors.changed = 0
    act = {**IN_ANY_MODE, **IN_FORCED_MODE}[fault]
    act(bench, i, True)
    seen = []
    during = []
    for _ in range(25):
        during += run(bench, sampler, bench.clock.us + 100_000)
        if sensors.changed:
            assert sensors.changed == 1 << i
            sensors.changed = 0
            seen.append(named(sensors)[i])
    assert seen[0] == fault
    act(bench, i, False)
    after = run(bench, sampler, bench.clock.us + 3 * SECOND)
    others = 7 & ~(1 << i)
    assert named(sensors) == ["OK"] * 3
    assert all(s.valid & others == others for s in before + during + after)
    assert [s.valid for s in after[-10:]] == [7] * 10
    assert any(s.restarted == 1 << i and s.valid == 7 for s in during + after)
    assert all(s.restarted in (0, 1 << i) for s in during + after)
    assert sampler.missed == 0


@pytest.mark.parametrize("fault", AT_BRING_UP)
def test_a_sensor_that_does_not_come_up_is_named_and_tried_again(fault):
    bench = Bench()
    AT_BRING_UP[fault](bench, 1, True)
    chosen = settings()
    sensors = bench.sensors(chosen)
    sampler = Sampler(sensors, chosen)
    assert run(bench, sampler, SECOND) == []
    assert named(sensors) == ["OK", fault]
    assert sensors.faulty == 2
    AT_BRING_UP[fault](bench, 1, False)
    run(bench, sampler, 2 * SECOND)
    assert named(sensors) == ["OK", "OK"]
    assert sensors.faulty == 0


def test_a_reset_sensor_gets_its_settings_back():
    bench = Bench()
    sampler, _ = start(bench, settings(osr_p=8, osr_t=4, iir=3))
    run(bench, sampler, SECOND)
    before = [bench.models[1].peek(r) for r in (chip_bench.model.OSR, chip_bench.model.CONFIG)]
    bench.models[1].power_on_reset()
    run(bench, sampler, 3 * SECOND)
    after = [bench.models[1].peek(r) for r in (chip_bench.model.OSR, chip_bench.model.CONFIG)]
    assert after == before == [3 | 2 << 3, 2 << 1]


def test_data_that_come_one_after_the_other_are_not_late():
    """A burst read clears the flag of the quantity that came first."""
    bench = Bench()
    sampler, sensors = start(bench, settings())
    polls = [0]

    def one_by_one(buffer):
        polls[0] += 1
        ready = (0x10 | 0x40) if polls[0] % 2 else (0x10 | 0x20)
        buffer[0] = ready

    bench.bus.tampered[chip_bench.CHAMBER, chip_bench.model.STATUS] = one_by_one
    samples = run(bench, sampler, 2 * SECOND)
    assert named(sensors) == ["OK", "OK"]
    assert all(s.valid == 3 for s in samples)


def test_a_slow_sensor_does_not_make_the_others_miss_a_tick():
    """x32 and x2 at 12.5 Hz leave 5 ms between the end of a conversion and the next tick."""
    bench = Bench()
    sampler, sensors = start(bench, settings(12500, osr_p=32))
    run(bench, sampler, SECOND)
    IN_FORCED_MODE["LATE"](bench, 1, True)
    samples = run(bench, sampler, 3 * SECOND)
    assert named(sensors) == ["OK", "LATE"]
    assert all(s.valid & 1 for s in samples)
    assert sampler.missed == 0


def test_settings_that_do_not_fit_the_period_are_refused_with_the_figures():
    for rate_mhz, osr_p, osr_t, fits in (
        (12500, 32, 2, True),
        (12500, 32, 8, False),
        (5000, 32, 32, True),
        (7500, 32, 32, False),
    ):
        chosen = settings(rate_mhz, osr_p, osr_t)
        problem = Sampler(Bench().sensors(chosen), chosen).problem()
        assert (problem is None) == fits
        if problem:
            assert f"{1_000_000_000 // rate_mhz} us" in problem


def test_a_conversion_takes_what_the_datasheet_says():
    assert conversion_us(16, 2) == 234 + 392 + 16 * 2020 + 163 + 2 * 2020 == 37149


def test_a_single_sample_needs_no_running_measurement():
    bench = Bench()
    chosen = settings()
    sampler = Sampler(bench.sensors(chosen), chosen)
    sampler.single(bench.clock.ticks)
    samples = run(bench, sampler, SECOND)
    assert [s.valid for s in samples] == [3]
    sampler.single(bench.clock.ticks)
    assert len(run(bench, sampler, 2 * SECOND)) == 1


def test_after_stop_no_sample_comes():
    bench = Bench()
    sampler, _ = start(bench, settings())
    run(bench, sampler, SECOND)
    sampler.stop()
    assert run(bench, sampler, 3 * SECOND) == []


def test_samples_are_stamped_inside_the_tick_counter():
    bench = Bench()
    sampler, _ = start(bench, settings())
    run(bench, sampler, 8 * SECOND)
    assert 0 <= sampler.taken <= TICKS_MASK

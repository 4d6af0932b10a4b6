"""Adafruit's library behind the node's driver interface, against the simulated chips."""

import sys

import chip_bench
import pytest
from chip_bench import AT_BRING_UP, IN_ANY_MODE, IN_FORCED_MODE, Bench, NodeBoard, run

from prkbench.local.library import load_library
from prkbench.sim.bmp390_model import CONFIG, NVM, OSR
from prknode.adafruit import AdafruitBmp3xx, BusioBus, Unfinished
from prknode.bmp390 import FAULT_NAMES, LATE, NO_DRIVER, OK, Bmp390, SensorFault
from prknode.node import Node
from prknode.sampler import Sampler
from prknode.settings import FILTERS, OVERSAMPLINGS, SettingError, Settings

SECOND = 1_000_000
I2C_400K_US = 22.5


@pytest.fixture(autouse=True)
def library():
    load_library()
    return sys.modules["adafruit_bmp3xx"]


class AdafruitBench(Bench):
    """The same chips, read by the library."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.chips = [AdafruitBmp3xx(self.bus, chip.address) for chip in self.chips]


def settings(rate_mhz=5000, osr_p=16, osr_t=2, iir=0):
    return {"rate_mhz": rate_mhz, "osr_p": osr_p, "osr_t": osr_t, "iir": iir}


def start(bench, chosen):
    sensors = bench.sensors(chosen)
    sampler = Sampler(sensors, chosen)
    sampler.start(bench.clock.ticks)
    return sampler, sensors


def named(sensors):
    return [FAULT_NAMES[fault] for fault in sensors.faults]


# Samples -------------------------------------------------------------------------------------


@pytest.mark.parametrize("byte_us", [0.0, I2C_400K_US])
@pytest.mark.parametrize("error", [-0.05, 0.0, 0.05])
@pytest.mark.parametrize("rate_mhz", [5000, 12500])
def test_samples_are_the_counts_that_the_chip_converted_one_a_tick(rate_mhz, error, byte_us):
    bench = AdafruitBench((error, -error), byte_us)
    sampler, _ = start(bench, settings(rate_mhz))
    samples = run(bench, sampler, 10 * SECOND, overhead_us=50 if byte_us else 0)
    assert len(samples) in (10 * rate_mhz // 1000, 10 * rate_mhz // 1000 - 1)
    assert all(s.valid == 3 and not s.restarted for s in samples)
    for i, element in enumerate(bench.elements):
        assert [s.counts[i] for s in samples] == element.counts[: len(samples)]
    assert sampler.missed == 0


def test_the_library_takes_what_the_register_driver_takes_at_the_same_times():
    taken = []
    for kind in (Bench, AdafruitBench):
        bench = kind((0.02, -0.02))
        sampler, _ = start(bench, settings(2000, osr_p=8, osr_t=4, iir=3))
        samples = run(bench, sampler, 20 * SECOND)
        taken.append([(s.t_us, s.valid, s.counts) for s in samples])
    assert taken[0] == taken[1]
    assert len(taken[0]) > 35


@pytest.mark.parametrize("iir", FILTERS)
@pytest.mark.parametrize("osr", OVERSAMPLINGS)
def test_every_oversampling_and_filter_reaches_the_chip(osr, iir):
    bench, plain = AdafruitBench((0.0,)), Bench((0.0,))
    for each in (bench, plain):
        each.chips[0].reset()
        each.clock.us += 3000
        each.chips[0].configure(osr, 33 - osr if osr in (1, 32) else osr, iir)
    for register in (OSR, CONFIG):
        assert bench.models[0].peek(register) == plain.models[0].peek(register)


def test_trim_bytes_are_the_ones_the_library_computes_with():
    bench = AdafruitBench()
    _, sensors = start(bench, settings())
    for chip, element, model in zip(bench.chips, bench.elements, bench.models, strict=True):
        chip.reset()
        bench.clock.us += 3000
        chip.configure(16, 2, 0)
        assert chip.trim == element.trim.pack() == bytes(model.peek_burst(NVM, 21))
    assert sensors.chips is bench.chips


def test_a_reading_costs_four_transfers_and_never_waits(library, monkeypatch):
    """Trigger, status, data, event: 0.45 ms of bus at 400 kHz, and no time in between."""
    bench = AdafruitBench((0.0,), I2C_400K_US)
    chip = bench.chips[0]
    chip.reset()
    bench.clock.us += 3000
    chip.configure(16, 2, 0)
    monkeypatch.setattr(library.time, "sleep", lambda s: pytest.fail("the library waits"))
    before = bench.clock.us
    chip.trigger()
    trigger_us = bench.clock.us - before
    assert chip.read() == LATE
    bench.clock.us += 50_000
    before = bench.clock.us
    assert chip.read() == OK
    read_us = bench.clock.us - before
    # Address and register, the address again for a read, and the bytes: 4, 4, 9 and 4 of them.
    assert trigger_us + read_us == pytest.approx((4 + 4 + 9 + 4) * I2C_400K_US, abs=4)


# Faults --------------------------------------------------------------------------------------


@pytest.mark.parametrize("byte_us", [0.0, I2C_400K_US])
@pytest.mark.parametrize("fault", [*IN_ANY_MODE, *IN_FORCED_MODE])
@pytest.mark.parametrize("i", [0, 1])
def test_a_sensor_that_fails_in_mid_run_is_named_and_comes_back_and_the_others_go_on(
    fault, i, byte_us
):
    bench = AdafruitBench((0.01, -0.01, 0.0), byte_us)
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
    assert sampler.missed == 0


@pytest.mark.parametrize("fault", AT_BRING_UP)
def test_a_sensor_that_does_not_come_up_is_named_and_tried_again(fault):
    bench = AdafruitBench()
    AT_BRING_UP[fault](bench, 1, True)
    sampler, sensors = start(bench, settings())
    samples = run(bench, sampler, 3 * SECOND)
    assert {s.valid for s in samples} == {1}
    assert named(sensors) == ["OK", fault]
    AT_BRING_UP[fault](bench, 1, False)
    run(bench, sampler, 5 * SECOND)
    assert named(sensors) == ["OK", "OK"]


def test_trim_bytes_that_the_library_read_wrong_are_noticed_and_read_again():
    """It reads them before its reset; a chip that stores no checksum would not tell."""
    bench = AdafruitBench((0.0,))
    chip = bench.chips[0]
    spoilt = (chip_bench.CHAMBER, NVM)

    def spoil(buffer):
        buffer[3] ^= 1

    bench.bus.tampered[spoilt] = spoil
    chip.reset()
    bench.clock.us += 3000
    with pytest.raises(SensorFault) as caught:
        chip.configure(16, 2, 0)
    assert FAULT_NAMES[caught.value.args[0]] == "TRIM_CRC"
    del bench.bus.tampered[spoilt]
    chip.reset()
    bench.clock.us += 3000
    chip.configure(16, 2, 0)


def test_settings_that_the_chip_does_not_keep_are_refused():
    bench = AdafruitBench((0.0,))
    chip = bench.chips[0]
    chip.reset()
    bench.clock.us += 3000

    def forget(buffer):
        buffer[0] = 0

    bench.bus.tampered[chip_bench.CHAMBER, OSR] = forget
    with pytest.raises(SensorFault) as caught:
        chip.configure(16, 2, 0)
    assert FAULT_NAMES[caught.value.args[0]] == "CONF_ERR"


def test_a_call_of_the_library_that_does_not_end_is_ended():
    bench = AdafruitBench((0.0,))
    wire = BusioBus(bench.bus)
    wire.begin(0)

    def endless():
        for _ in range(1000):
            wire.readfrom_into(chip_bench.CHAMBER, bytearray(1))

    with pytest.raises(Unfinished):
        endless()


def test_a_library_that_is_not_installed_is_a_fault_of_its_own(monkeypatch):
    monkeypatch.setitem(sys.modules, "adafruit_bmp3xx", None)
    with pytest.raises(SensorFault) as caught:
        AdafruitBench((0.0,)).chips[0].reset()
    assert caught.value.args[0] == NO_DRIVER


# The node ------------------------------------------------------------------------------------


def node_on(bench, **values):
    board = NodeBoard(bench)
    sensors = [
        {"bus": 0, "address": chip_bench.CHAMBER, "role": "CHAMBER"},
        {"bus": 0, "address": chip_bench.REFERENCE, "role": "AMBIENT"},
    ]
    node = Node(board, {"sensors": sensors, **values}, 64)
    board.turn(node, 200_000)
    return board, node


def test_the_configuration_chooses_the_driver_and_a_command_changes_it():
    board, node = node_on(Bench(), driver="ADAFRUIT")
    assert all(type(chip) is AdafruitBmp3xx for chip in node.chips)
    assert board.ask(node, "*TST?;:SENS:DRIV?") == "0;ADAFRUIT"
    theirs = float(board.ask(node, "MEAS:PRES?"))
    trims = [chip.trim for chip in node.chips]
    assert board.ask(node, "SENS:DRIV BMP390;DRIV?") == "BMP390"
    assert all(type(chip) is Bmp390 for chip in node.chips)
    # A run may begin at once: the estimator must not compute with empty trim bytes.
    assert [chip.trim for chip in node.chips] == trims
    # Half a second of the bench's 20 Pa/s lies between the two.
    assert float(board.ask(node, "MEAS:PRES?")) == pytest.approx(theirs, abs=30)
    assert board.ask(node, "*RST;:SENS:DRIV?") == "ADAFRUIT"
    assert all(type(chip) is AdafruitBmp3xx for chip in node.chips)
    assert board.ask(node, "SYST:ERR?").startswith("0,")


def test_the_driver_stays_as_it_is_while_measuring():
    board, node = node_on(Bench(), driver="ADAFRUIT")
    assert board.ask(node, "INIT;:SENS:DRIV BMP3;:SYST:ERR?").startswith("-221")
    assert board.ask(node, "SENS:DRIV?") == "ADAFRUIT"


def test_a_rate_for_the_fifo_is_refused_with_the_reason():
    board, node = node_on(Bench(), driver="ADAFRUIT")
    answer = board.ask(node, "SENS:RATE 25;OVER:PRES 4;:INIT;:SYST:ERR?")
    assert answer.startswith("-221")
    assert "no FIFO, so 12.5 Hz at the most" in answer
    assert not node.measuring
    with pytest.raises(SettingError, match=r"12\.5 Hz"):
        Settings({"rate_mhz": 25000, "driver": "ADAFRUIT", "sensors": [{"role": "CHAMBER"}]})


def test_without_the_library_the_node_answers_and_says_what_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "adafruit_bmp3xx", None)
    board, node = node_on(Bench(), driver="ADAFRUIT")
    assert board.ask(node, "*IDN?").startswith("prkbench,")
    assert "sensor 1: NO_DRIVER" in board.ask(node, "INIT;:SYST:ERR?")
    assert board.ask(node, "SENS:DRIV BMP390;:MEAS:PRES?").startswith("1")

"""The simulated chip against the datasheet's facts and against an independent driver."""

import sys
import types

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prkbench.errors import UsageError
from prkbench.sim import bmp390_model as chip_model
from prkbench.sim.bmp390_model import (
    CMD,
    CONFIG,
    DATA,
    ERR_REG,
    EVENT,
    FIFO_CONFIG_1,
    FIFO_CONFIG_2,
    FIFO_DATA,
    FIFO_LENGTH,
    FIFO_WTM,
    INT_CTRL,
    INT_STATUS,
    ODR,
    OSR,
    PWR_CTRL,
    SENSORTIME,
    STATUS,
    Bmp390,
    conversion_us,
)
from prkbench.sim.trims import PUBLISHED_TRIMS, RAW_MAX, plausible_trim
from prknode.compensate import Compensation

TRIM = PUBLISHED_TRIMS[0]
FORCED, NORMAL, SLEEP = 0x13, 0x33, 0x03
READY_US = 10_000


class Script:
    """A sensing element that reports a ramp of 1 Pa per reading and remembers what was asked."""

    def __init__(self, pressure_pa=1e5, temperature_c=25.0, rise_pa=1.0):
        self.pressure_pa, self.temperature_c, self.rise_pa = pressure_pa, temperature_c, rise_pa
        self.asked = []

    def __call__(self, t_s, osr_p, osr_t):
        self.asked.append((t_s, osr_p, osr_t))
        return self.pressure_pa + self.rise_pa * (len(self.asked) - 1), self.temperature_c


def chip(measure=None, **options):
    made = Bmp390(TRIM, measure or Script(), **options)
    made.advance(READY_US)
    return made


def raw(data):
    return int.from_bytes(data[:3], "little"), int.from_bytes(data[3:6], "little")


def counts(pressure_pa, temperature_c=25.0):
    return tuple(round(x) for x in TRIM.raw_for(pressure_pa, temperature_c))


def convert(sensor, start_us):
    sensor.advance(start_us)
    sensor.write(PWR_CTRL, FORCED)
    sensor.advance(start_us + 200_000)
    return raw(sensor.read_burst(DATA, 6))


def start_normal(sensor, odr=2, osr=0x00, fifo=None, every=0):
    """Begin normal mode; the FIFO, where given, stores from the first conversion on."""
    sensor.write(OSR, osr)
    sensor.write(ODR, odr)
    if fifo is not None:
        sensor.write(FIFO_CONFIG_2, every)
        sensor.write(FIFO_CONFIG_1, fifo)
    sensor.write(PWR_CTRL, NORMAL)


def fifo_length(sensor):
    return int.from_bytes(sensor.read_burst(FIFO_LENGTH, 2), "little")


@pytest.mark.parametrize("chip_id", [0x60, 0x50])
def test_identity_trim_and_reset_values_are_the_datasheets(chip_id):
    sensor = Bmp390(TRIM, Script(), chip_id=chip_id)
    assert sensor.read(0x00) == chip_id
    assert sensor.read(0x01) == 0x01
    assert sensor.read_burst(DATA, 6) == bytes((0, 0, 0x80, 0, 0, 0x80))
    assert sensor.read_burst(0x15, 4) == bytes((0x01, 0x00, 0x02, 0x02))
    assert sensor.read_burst(0x19, 5) == bytes((0x02, 0x00, 0x00, 0x02, 0x00))
    assert sensor.read(CONFIG) == 0x00
    assert sensor.read_burst(0x31, 21) == TRIM.pack()
    assert sensor.read(0x30) == TRIM.crc


def test_read_only_registers_and_reserved_bits_ignore_writes():
    sensor = chip()
    before = sensor.peek_burst(0x00, 0x14) + sensor.peek_burst(0x30, 22)
    for reg in (*range(0x14), *range(0x30, 0x46)):
        sensor.write(reg, 0xFF)
    assert sensor.peek_burst(0x00, 0x14) + sensor.peek_burst(0x30, 22) == before
    sensor.write(CONFIG, 0xFF)
    assert sensor.read(CONFIG) == 0x0E


def test_power_on_is_reported_once():
    sensor = chip()
    assert sensor.peek(EVENT) == 0x01
    assert sensor.read(EVENT) == 0x01
    assert sensor.read(EVENT) == 0x00


def test_touching_the_bus_during_a_conversion_is_reported():
    sensor = chip()
    sensor.read(EVENT)
    sensor.write(PWR_CTRL, FORCED)
    sensor.read(STATUS)
    assert sensor.read(EVENT) == 0x02


@pytest.mark.parametrize(
    ("osr_p", "osr_t", "nominal"), [(0, 0, 4829), (4, 1, 37149), (4, 0, 35129), (5, 1, 69469)]
)
@pytest.mark.parametrize("clock_error", [0.0, 0.03, -0.03])
def test_forced_conversion_takes_its_time_on_the_chips_clock_and_goes_back_to_sleep(
    osr_p, osr_t, nominal, clock_error
):
    measure = Script()
    sensor = chip(measure, clock_error=clock_error)
    assert conversion_us(osr_p, osr_t) == nominal
    sensor.write(OSR, osr_t << 3 | osr_p)
    sensor.write(PWR_CTRL, FORCED)
    end = READY_US + nominal / (1.0 + clock_error)
    sensor.advance(int(end) - 1)
    assert sensor.read(STATUS) == 0x10
    assert sensor.read(PWR_CTRL) == FORCED
    sensor.advance(int(end) + 1)
    assert sensor.read(STATUS) == 0x70
    assert sensor.read(PWR_CTRL) == SLEEP
    # One conversion, seen at its middle, with the oversampling as factors.
    assert measure.asked == [
        (
            pytest.approx((READY_US + nominal / 2 / (1.0 + clock_error)) * 1e-6, abs=1e-9),
            2**osr_p,
            2**osr_t,
        )
    ]
    sensor.advance(10_000_000)
    assert len(measure.asked) == 1


def test_raw_counts_are_the_rounded_inverse_of_the_compensation():
    sensor = chip(Script(98765.4, 21.5))
    assert convert(sensor, READY_US) == counts(98765.4, 21.5)
    pressure, temperature = TRIM.compensate(*(float(x) for x in counts(98765.4, 21.5)))
    # Half a count: 17 mPa at most, and 0.1 mK.
    assert pressure == pytest.approx(98765.4, abs=0.02)
    assert temperature == pytest.approx(21.5, abs=1e-4)


def test_counts_stop_at_24_bits():
    assert convert(chip(Script(4e5)), READY_US)[0] == 0
    other = Bmp390(PUBLISHED_TRIMS[0], lambda t, p, s: (1e5, 400.0))
    other.advance(READY_US)
    assert convert(other, READY_US)[1] == RAW_MAX


def test_data_ready_falls_when_its_own_registers_are_read():
    sensor = chip()
    convert(sensor, READY_US)
    assert sensor.read(STATUS) == 0x10
    sensor.write(PWR_CTRL, FORCED)
    sensor.advance(1_000_000)
    assert sensor.read(STATUS) == 0x70
    sensor.read_burst(DATA, 3)
    assert sensor.read(STATUS) == 0x50
    sensor.read(DATA + 5)
    assert sensor.read(STATUS) == 0x10


def test_status_read_in_the_same_burst_as_the_data_still_shows_ready():
    sensor = chip()
    sensor.write(PWR_CTRL, FORCED)
    sensor.advance(1_000_000)
    burst = sensor.read_burst(STATUS, 7)
    assert burst[0] == 0x70
    assert raw(burst[1:]) == counts(1e5)
    assert sensor.read(STATUS) == 0x10


@pytest.mark.parametrize(("control", "ready"), [(0x11, 0x30), (0x12, 0x50), (0x10, 0x10)])
def test_a_quantity_that_is_switched_off_is_not_measured(control, ready):
    sensor = chip()
    sensor.write(PWR_CTRL, control)
    sensor.advance(1_000_000)
    assert sensor.read(STATUS) == ready
    assert sensor.read(PWR_CTRL) == control & 0x03
    press, temp = raw(sensor.read_burst(DATA, 6))
    assert press == (counts(1e5)[0] if control & 1 else 0x800000)
    assert temp == (counts(1e5)[1] if control & 2 else 0x800000)


def test_peeking_changes_nothing():
    sensor = chip()
    sensor.write(INT_CTRL, 0x40)
    start_normal(sensor, fifo=0x19)
    sensor.advance(200_000)
    everything = sensor.peek_burst(0x00, 0x80)
    assert sensor.peek_burst(0x00, 0x80) == everything
    for reg in range(0x14):
        assert sensor.peek(reg) == everything[reg]
    assert sensor.peek(STATUS) == 0x70
    assert sensor.peek(INT_STATUS) != 0
    assert sensor.read_burst(STATUS, 7) == everything[3:10]


@pytest.mark.parametrize(
    ("osr_p", "osr_t", "odr", "fits"),
    [
        (0, 0, 0, True),
        (1, 0, 0, False),
        (3, 0, 2, True),
        (4, 0, 2, False),
        (4, 0, 3, True),
        (4, 1, 3, True),
        (5, 1, 3, False),
        (5, 1, 4, True),
        (5, 5, 17, True),
        (0, 0, 18, False),
        (6, 0, 10, False),
    ],
)
def test_normal_mode_refuses_a_conversion_longer_than_its_period(osr_p, osr_t, odr, fits):
    measure = Script()
    sensor = chip(measure)
    start_normal(sensor, odr, osr_t << 3 | osr_p)
    assert sensor.read(PWR_CTRL) == (NORMAL if fits else SLEEP)
    assert sensor.read(ERR_REG) == (0x00 if fits else 0x04)
    assert sensor.read(ERR_REG) == 0x00
    sensor.advance(2_000_000)
    assert bool(measure.asked) == fits


def test_settings_that_stop_fitting_while_running_are_refused_too():
    sensor = chip()
    start_normal(sensor, odr=2, osr=0x03)
    sensor.write(OSR, 0x05)
    assert sensor.read(ERR_REG) == 0x04
    assert sensor.read(PWR_CTRL) == SLEEP


@pytest.mark.parametrize("clock_error", [0.0, 0.02, -0.02])
@pytest.mark.parametrize("odr", [0, 3])
def test_normal_mode_keeps_its_rate_on_its_own_clock(odr, clock_error):
    measure = Script()
    sensor = chip(measure, clock_error=clock_error)
    start_normal(sensor, odr)
    for step in range(1, 101):
        sensor.advance(READY_US + step * 100_000)
    rate = 200.0 / 2**odr * (1.0 + clock_error)
    assert len(measure.asked) == pytest.approx(10.0 * rate, abs=1.0)
    gaps = [b[0] - a[0] for a, b in zip(measure.asked, measure.asked[1:], strict=False)]
    assert gaps == pytest.approx([1.0 / rate] * len(gaps), abs=1e-9)
    sensor.write(PWR_CTRL, SLEEP)
    before = len(measure.asked)
    sensor.advance(READY_US + 20_000_000)
    assert len(measure.asked) == before


def test_how_often_time_is_advanced_does_not_matter():
    one, many = chip(clock_error=0.01), chip(clock_error=0.01)
    for sensor in (one, many):
        start_normal(sensor, odr=0, fifo=0x19)
    one.advance(300_000)
    for us in range(READY_US, 300_001, 777):
        many.advance(us)
    many.advance(300_000)
    assert many.peek_burst(FIFO_DATA, 512) == one.peek_burst(FIFO_DATA, 512)


def test_time_does_not_go_back():
    with pytest.raises(UsageError, match="went back"):
        chip().advance(READY_US - 1)


def test_sensor_time_counts_25600_per_second_on_the_chips_clock_and_wraps():
    sensor = chip(clock_error=0.01)
    before = int.from_bytes(sensor.read_burst(SENSORTIME, 3), "little")
    sensor.advance(READY_US + 10_000_000)
    after = int.from_bytes(sensor.read_burst(SENSORTIME, 3), "little")
    assert after - before == pytest.approx(256_000 * 1.01, abs=1)
    sensor.advance(700_000_000)
    wrapped = int.from_bytes(sensor.read_burst(SENSORTIME, 3), "little")
    assert wrapped == int(700e6 * 1.01 * 25600 / 1e6) - 2**24


def test_soft_reset_returns_to_power_on_and_needs_a_ready_decoder():
    sensor = chip()
    start_normal(sensor, fifo=0x19)
    sensor.write(CONFIG, 0x04)
    sensor.advance(300_000)
    sensor.read(EVENT)
    sensor.write(CMD, 0xB6)
    assert sensor.read(EVENT) == 0x01
    assert sensor.read(PWR_CTRL) == 0x00
    assert sensor.read(OSR) == 0x02
    assert sensor.read(CONFIG) == 0x00
    assert fifo_length(sensor) == 0
    assert raw(sensor.read_burst(DATA, 6)) == (0x800000, 0x800000)
    assert sensor.read(STATUS) == 0x00
    sensor.write(CMD, 0xB6)
    assert sensor.read(ERR_REG) == 0x02
    assert sensor.read(ERR_REG) == 0x00
    sensor.advance(302_000)
    assert sensor.read(STATUS) == 0x10
    sensor.write(CMD, 0xB6)
    assert sensor.read(ERR_REG) == 0x00


def test_an_unknown_command_is_an_error():
    sensor = chip()
    sensor.write(CMD, 0x5A)
    assert sensor.read(ERR_REG) == 0x02


@pytest.mark.parametrize(("code", "c"), list(enumerate((0, 1, 3, 7, 15, 31, 63, 127))))
def test_the_filter_is_the_datasheets_recursion_begun_by_the_first_sample(code, c):
    sensor = chip(Script(rise_pa=40.0))
    sensor.write(CONFIG, code << 1)
    expected = None
    for n in range(12):
        got = convert(sensor, READY_US + n * 300_000)
        new = counts(1e5 + 40.0 * n)
        expected = (
            new
            if expected is None
            else tuple((y * c + x) / (c + 1) for y, x in zip(expected, new, strict=True))
        )
        assert got == tuple(round(y) for y in expected)


def test_a_new_coefficient_begins_the_filter_anew():
    sensor = chip(Script(rise_pa=100.0))
    sensor.write(CONFIG, 3 << 1)
    convert(sensor, READY_US)
    assert convert(sensor, READY_US + 300_000) != counts(1e5 + 100.0)
    sensor.write(CONFIG, 2 << 1)
    assert convert(sensor, READY_US + 600_000) == counts(1e5 + 200.0)


def test_fifo_frames_hold_temperature_before_pressure():
    sensor = chip()
    start_normal(sensor, fifo=0x19)
    sensor.advance(READY_US + 50_000)
    p0, t0 = counts(1e5)
    p1, t1 = counts(1e5 + 1.0)
    assert fifo_length(sensor) == 21
    data = sensor.read_burst(FIFO_DATA, 14)
    assert data == b"".join(
        bytes((0x94,)) + t.to_bytes(3, "little") + p.to_bytes(3, "little")
        for p, t in ((p0, t0), (p1, t1))
    )
    assert fifo_length(sensor) == 7


@pytest.mark.parametrize(("select", "header", "which"), [(0x11, 0x90, 1), (0x09, 0x84, 0)])
def test_single_quantity_frames_are_four_bytes(select, header, which):
    sensor = chip()
    start_normal(sensor, fifo=select)
    sensor.advance(READY_US + 10_000)
    frame = bytes((header,)) + counts(1e5)[which].to_bytes(3, "little")
    assert sensor.read_burst(FIFO_DATA, 4) == frame


def test_an_empty_fifo_reads_empty_frames_and_the_time_where_enabled():
    sensor = chip()
    start_normal(sensor, fifo=0x1D)
    sensor.advance(READY_US + 10_000)
    assert fifo_length(sensor) == 7
    data = sensor.read_burst(FIFO_DATA, 15)
    assert data[7] == 0xA0
    assert data[8:11] == sensor.read_burst(SENSORTIME, 3)
    assert data[11:] == bytes((0x80, 0x00, 0x80, 0x00))
    sensor.write(FIFO_CONFIG_1, 0x19)
    assert sensor.read_burst(FIFO_DATA, 4) == bytes((0x80, 0x00, 0x80, 0x00))


def test_a_burst_reaches_the_fifo_and_stays_there():
    sensor = chip()
    start_normal(sensor, fifo=0x19)
    sensor.advance(READY_US + 30_000)
    expected = sensor.peek_burst(FIFO_LENGTH, 2) + sensor.peek_burst(FIFO_DATA, 14)
    assert sensor.read_burst(FIFO_LENGTH, 16) == expected
    assert fifo_length(sensor) == 0


@given(st.lists(st.integers(1, 30), max_size=20))
def test_frames_read_in_part_are_repeated_and_none_is_lost(bursts):
    sensor = chip()
    start_normal(sensor, odr=0, fifo=0x19)
    sensor.advance(READY_US + 150_000)
    left = sensor.peek_burst(FIFO_DATA, fifo_length(sensor))
    for n in bursts:
        data = sensor.read_burst(FIFO_DATA, n)
        assert data == (left + bytes((0x80, 0x00)) * 15)[:n]
        left = left[min(n // 7 * 7, len(left)) :]
        assert sensor.peek_burst(FIFO_DATA, len(left)) == left
        assert fifo_length(sensor) == len(left)


def test_a_full_fifo_drops_the_oldest_or_stops():
    p = [counts(1e5 + n)[0].to_bytes(3, "little") for n in range(100)]
    for stop, first in ((0x00, 27), (0x02, 0)):
        sensor = chip()
        start_normal(sensor, odr=0, fifo=0x19 | stop)
        sensor.advance(READY_US + 99 * 5000 + 4900)
        assert fifo_length(sensor) == 511
        assert sensor.read(INT_STATUS) & 0x02
        data = sensor.read_burst(FIFO_DATA, 511)
        assert [data[n : n + 3] for n in range(4, 511, 7)] == p[first : first + 73]
        assert sensor.fifo.lost == 27


def test_watermark_and_data_ready_drive_their_interrupts_until_read():
    sensor = chip()
    sensor.write(FIFO_WTM, 21)
    sensor.write(INT_CTRL, 0x08)
    start_normal(sensor, odr=0, fifo=0x19)
    sensor.advance(READY_US + 14_000)
    assert fifo_length(sensor) == 14
    assert not sensor.interrupt
    assert sensor.read(INT_STATUS) == 0x08
    sensor.advance(READY_US + 16_000)
    assert sensor.interrupt
    assert sensor.read(INT_STATUS) == 0x09
    assert not sensor.interrupt
    assert sensor.read(INT_STATUS) == 0x00
    sensor.write(INT_CTRL, 0x40)
    sensor.advance(READY_US + 20_000)
    assert sensor.interrupt


def test_subsampling_keeps_every_second_to_the_n_th():
    sensor = chip()
    start_normal(sensor, odr=0, fifo=0x19, every=2)
    sensor.advance(READY_US + 60_000)
    data = sensor.read_burst(FIFO_DATA, fifo_length(sensor))
    pressures = [int.from_bytes(data[n : n + 3], "little") for n in range(4, len(data), 7)]
    assert pressures == [counts(1e5 + n)[0] for n in (0, 4, 8)]


@pytest.mark.parametrize(("select", "filtered"), [(0x00, False), (0x08, True)])
def test_the_fifo_stores_what_is_selected_filtered_or_not(select, filtered):
    sensor = chip(Script(rise_pa=100.0))
    sensor.write(CONFIG, 1 << 1)
    start_normal(sensor, odr=0, fifo=0x19, every=select)
    sensor.advance(READY_US + 10_000)
    data = sensor.read_burst(FIFO_DATA, 14)
    first, second = counts(1e5)[0], counts(1e5 + 100.0)[0]
    expected = round((first + second) / 2) if filtered else second
    assert int.from_bytes(data[11:14], "little") == expected


def test_flush_and_switching_off_empty_the_fifo_but_keep_its_settings():
    sensor = chip()
    start_normal(sensor, odr=0, fifo=0x19)
    sensor.advance(READY_US + 50_000)
    sensor.write(CMD, 0xB0)
    assert fifo_length(sensor) == 0
    assert sensor.read(FIFO_CONFIG_1) == 0x19
    sensor.advance(READY_US + 60_000)
    assert fifo_length(sensor) == 14
    sensor.write(FIFO_CONFIG_1, 0x18)
    assert fifo_length(sensor) == 0
    sensor.advance(READY_US + 100_000)
    assert fifo_length(sensor) == 0


def test_a_change_or_refusal_of_settings_leaves_its_frame():
    sensor = chip()
    start_normal(sensor, odr=2, fifo=0x19)
    sensor.write(OSR, 0x01)
    assert sensor.read_burst(FIFO_DATA, 2)[0] == 0x48
    sensor.write(OSR, 0x05)
    assert 0x44 in sensor.read_burst(FIFO_DATA, 4)[::2]


def test_a_frozen_sensor_repeats_itself_until_thawed():
    sensor = chip()
    first = convert(sensor, READY_US)
    sensor.freeze()
    assert convert(sensor, READY_US + 300_000) == first
    assert sensor.conversions == 2
    sensor.freeze(False)
    assert convert(sensor, READY_US + 600_000) == counts(1e5 + 2.0)


def test_a_supply_dip_is_seen_as_power_on_and_stops_measuring():
    measure = Script()
    sensor = chip(measure)
    start_normal(sensor)
    sensor.advance(300_000)
    sensor.read(EVENT)
    sensor.power_on_reset()
    done = len(measure.asked)
    sensor.advance(900_000)
    assert len(measure.asked) == done
    assert sensor.read(EVENT) == 0x01


def test_parts_that_do_not_exist_are_refused():
    with pytest.raises(UsageError, match="chip id"):
        Bmp390(TRIM, Script(), chip_id=0x58)
    with pytest.raises(UsageError, match="clock error"):
        Bmp390(TRIM, Script(), clock_error=0.9)


class Bus:
    """The busio subset that the Adafruit library uses; every transaction takes 300 us."""

    def __init__(self, sensor, address):
        self.sensor, self.address, self.pointer = sensor, address, 0
        self.now_us = READY_US

    def try_lock(self):
        return True

    def unlock(self):
        pass

    def _take_time(self, address):
        if address != self.address:
            raise OSError(5, "no acknowledge")
        self.now_us += 300
        self.sensor.advance(self.now_us)

    def writeto(self, address, buffer, *, start=0, end=None):
        self._take_time(address)
        data = bytes(buffer)[start:end]
        if data:
            self.pointer = data[0]
        if len(data) > 1:
            self.sensor.write(data[0], data[1])

    def readfrom_into(self, address, buffer, *, start=0, end=None):
        self._take_time(address)
        end = len(buffer) if end is None else end
        buffer[start:end] = self.sensor.read_burst(self.pointer, end - start)


@pytest.fixture
def adafruit(monkeypatch):
    # CPython evaluates the library's annotations, so their names must exist; MicroPython's own
    # modules are stood in for.
    for module, names in (
        ("micropython", {"const": lambda value: value}),
        ("busio", {"I2C": object, "SPI": object}),
        ("digitalio", {"DigitalInOut": object}),
        ("circuitpython_typing", {"ReadableBuffer": object, "WriteableBuffer": object}),
    ):
        stand_in = types.ModuleType(module)
        vars(stand_in).update(names)
        monkeypatch.setitem(sys.modules, module, stand_in)
    fresh = ("adafruit_bmp3xx", "adafruit_bus_device.i2c_device", "adafruit_bus_device")
    for module in fresh:
        monkeypatch.delitem(sys.modules, module, raising=False)
    library = pytest.importorskip("adafruit_bmp3xx")
    monkeypatch.setattr(library.time, "sleep", lambda _seconds: None)
    yield library
    for module in fresh:
        sys.modules.pop(module, None)


@pytest.mark.parametrize("trim", PUBLISHED_TRIMS)
@pytest.mark.parametrize(
    ("pressure_pa", "temperature_c"), [(30000.0, -40.0), (101325.0, 22.0), (125000.0, 85.0)]
)
@pytest.mark.parametrize("chip_id", [chip_model.CHIP_ID_BMP390, chip_model.CHIP_ID_BMP388])
def test_the_adafruit_library_reads_the_true_pressure_and_temperature(
    adafruit, trim, pressure_pa, temperature_c, chip_id
):
    measure = Script(pressure_pa, temperature_c, rise_pa=0.0)
    sensor = Bmp390(trim, measure, chip_id=chip_id)
    sensor.advance(READY_US)
    driver = adafruit.BMP3XX_I2C(Bus(sensor, 0x77))
    driver.pressure_oversampling = 16
    driver.temperature_oversampling = 2
    # Half a count each: 17 mPa, and 20 uK which move the pressure by under 1 mPa.
    assert driver.pressure * 100.0 == pytest.approx(pressure_pa, abs=0.02)
    assert driver.temperature == pytest.approx(temperature_c, abs=1e-4)
    assert measure.asked[-1][1:] == (16, 2)


def test_the_nodes_compensation_agrees_with_the_adafruit_library_on_the_same_chip(adafruit):
    rng = np.random.default_rng(390)
    for _ in range(50):
        trim = plausible_trim(rng)
        pressure_pa = float(rng.uniform(30000.0, 125000.0))
        temperature_c = float(rng.uniform(-40.0, 85.0))
        sensor = Bmp390(trim, Script(pressure_pa, temperature_c, rise_pa=0.0))
        sensor.advance(READY_US)
        driver = adafruit.BMP3XX_I2C(Bus(sensor, 0x77))
        theirs_pa = driver.pressure * 100.0
        raw = sensor.peek_burst(0x04, 6)
        compensation = Compensation(trim.pack())
        celsius = compensation.celsius(1, int.from_bytes(raw[3:], "little"))
        pascal = compensation.pascal(1, int.from_bytes(raw[:3], "little"), celsius)
        # The node rounds once, to 1/4096 Pa and 2^-20 K.
        assert pascal / 4096 == pytest.approx(theirs_pa, abs=0.002)
        assert celsius / 2**20 == pytest.approx(driver.temperature, abs=2e-6)

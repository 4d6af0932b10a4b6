"""Faults by transfer count: the text that says them, and what the bus then finds of a chip."""

import pytest
from chip_bench import Bench
from hypothesis import given
from hypothesis import strategies as st

from prkbench.errors import UsageError
from prkbench.sim import bmp390_model as chip
from prkbench.sim.bus import BusDevice
from prkbench.sim.faults import KINDS, Fault, inject, parse_chip_faults, parse_faults

FORCED = 0x13
CONVERTED_US = 50_000


def device(text: str = "") -> BusDevice:
    return BusDevice(Bench().models[0], parse_faults(text) if text else [])


class Wire:
    """Transfers of one chip; each 50 ms after the one before."""

    def __init__(self, text: str = "") -> None:
        self.entry = device(text)
        self.us = 0

    def _begin(self) -> bool:
        self.us += CONVERTED_US
        if not self.entry.acknowledges() or self.entry.hung:
            return False
        self.entry.device.advance(self.us)
        return True

    def read(self, register: int, n: int = 1) -> bytes | None:
        if not self._begin():
            return None
        shown = self.entry.device.peek_burst(register, n)
        data = self.entry.device.read_burst(register, n)
        assert shown == data, "a look differs from the read"
        return data

    def write(self, register: int, value: int) -> None:
        if self._begin():
            self.entry.device.write(register, value)

    def reading(self) -> bytes:
        """Status and data of one forced conversion: two transfers."""
        self.write(chip.PWR_CTRL, FORCED)
        return self.read(chip.STATUS, 7) or b""


@given(
    st.sampled_from(sorted(KINDS)), st.integers(0, 10**8), st.none() | st.integers(1, 10**8)
)  # fmt: skip
def test_the_text_says_kind_first_and_count(kind: str, first: int, count: int | None) -> None:
    text = f"{kind}@{first}" + ("" if count is None else f"+{count}")
    (fault,) = parse_faults(text)
    assert fault.kind == kind
    assert fault.first == first
    # A supply that dips for ever is no dip.
    assert fault.count == (1 if kind == "por" and count is None else count)


@given(st.integers(0, 300), st.integers(0, 100), st.none() | st.integers(1, 100))
def test_a_fault_is_there_from_its_first_transfer_for_as_many(
    transfer: int, first: int, count: int | None
) -> None:
    until = float("inf") if count is None else first + count
    assert Fault("nack", first, count).hits(transfer) == (first <= transfer < until)


def test_several_faults_and_a_chips_address_in_one_text() -> None:
    at, faults = parse_chip_faults("1/0x77:por@500, trim@500+30,absent")
    assert at == (1, 0x77)
    assert faults == [Fault("por", 500, 1), Fault("trim", 500, 30), Fault("absent", 0, None)]
    assert parse_chip_faults("0x76:stuck@5+4") == ((0, 0x76), [Fault("stuck", 5, 4)])


@pytest.mark.parametrize(
    "text", ["", "0x76", "0x76:", "76:nack", "2/0x76:nack", "0x76:nack@", "0x76:nack@-1",
             "0x76:nack@5+0", "0x76:tired@5", "0x76:nack;por", "0x76:NACK@1"],
)  # fmt: skip
def test_what_is_no_fault_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match=r"expected .*such as .*@") as refusal:
        parse_chip_faults(text)
    assert "\n" not in str(refusal.value)


def test_a_fault_of_a_chip_that_is_not_there_is_refused() -> None:
    devices = {(0, 0x76): device()}
    inject(devices, ["0x76:nack@1", "0/0x76:por@9"])
    assert devices[0, 0x76].faults == [Fault("nack", 1, None), Fault("por", 9, 1)]
    with pytest.raises(UsageError, match="expected one of 0/0x76"):
        inject(devices, ["0x77:nack@1"])


@pytest.mark.parametrize("kind", ["nack", "absent", "hung"])
def test_refused_transfers_count_and_do_not_reach_the_chip(kind: str) -> None:
    wire = Wire(f"{kind}@2+3")
    assert [wire.read(chip.CHIP_ID) for _ in range(7)] == [
        b"\x60", b"\x60", None, None, None, b"\x60", b"\x60"
    ]  # fmt: skip
    wire = Wire(f"{kind}@0+1")
    wire.write(chip.OSR, 0x0C)
    assert wire.read(chip.OSR) == b"\x02"


def test_a_chip_that_hangs_takes_its_address() -> None:
    entry = device("hung@1+1")
    seen = [(entry.acknowledges(), entry.hung) for _ in range(3)]
    assert seen == [(True, False), (True, True), (True, False)]
    assert entry.transfers == 3


def test_a_stuck_chip_goes_on_with_its_last_counts_and_then_with_new_ones() -> None:
    wire = Wire("stuck@2+6")
    readings = [wire.reading() for _ in range(6)]
    assert len(set(readings[:4])) == 1
    assert len(set(readings[3:])) == 3


def test_a_chip_out_of_range_gives_the_largest_count() -> None:
    wire = Wire("range@2+2")
    readings = [wire.reading()[1:] for _ in range(3)]
    assert readings[1] == b"\xff" * 6
    assert b"\xff" * 3 not in readings[0] + readings[2]


def test_a_dip_resets_the_chip_once() -> None:
    wire = Wire("por@2")
    wire.write(chip.OSR, 0x0C)
    assert wire.read(chip.EVENT) == b"\x01"
    assert wire.read(chip.EVENT) == b"\x01"
    assert wire.read(chip.EVENT) == b"\x00"
    assert wire.read(chip.OSR) == b"\x02"


def test_a_late_chip_has_nothing_ready_and_nothing_in_its_fifo() -> None:
    wire = Wire("late@6+3")
    for register, value in ((chip.FIFO_CONFIG_1, 0x1B), (chip.ODR, 2), (chip.PWR_CTRL, 0x33)):
        wire.write(register, value)

    def look() -> tuple[bool, bool, bool]:
        status = wire.read(chip.STATUS)
        length = wire.read(chip.FIFO_LENGTH, 2)
        among = wire.read(chip.STATUS, 16)
        assert status is not None
        assert length is not None
        assert among is not None
        return bool(status[0] & 0x60), length != b"\0\0", bool(among[0] & 0x60)

    assert look() == (True, True, True)
    assert look() == (False, False, False)
    assert look() == (True, True, True)


@pytest.mark.parametrize(
    ("kind", "register", "n", "at"),
    [
        ("id", chip.CHIP_ID, 1, 0),
        ("trim", chip.NVM_CRC, 22, 6),
        ("conf", chip.ERR_REG, 1, 0),
        ("frame", chip.FIFO_DATA, 14, 0),
    ],
)
def test_one_byte_is_spoilt_on_the_way_and_all_others_pass(
    kind: str, register: int, n: int, at: int
) -> None:
    good, bad = Wire(), Wire(f"{kind}@1+1")
    for wire in (good, bad):
        assert wire.read(chip.REV_ID) == b"\x01"
    right, spoilt = good.read(register, n), bad.read(register, n)
    assert right is not None
    assert spoilt is not None
    assert [i for i in range(n) if right[i] != spoilt[i]] == [at]
    assert good.read(register, n) == bad.read(register, n)


def test_without_faults_the_bus_finds_the_chip_itself() -> None:
    entry = device()
    assert entry.device is entry.chip
    assert entry.acknowledges()


def test_a_chip_with_faults_is_saved_and_restored_as_it_is() -> None:
    entry = device("late@100")
    entry.device.write(chip.OSR, 0x0C)
    saved = entry.device.save()
    entry.device.write(chip.OSR, 0x01)
    entry.device.restore(saved)
    assert entry.device.peek_burst(chip.OSR, 1) == b"\x0c"

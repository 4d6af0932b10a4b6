"""The emulated board itself: I2C wire, USB line, resets, in emulated time and so to the cycle."""

import pytest
from bare_board import BareBoard

from prkbench.sim.chamber import BenchSpec
from prkbench.sim.elements import ViscousCapillary
from prkbench.sim.faults import inject
from prkbench.sim.pico.emulated import CLOCK_HZ
from prkbench.sim.pico.serial_number import serial_number
from prkbench.sim.world import World

pytestmark = pytest.mark.xdist_group("pico-bare")

BUS = """
import machine, time
def bus(number=0, **more):
    sda, scl = ((4, 5), (6, 7))[number]
    return machine.I2C(
        number, sda=machine.Pin(sda), scl=machine.Pin(scl), freq=400000, timeout=20000, **more)
i2c = bus()
def timed(f, *a):
    t = time.ticks_us()
    try:
        r = f(*a)
    except OSError as error:
        r = error.errno
    return r, time.ticks_diff(time.ticks_us(), t)
"""
WARM = "timed(i2c.readfrom_mem, 0x76, 0, 1)\n"
"""A first call fills the emulated caches of the interpreter, not the wire's."""


@pytest.fixture(scope="module")
def board(image):
    """Sensors at 0x76 on either bus; the one on bus 1 hangs in its third to fifth transfer."""
    sensors = {(0, 0x76): "chamber", (1, 0x76): "ambient"}
    world = World(BenchSpec(ViscousCapillary(0.16e-3, 1.5)), 1, sensors)
    board = BareBoard(image, world.chips)
    inject(board.pico.devices, ["1/0x76:hung@2+3"])
    board.run(BUS + WARM)
    return board


# I2C ------------------------------------------------------------------------------------------


def test_a_burst_takes_as_long_as_its_bits_take_on_the_wire(board: BareBoard) -> None:
    code = "b = bytearray({n})\nprint(timed(i2c.readfrom_mem_into, 0x76, 4, b)[1])"
    took = {n: int(board.run(code.format(n=n))) for n in (1, 6, 26)}
    # Address, register, address again, six bytes, start, restart, stop: 235 us on a real Pico.
    assert took[6] == pytest.approx(235, rel=0.1)
    # Nine bits a byte at 400 kHz, and what the port adds to its SCL times.
    assert (took[26] - took[6]) / 20 == pytest.approx(9 / 0.4, rel=0.1)
    assert took[1] < took[6] < took[26]


def test_what_is_read_is_what_the_chip_holds(board: BareBoard) -> None:
    assert board.run("print(i2c.readfrom_mem(0x76, 0, 2).hex())") == "6001\n"
    board.run("i2c.writeto_mem(0x76, 0x1C, b'\\x05')")
    assert board.run("print(i2c.readfrom_mem(0x76, 0x1C, 1).hex())") == "05\n"
    # A write and a read with a stop in between keep the register, as the chip does.
    assert board.run("i2c.writeto(0x76, b'\\x00')\nprint(i2c.readfrom(0x76, 1))") == "b'`'\n"


def test_an_absent_address_is_eio_at_once_and_costs_the_next_transfer_nothing(
    board: BareBoard,
) -> None:
    errno, us = eval(board.run("print(timed(i2c.readfrom_mem, 0x77, 0, 1))"))
    assert errno == 5
    assert us < 500, "one address on the wire, not a time-out"
    errno, us = eval(board.run("print(timed(i2c.writeto_mem, 0x50, 0, b'ab'))"))
    assert (errno, us < 500) == (5, True)
    assert board.run("print(i2c.readfrom_mem(0x76, 0, 1))") == "b'`'\n"


def test_scan_and_transfers_without_data_find_who_is_there(board: BareBoard) -> None:
    assert board.run("print(i2c.scan())") == "[118]\n"
    assert board.run("print(i2c.writeto(0x76, b''), timed(i2c.writeto, 0x33, b'')[0])") == "0 19\n"
    assert board.run("print(i2c.readfrom_mem(0x76, 0, 1))") == "b'`'\n", "and leave the bus free"


def test_a_device_that_hangs_costs_its_time_out_and_no_later_transfer(board: BareBoard) -> None:
    board.run("other = bus(1)")
    read = "print(timed(other.readfrom_mem, 0x76, 0, 1))"
    assert eval(board.run(read))[0] == b"`"
    assert eval(board.run(read))[0] == b"`"
    for _ in range(3):
        errno, us = eval(board.run(read))
        assert errno in (5, 110)
        # The time-out is 20 ms for each of the two parts of the transfer.
        assert us < 50_000
    assert eval(board.run(read))[0] == b"`"
    assert board.run("print(i2c.readfrom_mem(0x76, 0, 1))") == "b'`'\n"


def test_nobody_is_heard_on_pins_that_are_not_the_bus_s(board: BareBoard) -> None:
    assert (
        eval(
            board.run("machine.Pin(5, machine.Pin.IN)\nprint(timed(i2c.readfrom_mem, 0x76, 0, 1))")
        )[0]
        == 5
    )
    assert board.run("i2c = bus()\nprint(i2c.readfrom_mem(0x76, 0, 1))") == "b'`'\n"


# USB and processor ----------------------------------------------------------------------------


def test_a_board_that_sleeps_executes_next_to_nothing(board: BareBoard) -> None:
    board.start("time.sleep_ms(400)")
    board.pico.run(50_000)
    before = board.pico.cycles
    board.pico.run(200_000)
    # The port wakes every millisecond; an idle USB line must not add to that.
    assert (board.pico.cycles - before) / (0.2 * CLOCK_HZ) < 0.02
    board.until(lambda: board.pico.received.endswith(b"\x04\x04>"))


def test_ctrl_c_gets_through_to_a_program_that_never_listens(board: BareBoard) -> None:
    board.start("while True:\n    pass")
    board.pico.run(5_000)
    board.pico.line.send(b"\x03")
    board.until(lambda: board.pico.received.endswith(b"\x04>"))
    assert b"KeyboardInterrupt" in board.pico.received


def test_every_byte_comes_through_both_ways_once_ctrl_c_is_one_too(board: BareBoard) -> None:
    board.start(
        "import sys, micropython\nmicropython.kbd_intr(-1)\n"
        "d = sys.stdin.buffer.read(256)\nsys.stdout.buffer.write(d)\nmicropython.kbd_intr(3)"
    )
    board.pico.line.send(bytes(range(256)))
    board.until(lambda: board.pico.received.endswith(b"\x04>"))
    assert bytes(board.pico.received[2:-3]) == bytes(range(256))


def test_the_board_has_the_serial_number_of_its_seed(board: BareBoard) -> None:
    assert board.run("print(machine.unique_id().hex())").strip() == serial_number(1).hex()
    assert serial_number(1) != serial_number(2)


def test_a_host_that_takes_nothing_holds_the_board_up_and_gets_everything_later(
    board: BareBoard,
) -> None:
    line, received = board.pico.line, board.pico.received
    board.start("for n in range(100): print('%07d' % n)")
    line.full = True
    board.pico.run(100_000)
    held = len(received)
    # One packet under way, and what came before the line was held up.
    assert held < 256
    board.pico.run(100_000)
    assert len(received) == held
    line.full = False
    board.until(lambda: received.endswith(b"\x04\x04>"))
    lines = bytes(received[2:-3]).decode().split()
    assert lines == [f"{n:07d}" for n in range(100)]


def test_a_board_sees_whether_a_program_has_the_port_open(board: BareBoard) -> None:
    line = board.pico.line
    # Nobody there: what is printed is thrown away instead of waited for.
    board.start("time.sleep_ms(20)\nprint('x' * 5000)\ntime.sleep_ms(5)")
    line.set_terminal(False)
    line.full = True
    before = board.pico.now_us
    board.pico.run(200_000)
    line.full = False
    for there in (True, False, True):
        line.set_terminal(there)
    board.until(lambda: board.pico.received.endswith(b">"))
    assert board.pico.now_us - before < 250_000
    assert board.run("print(1 + 1)") == "2\n"


def test_a_reset_by_the_program_brings_the_board_back_on_the_bus(board: BareBoard) -> None:
    line = board.pico.line
    for _ in range(2):
        board.start("machine.reset()")
        board.until(lambda: not line.connected)
        board.come_up()
        assert (
            board.run("import machine\nprint(machine.reset_cause() == machine.WDT_RESET)")
            == "True\n"
        )
    board.run(BUS)
    assert board.run("print(i2c.readfrom_mem(0x76, 0, 1))") == "b'`'\n"


def test_files_survive_the_supply_and_nothing_else_does(board: BareBoard) -> None:
    board.run(
        "with open('kept.txt', 'w') as file:\n    file.write('kept')\n"
        "kept = 1\ni2c.writeto_mem(0x76, 0x1C, b'\\x05')"
    )
    assert board.pico.files()["kept.txt"] == b"kept"
    board.pico.power_cycle()
    board.come_up()
    board.run(BUS)
    assert (
        board.run("print(machine.reset_cause() == machine.PWRON_RESET, 'kept' in globals())")
        == "True False\n"
    )
    assert board.run("print(open('kept.txt').read())") == "kept\n"
    assert board.run("print(i2c.readfrom_mem(0x76, 0x1C, 1).hex())") == "02\n", "sensors reset too"

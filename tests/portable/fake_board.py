"""A board with a hand-cranked clock and sensors that allocate nothing; for CPython and MicroPython.

The chip here is a register file with a conversion time, just enough for the node; the physics and
the datasheet's finer points are the simulated chip's business.
"""

import gc

from prknode.compensate import trim_crc
from prknode.ticks import TICKS_MASK, ticks_diff

TRIM = bytes(
    (35, 107, 88, 73, 246, 92, 255, 206, 244, 35, 0, 234, 99, 110, 121, 243, 246, 170, 67, 18, 196)
)
"""A published chip's trim bytes."""

CHAMBER_RAW = 6000000
RAW_TEMPERATURE = 8300000
CONVERSION_US = 37000

_STATUS = 0x03
_EVENT = 0x10
_FIFO_LENGTH = 0x12
_FIFO_DATA = 0x14
_PWR_CTRL = 0x1B
_ODR = 0x1D
_FRAME = 7
_FIFO_FRAMES = 73
_CMD = 0x7E


class FakeChip:
    """One sensor: raw counts with a little noise of its own, every fault on demand.

    present: acknowledges; silent: never has data; stuck: always the same counts;
    pressure, temperature: raw counts before the noise; clock_error: how slow its clock is in
    normal mode, parts in a thousand.
    """

    def __init__(self, board, seed, chip_id=0x60, trim=TRIM, crc=None):
        self._board = board
        self._registers = bytearray(0x80)
        self._registers[0] = chip_id
        self._registers[0x30] = trim_crc(trim) if crc is None else crc
        self._registers[0x31 : 0x31 + 21] = trim
        self._noise = seed
        self._ready_at = 0
        self._converting = False
        self._streaming = False
        self._next_frame = 0
        self._frames = 0
        self.clock_error = 0
        self.present = True
        self.silent = False
        self.stuck = False
        self.refuses = False
        self.pressure = CHAMBER_RAW
        self.temperature = RAW_TEMPERATURE
        self.conversions = 0
        self.power_up()

    def power_up(self):
        """As after power-on: configuration lost, the event bit set."""
        for i in range(0x15, 0x20):
            self._registers[i] = 0
        self._registers[_STATUS] = 0x10
        self._registers[_EVENT] = 1
        self._converting = False
        self._streaming = False

    def _store(self, register, value):
        self._registers[register] = value & 0xFF
        self._registers[register + 1] = (value >> 8) & 0xFF
        self._registers[register + 2] = (value >> 16) & 0xFF

    def _convert(self):
        self._converting = False
        self.conversions += 1
        self._registers[_STATUS] = 0x70
        if not self.stuck:
            self._noise = (self._noise * 109 + 89) & 0xFFFF
        self._store(4, self.pressure + (self._noise & 63))
        self._store(7, self.temperature + (self._noise >> 10))

    def _period_us(self):
        period = 5000 << self._registers[_ODR]
        return period + period * self.clock_error // 1000

    def _stream(self):
        """Let the frames come that are due by now; a full FIFO takes no more."""
        period = self._period_us()
        while ticks_diff(self._board.now, self._next_frame) >= 0:
            if self._frames < _FIFO_FRAMES and not self.silent:
                self._frames += 1
            self._next_frame = (self._next_frame + period) & TICKS_MASK
        self._registers[_FIFO_LENGTH] = self._frames * _FRAME & 0xFF
        self._registers[_FIFO_LENGTH + 1] = self._frames * _FRAME >> 8

    def _read_fifo(self, buffer):
        """Whole frames, temperature before pressure."""
        at = 0
        while at + _FRAME <= len(buffer):
            if self._frames:
                self._frames -= 1
                self._convert()
                buffer[at] = 0x94
                for i in range(3):
                    buffer[at + 1 + i] = self._registers[7 + i]
                    buffer[at + 4 + i] = self._registers[4 + i]
            else:
                buffer[at] = 0x80
            at += _FRAME

    def read(self, register, buffer):
        """Burst read; reading the event register clears it."""
        if not self.present:
            raise OSError(5)
        if self._converting and ticks_diff(self._board.now, self._ready_at) >= 0:
            self._convert()
        if self._streaming:
            self._stream()
            if register == _FIFO_DATA:
                self._read_fifo(buffer)
                return
        for i in range(len(buffer)):
            buffer[i] = self._registers[register + i]
            if register + i == _EVENT:
                self._registers[_EVENT] = 0

    def write(self, register, buffer):
        """Burst write."""
        if not self.present:
            raise OSError(5)
        value = buffer[0]
        if register == _CMD:
            if value == 0xB6:
                self.power_up()
            return
        self._registers[register] = value
        if register == _PWR_CTRL:
            self._streaming = value == 0x33
            self._frames = 0
            self._next_frame = (self._board.now + self._period_us()) & TICKS_MASK
        if register == 0x1C and self.refuses:
            self._registers[2] = 4
        if register == _PWR_CTRL and value == 0x13:
            self._registers[_STATUS] = 0x10
            self._ready_at = (self._board.now + CONVERSION_US) & TICKS_MASK
            self._converting = not self.silent


class FakeBus:
    """Like machine.I2C, over chips by address."""

    def __init__(self, chips):
        self._chips = chips

    def readfrom_mem_into(self, address, register, buffer):
        if address not in self._chips:
            raise OSError(5)
        self._chips[address].read(register, buffer)

    def writeto_mem(self, address, register, buffer):
        if address not in self._chips:
            raise OSError(5)
        self._chips[address].write(register, buffer)


class FakeBoard:
    """What prknode.board describes; now: the tick count, moved by pass_us() only.

    takes: bytes the line takes per write, 0 for a host that does not read.
    """

    def __init__(self, now=0, config=None):
        self.now = now
        self.chamber = FakeChip(self, 1)
        self.ambient = FakeChip(self, 2)
        self.ambient.pressure = CHAMBER_RAW + 200000
        self._bus = FakeBus({0x76: self.chamber, 0x77: self.ambient})
        self._config = config or make_config()
        self.incoming = bytearray()
        self.sent = bytearray()
        self.takes = 1000
        self.runs = 0
        self.resets = 0
        self.crashes = []
        self._roles = tuple(v["role"] for v in self._config.get("board", {}).get("valves", ()))
        self.valve_states = [None] * len(self._roles)

    def begin(self):
        """Nothing to do."""

    def end(self):
        """Nothing to do."""

    def pass_us(self, us):
        """Let time pass."""
        self.now = (self.now + us) & TICKS_MASK

    def ticks_us(self):
        return self.now

    def bus(self, number):
        return self._bus

    def read_into(self, buffer):
        if not self.incoming:
            return 0
        n = min(len(buffer), len(self.incoming))
        buffer[:n] = self.incoming[:n]
        self.incoming = self.incoming[n:]
        return n

    def write(self, view):
        n = min(self.takes, len(view))
        if n:
            self.sent.extend(view[:n])
        return n

    def idle(self, us, node):
        self.pass_us(us if us > 50 else 50)

    def config(self):
        return self._config

    def valves(self):
        return self._roles

    def set_valve(self, i, is_open):
        self.valve_states[i] = is_open

    def unique_id(self):
        return "00c0ffee"

    def new_run_id(self):
        self.runs += 1
        return self.runs

    def memory(self):
        if hasattr(gc, "mem_alloc"):
            return gc.mem_alloc(), gc.mem_free()
        return 0, 0

    def collect(self):
        gc.collect()

    def reset(self):
        self.resets += 1

    def reset_cause(self):
        return "power"

    def crashed(self, error):
        self.crashes.append(error)


def make_config(**settings):
    """A configuration of a chamber and an ambient sensor, with these settings."""
    config = {
        "rate_mhz": 5000,
        "sensors": [
            {"bus": 0, "address": 0x76, "role": "CHAMBER"},
            {"bus": 0, "address": 0x77, "role": "AMBIENT"},
        ],
    }
    config.update(settings)
    return config


def crank(node, board, us):
    """Step the node for that much simulated time."""
    spent = 0
    while spent < us:
        wait = node.step(board.now)
        wait = min(wait if wait > 50 else 50, us - spent)
        board.pass_us(wait)
        spent += wait


def complete(sent):
    """Whether an answer has come to its end; a block may hold the byte that ends one."""
    if sent[-1:] != b"\n":
        return False
    if sent[:1] != b"#":
        return True
    digits = sent[1] - 48
    return len(sent) > 2 + digits + int(bytes(sent[2 : 2 + digits]))


def ask(node, board, line, limit_us=400000):
    """Send a line; what comes back within the time, without the line's end."""
    board.sent = bytearray()
    board.incoming.extend(line.encode() + b"\n")
    spent = 0
    while spent < limit_us:
        wait = node.step(board.now)
        quiet = wait > 0 and not board.incoming
        if complete(board.sent) or (quiet and not node.busy):
            break
        wait = wait if wait > 50 else 50
        board.pass_us(wait)
        spent += wait
    return bytes(board.sent[:-1])


def tell(node, board, line):
    """Send a line that has no answer; returns the error it queued as text, "" for none."""
    answer = ask(node, board, line + ";:SYST:ERR?").decode()
    return "" if answer == '0,"No error"' else answer

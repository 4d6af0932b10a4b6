"""The firmware's drivers on simulated chips, with a clock turned by hand and a failing bus."""

from prkbench.sim import bmp390_model as model
from prkbench.sim.trims import PUBLISHED_TRIMS
from prknode.bmp390 import Bmp390
from prknode.sensors import Sensors
from prknode.ticks import TICKS_MASK

CHAMBER, REFERENCE, SPARE, SECOND_SPARE = 0x76, 0x77, 0x74, 0x75
ADDRESSES = (CHAMBER, REFERENCE, SPARE, SECOND_SPARE)


class Clock:
    """Simulated microseconds since power-on; ticks begin shortly before they wrap."""

    def __init__(self, before_wrap_us=5_000_000):
        self.us = 0
        self._first = TICKS_MASK - before_wrap_us

    @property
    def ticks(self):
        return (self._first + self.us) & TICKS_MASK


class Element:
    """A sensing element with a steady slope, that keeps the raw counts of every conversion.

    Any two neighbouring readings differ, so a frame that is lost, doubled or swapped shows.
    """

    def __init__(self, trim, pascal=1e5, pascal_per_s=20.0, kelvin_per_s=0.05):
        self.trim = trim
        self.pascal, self.pascal_per_s = pascal, pascal_per_s
        self.kelvin_per_s = kelvin_per_s
        self.counts = []
        self.times_us = []

    def __call__(self, t_s, osr_p, osr_t):
        pa = self.pascal + self.pascal_per_s * t_s
        celsius = 22.0 + self.kelvin_per_s * t_s
        self.counts.append(tuple(round(x) for x in self.trim.raw_for(pa, celsius)))
        self.times_us.append(1e6 * t_s)
        return pa, celsius


class Bus:
    """One I2C bus over the models. byte_us: what a byte costs, 0 as in the virtual node.

    absent: addresses nobody acknowledges; tampered: (address, register) -> what is done to the
    bytes of a burst read that begins there.
    """

    def __init__(self, clock, models, byte_us=0.0):
        self.clock, self.models, self.byte_us = clock, models, byte_us
        self.absent = set()
        self.tampered = {}

    def _chip(self, address, n):
        self.clock.us += round(self.byte_us * (3 + n))
        if address in self.absent or address not in self.models:
            raise OSError(5)
        chip = self.models[address]
        chip.advance(self.clock.us)
        return chip

    def readfrom_mem_into(self, address, register, buffer):
        buffer[:] = self._chip(address, len(buffer)).read_burst(register, len(buffer))
        tamper = self.tampered.get((address, register))
        if tamper is not None:
            tamper(buffer)

    def writeto_mem(self, address, register, data):
        chip = self._chip(address, len(data))
        for i, byte in enumerate(data):
            chip.write(register + i, byte)


class Bench:
    """Chips with the given clock errors, and the driver on each."""

    def __init__(self, clock_errors=(0.0, 0.0), byte_us=0.0, **element):
        self.clock = Clock()
        self.elements = [
            Element(PUBLISHED_TRIMS[i % 2], **element) for i in range(len(clock_errors))
        ]
        self.models = [
            model.Bmp390(e.trim, e, clock_error=error)
            for e, error in zip(self.elements, clock_errors, strict=True)
        ]
        addresses = ADDRESSES[: len(clock_errors)]
        self.bus = Bus(self.clock, dict(zip(addresses, self.models, strict=True)), byte_us)
        self.chips = [Bmp390(self.bus, address) for address in addresses]

    def sensors(self, settings):
        """The chips as Sensors, to be set up as the settings say."""
        made = Sensors(self.chips)
        made.set_up(settings["osr_p"], settings["osr_t"], settings["iir"])
        return made


class Sample:
    """What a sampler put forth, with its time since power-on."""

    def __init__(self, bench, sampler, n):
        behind = (bench.clock.ticks - sampler.taken) & TICKS_MASK
        self.t_us = bench.clock.us - behind
        self.age_us = behind
        self.valid, self.restarted, self.late = sampler.valid, sampler.restarted, sampler.late
        self.counts = []
        counts = bytearray(6 * n)
        sampler.fill(counts, 0)
        for i in range(n):
            six = counts[6 * i : 6 * i + 6]
            pair = (int.from_bytes(six[:3], "little"), int.from_bytes(six[3:], "little"))
            self.counts.append(pair if sampler.valid & (1 << i) else None)


def run(bench, sampler, until_us, stalls=(), overhead_us=0, sample_us=0):
    """Step a sampler until then; stalls: (at_us, us) when the node does something else.

    overhead_us: what a step costs beside the bus; sample_us: a sample. Returns the samples.
    """
    stalls = sorted(stalls)
    samples = []
    clock = bench.clock
    while clock.us < until_us:
        due = clock.us
        due += sampler.step(clock.ticks)
        while sampler.next_sample():
            samples.append(Sample(bench, sampler, len(bench.chips)))
            clock.us += sample_us
        clock.us = max(due, clock.us) + overhead_us
        if stalls and clock.us >= stalls[0][0]:
            clock.us += stalls.pop(0)[1]
    return samples


def _absent(bench, i, broken):
    (bench.bus.absent.add if broken else bench.bus.absent.discard)(ADDRESSES[i])


def _tamper(register, at, value):
    def tamper(bench, i, broken):
        def spoil(buffer):
            if at < len(buffer):
                buffer[at] = value(buffer[at])

        if broken:
            bench.bus.tampered[ADDRESSES[i], register] = spoil
        else:
            del bench.bus.tampered[ADDRESSES[i], register]

    return tamper


def _power_dip(bench, i, broken):
    if broken:
        bench.models[i].power_on_reset()


def _freeze(bench, i, broken):
    bench.models[i].freeze(broken)


def _overpressure(bench, i, broken):
    bench.elements[i].pascal += 3e6 if broken else -3e6


AT_BRING_UP = {
    "ABSENT": _absent,
    "WRONG_ID": _tamper(model.CHIP_ID, 0, lambda _: 0x58),
    "TRIM_CRC": _tamper(model.NVM_CRC, 5, lambda byte: byte ^ 0x10),
    "CONF_ERR": _tamper(model.ERR_REG, 0, lambda _: model.CONF_ERR),
}
"""Ways for a sensor not to come up: fault name -> break_or_mend(bench, sensor, broken)."""

IN_ANY_MODE = {"NACK": _absent, "STUCK": _freeze, "POR": _power_dip, "RANGE": _overpressure}
"""Ways for a sensor to fail in mid-run."""

IN_FORCED_MODE = {"LATE": _tamper(model.STATUS, 0, lambda _: model.CMD_RDY)}

IN_FIFO_MODE = {
    "LATE": _tamper(model.EVENT, 2, lambda _: 0),
    "FRAME": _tamper(model.FIFO_DATA, 0, lambda _: 0x55),
    "CONF_ERR": _tamper(model.FIFO_DATA, 0, lambda _: 0x44),
}


class SpareBus:
    """A second bus, on which the third and fourth chip have the first two's addresses."""

    def __init__(self, bus):
        self._bus = bus

    def readfrom_mem_into(self, address, register, buffer):
        self._bus.readfrom_mem_into(address - CHAMBER + SPARE, register, buffer)

    def writeto_mem(self, address, register, data):
        self._bus.writeto_mem(address - CHAMBER + SPARE, register, data)


class NodeBoard:
    """What a Node needs of a board, over a Bench; step() is the loop of app.run."""

    def __init__(self, bench):
        self.bench = bench
        self.sent = b""
        self.received = b""
        self._runs = 0

    def ticks_us(self):
        return self.bench.clock.ticks

    def bus(self, number):
        """Bus 1 has the spare sensors, at the other two's addresses."""
        return SpareBus(self.bench.bus) if number else self.bench.bus

    def read_into(self, buffer):
        part = self.sent[: len(buffer)]
        self.sent = self.sent[len(part) :]
        buffer[: len(part)] = part
        return len(part)

    def write(self, view):
        self.received += bytes(view)
        return len(view)

    def new_run_id(self):
        self._runs += 1
        return self._runs

    def valves(self):
        return ()

    def set_valve(self, i, is_open):
        """There is none."""

    def unique_id(self):
        return "0001"

    def collect(self):
        """Nothing to collect in a test."""

    def reset_cause(self):
        return "power"

    def turn(self, node, us):
        """Let the node run for that long."""
        clock = self.bench.clock
        end = clock.us + us
        while clock.us < end:
            due = clock.us
            due += node.step(clock.ticks)
            # A step that took the bus beyond the end is not taken back.
            clock.us = max(clock.us + 20, min(end, due))

    def ask(self, node, line, us=1_000_000):
        """Send a line; the answer, or an empty string when none comes in that time."""
        self.sent += line.encode() + b"\n"
        end = self.bench.clock.us + us
        while not self.received.endswith(b"\n") and self.bench.clock.us < end:
            self.turn(node, 1000)
        answer = self.received.decode().strip()
        self.received = b""
        return answer

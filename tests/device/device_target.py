"""A node on a serial line, and what every test of the device suite does with one.

Nothing here knows what is behind the line. Waiting is bounded in the node's own time, so the same
test runs on a board and on a virtual node whose clock races.
"""

import contextlib
import itertools
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import serial

from prkbench.client import MOST_RECORDS, NodeClient, Points
from prkbench.errors import DeviceError
from prknode.records import FLAG_LATE, FLAG_VALID, SAMPLE_HEAD
from prknode.unpack import unpack_event

QUIET_S = 0.3
"""Longer than the 250 ms after which a node drops an answer that nobody takes."""


@dataclass(frozen=True)
class Target:
    """Where the node is.

    realtime: its clock runs with ours; else it races while it measures. now_s: its clock, where it
    can be seen from here. run_s: node time of the run that is replayed. memory_s: node time over
    which its memory is watched, 0 where the figures the node gives say nothing. share: of the
    samples that a test would take elsewhere. answer_s, start_s: the longest it may take to answer,
    and to come back from a restart.
    """

    port: str
    kind: str
    realtime: bool = True
    now_s: Callable[[], float] | None = None
    run_s: int = 181
    memory_s: int = 245
    share: float = 1.0
    answer_s: float = 3.0
    start_s: float = 30.0

    def connect(self) -> NodeClient:
        """A client, as soon as the node answers; DeviceError when it does not come up."""
        end = time.monotonic() + self.start_s
        while True:
            try:
                if self.now_s is not None:
                    self._catch_up()
                return NodeClient.connect(self.port, self.answer_s)
            except DeviceError:
                if time.monotonic() > end:
                    raise
            time.sleep(0.1)

    def _catch_up(self) -> None:
        """Wait until a slow node has answered everything that was asked before."""
        with self.raw() as line:
            line.timeout = self.start_s
            line.write(b"\n*OPC?;*OPC?;*OPC?\n")
            answer = b"?"
            while answer and answer.strip() != b"1;1;1":
                answer = line.readline()

    @contextlib.contextmanager
    def raw(self) -> Iterator[serial.SerialBase]:
        """The bare serial line."""
        line = serial.serial_for_url(self.port, 115200, timeout=max(5.0, self.answer_s))
        try:
            yield line
        finally:
            line.close()

    def rest(self, seconds: float) -> None:
        """Leave the node alone for that long; a racing one gets as far in a tenth of it."""
        if self.now_s is None:
            time.sleep(seconds if self.realtime else seconds / 10)
            return
        end = self.now_s() + seconds
        while self.now_s() < end:
            time.sleep(0.005)


@dataclass(frozen=True)
class Sample:
    """One sample record, taken apart without the package's own reader."""

    t_us: int
    flags: int
    counts: bytes

    def delivered(self, i: int) -> bool:
        """Whether sensor i did."""
        return bool(self.flags & FLAG_VALID & 1 << i)

    def pressure(self, i: int) -> bytes:
        """The raw count of sensor i, low byte first."""
        return self.counts[6 * i : 6 * i + 3]

    @property
    def late(self) -> bool:
        """Whether samples before this one are missing."""
        return bool(self.flags & FLAG_LATE)


def samples_of(payload: bytes, size: int) -> list[Sample]:
    """Sample records as they stand in an answer."""
    found = []
    for at in range(0, len(payload), size):
        record = payload[at : at + size]
        t_us = int.from_bytes(record[:6], "little")
        flags = int.from_bytes(record[6:SAMPLE_HEAD], "little")
        found.append(Sample(t_us, flags, record[SAMPLE_HEAD:]))
    return found


def set_up(node: NodeClient, rate: str, osr_p: int, osr_t: int) -> None:
    """Rate and oversampling of an idle node."""
    node.command(f"SENSe:OVERsampling:PRESsure {osr_p}")
    node.command(f"SENSe:OVERsampling:TEMPerature {osr_t}")
    node.command(f"SENSe:RATE {rate}")


def chamber_of(node: NodeClient) -> int:
    """Index of the chamber's sensor, which is in every sample while it works."""
    count = int(node.query("SENSe:COUNt?"))
    roles = [node.query(f"SENSe:ROLE{n + 1}?") for n in range(count)]
    return roles.index("CHAMBER")


class Capture:
    """Pulls the samples of the present run, in order and without a hole."""

    def __init__(self, node: NodeClient) -> None:
        self._node = node
        self.run_id = node.points().run_id
        self.samples: list[Sample] = []

    def pull(self) -> int:
        """Take everything the node holds; how many samples that was."""
        before = len(self.samples)
        while True:
            first = len(self.samples)
            answer = self._node.records("DATA:READ?", self.run_id, first, MOST_RECORDS)
            assert answer.first == first, f"samples {first} to {answer.first - 1} are lost"
            self.samples += samples_of(answer.payload, answer.size)
            if answer.count < MOST_RECORDS:
                return len(self.samples) - before

    def until(self, count: int, longest_node_s: float) -> list[Sample]:
        """Pull until there are so many samples; AssertionError when the node takes too long."""
        while len(self.samples) < count:
            begun = time.monotonic()
            now_us = self._node.run_time_us()
            assert now_us is not None, "the node does not measure any more"
            got = self.pull()
            in_time = now_us < longest_node_s * 1e6 or len(self.samples) >= count
            assert in_time, f"{len(self.samples)} of {count} samples in {longest_node_s:g} s"
            if got < 20:
                # A slow node that is asked all the time does nothing else.
                time.sleep(min(0.5, max(0.01, time.monotonic() - begun)))
        return self.samples[:count]


def start(node: NodeClient) -> Capture:
    """Begin a run."""
    node.command("INITiate")
    return Capture(node)


def check_whole(samples: list[Sample]) -> None:
    """Time rises and no sample says that others before it are missing."""
    times = [sample.t_us for sample in samples]
    assert all(a < b for a, b in itertools.pairwise(times)), "time does not rise"
    late = [n for n, sample in enumerate(samples) if sample.late]
    assert not late, f"samples are missing before {late[:5]}"


def rate_of(samples: list[Sample]) -> float:
    """Samples a second by the node's own clock."""
    return (len(samples) - 1) * 1e6 / (samples[-1].t_us - samples[0].t_us)


def events_of(node: NodeClient, points: Points) -> list[tuple[int, int, int | None, int, str]]:
    """All events the node holds: (t_us, code, sensor, value, text)."""
    oldest, end = points.events
    answer = node.records("DATA:EVENts?", points.run_id, oldest, end - oldest)
    size = answer.size
    records = [answer.payload[n * size : (n + 1) * size] for n in range(answer.count)]
    return [unpack_event(record) for record in records]


def plain_block(line: serial.SerialBase, command: str) -> bytes:
    """A block answer read by IEEE 488.2's rules alone, its CRC-32 checked."""
    line.write(command.encode() + b"\n")
    lead = line.read(2)
    assert lead[:1] == b"#", lead
    digits = int(lead[1:])
    block = bytes(line.read(int(line.read(digits))))
    assert line.read(1) == b"\n"
    assert zlib.crc32(block[:-4]) == int.from_bytes(block[-4:], "little")
    return block


def plain_ask(line: serial.SerialBase, command: str) -> str:
    """A line for a line, as PyVISA's query() does it."""
    line.write(command.encode() + b"\n")
    return bytes(line.readline()).decode().strip()

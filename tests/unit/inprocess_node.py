"""The real node and its simulated sensors in this process, on a line made of two byte buffers.

Time stands still unless a test lets it pass, so nothing here waits or depends on the machine.
"""

import functools
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from prkbench.cli.demo import EASY, demo_rig
from prkbench.client import NodeClient
from prkbench.errors import LineLost
from prkbench.logger import Capture, Logger
from prkbench.node_setup import node_config
from prkbench.rig import Rig
from prkbench.runfile import RunFile
from prkbench.sim.rig_world import surroundings_of, world_for
from prkbench.sim.world import BenchSensor
from prknode.node import Node
from prknode.ticks import TICKS_MASK

START_TICKS = TICKS_MASK - 5_000_000
Address = tuple[int, int]


class ChipBus:
    """One I2C bus over simulated chips, brought to the board's time before every transfer."""

    def __init__(self, board: "Board", number: int) -> None:
        self._board = board
        self._number = number

    def _chip(self, address: int) -> BenchSensor:
        at = self._number, address
        if at not in self._board.chips or at in self._board.absent:
            raise OSError(5)
        chip = self._board.chips[at]
        chip.advance(self._board.now_us)
        return chip

    def readfrom_mem_into(self, address: int, register: int, buffer: bytearray) -> None:
        buffer[:] = self._chip(address).read_burst(register, len(buffer))

    def writeto_mem(self, address: int, register: int, buffer: bytes) -> None:
        chip = self._chip(address)
        for n, value in enumerate(buffer):
            chip.write(register + n, value)


class Board:
    """What prknode.board describes, with a clock that only tests move."""

    def __init__(self, chips: Mapping[Address, BenchSensor], first_run: int) -> None:
        self.chips = chips
        self.absent: set[Address] = set()
        self.now_us = 0
        self.incoming = bytearray()
        self.sent = bytearray()
        self._buses = [ChipBus(self, 0), ChipBus(self, 1)]
        self._run = first_run - 1

    def ticks_us(self) -> int:
        return (START_TICKS + self.now_us) & TICKS_MASK

    def bus(self, number: int) -> ChipBus:
        return self._buses[number]

    def read_into(self, buffer: bytearray) -> int:
        n = min(len(buffer), len(self.incoming))
        buffer[:n] = self.incoming[:n]
        del self.incoming[:n]
        return n

    def write(self, view: memoryview) -> int:
        self.sent += view
        return len(view)

    def valves(self) -> tuple[str, ...]:
        return ()

    def set_valve(self, i: int, is_open: bool) -> None:
        """There is none."""

    def unique_id(self) -> str:
        return "virtual-0001"

    def new_run_id(self) -> int:
        self._run += 1
        return self._run

    def memory(self) -> tuple[int, int]:
        return 0, 0

    def collect(self) -> None:
        """There is nothing to collect for."""

    def reset(self) -> None:
        """The tests restart the bench themselves."""

    def reset_cause(self) -> str:
        return "power"


class Bench:
    """A rig's world, its node, and the line to it, which is what prkbench.client wants of one.

    ring_records: samples the node's ring holds; spoil: changes what the node sends, per answer
    read, for tests of a bad line.
    """

    def __init__(
        self,
        rig: Rig,
        seed: int = 1,
        *,
        hvac_k: float = 0.3,
        ring_records: int = 4096,
        first_run: int = 4097,
        config: Mapping[str, Any] | None = None,
    ) -> None:
        self.rig = rig
        world, self.truth = world_for(rig, seed, surroundings=surroundings_of(rig, hvac_k=hvac_k))
        self._config = dict(config or node_config(rig))
        self._ring_records = ring_records
        self.board = Board(world.chips, first_run)
        self.timeout_s = 3.0
        self.port = "in-process"
        self.commands: list[str] = []
        self.spoil: Callable[[str, bytes], bytes] = lambda command, answer: answer
        self.on_command: Callable[[str], None] = lambda command: None
        self._unread = b""
        self.restart()

    def restart(self) -> None:
        """Power on: a new node without memory; half a second to bring its sensors up."""
        self.board.incoming.clear()
        self.board.sent.clear()
        self._unread = b""
        self.node = Node(self.board, self._config, self._ring_records)
        self.pass_s(0.5)

    def pass_s(self, seconds: float) -> None:
        """Let simulated time pass."""
        end = self.board.now_us + round(seconds * 1e6)
        while self.board.now_us < end:
            wait = max(50, self.node.step(self.board.ticks_us()))
            self.board.now_us = min(end, self.board.now_us + wait)

    # What a Transport does ----------------------------------------------------------------

    def write(self, data: bytes) -> None:
        command = data.decode("ascii").strip()
        if command:
            self.commands.append(command)
            self.on_command(command)
        self.board.incoming += data
        for _ in range(10_000):
            if not self.node._link.step(self.board.ticks_us()):
                break
        else:
            raise AssertionError(f"{command}: the node never came to rest")
        self._unread += self.spoil(command, bytes(self.board.sent))
        self.board.sent.clear()

    def read(self, count: int) -> bytes:
        if len(self._unread) < count:
            raise LineLost(f"{self.port}: no answer within 3 s")
        data, self._unread = self._unread[:count], self._unread[count:]
        return data

    def read_line(self, limit: int = 4096) -> bytes:
        if b"\n" not in self._unread:
            raise LineLost(f"{self.port}: no answer within 3 s")
        line, _, self._unread = self._unread.partition(b"\n")
        return line

    def drain(self, quiet_s: float = 0.05, longest_s: float = 1.0) -> bytes:
        data, self._unread = self._unread, b""
        return data

    def close(self) -> None:
        """A line of bytes needs no closing."""

    # What tests do with it ----------------------------------------------------------------

    def client(self, monkeypatch: pytest.MonkeyPatch | None = None) -> NodeClient:
        """A client of this node that has greeted it."""
        client = NodeClient(self)  # type: ignore[arg-type]
        client._greet()
        return client

    def plug_in(self, monkeypatch: pytest.MonkeyPatch, turn_s: float = 600.0) -> None:
        """Make this bench what every port leads to; time passes whenever the logger rests."""
        monkeypatch.setattr("prkbench.client.Transport", lambda port, timeout_s=3.0: self)
        monkeypatch.setattr("prkbench.logger.time.sleep", lambda s: self.pass_s(turn_s))

    def log(self, file: RunFile, seconds: float, turn_s: float = 600.0) -> Capture:
        """Log into an open file up to a node time; the node is started if it is idle."""
        with pytest.MonkeyPatch.context() as patch:
            self.plug_in(patch, turn_s)
            client = self.client()
            if client.run_time_us() is None:
                client.command("INITiate")
            return Logger(client, file, seconds).run()


def bench_rig(lb_per_day: float = 1.0, rate_hz: float = 0.5) -> Rig:
    """The demo's rig with this leak at ten times the PrK's pace."""
    return demo_rig(lb_per_day, EASY, rate_hz)


def meta_of(bench: Bench) -> dict[str, Any]:
    """What `prk log` notes of a session."""
    return {
        "source": "node",
        "title": bench.rig.rig.name,
        "rig": bench.rig.to_toml(),
        "node": bench.board.unique_id(),
        "simulated": True,
    }


@functools.cache
def recorded(
    minutes: float = 45.0, lb_per_day: float = 1.0, seed: int = 1, hvac_k: float = 0.3
) -> bytes:
    """A whole run file of a bench that leaks so much, as bytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.prk"
        bench = Bench(bench_rig(lb_per_day), seed, hvac_k=hvac_k)
        with RunFile.create(path, meta_of(bench)) as file:
            bench.log(file, minutes * 60.0)
        return path.read_bytes()


def recorded_file(folder: Path, **which: Any) -> Path:
    """The same in a folder of the test's own."""
    path = folder / "run.prk"
    path.write_bytes(recorded(**which))
    return path

"""A host of a few lines for the virtual node's tests, independent of the package's own client."""

import random
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import serial

from prkbench.sim.chamber import BenchSpec
from prkbench.sim.child_process import Interpreter
from prkbench.sim.elements import ViscousCapillary
from prkbench.sim.unix_node import VirtualNode
from prkbench.sim.world import World


def config(rate_mhz: int, osr_p: int = 16) -> dict[str, object]:
    return {
        "rate_mhz": rate_mhz,
        "osr_p": osr_p,
        "osr_t": 2 if osr_p == 16 else 1,
        "sensors": [
            {"bus": 0, "address": 0x76, "role": "CHAMBER"},
            {"bus": 0, "address": 0x77, "role": "AMBIENT"},
        ],
    }


def bench(seed: int = 1) -> World:
    spec = BenchSpec(ViscousCapillary(0.16e-3, 1.5))
    return World(spec, seed, {(0, 0x76): "chamber", (0, 0x77): "ambient"})


@contextmanager
def serving(node: VirtualNode) -> Iterator[VirtualNode]:
    """Serve a node in a thread while the block runs."""
    thread = threading.Thread(target=node.serve, daemon=True)
    thread.start()
    try:
        yield node
    finally:
        node.stop()
        thread.join(10)
        assert not thread.is_alive(), "stop() did not end serve()"
        node.close()


class PlainHost:
    """Asks and reads blocks over a serial port."""

    def __init__(self, port: str) -> None:
        self.line = serial.serial_for_url(port, timeout=10)

    def tell(self, command: str) -> None:
        self.line.write(command.encode() + b"\n")

    def ask(self, command: str) -> str:
        self.tell(command)
        return self.line.readline().decode().strip()

    def block(self, command: str) -> tuple[int, int, bytes]:
        """First, count and records of a block answer."""
        self.tell(command)
        mark = self.line.read(2)
        assert mark[:1] == b"#", mark
        body = self.line.read(int(self.line.read(int(mark[1:]))))
        assert self.line.read(1) == b"\n"
        _, first, count, size = struct.unpack_from("<IIHH", body)
        return first, count, body[12 : 12 + count * size]

    def log(
        self, samples: int, pauses: random.Random | None, rest_s: float = 0.0
    ) -> dict[str, bytes]:
        """All records of a run of that many samples, asked for at random moments of wall time."""
        taken = {"READ": bytearray(), "BLOC": bytearray(), "RES": bytearray()}
        commands = {"BLOC": "DATA:BLOC?", "RES": "CALC:DEC:READ?"}
        following = dict.fromkeys(taken, 0)
        while following["READ"] < samples:
            full = True
            while full:
                first, count, records = self.block(f"DATA:READ? {following['READ']},200")
                assert first == following["READ"], f"samples lost before {first}"
                following["READ"] += count
                taken["READ"] += records
                full = count == 200
            for kind, command in commands.items():
                first, count, records = self.block(f"{command} {following[kind]},200")
                assert first == following[kind], f"{kind}: records lost before {first}"
                following[kind] += count
                taken[kind] += records
            time.sleep(rest_s if pauses is None else pauses.random() * 0.03)
        return {kind: bytes(data) for kind, data in taken.items()}


def records(
    samples: int,
    *,
    rate_mhz: int = 1000,
    interpreter: Interpreter = "micropython",
    cycles: int = 32,
    pauses: int = 1,
) -> dict[str, bytes]:
    """What a run on the test bench leaves: samples, block results and estimates up to a slot."""
    node = VirtualNode(
        bench().chips, config(rate_mhz), interpreter=interpreter, rehearsed_cycles=cycles
    )
    with serving(node):
        host = PlainHost(node.port)
        host.tell("INIT")
        taken = host.log(samples, random.Random(pauses))
        host.line.close()
    return taken


def common(a: dict[str, bytes], b: dict[str, bytes]) -> dict[str, tuple[bytes, bytes]]:
    """Both runs' records as far as both go."""
    return {kind: (a[kind][: len(b[kind])], b[kind][: len(a[kind])]) for kind in a}

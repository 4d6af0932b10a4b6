"""How fast the virtual node is on this machine, and which process takes the time.

Run it: python tests/benchmarks/virtual_node_speed.py [simulated hours at 1 Hz, default 24]
"""

import os
import resource
import sys
import time
from dataclasses import dataclass
from multiprocessing import Pipe, Process
from multiprocessing.connection import Connection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "emulator"))

from plain_host import PlainHost, bench, config

from prkbench.sim.unix_node import VirtualNode


@dataclass(frozen=True)
class Figures:
    """Wall and processor seconds of one run."""

    samples: int
    simulated_s: float
    wall_s: float
    server_s: float
    child_s: float
    host_s: float
    exchanges: int

    def __str__(self) -> str:
        each = 1e6 / self.samples
        return (
            f"{self.samples} samples x 2 sensors, {self.simulated_s:.0f} s simulated: "
            f"{self.wall_s:.2f} s wall, {self.wall_s * each:.1f} us a sample, "
            f"{self.simulated_s / self.wall_s:.0f} x real time\n"
            f"  processor, us a sample: server {self.server_s * each:.1f}, "
            f"child {self.child_s * each:.1f}, host {self.host_s * each:.1f}; "
            f"{self.exchanges / self.samples:.3f} exchanges a sample"
        )


def _processor_s(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def _serve(link: Connection, rate_mhz: int, osr_p: int) -> None:
    node = VirtualNode(bench().chips, config(rate_mhz, osr_p))
    link.send(node.port)

    def stop_when_told() -> None:
        link.recv()
        node.stop()

    import threading

    threading.Thread(target=stop_when_told, daemon=True).start()
    before = _processor_s(resource.RUSAGE_SELF)
    node.serve()
    server = _processor_s(resource.RUSAGE_SELF) - before
    node.close()
    link.send((server, _processor_s(resource.RUSAGE_CHILDREN), node.exchanges))


def measure(samples: int, rate_mhz: int, osr_p: int = 16) -> Figures:
    """Log that many samples from a node in a process of its own."""
    ours, theirs = Pipe()
    process = Process(target=_serve, args=(theirs, rate_mhz, osr_p))
    process.start()
    host = PlainHost(ours.recv())
    host.ask("*IDN?")
    host.tell("INIT")
    host_before = _processor_s(resource.RUSAGE_SELF)
    start = time.perf_counter()
    taken = host.log(samples, None, rest_s=0.01)
    wall = time.perf_counter() - start
    host_s = _processor_s(resource.RUSAGE_SELF) - host_before
    ours.send("stop")
    server, child, exchanges = ours.recv()
    process.join()
    count = len(taken["READ"]) // 20
    return Figures(count, count * 1e3 / rate_mhz, wall, server, child, host_s, exchanges)


if __name__ == "__main__":
    hours = float(sys.argv[1]) if len(sys.argv) > 1 else 24.0
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    print("forced mode, 1 Hz:", measure(int(hours * 3600), 1000))
    print("FIFO, 200 Hz:", measure(60000, 200000, osr_p=1))

"""The virtual node: the same bytes however it is run, and no process left behind."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest
from plain_host import PlainHost, bench, common, config, records, serving

from prkbench.errors import UsageError
from prkbench.sim.child_process import Interpreter, default_interpreter
from prkbench.sim.unix_node import VirtualNode
from prkbench.sim.virtual_line import PublicSocket

needs_micropython = pytest.mark.skipif(
    default_interpreter() != "micropython", reason="MicroPython's unix port is not installed"
)
SAMPLES = 3000
"""50 min at 1 Hz: fifty blocks, the wrap of the tick counter twice."""


@pytest.fixture(scope="module")
def reference() -> dict[str, bytes]:
    """One run without any rehearsal: every step asked for."""
    return records(SAMPLES, interpreter=default_interpreter(), cycles=0)


@pytest.mark.parametrize("cycles", [1, 16, 32])
def test_rehearsing_and_the_moments_of_commands_change_no_bit(
    reference: dict[str, bytes], cycles: int
) -> None:
    run = records(SAMPLES, interpreter=default_interpreter(), cycles=cycles, pauses=cycles)
    for kind, (a, b) in common(reference, run).items():
        assert len(a) > 40 * 20, kind
        assert a == b, kind


@needs_micropython
def test_cpython_gives_the_same_bytes_as_micropython(reference: dict[str, bytes]) -> None:
    """Both have double floats on this platform, and results come from exact integers."""
    run = records(SAMPLES, interpreter="cpython")
    for kind, (a, b) in common(reference, run).items():
        assert len(a) > 40 * 20, kind
        assert a == b, kind


def test_the_fifo_path_gives_the_same_bytes_whenever_it_is_asked() -> None:
    """200 samples a second of two sensors: bursts from the FIFO pass the bridge whole."""
    runs = []
    for pauses in (1, 2):
        node = VirtualNode(bench().chips, config(200000, osr_p=1))
        with serving(node):
            host = PlainHost(node.port)
            host.tell("INIT")
            runs.append(host.log(4000, random.Random(pauses)))
            assert host.ask("SYST:ERR?").startswith("0,")
            host.line.close()
    for kind, (a, b) in common(*runs).items():
        assert a == b, kind


def test_a_node_whose_child_is_killed_comes_back() -> None:
    node = VirtualNode(bench().chips, config(1000))
    with serving(node):
        host = PlainHost(node.port)
        assert host.ask("*IDN?").startswith("prkbench,")
        node.kill_child()
        assert "soft reboot" in (host.line.readline() + host.line.readline()).decode()
        assert host.ask("*IDN?").startswith("prkbench,")
        host.line.close()


def test_a_host_that_does_not_read_stops_nothing_but_the_clock() -> None:
    node = VirtualNode(bench().chips, config(1000))
    with serving(node):
        host = PlainHost(node.port)
        host.tell("INIT")
        for _ in range(300):
            host.tell("SYST:TIME?")
        time.sleep(0.3)
        host.line.reset_input_buffer()
        host.line.timeout = 0.2
        while host.line.read(4096):
            pass
        host.line.timeout = 10
        assert host.ask("*IDN?").startswith("prkbench,")
        host.line.close()


def test_a_socket_is_served_on_this_machine_only() -> None:
    with pytest.raises(UsageError, match="only"):
        PublicSocket("0.0.0.0", 0)
    node = VirtualNode(bench().chips, config(1000), line=PublicSocket("localhost", 0))
    with serving(node):
        for _ in range(2):
            host = PlainHost(node.port)
            assert host.ask("*IDN?").startswith("prkbench,")
            host.line.close()
        host = PlainHost(node.port)
        host.tell("INIT")
        taken = host.log(400, None)
        assert len(taken["READ"]) >= 400 * 20
        host.line.close()


# The command ------------------------------------------------------------------------------


def start_command(*arguments: str) -> tuple["subprocess.Popen[str]", dict[str, object]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "prkbench.cli.app", "node", "--json", *arguments],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())


def children(pid: int) -> list[int]:
    found = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False
    )
    return [int(line) for line in found.stdout.split()]


def ended(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def wait_for_end(pids: list[int], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if all(ended(pid) for pid in pids):
            return True
        time.sleep(0.02)
    return False


def test_prk_node_says_its_port_first_and_ends_on_sigterm() -> None:
    process, said = start_command("--realtime")
    assert said["pid"] == process.pid
    assert said["interpreter"] == default_interpreter()
    host = PlainHost(str(said["port"]))
    assert host.ask("*IDN?").startswith("prkbench,")
    host.line.close()
    inside = children(process.pid)
    assert len(inside) == 1
    process.send_signal(signal.SIGTERM)
    assert process.wait(5) == 0
    assert wait_for_end(inside, 2.0)


@pytest.mark.parametrize("interpreter", ["micropython", "cpython"])
def test_no_child_outlives_a_killed_prk_node(interpreter: Interpreter) -> None:
    if interpreter == "micropython" and default_interpreter() != "micropython":
        pytest.skip("MicroPython's unix port is not installed")
    process, said = start_command("--interpreter", interpreter, "--fast")
    host = PlainHost(str(said["port"]))
    host.tell("INIT")
    assert host.ask("*IDN?").startswith("prkbench,")
    inside = children(process.pid)
    assert len(inside) == 1
    process.kill()
    process.wait(5)
    assert wait_for_end(inside, 3.0)
    host.line.close()

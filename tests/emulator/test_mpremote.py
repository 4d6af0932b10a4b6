"""What a user does to a board with mpremote works on the virtual node just so."""

import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import serial

from prkbench.sim.chamber import BenchSpec
from prkbench.sim.elements import ViscousCapillary
from prkbench.sim.unix_node import VirtualNode
from prkbench.sim.world import World

pytest.importorskip("micropython_unix", reason="MicroPython's unix port is not installed")

CONFIG = {
    "rate_mhz": 1000,
    "sensors": [
        {"bus": 0, "address": 0x76, "role": "CHAMBER"},
        {"bus": 0, "address": 0x77, "role": "AMBIENT"},
    ],
}


@pytest.fixture
def node() -> Iterator[VirtualNode]:
    world = World(
        BenchSpec(ViscousCapillary(0.16e-3, 1.5)),
        1,
        {(0, 0x76): "chamber", (0, 0x77): "ambient"},
    )
    node = VirtualNode(world.chips, CONFIG, interpreter="micropython")
    thread = threading.Thread(target=node.serve, daemon=True)
    thread.start()
    yield node
    node.stop()
    thread.join(10)
    assert not thread.is_alive()
    node.close()


def mpremote(node: VirtualNode, *arguments: str) -> str:
    """Run one mpremote command; its output."""
    done = subprocess.run(
        [sys.executable, "-m", "mpremote", "connect", node.port, *arguments],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def identity(port: serial.Serial) -> bytes:
    port.write(b"\n*IDN?\n")
    return port.readline()


def identity_after_reset(port: serial.Serial) -> bytes:
    """Ask until there is an answer: what a board is sent before it resets is lost."""
    port.timeout = 0.5
    for _ in range(20):
        answer = identity(port)
        if answer:
            break
    port.timeout = 5
    return answer


def open_port(node: VirtualNode) -> serial.Serial:
    return serial.Serial(node.port, timeout=5)


def test_mpremote_reaches_a_running_node_and_reset_brings_it_back(node: VirtualNode) -> None:
    with open_port(node) as port:
        assert identity(port).startswith(b"prkbench,")
        port.write(b"INIT\n")
    assert mpremote(node, "exec", "print(1 + 1)") == "2\n"
    assert mpremote(node, "eval", "2**10") == "1024\n"
    mpremote(node, "reset")
    with open_port(node) as port:
        assert identity_after_reset(port).startswith(b"prkbench,")


def test_files_go_both_ways_unchanged(node: VirtualNode, tmp_path: Path) -> None:
    content = bytes(range(256)) * 20
    sent, back = tmp_path / "sent.bin", tmp_path / "back.bin"
    sent.write_bytes(content)
    mpremote(node, "fs", "mkdir", "d", "+", "fs", "cp", str(sent), ":d/x.bin")
    listing = mpremote(node, "fs", "ls", "d")
    assert f"{len(content)} x.bin" in listing
    mpremote(node, "fs", "cp", ":d/x.bin", str(back))
    assert back.read_bytes() == content
    assert mpremote(node, "fs", "cat", ":config.json").startswith('{"rate_mhz": 1000')
    mpremote(node, "fs", "rm", "d/x.bin", "+", "fs", "rmdir", "d")
    assert "d/" not in mpremote(node, "fs", "ls").split()


def test_soft_reset_run_and_df_answer_as_on_a_board(node: VirtualNode, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("import sys\nprint('ran on', sys.implementation.name)\n")
    mpremote(node, "soft-reset")
    assert mpremote(node, "run", str(script)) == "ran on micropython\n"
    size = int(mpremote(node, "df").splitlines()[1].split()[-5])
    assert size == 352 * 4096, "the size of a board's flash, not of the host's disk"


def test_a_changed_main_runs_after_reset(node: VirtualNode, tmp_path: Path) -> None:
    main = tmp_path / "main.py"
    main.write_text("print('my own main')\n")
    mpremote(node, "fs", "cp", str(main), ":main.py", "+", "reset")
    with open_port(node) as port:
        port.write(b"\r")
        assert port.read_until(b">>> ").endswith(b">>> "), "no node, so the REPL"
        port.write(b"\x04")
        assert b"my own main" in port.read_until(b"main\r\n")


def test_no_path_leads_out_of_the_virtual_flash(node: VirtualNode, tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("host")
    up = "/.." * 12
    tries = f"""
import os
for path in ({up + str(outside)!r}, {str(outside)!r}, {"../" * 12 + str(outside)[1:]!r}):
    for attempt in (open, os.stat, os.remove, os.ilistdir, lambda p: os.rename(p, "/got")):
        try:
            r = attempt(path)
            if hasattr(r, "__next__"):
                next(r)
            print("reached", path)
        except OSError:
            pass
os.chdir({up!r})
print(os.getcwd(), sorted(os.listdir({up!r})))
"""
    out = mpremote(node, "exec", tries)
    assert out == "/ ['config.json', 'main.py', 'prknode']\n"
    assert outside.read_text() == "host"


def test_a_serial_monitor_gets_the_repl_and_the_node_back(node: VirtualNode) -> None:
    with open_port(node) as port:
        assert identity(port).startswith(b"prkbench,")
        port.write(b"\x03\x03")
        assert b"KeyboardInterrupt" in port.read_until(b">>> ")
        port.write(b"print('a\\nb')\r")
        assert b"\r\na\r\nb\r\n>>> " in port.read_until(b"\n>>> "), "lines end in CR LF, once"
        port.write(b"\x04*IDN?\n")
        assert port.read_until(b"soft reboot\r\n").endswith(b"MPY: soft reboot\r\n")
        assert port.readline().startswith(b"prkbench,"), "what was typed ahead is not lost"


def test_interrupts_at_any_moment_leave_the_bridge_in_step(node: VirtualNode) -> None:
    """After each of many Ctrl-C and soft resets the node starts; at the end it measures rightly."""
    random_source = random.Random(5)
    with open_port(node) as port:
        for n in range(30):
            assert identity(port).startswith(b"prkbench,"), n
            if n % 3:
                port.write(b"INIT\n")
            # Up to 20 ms at some 10 000 simulated samples a second: anywhere in a transaction.
            threading.Event().wait(random_source.random() * 0.02)
            port.write(b"\r\x03")
            assert port.read_until(b">>> ").endswith(b">>> "), n
            port.write(b"\x04")
            assert port.read_until(b"reboot\r\n").endswith(b"reboot\r\n"), n
        assert identity(port).startswith(b"prkbench,")
        port.write(b"*CLS;:MEAS:PRES? (@1:2)\n")
        chamber, ambient = (float(x) for x in port.readline().split(b","))
        # 120 kPa falls towards 100 kPa; weather moves the room by some hundred Pa in hours.
        assert 95e3 < ambient < 105e3
        assert 95e3 < chamber < 121e3
        port.write(b"SYST:ERR?\n")
        assert port.readline().startswith(b"0,")

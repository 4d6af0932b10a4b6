"""`prk node --pico` as a user runs it: a process of its own, logged, verified and ended."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import serial
from inprocess_node import bench_rig
from prk_command import prk

from prkbench.client import NodeClient
from prkbench.runfile import Kind, RunFile
from prknode.records import EV_FAULT, EVENT_SIZE
from prknode.unpack import unpack_event

pytestmark = [
    pytest.mark.xdist_group("pico-node"),
    pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals are POSIX's"),
    # A node of its own, which boots as long as all others do; the device suite has a served one.
    pytest.mark.slow,
]
RIG = bench_rig(rate_hz=1.0)
ANSWER_S = 20.0
SECONDS, SLOT_S = 181, 60


@pytest.fixture(scope="module")
def rig_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rig") / "bench.toml"
    path.write_text(RIG.to_toml())
    return path


@pytest.fixture(scope="module")
def port(image: Path, rig_path: Path) -> Iterator[str]:
    """A node whose second sensor does not acknowledge one transfer, some way into the run."""
    arguments = [
        "--pico",
        str(image),
        "--fast",
        "--rig",
        str(rig_path),
        "--fault",
        "0x77:nack@45+1",
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "prkbench.cli.app", "node", "--json", *arguments, "--seed", "7"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        said = json.loads(process.stdout.readline())
        assert said["pid"] == process.pid
        assert "RP2040" in said["interpreter"]
        yield said["port"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0, "SIGTERM ends it in good order"
    finally:
        process.kill()


def test_a_run_is_logged_and_replays_to_the_bit(port: str, rig_path: Path, tmp_path: Path) -> None:
    path = tmp_path / "run.prk"
    duration = f"{SECONDS} s"
    ended = prk("log", "--port", port, "--out", path, "--rig", rig_path, "--duration", duration,
                "--json")  # fmt: skip
    assert ended.status == 0, ended
    logged = json.loads(ended.out)
    assert logged["lost"] == 0
    # A sample a second by the node's own clock from INITiate on.
    assert abs(logged["samples"] - SECONDS) <= 1
    verified = prk("verify", path, "--json")
    # Three minutes settle nothing: no verdict, but a replay that is exact.
    assert verified.status == 5, verified
    told = json.loads(verified.out)
    assert told["replay_exact"] is True
    assert told["gaps"] == 0
    with RunFile.open(path) as file:
        assert file.meta["simulated"] is True, "an emulated board's run is no measurement"
        run = file.runs()[0]
        assert file.next(run.run_id, Kind.BLOCK) == SECONDS // SLOT_S
        data = file.payload(run.run_id, Kind.EVENT)
    events = [unpack_event(data[n : n + EVENT_SIZE]) for n in range(0, len(data), EVENT_SIZE)]
    assert (1, "NACK") in [(e[2], e[4]) for e in events if e[1] == EV_FAULT], "--fault"


def test_the_run_goes_on_while_the_cable_is_out_and_nobody_reads(port: str) -> None:
    client = NodeClient.connect(port, ANSWER_S)
    client.write("ABORt")
    client.command("INITiate")
    run_id = client.points().run_id
    client.write("DATA:READ? 0,200")
    client.close()
    with serial.Serial(port, timeout=ANSWER_S) as line:
        # Whatever the board had to say meanwhile ends with the answer to this.
        line.write(b"\n*OPC?;*OPC?\n")
        assert line.read_until(b"1;1\n").endswith(b"1;1\n")
    client = NodeClient.connect(port, ANSWER_S)
    try:
        assert client.points().run_id == run_id
        before = client.points().samples[1]
        records = client.records("DATA:READ?", run_id, 0, 200)
        assert records.first == 0
        assert records.count >= before
    finally:
        client.close()

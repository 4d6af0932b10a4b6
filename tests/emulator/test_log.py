"""`prk log` on a served node: what ends it, what it leaves, and how it goes on."""

import contextlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from inprocess_node import bench_rig
from prk_command import prk, refused

from prkbench.node_setup import node_config
from prkbench.rig import Rig
from prkbench.runfile import Kind, RunFile
from prkbench.sim.rig_world import surroundings_of, world_for
from prkbench.sim.unix_node import VirtualNode

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals are POSIX's")
RIG = bench_rig()
START_S = 30.0


@contextlib.contextmanager
def served(rig: Rig = RIG, *, realtime: bool = False) -> Iterator[VirtualNode]:
    """A virtual node, served from a thread of this process."""
    world, _ = world_for(rig, 1, surroundings=surroundings_of(rig))
    node = VirtualNode(world.chips, node_config(rig), unique_id="00001", realtime=realtime)
    thread = threading.Thread(target=node.serve, daemon=True)
    thread.start()
    try:
        yield node
    finally:
        node.stop()
        thread.join(10)
        node.close()


@pytest.fixture
def rig_path(tmp_path: Path) -> Path:
    path = tmp_path / "bench.toml"
    path.write_text(RIG.to_toml())
    return path


def test_a_run_is_logged_verified_analysed_and_held_against_its_hash(
    tmp_path: Path, rig_path: Path
) -> None:
    run = tmp_path / "run.prk"
    with served() as node:
        ended = prk("log", "--port", node.port, "--out", run, "--duration", "44 min", "--json",
                    "--rig", rig_path)  # fmt: skip
    assert ended.status == 0, ended
    logged = json.loads(ended.out)
    assert logged["samples"] == 44 * 30
    assert logged["lost"] == 0
    head = logged["head"]

    verified = prk("verify", run, "--json", "--head", head[:16])
    assert verified.status == 0, verified
    assert json.loads(verified.out)["replay_exact"] is True
    assert abs(json.loads(verified.out)["en"]) <= 1.0

    with_rig = prk("verify", run, "--json", "--rig", rig_path, "--head", head.upper())
    assert with_rig.status == 0
    assert json.loads(with_rig.out)["k_per_s"] == json.loads(verified.out)["k_per_s"]

    wrong = "0" * 16 if not head.startswith("0" * 16) else "1" * 16
    changed = prk("verify", run, "--json", "--head", wrong)
    assert changed.status == 4
    assert any("noted hash FAILED" in reason for reason in json.loads(changed.out)["reasons"])

    analysed = prk("analyze", run)
    assert analysed.status == 0
    assert "LEAK" in analysed.out
    limited = prk("analyze", run, "--limit", "0.2 lb/day", "--json")
    assert limited.status == 1


def test_a_run_goes_on_in_its_file_and_a_later_hash_holds_the_earlier_one(
    tmp_path: Path, rig_path: Path
) -> None:
    run = tmp_path / "run.prk"
    with served() as node:
        log = ("log", "--port", node.port, "--out", run, "--json")
        first = json.loads(prk(*log, "--rig", rig_path, "--duration", "5 min").out)
        second = json.loads(prk(*log, "--duration", "12 min").out)
    assert first["run"] == second["run"]
    assert (first["samples"], second["samples"]) == (150, 210)
    assert first["head"] != second["head"]
    checked = json.loads(prk("verify", run, "--json").out)
    assert checked["samples"] == 360
    assert checked["gaps"] == 0
    assert checked["replay_exact"] is True
    # It went on since the first hash was noted, and says so.
    assert prk("verify", run, "--head", first["head"][:16]).status == 4


def start_log(node: VirtualNode, run: Path, *options: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "prkbench.cli.app", "log", "--port", node.port, "--out", str(run),
         *options],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def wait_for_samples(run: Path, least: int) -> int:
    """Wait until the growing file holds so many samples; the run's id."""
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        if run.exists():
            with contextlib.suppress(Exception), RunFile.open(run) as file:
                (only,) = file.runs()
                if file.next(only.run_id, Kind.SAMPLE) >= least:
                    return only.run_id
        time.sleep(0.02)
    raise AssertionError(f"no {least} samples within {START_S:g} s")


def wait_for_runs(run: Path, least: int) -> None:
    """Wait until the growing file holds so many runs, with samples of the last."""
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        with contextlib.suppress(Exception), RunFile.open(run) as file:
            runs = file.runs()
            if len(runs) >= least and file.next(runs[-1].run_id, Kind.SAMPLE):
                return
        time.sleep(0.02)
    raise AssertionError(f"no {least} runs within {START_S:g} s")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_capture_with_a_whole_file(
    tmp_path: Path, number: signal.Signals
) -> None:
    run = tmp_path / "run.prk"
    with served() as node:
        logging = start_log(node, run, "--json")
        run_id = wait_for_samples(run, 600)
        logging.send_signal(number)
        out, err = logging.communicate(timeout=20)
    assert logging.returncode == 0, err
    assert "Traceback" not in err
    told = json.loads(out)
    assert not run.with_name("run.prk-wal").exists()
    with RunFile.open(run) as file:
        assert file.check() == []
        assert file.head() == told["head"]
        assert file.next(run_id, Kind.SAMPLE) == told["samples"] >= 600
        assert file.gaps() == []
    assert prk("analyze", run, "--json").status in (0, 5)


def test_a_killed_host_leaves_a_file_that_the_next_one_goes_on_with(tmp_path: Path) -> None:
    run = tmp_path / "run.prk"
    with served() as node:
        logging = start_log(node, run)
        run_id = wait_for_samples(run, 300)
        logging.kill()
        logging.communicate(timeout=20)
        with RunFile.open(run) as file:
            held = file.next(run_id, Kind.SAMPLE)
            assert file.check() == []
        minutes = held / 30 + 10
        ended = prk("log", "--port", node.port, "--out", run, "--duration", f"{minutes:.3f} min")
        assert ended.status == 0, ended
    with RunFile.open(run) as file:
        assert [one.run_id for one in file.runs()] == [run_id]
        assert file.gaps() == []
    checked = json.loads(prk("analyze", run, "--json").out)
    assert checked["replay_exact"] is True


def test_a_node_that_loses_power_goes_on_with_a_new_run_and_the_loss_is_written_down(
    tmp_path: Path, rig_path: Path
) -> None:
    run = tmp_path / "run.prk"
    with served() as node:
        logging = start_log(node, run, "--json", "--rig", str(rig_path))
        run_id = wait_for_samples(run, 600)
        node.kill_child()
        wait_for_runs(run, 2)
        logging.send_signal(signal.SIGINT)
        out, err = logging.communicate(timeout=30)
    assert logging.returncode == 4, err
    assert "waiting for node virtual-00001" in err or "was restarted" in err
    told = json.loads(out)
    with RunFile.open(run) as file:
        (gap,) = file.gaps()
        assert gap.run_id == run_id
        assert "restarted" in gap.reason
        assert told["lost"] == gap.count > 0
        assert told["run"] != run_id
        assert file.check() == []
        held = sum(file.next(one.run_id, Kind.SAMPLE) for one in file.runs())
    assert told["samples"] + told["lost"] == held
    assert prk("analyze", run, "--json").status in (0, 4, 5)


def test_a_user_without_patience_is_told_and_what_was_fetched_is_kept(tmp_path: Path) -> None:
    run = tmp_path / "run.prk"
    with served() as node:
        logging = start_log(node, run, "--give-up", "0 s")
        run_id = wait_for_samples(run, 600)
        node.kill_child()
        out, err = logging.communicate(timeout=30)
        assert logging.returncode == 3, err
        assert err.splitlines()[-1].startswith("prk: ")
        assert "Traceback" not in err
        assert out == ""
        with RunFile.open(run) as file:
            held = file.next(run_id, Kind.SAMPLE)
            assert held >= 600
            assert file.check() == []
        # The next command finds the node started again and goes on with a new run.
        ended = prk("log", "--port", node.port, "--out", run, "--duration", "2 min", "--json")
        assert ended.status == 0, ended
        assert json.loads(ended.out)["run"] != run_id
    with RunFile.open(run) as file:
        assert len(file.runs()) == 2
        assert file.next(run_id, Kind.SAMPLE) == held


def test_two_loggers_of_one_port_do_not_disturb_each_other(tmp_path: Path) -> None:
    run = tmp_path / "run.prk"
    with served() as node:
        logging = start_log(node, run, "--json")
        wait_for_samples(run, 100)
        other = tmp_path / "other.prk"
        who = (f"process {logging.pid}, since 20", "stop that first")
        refused(prk("log", "--port", node.port, "--out", other), 2, node.port, *who)
        assert not other.exists()
        refused(prk("log", "--port", "loop://", "--out", run), 2, str(run), *who)
        logging.send_signal(signal.SIGINT)
        logging.communicate(timeout=20)
    assert logging.returncode == 0
    with RunFile.open(run) as file:
        assert file.gaps() == []


def test_a_node_in_real_time_keeps_step_with_the_wall_clock(tmp_path: Path) -> None:
    run = tmp_path / "run.prk"
    start = time.monotonic()
    with served(realtime=True) as node:
        ended = prk("log", "--port", node.port, "--out", run, "--duration", "3 s", "--json")
    assert ended.status == 0, ended
    # Samples at 0 and 2 s of node time; the one that ends the capture comes at 4 s.
    assert json.loads(ended.out)["samples"] == 2
    assert time.monotonic() - start >= 3.5
    with RunFile.open(run) as file:
        base = file.meta[f"timebase.{file.runs()[0].run_id}"]
    # Both clocks are this machine's; a busy one answers late by some tens of milliseconds of 4 s.
    assert base["rate_ns_per_us"] == pytest.approx(1000.0, abs=30.0)


def test_ports_are_listed_with_the_nodes_they_hold() -> None:
    with served() as node:
        ended = prk("list", "--json", "--port", node.port)
    assert ended.status == 0
    found = {entry["port"]: entry for entry in json.loads(ended.out)["ports"]}
    assert found[node.port]["node"].startswith("virtual-00001, firmware")


@pytest.mark.skipif(
    importlib.util.find_spec("micropython_unix") is None,
    reason="MicroPython's unix port is not installed",
)
def test_the_nodes_above_are_micropython_where_there_is_one() -> None:
    with served() as node:
        assert node.interpreter == "micropython"

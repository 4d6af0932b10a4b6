"""A whole run through the host tool, and what it leaves of the node's memory."""

import json
from pathlib import Path

import pytest
from device_target import Target, set_up, start
from prk_command import prk

from prkbench.client import NodeClient
from prkbench.runfile import Kind, RunFile

LEAK_BYTES = 4096
"""The garbage of a few commands; a run left behind would be many times that."""


def test_three_minutes_logged_replay_on_the_host_to_the_bit(
    node: NodeClient, target: Target, tmp_path: Path
) -> None:
    node.close()
    path = tmp_path / "run.prk"
    ended = prk(
        "log", "--port", target.port, "--out", path, "--duration", f"{target.run_s} s", "--json"
    )
    assert ended.status == 0, ended
    logged = json.loads(ended.out)
    assert logged["lost"] == 0
    # Without a rig file there is nothing to predict from: integrity and replay are what counts.
    checked = prk("analyze", path, "--json")
    assert checked.status in (0, 5), checked
    told = json.loads(checked.out)
    assert told["replay_exact"] is True
    assert told["samples"] == logged["samples"]
    assert told["gaps"] == 0
    with RunFile.open(path) as file:
        assert file.check() == []
        assert file.head() == logged["head"]
        run = file.runs()[0]
        assert file.next(run.run_id, Kind.BLOCK) == target.run_s // 60
        assert file.next(run.run_id, Kind.RESULT) == target.run_s // 60


def used_bytes(node: NodeClient, target: Target) -> int:
    if not target.memory_s:
        pytest.skip("this node collects garbage too seldom for its figures to say anything")
    return int(node.query("SYSTem:MEMory?").split(",")[0])


def test_memory_stays_flat_while_it_measures(node: NodeClient, target: Target) -> None:
    set_up(node, "1", 1, 1)
    capture = start(node)
    # The node collects once a minute: the least that is used in two minutes is what it keeps.
    least = [1 << 30, 1 << 30]
    now_us: int | None = 0
    while now_us is not None and now_us < target.memory_s * 1_000_000:
        half = 2 * now_us // (target.memory_s * 1_000_000)
        least[half] = min(used_bytes(node, target), least[half])
        capture.pull()
        target.rest(0.2)
        now_us = node.run_time_us()
    assert least[1] - least[0] < LEAK_BYTES, least


def test_new_runs_take_the_place_of_old_ones(node: NodeClient, target: Target) -> None:
    used = []
    for _ in range(6):
        # INITiate collects before it builds, so only what a run leaves behind can add up.
        start(node).until(3, 30.0)
        used.append(used_bytes(node, target))
        node.command("ABORt")
    assert max(used[2:]) - used[1] < LEAK_BYTES, used

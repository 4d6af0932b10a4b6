from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inprocess_node import Bench, Board, bench_rig, meta_of, recorded_file
from tampering import change_payload, flip

from prkbench.analysis.hostwindow import HostWindow
from prkbench.analysis.replay import Replay, Replayer, replay_run
from prkbench.client import NodeClient
from prkbench.runfile import Kind, RunFile
from prknode.records import (
    ALARM,
    BLOCK_FILL,
    FLAG_STATE_SHIFT,
    HOLDING,
    NO_SE,
    RESULT_SIZE,
    block_size,
    sample_size,
)
from prknode.segments import Row
from prknode.window import Window


def replayed(path: Path) -> Replay:
    with RunFile.open(path) as file:
        return replay_run(file, file.runs()[0])


@pytest.fixture(scope="module")
def run_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return recorded_file(tmp_path_factory.mktemp("replay"))


def test_every_block_and_result_of_the_node_comes_out_identical(run_path: Path) -> None:
    replay = replayed(run_path)
    assert replay.compared == 45
    assert replay.differing_bits == 0
    assert replay.first_difference is None
    assert replay.not_replayable == 0
    assert replay.exact


def test_the_windows_stand_as_the_node_left_them(run_path: Path) -> None:
    estimate = replayed(run_path).estimator.estimate
    assert estimate is not None
    assert estimate.se != NO_SE
    with RunFile.open(run_path) as file:
        last = file.payload(file.runs()[0].run_id, Kind.RESULT)[-RESULT_SIZE:]
    # RESULT: k is a signed 64-bit number at byte 12.
    assert int.from_bytes(last[12:20], "little", signed=True) == estimate.k


@settings(deadline=None, max_examples=10)
@given(data=st.data())
def test_any_flipped_bit_of_a_block_or_result_is_counted_and_named(
    run_path: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    kind, size = data.draw(st.sampled_from([("block", block_size(2)), ("result", RESULT_SIZE)]))
    record = data.draw(st.integers(0, 44))
    bit = data.draw(st.integers(0, 8 * size - 1))
    path = tmp_path_factory.mktemp("flip") / "run.prk"
    path.write_bytes(run_path.read_bytes())
    payloads: list[int] = []
    with RunFile.open(path) as file:
        payloads = [chunk.count for chunk in file.chunks(file.runs()[0].run_id, Kind(kind))]
    nth = 0
    at = record
    while at >= payloads[nth]:
        at -= payloads[nth]
        nth += 1
    change_payload(path, kind, flip(8 * size * at + bit), nth=nth, cover=True)
    replay = replayed(path)
    assert replay.differing_bits == 1
    assert not replay.exact
    assert replay.first_difference is not None
    if kind == "result":
        assert f"slot {record}:" in replay.first_difference


def test_how_samples_were_cut_into_chunks_makes_no_difference(run_path: Path) -> None:
    with RunFile.open(run_path) as file:
        run = file.runs()[0]
        payload = file.payload(run.run_id, Kind.SAMPLE)
    size = sample_size(2)
    whole, pieces = Replayer(run.setup), Replayer(run.setup)
    whole.feed(payload)
    for at in range(0, len(payload), 7 * size):
        pieces.feed(payload[at : at + 7 * size])
    assert whole.replay.results == pieces.replay.results
    assert len(whole.replay.results) == 44


def test_a_run_that_ends_with_its_slot_is_replayed_to_the_last_block(run_path: Path) -> None:
    """The node closes a slot on the sample after it, which lies beyond the captured duration."""
    replay = replayed(run_path)
    assert [block.slot for block in replay.blocks] == list(range(45))


def test_blocks_tell_which_of_them_count(run_path: Path) -> None:
    blocks = replayed(run_path).blocks
    # The set-up's ten minutes of settling, then everything.
    assert [block.settled for block in blocks] == [False] * 10 + [True] * 35
    assert {block.segment for block in blocks} == {1}
    assert all(block.reduced is not None and block.count == 30 for block in blocks)


def test_a_run_with_valve_and_alarm_replays_to_the_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Board, "valves", lambda self: ("FILL",))
    bench = Bench(bench_rig(rate_hz=1.0))
    path = tmp_path / "run.prk"
    with RunFile.create(path, meta_of(bench)) as file:
        bench.log(file, 300.0, turn_s=60.0)
        client = bench.client()
        # Nothing comes through this valve; that it was open ends the segment nevertheless.
        for _ in range(3):
            client.command("OUTPut:VALVe1 ON")
            bench.pass_s(5.0)
            client.command("OUTPut:VALVe1 OFF")
            bench.log(file, client_seconds(client) + 900.0, turn_s=60.0)
        bench.node.alarms.ringing = 1
        bench.node.show_state()
        bench.log(file, client_seconds(client) + 300.0, turn_s=60.0)
        replay = replay_run(file, file.runs()[0])
        states = {result[-RESULT_SIZE + 4] for result in replay.results}
        samples = file.payload(file.runs()[0].run_id, Kind.SAMPLE)
    assert replay.exact
    assert HOLDING in states
    assert replay.estimator.teeth.count == 3
    assert [b.flags & BLOCK_FILL for b in replay.blocks].count(BLOCK_FILL) == 3
    shown = {samples[at + 6] >> FLAG_STATE_SHIFT & 7 for at in range(0, len(samples), 20)}
    assert {HOLDING, ALARM} <= shown


def client_seconds(client: NodeClient) -> float:
    """How long the node has been measuring."""
    return (client.run_time_us() or 0) / 1e6


@given(st.lists(st.tuples(*[st.integers(-(2**30), 2**30)] * 3), min_size=6, max_size=90))
def test_batches_of_a_replay_are_the_nodes_also_when_the_window_slides(
    rows: list[tuple[int, int, int]],
) -> None:
    ours, theirs = HostWindow(30, 1007), Window(30, 1007)
    for slot, (i, d, y) in enumerate(rows):
        for window in (ours, theirs):
            window.add(Row(1, slot, i, d, y))
        assert ours.batches(6) == theirs.batches(6)
        assert ours.segments == theirs.segments

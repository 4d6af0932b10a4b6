from collections.abc import Callable
from pathlib import Path

import pytest
from inprocess_node import Bench, bench_rig, meta_of, recorded

from prkbench.errors import DataError, DeviceError, RunOver
from prkbench.logger import Logger, Progress
from prkbench.runfile import Kind, RunFile
from prknode.unpack import unpack_event


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    bench = Bench(bench_rig())
    bench.plug_in(monkeypatch, turn_s=120.0)
    return bench


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.prk"


def sample_times(file: RunFile, run_id: int) -> list[int]:
    payload = file.payload(run_id, Kind.SAMPLE)
    return [int.from_bytes(payload[n : n + 6], "little") for n in range(0, len(payload), 20)]


def test_a_capture_holds_everything_before_its_end_and_nothing_after(
    bench: Bench, path: Path
) -> None:
    with RunFile.create(path, meta_of(bench)) as file:
        capture = bench.log(file, 600.0, turn_s=130.0)
        run = capture.run_id
        times = sample_times(file, run)
        assert capture.complete
        assert capture.samples == len(times) == 300
        assert capture.lost == 0
        # The node's clock is the simulation's: due times to the microsecond, taken on time.
        assert times == [2_000_000 * n for n in range(300)]
        assert file.next(run, Kind.BLOCK) == file.next(run, Kind.RESULT) == 10
        assert file.check() == []
        assert file.gaps() == []
        events = file.payload(run, Kind.EVENT)
        assert unpack_event(events[:64])[1] == 1  # INIT


def test_the_file_does_not_depend_on_when_the_host_looked(tmp_path: Path) -> None:
    payloads = []
    for turn_s in (37.0, 600.0):
        bench = Bench(bench_rig())
        with RunFile.create(tmp_path / f"{turn_s}.prk", meta_of(bench)) as file:
            run = bench.log(file, 900.0, turn_s=turn_s).run_id
            payloads.append([file.payload(run, kind) for kind in Kind])
    assert payloads[0] == payloads[1]


def test_a_duration_that_ends_within_a_slot_leaves_that_slot_out(bench: Bench, path: Path) -> None:
    with RunFile.create(path, meta_of(bench)) as file:
        run = bench.log(file, 90.0).run_id
        assert file.next(run, Kind.SAMPLE) == 45
        assert file.next(run, Kind.BLOCK) == 1


def test_what_the_ring_overwrote_becomes_a_gap_and_what_follows_is_kept(path: Path) -> None:
    bench = Bench(bench_rig(), ring_records=100)
    with RunFile.create(path, meta_of(bench)) as file:
        capture = bench.log(file, 1200.0, turn_s=300.0)
        gaps = file.gaps()
        assert capture.lost == sum(gap.count for gap in gaps) > 0
        assert capture.samples + capture.lost == file.next(capture.run_id, Kind.SAMPLE) >= 600
        assert file.check() == []
        # 100 records are held of every 150 taken meanwhile.
        assert [(gap.first, gap.count) for gap in gaps][:2] == [(0, 50), (150, 50)]
        assert all("ring" in gap.reason for gap in gaps)
        held = sample_times(file, capture.run_id)
        assert held[0] == 2_000_000 * 50
        assert held[100] == 2_000_000 * 200


def test_logging_goes_on_in_the_same_file_without_loss_or_double(bench: Bench, path: Path) -> None:
    with RunFile.create(path, meta_of(bench)) as file:
        first = bench.log(file, 600.0)
    bench.pass_s(1000.0)
    with RunFile.open(path, readonly=False) as file:
        second = bench.log(file, 2700.0)
        assert second.run_id == first.run_id
        assert first.samples + second.samples == 1350
        once = payloads_of(file, first.run_id)
    # As if it had been logged in one go.
    whole = path.with_name("whole.prk")
    whole.write_bytes(recorded())
    with RunFile.open(whole) as file:
        assert once == payloads_of(file, first.run_id)


def payloads_of(file: RunFile, run_id: int) -> list[bytes]:
    return [file.payload(run_id, kind) for kind in (Kind.SAMPLE, Kind.BLOCK, Kind.RESULT)]


def test_without_a_run_there_is_nothing_to_log(bench: Bench, path: Path) -> None:
    with (
        RunFile.create(path, meta_of(bench)) as file,
        pytest.raises(DataError, match="no run to log; INITiate"),
    ):
        Logger(bench.client(), file, 60.0).run()


def test_a_run_that_has_ended_is_fetched_to_its_end(bench: Bench, path: Path) -> None:
    client = bench.client()
    client.command("INITiate")
    bench.pass_s(301.0)
    client.command("ABORt")
    with RunFile.create(path, meta_of(bench)) as file:
        capture = Logger(client, file, None).run()
        assert capture.samples == 151
        assert not capture.complete
        assert file.next(capture.run_id, Kind.BLOCK) == 5


def test_stop_ends_the_capture_after_the_turn_under_way(bench: Bench, path: Path) -> None:
    client = bench.client()
    client.command("INITiate")
    seen: list[Progress] = []
    with RunFile.create(path, meta_of(bench)) as file:
        logger = Logger(client, file, None, lambda now: stop_at(now))

        def stop_at(now: Progress) -> None:
            seen.append(now)
            if now.node_s >= 600.0:
                logger.stop = True

        capture = logger.run()
        assert 600.0 <= capture.node_s < 900.0
        assert file.check() == []
        assert file.next(capture.run_id, Kind.SAMPLE) == capture.samples
        assert f"timebase.{capture.run_id}" in file.meta
    assert len(seen) >= 2


def test_progress_tells_the_nodes_own_estimate_once_it_has_one(bench: Bench, path: Path) -> None:
    seen: list[tuple[float | None, str]] = []
    client = bench.client()
    client.command("INITiate")
    with RunFile.create(path, meta_of(bench)) as file:
        Logger(client, file, 2700.0, lambda now: seen.append((now.k_per_s, now.state))).run()
    assert seen[0] == (None, "SETTLING")
    k, state = seen[-1]
    assert state == "MEASURING"
    # The demo's leak at ten times the PrK's pace; a quarter of an hour knows it to some per cent.
    assert k == pytest.approx(1.1e-5, rel=0.2)


def fail_at(bench: Bench, nth: int, what: Callable[[], None]) -> None:
    """Do something to the bench at the nth request for samples."""
    count = 0

    def on_command(command: str) -> None:
        nonlocal count
        if command.startswith("DATA:READ?"):
            count += 1
            if count == nth:
                what()

    bench.on_command = on_command


def test_what_was_fetched_before_the_line_broke_is_in_the_file(bench: Bench, path: Path) -> None:
    client = bench.client()
    client.command("INITiate")
    bench.pass_s(1000.0)

    def cut() -> None:
        bench.spoil = lambda command, answer: b""

    # 500 samples wait: the third answer of the very first turn never comes.
    fail_at(bench, 3, cut)
    with RunFile.create(path, meta_of(bench)) as file:
        with pytest.raises(DeviceError, match="no answer"):
            Logger(client, file, None).run()
        assert file.next(4097, Kind.SAMPLE) == 200
        assert file.check() == []


def test_a_node_that_restarts_is_told_from_one_that_was_begun_anew(
    bench: Bench, path: Path
) -> None:
    client = bench.client()
    client.command("INITiate")
    bench.pass_s(300.0)
    with RunFile.create(path, meta_of(bench)) as file:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("prkbench.logger.time.sleep", lambda s: bench.restart())
            with pytest.raises(RunOver, match=r"restarted during run 4097.*is in the file"):
                Logger(client, file, None).run()
        assert file.next(4097, Kind.SAMPLE) == 150
        assert file.check() == []

        def anew() -> None:
            client.command("ABORt")
            client.command("INITiate")

        client.command("INITiate")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("prkbench.logger.time.sleep", lambda s: anew())
            with pytest.raises(RunOver, match=r"has begun run 4099 while run 4098"):
                Logger(client, file, None).run()


def test_another_run_of_the_same_number_is_not_mixed_into_the_file(
    bench: Bench, path: Path
) -> None:
    with RunFile.create(path, meta_of(bench)) as file:
        bench.log(file, 600.0)
    other = Bench(bench_rig(), seed=2)
    with (
        RunFile.open(path, readonly=False) as file,
        pytest.raises(DataError, match="another run; choose a new file"),
    ):
        other.log(file, 900.0)


def test_a_full_disk_ends_the_capture_with_what_was_committed(bench: Bench, path: Path) -> None:
    client = bench.client()
    client.command("INITiate")
    with RunFile.create(path, meta_of(bench)) as file:
        pages = file._db.rows("PRAGMA page_count")[0][0]
        file._db.rows(f"PRAGMA max_page_count = {pages + 12}")
        with pytest.raises(DataError, match=r"disk is full.*make room and go on"):
            Logger(client, file, 36000.0).run()
        held = file.next(4097, Kind.SAMPLE)
    with RunFile.open(path) as file:
        assert file.next(4097, Kind.SAMPLE) == held > 0
        assert file.check() == []


def test_samples_of_one_turn_are_fetched_in_pieces_of_the_largest_answer(
    bench: Bench, path: Path
) -> None:
    client = bench.client()
    client.command("INITiate")
    bench.pass_s(999.0)
    with RunFile.create(path, meta_of(bench)) as file:
        Logger(client, file, 900.0).run()
        counts = [chunk.count for chunk in file.chunks(4097, Kind.SAMPLE)]
    assert counts == [100, 100, 100, 100, 50]


def test_a_node_that_claims_more_than_it_sends_is_not_waited_for(bench: Bench, path: Path) -> None:
    client = bench.client()
    client.command("INITiate")
    bench.pass_s(10.0)

    def boast(command: str, answer: bytes) -> bytes:
        return b"4097,0,99,0,0,0,0,0,1\n" if command == "DATA:POINts?" else answer

    bench.spoil = boast
    with (
        RunFile.create(path, meta_of(bench)) as file,
        pytest.raises(DataError, match=r"says it holds sample 5, but sends none"),
    ):
        Logger(client, file, None).run()


def test_what_came_is_acknowledged_though_nothing_new_follows(bench: Bench, path: Path) -> None:
    """Or the node holds it to be waiting for ever; a virtual one would stop its clock for that."""
    client = bench.client()
    client.command("INITiate")
    bench.pass_s(600.0)
    with RunFile.create(path, meta_of(bench)) as file:
        logger = Logger(client, file, None)
        points = client.points()
        logger._begin_or_join(points.run_id, points)
        for _ in range(2):
            logger._fetch(points.run_id, points)
    node = bench.node
    for ring in (node.samples, node.blocks_ring, node.results, node.events):
        assert ring.taken == ring.next > 0

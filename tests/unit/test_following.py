"""A capture goes on over lost lines, restarts, other runs and full disks; what is lost is said."""

from collections.abc import Callable
from pathlib import Path

import pytest
from inprocess_node import Bench, bench_rig, meta_of

from prkbench.client import NodeClient
from prkbench.errors import DeviceError, LineLost
from prkbench.following import Follower
from prkbench.node_setup import apply_rig
from prkbench.runfile import Kind, RunFile


class Line:
    """A bench whose line can be cut, and whose host's clock is the bench's."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, turn_s: float = 20.0) -> None:
        self.bench = Bench(bench_rig(), ring_records=4096)
        self.cut = False
        self.tried = 0
        self.told: list[str] = []
        self.turns = 0
        self.at: dict[int, Callable[[], None]] = {}
        self._turn_s = turn_s
        self.bench.spoil = lambda command, answer: b"" if self.cut else answer
        monkeypatch.setattr("prkbench.logger.time.sleep", self._rest)
        monkeypatch.setattr("prkbench.hostclock._steady_ns", lambda: 1000 * self.bench.board.now_us)

    def _rest(self, seconds: float) -> None:
        self.turns += 1
        self.bench.pass_s(self._turn_s)
        self.at.pop(self.turns, lambda: None)()

    def again(self) -> NodeClient:
        self.tried += 1
        return self.bench.client()

    def mend(self) -> None:
        self.cut = False

    def break_(self) -> None:
        self.cut = True

    def follower(self, file: RunFile, seconds: float | None, **more: object) -> Follower:
        return Follower(
            self.bench.client(), file, self.begin, seconds,
            tell=self.told.append, **{"again": self.again, **more},  # type: ignore[arg-type]
        )  # fmt: skip

    def begin(self, client: NodeClient) -> None:
        if client.run_time_us() is None:
            apply_rig(client, self.bench.rig)
            client.command("INITiate")


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Line:
    return Line(monkeypatch)


def test_a_line_that_is_cut_and_mended_costs_nothing(line: Line, tmp_path: Path) -> None:
    line.at = {4: line.break_, 30: line.mend}
    with RunFile.create(tmp_path / "run.prk", meta_of(line.bench)) as file:
        capture = line.follower(file, 1500.0).run()
        assert capture.complete
        assert (capture.samples, capture.lost) == (750, 0)
        assert file.next(capture.run_id, Kind.SAMPLE) == 750
        assert file.gaps() == []
        assert file.check() == []
        marks = [mark.text for mark in file.marks()]
    assert line.tried > 3
    assert any("waiting for node virtual-0001" in text for text in marks)
    assert any("is back after" in text for text in marks)
    assert line.told == marks


def test_a_restarted_node_begins_a_new_run_and_what_was_lost_is_bounded_in_time(
    line: Line, tmp_path: Path
) -> None:
    line.at = {10: line.bench.restart}
    with RunFile.create(tmp_path / "run.prk", meta_of(line.bench)) as file:
        capture = line.follower(file, 1500.0).run()
        first, second = file.runs()
        (gap,) = file.gaps()
        assert (gap.run_id, gap.kind) == (first.run_id, Kind.SAMPLE)
        # The last turn before ended 20 s earlier: ten samples at 0.5 Hz, and one of doubt.
        assert 10 <= gap.count <= 11
        assert "restarted" in gap.reason
        assert file.next(first.run_id, Kind.SAMPLE) == gap.first + gap.count
        # Both runs, and the time between them, are what was asked for.
        total = file.next(first.run_id, Kind.SAMPLE) + file.next(second.run_id, Kind.SAMPLE)
        assert total == pytest.approx(750, abs=3)
        assert capture.lost == gap.count
        assert capture.samples == total - gap.count
        assert file.check() == []


def test_a_restart_behind_a_cut_line_is_found_out_when_the_line_is_back(
    line: Line, tmp_path: Path
) -> None:
    line.at = {5: line.break_, 12: line.bench.restart, 20: line.mend}
    with RunFile.create(tmp_path / "run.prk", meta_of(line.bench)) as file:
        line.follower(file, 1500.0).run()
        first, second = file.runs()
        (gap,) = file.gaps()
        # Looked at last after four turns of 20 s, restarted after twelve: 160 s at 0.5 Hz.
        assert 80 <= gap.count <= 81
        assert second.run_id != first.run_id


def test_another_run_begun_meanwhile_is_joined(line: Line, tmp_path: Path) -> None:
    other = line.bench.client()

    def anew() -> None:
        other.command("ABORt")
        other.command("INITiate")

    line.at = {6: anew}
    with RunFile.create(tmp_path / "run.prk", meta_of(line.bench)) as file:
        line.follower(file, 900.0).run()
        assert len(file.runs()) == 2
        (gap,) = file.gaps()
        assert "another run was begun" in gap.reason


def test_a_node_that_is_not_the_one_is_not_followed(line: Line, tmp_path: Path) -> None:
    strangers = 3

    def again() -> NodeClient:
        nonlocal strangers
        client = line.again()
        if strangers:
            strangers -= 1
            object.__setattr__(client.identity, "unique_id", "another")
        return client

    line.at = {3: line.break_, 6: line.mend}
    with RunFile.create(tmp_path / "run.prk", meta_of(line.bench)) as file:
        capture = line.follower(file, 900.0, again=again).run()
        assert capture.complete
        assert (strangers, capture.lost) == (0, 0)


def test_patience_ends_and_says_so(line: Line, tmp_path: Path) -> None:
    line.at = {3: line.break_}
    with RunFile.create(tmp_path / "run.prk", meta_of(line.bench)) as file:
        with pytest.raises(LineLost, match=r"was not back after 6\d\d s"):
            line.follower(file, None, patience_s=600.0).run()
        assert file.check() == []


def test_without_a_way_back_a_lost_line_is_the_end(line: Line, tmp_path: Path) -> None:
    line.at = {3: line.break_}
    with (
        RunFile.create(tmp_path / "run.prk", meta_of(line.bench)) as file,
        pytest.raises(DeviceError, match="no answer"),
    ):
        line.follower(file, None, again=None).run()


def test_stop_ends_the_waiting(line: Line, tmp_path: Path) -> None:
    with RunFile.create(tmp_path / "run.prk", meta_of(line.bench)) as file:
        follower = line.follower(file, None)
        line.at = {3: line.break_, 9: follower.stop}
        capture = follower.run()
        assert not capture.complete
        assert capture.samples == file.next(capture.run_id, Kind.SAMPLE) > 0


def test_a_full_disk_is_waited_for_and_costs_nothing(line: Line, tmp_path: Path) -> None:
    with RunFile.create(tmp_path / "run.prk", meta_of(line.bench)) as file:
        pages = file._db.rows("PRAGMA page_count")[0][0]

        def room() -> None:
            file._db.rows("PRAGMA max_page_count = 100000")

        file._db.rows(f"PRAGMA max_page_count = {pages + 4}")
        line.at = {60: room}
        capture = line.follower(file, 3600.0).run()
        assert capture.complete
        assert (capture.samples, capture.lost) == (1800, 0)
        assert file.gaps() == []
        assert file.check() == []
    assert any("waiting for room" in text for text in line.told)

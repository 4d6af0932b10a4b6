from pathlib import Path

import pytest
from inprocess_node import Bench, bench_rig, meta_of

from prkbench.analysis.conversion import Conversion
from prkbench.analysis.examine import examine
from prkbench.analysis.question import Question
from prkbench.cli.logging import _note
from prkbench.errors import DataError
from prkbench.livewatch import LiveWatch, RunWatch
from prkbench.logger import Capture, Logger, Progress
from prkbench.runfile import Kind, RunFile


def logged(
    bench: Bench, file: RunFile, seconds: float, watch: LiveWatch | None, turn_s: float = 600.0
) -> tuple[Capture, list[Progress]]:
    seen: list[Progress] = []

    def look(now: Progress) -> None:
        seen.append(Progress(**vars(now)))

    with pytest.MonkeyPatch.context() as patch:
        bench.plug_in(patch, turn_s)
        client = bench.client()
        if client.run_time_us() is None:
            client.command("INITiate")
        return Logger(client, file, seconds, look, watch).run(), seen


def watch_of(bench: Bench) -> tuple[LiveWatch, list[str]]:
    told: list[str] = []
    return LiveWatch(Conversion.from_rig(bench.rig), told.append), told


def test_a_leak_is_told_and_marked_in_the_file_once(tmp_path: Path) -> None:
    bench = Bench(bench_rig())
    watch, told = watch_of(bench)
    with RunFile.create(tmp_path / "run.prk", meta_of(bench)) as file:
        capture, seen = logged(bench, file, 3600.0, watch)
        assert [mark.text for mark in file.marks()] == told
        assert file.check() == []
    (sentence,) = told
    assert sentence.startswith("LEAK at 0.")
    assert "lb/day" in sentence
    assert capture.declared == told
    assert seen[-1].watched.startswith("LEAK")


def test_a_sealed_chamber_shows_evidence_and_bound_and_declares_nothing(tmp_path: Path) -> None:
    bench = Bench(bench_rig(0.0))
    watch, told = watch_of(bench)
    with RunFile.create(tmp_path / "run.prk", meta_of(bench)) as file:
        capture, seen = logged(bench, file, 3600.0, watch)
        assert file.marks() == []
    assert told == []
    assert capture.declared == []
    assert seen[0].watched == ""
    note = _note(seen[-1], Conversion.from_rig(bench.rig))
    assert note.startswith("MEASURING")
    assert "ln e" in note
    assert "< 0." in note


def test_what_was_declared_before_is_not_told_again_when_logging_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "run.prk"
    bench = Bench(bench_rig())
    with RunFile.create(path, meta_of(bench)) as file:
        logged(bench, file, 2400.0, watch_of(bench)[0])
    watch, told = watch_of(bench)
    with RunFile.open(path, readonly=False) as file:
        capture, seen = logged(bench, file, 3600.0, watch)
        assert len(file.marks()) == 1
    assert told == []
    assert capture.declared == [mark for mark in capture.declared if mark.startswith("LEAK")] != []
    assert seen[-1].watched.startswith("LEAK")


def test_the_evidence_does_not_depend_on_when_the_host_looked(tmp_path: Path) -> None:
    ends = []
    for turn_s in (61.0, 240.0):
        bench = Bench(bench_rig(0.0))
        watch, _ = watch_of(bench)
        with RunFile.create(tmp_path / f"{turn_s}.prk", meta_of(bench)) as file:
            logged(bench, file, 2400.0, watch, turn_s)
        assert watch._run is not None
        fit = watch._run.watch.fit
        assert fit is not None
        ends.append((fit.k_per_s, fit.se_per_s, fit.rows))
    assert ends[0] == pytest.approx(ends[1])


def test_a_watch_that_fails_is_said_and_the_capture_goes_on_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(bench_rig())
    watch, told = watch_of(bench)
    calls = 0

    def fail(self: RunWatch, kind: Kind, payload: bytes, looks: int) -> list[object]:
        nonlocal calls
        calls += 1
        # The first two are the file's own records, at the beginning.
        if calls > 2:
            raise ZeroDivisionError("no\nluck")
        return []

    monkeypatch.setattr(RunWatch, "take", fail)
    with RunFile.create(tmp_path / "run.prk", meta_of(bench)) as file:
        capture, seen = logged(bench, file, 2400.0, watch)
        assert capture.complete
        assert file.next(capture.run_id, Kind.SAMPLE) == 1200
        assert [mark.text for mark in file.marks()] == told
        assert file.check() == []
    (sentence,) = told
    assert sentence == "watching ended, the capture goes on: no luck"
    assert calls == 3
    assert seen[-1].watched == "not watched"


def test_a_mark_that_cannot_be_stored_does_not_end_the_capture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(bench_rig())
    watch, told = watch_of(bench)

    def full(self: RunFile, text: str, host_time_ns: int) -> None:
        raise DataError("the disk is full")

    monkeypatch.setattr(RunFile, "add_mark", full)
    with RunFile.create(tmp_path / "run.prk", meta_of(bench)) as file:
        assert logged(bench, file, 2400.0, watch)[0].complete
    assert any("the disk is full" in line for line in told)


def test_lost_results_leave_nothing_behind(tmp_path: Path) -> None:
    bench = Bench(bench_rig())
    with RunFile.create(tmp_path / "run.prk", meta_of(bench)) as file:
        capture, _ = logged(bench, file, 1800.0, None)
        (run,) = file.runs()
        watch = RunWatch(run.setup, 10.0)
        watch.take(Kind.BLOCK, file.payload(capture.run_id, Kind.BLOCK), 20)
        results = file.payload(capture.run_id, Kind.RESULT)
        assert len(watch._flags) == 30
        watch.take(Kind.RESULT, results[-56:], 20)
    assert watch._flags == {}


def test_live_and_afterwards_say_the_same(tmp_path: Path) -> None:
    bench = Bench(bench_rig(0.0))
    watch, _ = watch_of(bench)
    path = tmp_path / "run.prk"
    with RunFile.create(path, meta_of(bench)) as file:
        logged(bench, file, 3600.0, watch)
    with RunFile.open(path) as file:
        question = Question(bench.rig, Conversion.from_rig(bench.rig), False)
        after = examine(file, question).watch
    assert after is not None
    assert watch._run is not None
    live = watch._run.watch.evidence
    assert live is not None
    # One from the node's integers, the other from raw counts in double precision.
    assert after["log_e"] == pytest.approx(live.log_e, abs=1e-3)
    assert after["log_change"] == pytest.approx(watch._run.watch.log_r, abs=1e-3)

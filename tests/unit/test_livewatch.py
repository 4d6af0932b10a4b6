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


def test_what_the_operator_marks_settles_live_as_it_does_afterwards(tmp_path: Path) -> None:
    bench = Bench(bench_rig(0.0))
    watch, told = watch_of(bench)
    path = tmp_path / "run.prk"
    with RunFile.create(path, meta_of(bench)) as file:
        logged(bench, file, 2400.0, watch)
        bench.client().command('MARK "VENT: 1199 hPa"')
        watch, told = watch_of(bench)
        capture, seen = logged(bench, file, 5400.0, watch)
    assert told == []
    run = watch._run
    assert run is not None
    # An hour and a half of minutes, ten settling, the minute of the mark and twenty after it, and
    # each stretch's first and last, which have no neighbours.
    assert run.watch.fit is not None
    assert run.watch.fit.rows == 90 - 10 - 21 - 2 * 2
    with RunFile.open(path) as file:
        question = Question(bench.rig, Conversion.from_rig(bench.rig), False)
        after = examine(file, question).watch
    assert after is not None
    live = run.watch.evidence
    assert live is not None
    assert after["log_e"] == pytest.approx(live.log_e, abs=1e-3)
    assert capture.watched is not None
    assert capture.watched["log_e"] == live.log_e
    assert capture.watched["disturbed_h"] == []
    assert capture.conclusion.startswith("watched: no leak shown (ln e ")
    assert "lb/day at 95 %" in capture.conclusion
    assert seen[-1].watched.startswith("ln e")


def test_a_door_is_told_marked_and_left_out_of_the_live_watch(tmp_path: Path) -> None:
    bench = Bench(bench_rig(0.0))
    with RunFile.create(tmp_path / "run.prk", meta_of(bench)) as file:
        capture, _ = logged(bench, file, 5400.0, None)
        results = bytearray(file.payload(capture.run_id, Kind.RESULT))
        size = len(results) // 90
        for slot in range(60, 90):
            # Half a kelvin in ten minutes, from the hour on: temperature is the last field.
            at = (slot + 1) * size - 4
            kelvin = int.from_bytes(results[at : at + 4], "little")
            colder = kelvin - round(min(slot - 59, 10) * 0.05 * 2**20)
            results[at : at + 4] = colder.to_bytes(4, "little")
        (run,) = file.runs()
        watch = RunWatch(run.setup, 10.0)
        watch.take(Kind.BLOCK, file.payload(capture.run_id, Kind.BLOCK), 90)
        told = watch.take(Kind.RESULT, bytes(results), 90)
        live, sentences = watch_of(bench)
        live._run = RunWatch(run.setup, 10.0)
        blocks = (Kind.BLOCK, file.payload(capture.run_id, Kind.BLOCK))
        live.take(file, [(Kind.RESULT, bytes(results)), blocks][::-1], 0)
        assert [mark.text for mark in file.marks()] == sentences
    # .3 K in ten minutes are there with the seventh minute, twelve before the window is out.
    (only,) = told
    assert only.disturbed is not None
    assert only.declared == ()
    assert watch.calm.spans[0][0] == only.disturbed[0] <= 60 - 12
    assert watch.watch.fit is not None
    assert watch.watch.fit.rows <= only.disturbed[0] - 10
    assert sentences[0].startswith("DISTURBED from 0.")
    assert live.note.startswith("DISTURBED, left out until ")


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

"""Studies: the same figures whoever does the work, and no work lost with a worker."""

import functools
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import study_tasks
from dask_cluster import cluster, until
from hypothesis import given, settings
from hypothesis import strategies as st

from prkbench.errors import DataError, DeviceError, PrkError, UsageError
from prkbench.rig import default_rig
from prkbench.study.bench_task import bench_task
from prkbench.study.parquet import read_rows, write_rows
from prkbench.study.run import run_study
from prkbench.study.seeds import run_seeds
from prkbench.study.workers import refuse_other_versions


@given(st.integers(0, 2**64), st.integers(1, 60), st.integers(1, 60))
@settings(max_examples=30, deadline=None)
def test_a_run_has_the_same_seed_however_many_runs_follow(seed: int, few: int, more: int):
    first = run_seeds(seed, few)
    assert run_seeds(seed, few + more)[:few] == first
    # 64 draws of 63 bits: two alike would be a chance of 1e-16.
    assert len(set(first)) == few
    assert all(0 <= one < 2**63 for one in first)


def test_neighbouring_seeds_share_no_run():
    assert not set(run_seeds(1, 1000)) & set(run_seeds(2, 1000))


@pytest.mark.parametrize(("seed", "runs"), [(-1, 3), (1, 0)])
def test_no_seed_and_no_runs_are_refused(seed: int, runs: int):
    with pytest.raises(UsageError):
        run_seeds(seed, runs)


def test_rows_are_sorted_by_run_and_begin_with_run_and_seed():
    seeds = run_seeds(3, 5)
    rows = run_study(study_tasks.drawn, seeds, workers=0)
    assert [row["run"] for row in rows] == [0, 1, 2, 3, 4]
    assert [row["seed"] for row in rows] == seeds
    assert list(rows[0]) == ["run", "seed", "k_per_s", "word", "none"]


def test_progress_counts_every_run():
    told: list[int] = []
    run_study(
        study_tasks.drawn, run_seeds(3, 5), workers=0, progress=lambda done, _: told.append(done)
    )
    assert told == [1, 2, 3, 4, 5]


def test_two_processes_give_what_this_one_gives_to_the_bit(tmp_path: Path):
    # Runs of half an hour each: BLAS, noise, REML and all, in one process and in two.
    task, seeds = bench_task(default_rig(), 0.5), run_seeds(11, 10)
    run_study(task, seeds, workers=0, out=tmp_path / "one.parquet")
    run_study(task, seeds, workers=2, out=tmp_path / "two.parquet")
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()
    rows, about = read_rows(tmp_path / "two.parquet")
    assert [row["seed"] for row in rows] == seeds
    assert "prkbench" in about


def test_a_task_that_raises_ends_the_study_and_names_run_and_seed():
    seeds = run_seeds(5, 12)
    task = functools.partial(study_tasks.failing, seeds[7])
    with pytest.raises(PrkError) as caught:
        run_study(task, seeds, workers=0)
    assert str(caught.value) == (
        f"run 7 of the study (seed {seeds[7]}) failed: ZeroDivisionError: no such leak"
    )


def test_an_error_of_ours_keeps_its_exit_status():
    with pytest.raises(DataError, match="the chamber is gone"):
        run_study(study_tasks.refused, [1], workers=0)


def test_a_task_may_not_give_what_no_table_holds():
    with pytest.raises(PrkError, match="expected a number"):
        run_study(lambda _seed: {"a": np.zeros(3)}, [1], workers=0)  # type: ignore[dict-item]


def test_a_column_of_numbers_and_texts_is_refused_and_nothing_is_left(tmp_path: Path):
    with pytest.raises(DataError, match="'a'"):
        write_rows([{"a": 1.0}, {"a": "x"}], tmp_path / "s.parquet", {})
    assert not list(tmp_path.iterdir())


def test_figures_a_run_has_not_are_null(tmp_path: Path):
    out = tmp_path / "s.parquet"
    write_rows([{"run": 0, "a": 1}, {"run": 1, "b": "x"}], out, {"name": "E8"})
    rows, about = read_rows(out)
    assert rows == [{"run": 0, "a": 1, "b": None}, {"run": 1, "a": None, "b": "x"}]
    assert about["name"] == "E8"


def test_a_file_that_is_no_study_is_told(tmp_path: Path):
    (tmp_path / "s.parquet").write_text("no")
    with pytest.raises(DataError, match="not a study"):
        read_rows(tmp_path / "s.parquet")


def test_results_never_replace_a_file_and_that_is_said_before_the_work(tmp_path: Path):
    out = tmp_path / "s.parquet"
    out.write_text("precious")
    with pytest.raises(UsageError, match="exists already"):
        run_study(lambda _seed: pytest.fail("worked"), [1], workers=0, out=out)
    with pytest.raises(UsageError, match="no such folder"):
        run_study(study_tasks.drawn, [1], workers=0, out=tmp_path / "no" / "s.parquet")
    assert out.read_text() == "precious"


@pytest.mark.parametrize("address", ["foo", "tcp://", "tcp://host", "host:port", ""])
def test_what_is_no_address_is_refused(address: str):
    with pytest.raises(UsageError, match="tcp://host:8786"):
        run_study(study_tasks.drawn, [1], scheduler=address)


def test_a_scheduler_that_is_not_there_is_one_line_and_no_device(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("prkbench.study.workers._CONNECT_S", 0.3)
    with pytest.raises(DeviceError, match="no Dask scheduler answers") as caught:
        run_study(study_tasks.drawn, [1], scheduler="tcp://127.0.0.1:9")
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 3


def test_workers_and_a_scheduler_exclude_each_other():
    with pytest.raises(UsageError, match="--scheduler"):
        run_study(study_tasks.drawn, [1], scheduler="tcp://h:1", workers=2)


def test_other_versions_are_refused_with_both_named():
    with pytest.raises(DeviceError, match=r"numpy 0\.1, this machine"):
        refuse_other_versions({"numpy": "0.1"}, "a worker")


@pytest.mark.skipif(os.name != "posix", reason="looks for a POSIX signal")
def test_a_killed_workers_runs_are_done_again_and_change_nothing(tmp_path: Path):
    log = tmp_path / "begun.txt"
    task, seeds = functools.partial(study_tasks.slow, str(log)), run_seeds(7, 90)
    local = run_study(study_tasks.drawn, seeds, workers=0)
    with cluster(tmp_path, 2) as two:
        killed: list[int] = []

        def kill_one(done: int, note: str) -> None:
            # In the middle: some runs are back, both workers are at theirs.
            if not killed and done >= 10 and note == "2 workers":
                two.workers[0].kill()
                killed.append(done)

        rows = run_study(task, seeds, scheduler=two.address, progress=kill_one)
        assert killed
        assert killed[0] < 90
        assert two.workers[0].wait(10) == -signal.SIGKILL
    assert rows == local
    begun = log.read_text().split()
    assert {int(seed) for seed in begun} == set(seeds)
    # What the dead worker had begun was begun once more: by that the test knows it bit.
    assert len(begun) > len(seeds)


def test_a_scheduler_that_dies_ends_the_study_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    task = functools.partial(study_tasks.slow, str(tmp_path / "begun.txt"))
    monkeypatch.setattr("prkbench.study.run._PATIENCE_S", 3.0)
    with cluster(tmp_path, 1) as one:

        def kill_it(done: int, _note: str) -> None:
            if done:
                one.scheduler.kill()

        with pytest.raises(DeviceError) as caught:
            run_study(task, run_seeds(7, 200), scheduler=one.address, progress=kill_it)
        assert "\n" not in str(caught.value)


def test_a_cluster_without_workers_is_not_waited_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("prkbench.study.run._PATIENCE_S", 0.5)
    monkeypatch.setattr("prkbench.study.run._POLL_S", 0.2)
    with cluster(tmp_path, 0) as none, pytest.raises(DeviceError, match="no worker for"):
        run_study(study_tasks.drawn, [1, 2], scheduler=none.address)


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT to a process group")
@pytest.mark.parametrize(
    "whole_group",
    [True, pytest.param(False, marks=pytest.mark.slow)],
    ids=["terminal", "kill -INT"],
)
def test_ctrl_c_leaves_no_processes(tmp_path: Path, whole_group: bool):
    log = tmp_path / "pids.txt"
    script = (
        "import functools, study_tasks\n"
        "from prkbench.study.run import run_study\n"
        "if __name__ == '__main__':\n"
        f"    task = functools.partial(study_tasks.endless, {str(log)!r})\n"
        "    run_study(task, range(40), workers=2)\n"
    )
    (tmp_path / "study.py").write_text(script)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    process = subprocess.Popen(
        [sys.executable, str(tmp_path / "study.py")], cwd=tmp_path, env=environment,
        stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    reader = SimpleNamespace(text=b"")
    assert process.stderr is not None
    stderr = process.stderr
    listening = threading.Thread(target=lambda: setattr(reader, "text", stderr.read()))
    listening.start()
    try:
        until(lambda: log.exists() and len(log.read_text().split()) >= 2, "two workers at work")
        (os.killpg if whole_group else os.kill)(process.pid, signal.SIGINT)
        assert process.wait(20) == -signal.SIGINT
        workers = {int(pid) for pid in log.read_text().split()}
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), "workers gone")
    finally:
        process.kill()
        listening.join(5)
    assert b"KeyboardInterrupt" in reader.text

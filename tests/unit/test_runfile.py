"""The run file: nothing recorded is lost, nothing changed goes unnoticed."""

import json
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prkbench.errors import DataError, UsageError
from prkbench.runfile import Kind, RunFile

SETUP = json.dumps({"fw": "0.1.0", "rate": 5}).encode()


def filled(path: Path) -> RunFile:
    """Return a file with two runs, a gap, a mark and readings."""
    file = RunFile.create(path, {"operator": "me", "volume_m3": 4.0})
    file.begin_run(1, SETUP, 10)
    file.append(1, Kind.SAMPLE, 0, 2, b"aaaabbbb", 20, 200)
    file.add_gap(1, Kind.SAMPLE, 2, 3, "ring full", 30)
    file.append(1, Kind.SAMPLE, 5, 1, b"cccc", 40, 400)
    file.append(1, Kind.BLOCK, 0, 1, b"block-0!", 50, 500)
    file.begin_run(2, SETUP, 60)
    file.append(2, Kind.SAMPLE, 0, 1, b"dddd", 70, 700)
    file.add_mark("hatch shut", 80)
    file.add_readings([0.0, 60.0], [1e5, 99e3], reference_pa=[0.0, 0.0])
    return file


def contents(file: RunFile) -> tuple[object, ...]:
    """Return everything a reader can get out of a file."""
    readings = file.readings()
    return (
        file.meta,
        file.runs(),
        [list(file.chunks(run, kind)) for run in (1, 2) for kind in Kind],
        file.gaps(),
        file.marks(),
        None if readings is None else readings.tobytes(),
    )


def test_what_was_recorded_is_read_back(tmp_path: Path) -> None:
    filled(tmp_path / "a.prk").close()
    with RunFile.open(tmp_path / "a.prk") as file:
        assert file.meta == {"operator": "me", "volume_m3": 4.0}
        assert [run.run_id for run in file.runs()] == [1, 2]
        assert file.runs()[0].setup["fw"] == "0.1.0"
        assert file.runs()[0].setup_raw == SETUP
        assert file.payload(1, Kind.SAMPLE) == b"aaaabbbbcccc"
        assert [(c.first, c.count) for c in file.chunks(1, Kind.SAMPLE)] == [(0, 2), (5, 1)]
        assert [c.node_us for c in file.chunks(1, Kind.SAMPLE)] == [200, 400]
        assert [(g.first, g.count, g.reason) for g in file.gaps()] == [(2, 3, "ring full")]
        assert file.next(1, Kind.SAMPLE) == 6
        assert file.next(1, Kind.EVENT) == 0
        assert [(m.text, m.host_time_ns) for m in file.marks()] == [("hatch shut", 80)]
        readings = file.readings()
        assert readings is not None
        assert readings["pressure_pa"].tolist() == [1e5, 99e3]
        assert np.isnan(readings["temperature_k"]).all()
        assert readings["reference_pa"].tolist() == [0.0, 0.0]
        assert file.check() == []


def test_a_file_without_foreign_readings_says_none(tmp_path: Path) -> None:
    with RunFile.create(tmp_path / "a.prk", {}) as file:
        assert file.readings() is None
        assert file.check() == []


def test_the_latest_metadata_wins_and_none_is_erased(tmp_path: Path) -> None:
    with RunFile.create(tmp_path / "a.prk", {"note": 1}) as file:
        file.set_meta("note", 2)
        assert file.meta == {"note": 2}
    rows = sqlite3.connect(tmp_path / "a.prk").execute("SELECT value FROM meta").fetchall()
    assert rows == [("1",), ("2",)]


def test_the_file_is_private_and_marked_as_ours_and_one_file_when_closed(tmp_path: Path) -> None:
    path = tmp_path / "a.prk"
    filled(path).close()
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes()[68:72] == b"PRKB"
    assert list(tmp_path.iterdir()) == [path]


def test_an_existing_file_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a.prk").write_text("mine")
    with pytest.raises(UsageError, match="exists already"):
        RunFile.create(tmp_path / "a.prk", {})
    assert (tmp_path / "a.prk").read_text() == "mine"


def test_recording_goes_on_after_reopening(tmp_path: Path) -> None:
    filled(tmp_path / "a.prk").close()
    with RunFile.open(tmp_path / "a.prk", readonly=False) as file:
        head = file.head()
        file.append(1, Kind.SAMPLE, 6, 1, b"eeee", 90, 900)
        assert file.head() != head
        assert file.check() == []
        with pytest.raises(DataError, match="12 bytes for 2 records, expected 8"):
            file.append(1, Kind.SAMPLE, 7, 2, b"x" * 12, 90, 900)


@pytest.mark.parametrize(
    ("first", "count", "payload", "message"),
    [
        (5, 1, b"xxxx", "overlaps what is recorded, expected 6"),
        (8, 1, b"xxxx", "2 records are missing, expected 6 or a gap"),
        (6, 0, b"", "0 records, expected at least one"),
        (6, 2, b"xxxxyyy", "7 bytes for 2 records, expected 8"),
        (6, 1, b"", "0 bytes for 1 records, expected 4"),
    ],
)
def test_records_out_of_sequence_or_size_are_refused(
    tmp_path: Path, first: int, count: int, payload: bytes, message: str
) -> None:
    with filled(tmp_path / "a.prk") as file:
        with pytest.raises(DataError, match=message):
            file.append(1, Kind.SAMPLE, first, count, payload, 0, 0)
        assert file.next(1, Kind.SAMPLE) == 6
        assert file.check() == []


def test_runs_begin_once_and_before_their_records(tmp_path: Path) -> None:
    with filled(tmp_path / "a.prk") as file:
        with pytest.raises(DataError, match="has begun already"):
            file.begin_run(2, SETUP, 0)
        with pytest.raises(DataError, match="has not begun"):
            file.append(3, Kind.SAMPLE, 0, 1, b"xxxx", 0, 0)
        with pytest.raises(DataError, match="is not JSON"):
            file.begin_run(3, b"{", 0)


def test_a_failed_transaction_leaves_no_trace(tmp_path: Path) -> None:
    with filled(tmp_path / "a.prk") as file:
        head = file.head()

        def twice() -> None:
            with file.transaction():
                file.append(1, Kind.SAMPLE, 6, 1, b"eeee", 0, 0)
                file.append(1, Kind.SAMPLE, 6, 1, b"eeee", 0, 0)

        with pytest.raises(DataError, match="overlaps"):
            twice()
        assert file.head() == head
        assert file.next(1, Kind.SAMPLE) == 6
        file.append(1, Kind.SAMPLE, 6, 1, b"eeee", 0, 0)
        assert file.check() == []


def test_a_reader_sees_a_recording_in_progress(tmp_path: Path) -> None:
    with filled(tmp_path / "a.prk") as file, RunFile.open(tmp_path / "a.prk") as reader:
        assert reader.head() == file.head()
        file.append(1, Kind.SAMPLE, 6, 1, b"eeee", 0, 0)
        assert reader.next(1, Kind.SAMPLE) == 7
        assert reader.head() == file.head()
        with pytest.raises(DataError, match="for reading only"):
            reader.add_mark("no", 0)


def test_two_recorders_cannot_mix_into_one_file(tmp_path: Path) -> None:
    with filled(tmp_path / "a.prk") as one:
        with RunFile.open(tmp_path / "a.prk", readonly=False) as two:
            two.add_mark("two", 0)
        with pytest.raises(DataError, match="another program is recording"):
            one.add_mark("one", 0)
    with RunFile.open(tmp_path / "a.prk") as file:
        assert file.check() == []


def test_a_killed_recorder_leaves_a_file_that_reads_up_to_the_last_commit(tmp_path: Path) -> None:
    path = tmp_path / "a.prk"
    filled(path).close()
    # The child dies inside a transaction, after one that was committed.
    code = (
        "import os, sys; from pathlib import Path; from prkbench.runfile import Kind, RunFile\n"
        "f = RunFile.open(Path(sys.argv[1]), readonly=False)\n"
        "f.append(1, Kind.SAMPLE, 6, 1, b'eeee', 0, 0)\n"
        "with f.transaction():\n"
        "    f.append(1, Kind.SAMPLE, 7, 1, b'ffff', 0, 0)\n"
        "    os._exit(9)\n"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run([sys.executable, "-c", code, str(path)], env=env).returncode == 9
    for readonly in (True, False):
        with RunFile.open(path, readonly=readonly) as file:
            assert file.payload(1, Kind.SAMPLE) == b"aaaabbbbcccceeee"
            assert file.check() == []


def test_a_full_disk_is_named_and_what_was_committed_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.prk"
    file = filled(path)
    connection = file._db._connection
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count={pages + 2}")

    def fill() -> None:
        for i in range(20):
            file.append(2, Kind.BLOCK, i, 1, bytes(4000), 0, 0)

    with pytest.raises(DataError, match="disk is full"):
        fill()
    kept = file.next(2, Kind.BLOCK)
    assert file.check() == []
    connection.execute(f"PRAGMA max_page_count={pages + 100}")
    file.append(2, Kind.BLOCK, kept, 1, bytes(4000), 0, 0)
    file.close()
    with RunFile.open(path) as again:
        assert again.next(2, Kind.BLOCK) == kept + 1
        assert again.check() == []


def test_a_file_in_a_folder_that_cannot_be_written_is_still_read(tmp_path: Path) -> None:
    filled(tmp_path / "a.prk").close()
    (tmp_path / "a.prk").chmod(0o400)
    tmp_path.chmod(0o500)
    try:
        with RunFile.open(tmp_path / "a.prk") as file:
            assert file.check() == []
    finally:
        tmp_path.chmod(0o700)


def other_database(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE t (a)")
    connection.close()


def newer(path: Path) -> None:
    filled(path).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version=2")
    connection.close()


def cut(path: Path) -> None:
    filled(path).close()
    path.write_bytes(path.read_bytes()[:-4096])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.write_text("time,pressure\n"), "not a run file"),
        (lambda path: path.write_bytes(b""), "not a run file"),
        (lambda path: path.write_bytes(b"SQLite format 3\x00"), "cut off after 16 bytes"),
        (other_database, "a database of another program"),
        (newer, "newer prkbench .schema 2, this one reads 1.: update"),
        (cut, "cut off after"),
    ],
)
def test_files_that_are_not_ours_or_not_whole_are_named(
    tmp_path: Path, make: object, message: str
) -> None:
    assert callable(make)
    make(tmp_path / "a.prk")
    with pytest.raises(DataError, match=message) as caught:
        RunFile.open(tmp_path / "a.prk")
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_the_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such run file"):
        RunFile.open(tmp_path / "none.prk")


@dataclass(frozen=True, repr=False)
class Recorded:
    """A finished file: its bytes, what is in it, and its head."""

    data: bytes
    contents: tuple[object, ...]
    head: str


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    path = tmp_path_factory.mktemp("recorded") / "a.prk"
    with filled(path) as file:
        everything, head = contents(file), file.head()
    return Recorded(path.read_bytes(), everything, head)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.integers(0, 2**31), bit=st.integers(0, 7), in_data=st.booleans())
def test_a_flipped_bit_is_found_or_changes_nothing(
    tmp_path: Path,
    recorded: Recorded,
    position: int,
    bit: int,
    in_data: bool,
) -> None:
    whole, everything, head = recorded.data, recorded.contents, recorded.head
    data = bytearray(whole)
    used = [i for i, byte in enumerate(whole) if byte] if in_data else range(len(whole))
    data[used[position % len(used)]] ^= 1 << bit
    path = tmp_path / "flipped.prk"
    path.unlink(missing_ok=True)
    path.write_bytes(data)
    try:
        with RunFile.open(path) as file:
            unnoticed = file.check() == [] and file.head() == head
            assert not unnoticed or contents(file) == everything
    except (DataError, UsageError):
        pass


@pytest.mark.parametrize("needle", [b"aaaabbbb", b"block-0!", b"ring full", b"hatch shut", SETUP])
def test_every_flipped_bit_of_recorded_data_is_found(
    tmp_path: Path, recorded: Recorded, needle: bytes
) -> None:
    whole = recorded.data
    start = whole.index(needle)
    for offset in range(len(needle)):
        data = bytearray(whole)
        data[start + offset] ^= 0x04
        path = tmp_path / "flipped.prk"
        path.write_bytes(data)
        with RunFile.open(path) as file:
            assert any("hash chain" in fault or "checksum" in fault for fault in file.check())


def test_a_forged_row_with_a_good_checksum_breaks_the_chain(tmp_path: Path) -> None:
    path = tmp_path / "a.prk"
    filled(path).close()
    for statement in (
        "UPDATE reading SET pressure_pa = 1 WHERE id = 0",
        "UPDATE gap SET count = 2",
        "DELETE FROM mark",
        "UPDATE chunk SET host_time_ns = 1 WHERE seq = 4",
        "UPDATE meta SET value = '5.0' WHERE key = 'volume_m3'",
    ):
        forged = tmp_path / "forged.prk"
        shutil.copy(path, forged)
        connection = sqlite3.connect(forged)
        connection.execute(statement)
        connection.commit()
        connection.close()
        with RunFile.open(forged) as file:
            assert file.check() != [], statement

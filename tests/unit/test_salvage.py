"""What is left of a damaged run file is saved, and what is not is listed."""

import functools
import random
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prkbench.errors import DataError, PrkError
from prkbench.runfile import Kind, RunFile
from prkbench.salvage import salvage

CHUNKS, RECORDS, SIZE = 60, 50, 20
PAGE = 4096


def recorded(path: Path) -> bytes:
    """Write the run to a path; returns its bytes."""
    data = once()
    path.write_bytes(data)
    return data


@functools.cache
def once() -> bytes:
    """A run of 60 chunks of samples, half as many of events, and marks in between."""
    random_bytes = random.Random(4).randbytes
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "run.prk")
        record(path, random_bytes)
        return path.read_bytes()


def record(path: Path, random_bytes: Callable[[int], bytes]) -> None:
    meta = {"source": "node", "title": "x"}
    with RunFile.create(path, meta) as file, file.transaction():
        file.begin_run(7, b'{"rate_mhz": 1000}', 1)
        for n in range(CHUNKS):
            payload = random_bytes(RECORDS * SIZE)
            file.append(7, Kind.SAMPLE, n * RECORDS, RECORDS, payload, n, n)
            if n % 2:
                file.append(7, Kind.EVENT, n // 2, 1, random_bytes(64), n, n)
            if n % 20 == 10:
                file.add_mark(f"mark {n}", n)


def samples(path: Path) -> dict[int, bytes]:
    """Sample number -> its bytes, of every chunk there."""
    found = {}
    with RunFile.open(path) as file:
        for chunk in file.chunks(7, Kind.SAMPLE):
            for k in range(chunk.count):
                found[chunk.first + k] = chunk.payload[k * SIZE : (k + 1) * SIZE]
    return found


def test_a_whole_file_is_copied_whole(tmp_path: Path) -> None:
    recorded(tmp_path / "run.prk")
    done = salvage(tmp_path / "run.prk", tmp_path / "new.prk")
    assert (done.missing, done.unproven) == ([], 0)
    assert samples(tmp_path / "new.prk") == samples(tmp_path / "run.prk")
    with RunFile.open(tmp_path / "run.prk") as old, RunFile.open(tmp_path / "new.prk") as new:
        assert new.marks() == old.marks()
        assert new.payload(7, Kind.EVENT) == old.payload(7, Kind.EVENT)
        assert new.meta["title"] == "x"
        assert new.check() == []


@pytest.mark.parametrize("share", [0.5, 0.7, 0.95])
def test_a_file_that_was_cut_off_is_saved_up_to_there(tmp_path: Path, share: float) -> None:
    data = recorded(tmp_path / "run.prk")
    whole = samples(tmp_path / "run.prk")
    cut = tmp_path / "cut.prk"
    cut.write_bytes(data[: int(share * len(data)) // PAGE * PAGE])
    with pytest.raises(DataError, match="cut off"):
        RunFile.open(cut)
    done = salvage(cut, tmp_path / "new.prk")
    saved = samples(tmp_path / "new.prk")
    assert done.missing
    assert saved.items() <= whole.items()
    # A dozen pages are roots of tables and come first, then data in the order of recording.
    pages = len(data) // PAGE
    assert len(saved) >= (int(share * pages) - 12) / (pages - 12) * len(whole) - 3 * RECORDS
    with RunFile.open(tmp_path / "new.prk") as file:
        assert file.check() == []


@given(places=st.lists(st.integers(0, 10**9), min_size=1, max_size=8), seed=st.integers(0, 9))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_damage_gets_wrong_data_into_the_new_file(
    tmp_path_factory: pytest.TempPathFactory, places: list[int], seed: int
) -> None:
    folder = tmp_path_factory.mktemp("run")
    data = bytearray(recorded(folder / "run.prk"))
    whole = samples(folder / "run.prk")
    noise = random.Random(seed)
    for place in places:
        # The first page holds the table of contents; without it there is nothing to go by.
        at = PAGE + place % (len(data) - PAGE)
        data[at] ^= 1 << noise.randrange(8)
    (folder / "hurt.prk").write_bytes(data)
    try:
        done = salvage(folder / "hurt.prk", folder / "new.prk")
    except PrkError:
        return
    saved = samples(folder / "new.prk")
    assert saved.items() <= whole.items()
    with RunFile.open(folder / "new.prk") as file:
        assert file.check() == []
        assert file.next(7, Kind.SAMPLE) >= len(saved)
    assert len(saved) == len(whole) or done.missing


def test_what_is_missing_between_others_is_a_gap(tmp_path: Path) -> None:
    data = bytearray(recorded(tmp_path / "run.prk"))
    whole = samples(tmp_path / "run.prk")
    # A payload in the middle of the file.
    at = data.index(whole[31 * RECORDS])
    data[at] ^= 0xFF
    (tmp_path / "hurt.prk").write_bytes(data)
    done = salvage(tmp_path / "hurt.prk", tmp_path / "new.prk")
    first, last = 31 * RECORDS, 32 * RECORDS - 1
    assert any(f"sample {first} to {last}" in line for line in done.missing)
    # One row only: what follows it begins anew.
    assert len(samples(tmp_path / "new.prk")) == len(whole) - RECORDS
    with RunFile.open(tmp_path / "new.prk") as file:
        (gap,) = file.gaps()
        assert (gap.first, gap.count, gap.reason) == (first, RECORDS, "damaged in hurt.prk")


def test_a_chunk_behind_a_hole_has_to_fit_its_own_checksum(tmp_path: Path) -> None:
    data = bytearray(recorded(tmp_path / "run.prk"))
    whole = samples(tmp_path / "run.prk")
    # After the first of two adjacent rows the hash chain proves nothing of the second; an even
    # chunk of samples and the odd one after it have no row between them.
    for n in (32, 33):
        data[data.index(whole[n * RECORDS])] ^= 0xFF
    (tmp_path / "hurt.prk").write_bytes(data)
    salvage(tmp_path / "hurt.prk", tmp_path / "new.prk")
    saved = samples(tmp_path / "new.prk")
    assert saved.items() <= whole.items()
    assert len(saved) == len(whole) - 2 * RECORDS


def test_what_is_no_run_file_is_told_and_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "no.prk").write_bytes(b"SQLite format 3\x00" + bytes(5000))
    with pytest.raises(DataError, match=r"beginning is damaged|not a run file"):
        salvage(tmp_path / "no.prk", tmp_path / "new.prk")
    assert not (tmp_path / "new.prk").exists()

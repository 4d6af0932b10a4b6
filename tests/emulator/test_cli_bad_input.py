"""Bad input ends in one line on standard error, the right status, and nothing half written."""

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import threading
import tty
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from inprocess_node import Bench, bench_rig, meta_of, recorded_file
from prk_command import prk, refused
from tampering import execute

from prkbench.runfile import Kind, RunFile
from prkbench.sim.trims import Trim

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals are POSIX's")


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every command runs in an empty folder; what it must not leave there is looked for."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@contextlib.contextmanager
def answering(answer: Callable[[bytes], bytes]) -> Iterator[str]:
    """A device on a pseudo-terminal that gives `answer` to whatever it is sent."""
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    running = True

    def serve() -> None:
        while running:
            with contextlib.suppress(OSError):
                heard = os.read(ours, 4096)
                os.write(ours, answer(heard))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield os.ttyname(theirs)
    finally:
        running = False
        # One byte from the other side lets the reader see that it is over.
        os.write(theirs, b"\n")
        thread.join(5)
        os.close(ours)
        os.close(theirs)


def nothing_left(folder: Path) -> bool:
    return not any(folder.iterdir())


# Ports and nodes --------------------------------------------------------------------------


def test_no_such_port(own_folder: Path) -> None:
    ended = prk("log", "--port", "/dev/no-such-port", "--out", "run.prk")
    refused(ended, 3, "/dev/no-such-port", "no such port", "prk list")
    assert nothing_left(own_folder)


def test_a_port_that_another_program_has_open(own_folder: Path) -> None:
    import serial

    with (
        answering(lambda heard: b"") as port,
        contextlib.closing(serial.Serial(port, exclusive=True)),
    ):
        refused(prk("log", "--port", port, "--out", "run.prk"), 3, port, "busy", "serial monitor")
    assert nothing_left(own_folder)


def test_a_device_that_never_answers(own_folder: Path) -> None:
    with answering(lambda heard: b"") as port:
        refused(prk("log", "--port", port, "--out", "run.prk"), 3, port, "no answer in 3 s")
    assert nothing_left(own_folder)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"\x00\xfe\xffGPRMC,1,2,3\r\n", "not a prkbench node"),
        (b"\r\n>>> ", "a MicroPython prompt answers"),
        (b"KEITHLEY INSTRUMENTS INC.,2000,1,A01\n", "not a prkbench node"),
        (b"prkbench,PRK-NODE,0007,0.1\n", "speaks protocol"),
    ],
)
def test_a_device_that_is_not_our_node(own_folder: Path, answer: bytes, says: str) -> None:
    with answering(lambda heard: answer) as port:
        refused(prk("log", "--port", port, "--out", "run.prk"), 3, port, says)
    assert nothing_left(own_folder)


def test_looking_for_nodes_says_why_a_port_holds_none() -> None:
    with answering(lambda heard: b"rubbish\r\n") as port:
        ended = prk("list", "--json", "--port", port)
    assert ended.status == 3
    assert "not a prkbench node" in ended.out


def test_a_node_of_another_protocol(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(bench_rig())
    bench.plug_in(monkeypatch)
    bench.spoil = lambda command, answer: b"9\n" if "PROT" in command else answer
    refused(prk("log", "--port", "x", "--out", "run.prk"), 3, "protocol 9", "install the firmware")
    assert nothing_left(own_folder)


def test_an_absent_sensor_stops_the_start_and_leaves_no_file(
    own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(bench_rig())
    bench.plug_in(monkeypatch)
    bench.board.absent.add((0, 0x77))
    bench.restart()
    ended = prk("log", "--port", "x", "--out", "run.prk", "--duration", "1 min")
    refused(ended, 3, "INITiate", "-241", "sensor 2", "ABSENT", "check its wiring")
    assert nothing_left(own_folder)


def test_a_sensor_with_corrupt_trim_bytes_stops_the_start(
    own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(bench_rig())
    bench.plug_in(monkeypatch)
    monkeypatch.setattr(Trim, "crc", 0x5A)
    for chip in bench.board.chips.values():
        chip.power_on_reset()
    bench.restart()
    ended = prk("log", "--port", "x", "--out", "run.prk", "--duration", "1 min")
    refused(ended, 3, "INITiate", "-241", "sensor 1", "TRIM")
    assert nothing_left(own_folder)


def test_a_rate_the_conversion_does_not_fit_in(
    own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(bench_rig())
    bench.plug_in(monkeypatch)
    (own_folder / "rig.toml").write_text(bench_rig(1.0, 17.0).to_toml())
    ended = prk("log", "--port", "x", "--out", "run.prk", "--rig", "rig.toml")
    refused(ended, 3, "refused INITiate", "-221")
    assert not (own_folder / "run.prk").exists()


# Options ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["demo", "--duration", "soon"], ["'soon'", "duration such as '6 h'"]),
        (["demo", "--duration", "0 h"], ["'0 h'", "above zero"]),
        (["demo", "--duration", "5 kg"], ["'5 kg'", "duration such as"]),
        (["demo", "--leak", "much"], ["'much'", "1 lb/day"]),
        (["demo", "--leak", "nan"], ["nan", "0 to 1000 lb/day"]),
        (["demo", "--leak", "-1"], ["-1", "0 to 1000 lb/day"]),
        (["demo", "--leak", "5000 lb/day"], ["5000 lb/day", "0 to 1000 lb/day"]),
        (["demo", "--leak", "3 m"], ["'3 m'", "lb/day"]),
        (["demo", "--rate", "1 kHz"], ["rate"]),
        (["demo", "--rate", "-2 Hz"], ["'-2 Hz'", "above zero"]),
        (["demo", "--interpreter", "pypy"], ["pypy", "micropython or cpython"]),
        (["demo", "--out", "page.html"], ["page.html", "would replace"]),
        (["log", "--port", "x", "--out", "r.prk", "--duration", "long"], ["'long'", "6 h"]),
        (["log", "--port", "x", "--out", "r.prk", "--rig", "no.toml"], ["no.toml", "no such rig"]),
        (["verify", "no.prk"], ["no.prk", "no such run file"]),
        (["analyze", "no.prk"], ["no.prk", "no such run file"]),
        (["verify", "x.prk", "--head", "xyz"], ["--head xyz", "hexadecimal"]),
        (["verify", "x.prk", "--head", "abc"], ["--head abc", "8 to 64"]),
        (["verify", "x.html"], ["x.html", "would replace"]),
        (["verify", "x.prk", "--page", "x.prk"], ["x.prk", "would replace"]),
        (["import", "no.csv"], ["no.csv", "no such file"]),
    ],
)
def test_nonsense_in_an_option(own_folder: Path, arguments: list[str], says: list[str]) -> None:
    refused(prk(*arguments), 2, *says)
    assert [path.name for path in own_folder.iterdir()] in ([], ["prkbench-runs"])


def test_a_demo_does_not_overwrite_a_file(own_folder: Path) -> None:
    (own_folder / "precious.prk").write_bytes(b"precious")
    refused(prk("demo", "--out", "precious.prk"), 2, "precious.prk", "exists already", "--out")
    assert (own_folder / "precious.prk").read_bytes() == b"precious"


def test_a_folder_that_is_not_there(own_folder: Path) -> None:
    refused(
        prk("demo", "--out", "nowhere/run.prk"), 2, "nowhere/run.prk", "no such folder", "--out"
    )
    (own_folder / "log.csv").write_text("time_s,pressure_hpa\n0,1000\n60,999\n")
    refused(prk("import", "log.csv", "--out", "nowhere/run.prk"), 2, "nowhere", "existing folder")
    path = recorded_file(own_folder, minutes=12.0)
    ended = prk("analyze", path, "--page", "nowhere/page.html")
    refused(ended, 2, "nowhere/page.html", "existing folder")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written(own_folder: Path) -> None:
    locked = own_folder / "locked"
    locked.mkdir(mode=0o500)
    refused(prk("demo", "--out", "locked/run.prk"), 2, "locked/run.prk", "Permission denied")


# Rig files --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("find", "put", "says"),
    [
        ('name = "demo"', "", ["rig.name", "missing"]),
        ("volume = ", "volum = ", ["chamber.volum", "did you mean 'volume'"]),
        ('volume = "5 L"', 'volume = "-5 L"', ["chamber.volume", "'-5 L'", "above zero"]),
        ('volume = "5 L"', 'volume = "5 lightyears"', ["chamber.volume", "a length", "volume"]),
        ('volume = "5 L"', "volume = 5", ["chamber.volume", "no unit"]),
        ('law = "viscous"', 'law = "square"', ["element", "square", "viscous"]),
        ("[chamber]", "[chamber", ["TOML"]),
        ('rate = "0.5 Hz"', 'rate = "500 Hz"', ["rate"]),
    ],
)
def test_a_rig_file_with_a_mistake(
    own_folder: Path, find: str, put: str, says: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = bench_rig().to_toml()
    assert find in text, text
    (own_folder / "rig.toml").write_text(text.replace(find, put, 1))
    bench = Bench(bench_rig())
    bench.plug_in(monkeypatch)
    where = [] if "500" in put else ["rig.toml"]
    refused(prk("log", "--port", "x", "--out", "run.prk", "--rig", "rig.toml"), 2, *where, *says)
    assert not (own_folder / "run.prk").exists()


def test_a_file_begun_with_another_rig(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded_file(own_folder, minutes=12.0)
    before = (own_folder / "run.prk").read_bytes()
    (own_folder / "rig.toml").write_text(bench_rig(2.0).to_toml())
    Bench(bench_rig()).plug_in(monkeypatch)
    ended = prk("log", "--port", "x", "--out", "run.prk", "--rig", "rig.toml")
    refused(ended, 2, "run.prk", "another rig file", "new file")
    assert_same_data(own_folder / "run.prk", before)


def assert_same_data(path: Path, before: bytes) -> None:
    with RunFile.open(path) as file:
        head = file.head()
        assert file.check() == []
    path.with_name("before.prk").write_bytes(before)
    with RunFile.open(path.with_name("before.prk")) as file:
        assert file.head() == head


def test_a_file_begun_with_another_node(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded_file(own_folder, minutes=12.0)
    bench = Bench(bench_rig())
    bench.plug_in(monkeypatch)
    bench.spoil = lambda command, answer: answer.replace(b"virtual-0001", b"virtual-0002")
    ended = prk("log", "--port", "x", "--out", "run.prk", "--duration", "1 h")
    refused(ended, 2, "run.prk", "virtual-0001", "virtual-0002", "new file")


def test_a_file_of_imported_readings_is_not_logged_into(
    own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (own_folder / "log.csv").write_text("time_s,pressure_hpa\n0,1000\n3600,999\n")
    assert prk("import", "log.csv", "--out", "run.prk").status == 0
    Bench(bench_rig()).plug_in(monkeypatch)
    refused(prk("log", "--port", "x", "--out", "run.prk"), 2, "imported readings", "new file")


# Run files --------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["verify", "analyze"])
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "not a run file"),
        (b"time_s,pressure_hpa\n0,1\n", "not a run file"),
        (b"SQLite format 3\x00" + bytes(84), "not a database"),
    ],
)
def test_a_file_that_is_no_run(own_folder: Path, command: str, content: bytes, says: str) -> None:
    (own_folder / "run.prk").write_bytes(content)
    refused(prk(command, "run.prk"), 4, "run.prk", says)
    assert (own_folder / "run.prk").read_bytes() == content


def test_another_programs_database(own_folder: Path) -> None:
    with sqlite3.connect("run.prk") as db:
        db.execute("CREATE TABLE bookmarks (url TEXT)")
    db.close()
    refused(prk("verify", "run.prk"), 4, "run.prk", "another program")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_truncated_file(own_folder: Path, share: float) -> None:
    path = recorded_file(own_folder, minutes=12.0)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    refused(prk("verify", path), 4, "run.prk", "restore it from a copy")


@pytest.mark.parametrize("command", ["verify", "analyze"])
def test_a_run_without_samples(own_folder: Path, command: str) -> None:
    path = recorded_file(own_folder, minutes=12.0)
    execute(path, "DELETE FROM chunk WHERE kind = 'sample'")
    refused(prk(command, path), 4, "holds no samples")


@pytest.mark.parametrize("command", ["verify", "analyze"])
def test_a_file_without_any_run(own_folder: Path, command: str) -> None:
    bench = Bench(bench_rig())
    RunFile.create(own_folder / "run.prk", meta_of(bench)).close()
    refused(prk(command, "run.prk"), 4, "holds no run")


def test_a_run_without_a_rig_cannot_be_verified_but_analysed(own_folder: Path) -> None:
    path = recorded_file(own_folder, minutes=12.0)
    execute(path, "UPDATE meta SET value = 'null' WHERE key = 'rig'")
    refused(prk("verify", path), 5, "cannot verify", "--rig", "prk analyze")
    # The chain does not fit any more: data changed, which outranks "no verdict yet".
    assert prk("analyze", path, "--json").status == 4


def test_imported_readings_cannot_be_verified(own_folder: Path) -> None:
    (own_folder / "log.csv").write_text("time_s,pressure_hpa\n0,1000\n36000,990\n")
    assert prk("import", "log.csv").status == 0
    refused(prk("verify", "log.prk"), 5, "cannot verify", "imported", "prk analyze")


def test_options_that_mean_nothing_for_the_file_are_refused_not_ignored(own_folder: Path) -> None:
    path = recorded_file(own_folder, minutes=12.0)
    refused(prk("analyze", path, "--law", "choked"), 2, "--law", "imported readings")
    (own_folder / "log.csv").write_text("time_s,pressure_hpa\n0,1000\n36000,990\n")
    assert prk("import", "log.csv").status == 0
    refused(prk("analyze", "log.prk", "--law", "cubic"), 2, "cubic", "viscous")
    refused(prk("analyze", "log.prk", "--rig", "rig.toml"), 2, "--rig", "--limit")


def test_a_rig_inside_that_cannot_be_read_is_corrupt_data(own_folder: Path) -> None:
    path = recorded_file(own_folder, minutes=12.0)
    execute(path, "UPDATE meta SET value = '\"[rig\"' WHERE key = 'rig'")
    refused(prk("verify", path), 4, "the rig inside", "--rig")


# Lost data --------------------------------------------------------------------------------


def test_samples_lost_in_the_nodes_ring_end_with_the_status_of_lost_data(
    own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(bench_rig(), ring_records=300)
    bench.plug_in(monkeypatch, turn_s=900.0)
    (own_folder / "rig.toml").write_text(bench_rig().to_toml())
    log = ("log", "--port", "x", "--out", "run.prk", "--rig", "rig.toml", "--duration", "1 h")
    logged = prk(*log, "--json")
    assert logged.status == 4
    assert json.loads(logged.out)["lost"] > 0
    verified = prk("verify", "run.prk", "--json")
    assert verified.status == 4
    assert any("samples lost" in reason for reason in json.loads(verified.out)["reasons"])
    assert "samples lost" in " ".join(prk("verify", "run.prk").out.split())


# Full disks -------------------------------------------------------------------------------


def test_a_disk_that_fills_while_logging_ends_with_what_was_kept(own_folder: Path) -> None:
    """A limit on the size of files stands for the full disk; only this child has it."""
    program = (
        "import sys; sys.path[:0] = sys.argv[2:]\n"
        "import pytest, resource, signal\n"
        "from inprocess_node import Bench, bench_rig\n"
        "from prk_command import prk\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))\n"
        "bench = Bench(bench_rig())\n"
        "with pytest.MonkeyPatch.context() as patch:\n"
        "    bench.plug_in(patch, 300.0)\n"
        "    ended = prk('log', '--port', 'x', '--out', sys.argv[1], '--duration', '100 h')\n"
        "sys.stderr.write(ended.err)\n"
        "sys.exit(ended.status)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "run.prk", *sys.path],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 4, done.stderr
    # What is declared while it runs is told as well.
    told = [line for line in done.stderr.splitlines() if not line.startswith("LEAK at ")]
    assert len(told) == 1, done.stderr
    assert "run.prk" in told[0]
    assert "all up to the last commit is safe" in done.stderr
    with RunFile.open(own_folder / "run.prk") as file:
        assert file.check() == []
        assert file.next(file.runs()[0].run_id, Kind.SAMPLE) > 1000


# Foreign logs -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("0,1000\n60,999\n60,998\n", ["line 4", "the same time again"]),
        ("0,1000\n120,999\n60,998\n", ["line 4", "time goes back"]),
        ("0,1000\n60,out of order\n", ["line 3", "pressure_hpa", "out of order"]),
        ("0,1000\n60,NaN\n", ["line 3", "finite"]),
        ("0,1000\n60\n", ["line 3", "1 values, expected 2"]),
        ("0,1000\n60,-4\n", ["line 3", "above zero"]),
        ("0,1000\n", ["1 readings", "two or more"]),
        ("", ["0 readings", "two or more"]),
    ],
)
def test_a_foreign_log_with_a_mistake(own_folder: Path, rows: str, says: list[str]) -> None:
    (own_folder / "log.csv").write_text("time_s,pressure_hpa\n" + rows)
    refused(prk("import", "log.csv"), 2, "log.csv", *says)
    assert [path.name for path in own_folder.iterdir()] == ["log.csv"]


def test_a_log_with_holes_in_its_clock_is_taken_and_the_holes_are_said(own_folder: Path) -> None:
    times = [*range(0, 6000, 60), *range(9000, 15000, 60)]
    rows = "".join(f"{t},{1000 - t / 1e4:.3f}\n" for t in times)
    (own_folder / "log.csv").write_text("time_s,pressure_hpa\n" + rows)
    ended = prk("import", "log.csv")
    assert ended.status == 0
    assert "1 gaps" in ended.err
    assert prk("analyze", "log.prk", "--json").status in (0, 5)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--volume", "4 s"], ["'4 s'", "volume"]),
        (["--volume", "-4 m3"], ["'-4 m3'", "above zero"]),
        (["--reference", "outside"], ["outside", "vacuum"]),
        (["--column", "pressure"], ["--column pressure", "QUANTITY=NAME"]),
        (["--column", "pressure=P"], ["P"]),
        (["--out", "taken.prk"], ["taken.prk", "exists already"]),
        (["--out", "nowhere/x.prk"], ["nowhere"]),
    ],
)
def test_a_foreign_log_with_a_wrong_option(
    own_folder: Path, options: list[str], says: list[str]
) -> None:
    (own_folder / "log.csv").write_text("time_s,pressure_hpa\n0,1000\n60,999\n")
    (own_folder / "taken.prk").write_bytes(b"taken")
    refused(prk("import", "log.csv", *options), 2, *says)
    assert sorted(path.name for path in own_folder.iterdir()) == ["log.csv", "taken.prk"]

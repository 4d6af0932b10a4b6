"""What runs for every sample keeps its frame on the stack.

MicroPython puts a frame of more than eleven words on the heap and gives it back afterwards: no
memory is lost, so no memory test sees it, but the search for room takes an RP2040 a third of a
millisecond each time.
"""

from pathlib import Path

import pytest
from mpy_frames import frames

import prknode
from prkbench.deploy.build import RP2040, build, compile_source

ON_THE_STACK = 11

EVERY_SAMPLE = {
    "node": {"step", "_record", "_flags"},
    "sampler": {
        "step", "next_sample", "fill", "late", "_trigger", "_trigger_one", "_collect", "_read_one",
        "_finish",
    },
    "fifo": {"step", "next_sample", "fill", "_poll", "_look", "_choose", "_delivers", "_fetch"},
    "framequeue": {"keep", "look", "fetch", "take"},
    "frameclock": {"poll", "_place", "_learn", "_rebase", "next"},
    "chipfifo": {"waiting", "fetch"},
    "bmp390": {"read_into", "trigger", "read", "check"},
    "ring": {"push"},
    "ticks": {"update", "look_back", "ticks_diff"},
    "blocks": {"add"},
    "alarms": {"sample", "_bin_full", "_weigh"},
    "valves": {"step", "control", "flags"},
    "link": {"step"},
    "board": {"ticks_us", "read_into", "idle", "writeto_mem"},
}  # fmt: skip
"""Module -> functions of a turn of the loop in which nothing but a sample is due."""


@pytest.fixture(scope="module")
def compiled() -> dict[str, bytes]:
    return build()


@pytest.mark.parametrize("module", EVERY_SAMPLE)
def test_frames_stay_on_the_stack(module: str, compiled: dict[str, bytes]) -> None:
    source = (Path(prknode.__file__).parent / f"{module}.py").read_text()
    found = {frame.name: frame.words for frame in frames(compiled[f"prknode/{module}.mpy"], source)}
    assert {n: found[n] for n in EVERY_SAMPLE[module] if found[n] > ON_THE_STACK} == {}


def test_a_large_frame_is_seen(tmp_path: Path) -> None:
    source = tmp_path / "large.py"
    source.write_text(
        "def small(a):\n    return a\n\n\n"
        "def large(a, b, c, d, e, f, g, h):\n"
        "    try:\n        return small(a)\n    except OSError:\n        return b\n"
    )
    mpy = compile_source(source.read_bytes(), "large.py", RP2040)
    found = {frame.name: frame.words for frame in frames(mpy, source.read_text())}
    assert found["small"] < ON_THE_STACK < found["large"]

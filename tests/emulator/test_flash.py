"""`prk flash` on a virtual node: real MicroPython, its real REPL, from every state of the board."""

import importlib.util
import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from inprocess_node import bench_rig
from prk_command import prk, refused

from prkbench.client import NodeClient
from prkbench.deploy import checkup, flash, storage
from prkbench.deploy.build import MpyTarget, build
from prkbench.errors import DeviceError
from prkbench.node_setup import node_config
from prkbench.sim.rig_world import surroundings_of, world_for
from prkbench.sim.unix_node import VirtualNode
from prknode import __version__

pytest.importorskip("micropython_unix", reason="MicroPython's unix port is not installed")

RIG = bench_rig()
MODULES = 20
"""The firmware has more modules than this; a test that copies fewer copied too few."""


@pytest.fixture(autouse=True)
def _short_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    """This line has no delay, so what does not answer at once is no node."""
    monkeypatch.setattr(checkup, "_PROBE_S", 0.3)


@pytest.fixture
def node() -> Iterator[VirtualNode]:
    world, _ = world_for(RIG, 1, surroundings=surroundings_of(RIG))
    node = VirtualNode(world.chips, node_config(RIG), interpreter="micropython")
    thread = threading.Thread(target=node.serve, daemon=True)
    thread.start()
    yield node
    node.stop()
    thread.join(10)
    assert not thread.is_alive()
    node.close()


def flashed(node: VirtualNode, *options: object) -> dict[str, object]:
    ended = prk("flash", "--port", node.port, "--json", *options)
    assert ended.status == 0, ended
    result: dict[str, object] = json.loads(ended.out)
    return result


def on_board(node: VirtualNode) -> dict[str, bytes]:
    files = [path for path in node.flash.rglob("*") if path.is_file()]
    return {path.relative_to(node.flash).as_posix(): path.read_bytes() for path in files}


def is_firmware(node: VirtualNode) -> bool:
    """Whether exactly what is built for the unix port is on the board, beside files of others."""
    files = on_board(node)
    built = build(MpyTarget(6, 3, "x64"))
    del built["config.json"]
    modules = {path for path in files if path.startswith("prknode/")}
    return modules == {p for p in built if p.startswith("prknode/")} and all(
        files.get(path) == content for path, content in built.items()
    )


def restart(node: VirtualNode) -> None:
    """Power off and on."""
    node.kill_child()


def empty(node: VirtualNode) -> None:
    for path in node.flash.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def test_a_running_node_in_source_form_becomes_a_compiled_one_and_then_nothing_is_left_to_do(
    node: VirtualNode,
) -> None:
    config = on_board(node)["config.json"]
    first = flashed(node)
    assert is_firmware(node)
    assert len(first["removed"]) > MODULES
    assert len(first["copied"]) > MODULES
    assert on_board(node)["config.json"] == config, "the board's own configuration stays"
    assert first["version"] == __version__
    assert first["self_test"] == 0
    assert [s["state"] for s in first["sensors"]] == ["OK"] * len(RIG.node.roles)
    # The chamber starts at the rig's pressure and falls by far less than 1 % in this moment.
    assert first["sensors"][0]["pressure_pa"] == pytest.approx(RIG.chamber.pressure_pa, rel=0.01)
    second = flashed(node)
    assert second["copied"] == second["removed"] == []
    assert second["copied_bytes"] == 0
    third = flashed(node, "--force")
    assert len(third["copied"]) == len(second["unchanged"])


def test_an_empty_board_becomes_a_node_of_the_rig(node: VirtualNode, tmp_path: Path) -> None:
    empty(node)
    restart(node)
    rig = tmp_path / "bench.toml"
    rig.write_text(RIG.to_toml())
    ended = prk("flash", "--port", node.port, "--rig", rig)
    assert ended.status == 0, ended
    assert "CHAMBER OK" in ended.out
    assert f"prk log --port {node.port}" in ended.out
    assert is_firmware(node)
    assert json.loads(on_board(node)["config.json"]) == node_config(RIG)


PROGRAMS = {
    "loops": "while True:\n    pass\n",
    "sleeps": "import time\nwhile True:\n    time.sleep_ms(1000)\n",
    "crashes": "import no_such_module\n",
    "chatters": "while True:\n    print('blink', end='')\n",
    "exits": "import sys\nsys.exit()\n",
    "not python": "\x00\xff",
}


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_a_board_with_another_program_becomes_a_node_and_the_program_is_kept(
    node: VirtualNode, program: str
) -> None:
    empty(node)
    (node.flash / "main.py").write_text(program)
    (node.flash / "mine.txt").write_text("mine")
    restart(node)
    result = flashed(node)
    assert is_firmware(node)
    assert result["set_aside"] == {"main.py": "main.old.py"}
    assert (node.flash / "main.old.py").read_text() == program
    assert (node.flash / "mine.txt").read_text() == "mine"


def test_a_node_that_crashes_at_boot_is_mended(node: VirtualNode) -> None:
    (node.flash / "prknode" / "node.py").write_text("raise ValueError('broken')\n")
    restart(node)
    flashed(node)
    assert is_firmware(node)


def test_leftovers_go_and_files_of_the_user_stay(node: VirtualNode) -> None:
    theirs = {"prknode/notes.txt": "a", "lib/mine.py": "b", "old/prknode/x.py": "c"}
    stale = {
        "prknode/gone.py": "", "prknode/gone.mpy": "", "prknode/node.mpy.prknew": "half",
        "lib/prknode/node.py": "", "main.py.prknew": "half",
    }  # fmt: skip
    for name, content in {**theirs, **stale}.items():
        (node.flash / name).parent.mkdir(parents=True, exist_ok=True)
        (node.flash / name).write_text(content)
    result = flashed(node)
    assert set(stale) <= set(result["removed"])
    files = on_board(node)
    assert not set(stale) & set(files)
    assert {name: files[name].decode() for name in theirs} == theirs


def test_interrupted_at_any_command_the_board_is_reached_and_mended_by_another_run(
    node: VirtualNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line breaks after so many commands: inside a file, between files, before the restart.

    tests/unit/test_deploy_plan.py cuts before every operation; here real files are cut.
    """
    real = storage.Repl.run
    for left in (1, 5, 9, 36, 39, 70, 110):
        count = 0

        def run(self: storage.Repl, code: str, left: int = left) -> str:
            nonlocal count
            count += 1
            if count > left:
                raise DeviceError("cut off")
            return real(self, code)

        with monkeypatch.context() as patch:
            patch.setattr(storage.Repl, "run", run)
            # Every file anew: three commands each at the least, a hundred in all.
            with pytest.raises(DeviceError, match="cut off"):
                flash.flash(node.port, force=True)
        if left % 2:
            restart(node)
    flashed(node)
    assert is_firmware(node)


def test_the_adafruit_library_comes_along_on_request_and_reads_the_sensors(
    node: VirtualNode,
) -> None:
    pytest.importorskip("prkbench.deploy.adafruit_files")
    if importlib.util.find_spec("adafruit_bmp3xx") is None:
        pytest.skip("adafruit-circuitpython-bmp3xx is not installed")
    result = flashed(node, "--driver", "adafruit")
    assert "lib/adafruit_bmp3xx.mpy" in result["copied"]
    assert result["self_test"] == 0
    assert json.loads(on_board(node)["config.json"])["driver"] == "ADAFRUIT"
    client = NodeClient.connect(node.port)
    assert client.query("SENSe:DRIVer?").startswith("ADAF")
    client.close()
    assert flashed(node)["copied"] == [], "the driver stays until another one is asked for"


def test_a_node_that_measures_is_not_stopped_without_force(node: VirtualNode) -> None:
    client = NodeClient.connect(node.port)
    client.command("INITiate")
    client.close()
    refused(prk("flash", "--port", node.port), 2, "measuring", "--force")
    client = NodeClient.connect(node.port)
    assert client.run_time_us() is not None
    client.close()
    flashed(node, "--force")


def test_a_sensor_that_does_not_answer_is_named_and_makes_the_status_one() -> None:
    world, _ = world_for(RIG, 1, surroundings=surroundings_of(RIG))
    lost = sorted(world.chips)[1]
    node = VirtualNode(
        world.chips, node_config(RIG), interpreter="micropython", absent=frozenset({lost})
    )
    thread = threading.Thread(target=node.serve, daemon=True)
    thread.start()
    try:
        ended = prk("flash", "--port", node.port, "--json")
        assert ended.status == 1, ended
        result = json.loads(ended.out)
        assert result["self_test"] == 2
        assert [s["state"] for s in result["sensors"]][:2] == ["OK", "ABSENT"]
        assert result["sensors"][1]["pressure_pa"] is None
    finally:
        node.stop()
        thread.join(10)
        node.close()


def test_a_full_board_is_told_before_anything_is_touched(node: VirtualNode) -> None:
    # The virtual flash has 352 blocks of 4 KiB.
    (node.flash / "big.bin").write_bytes(bytes(340 * 4096))
    before = on_board(node)
    refused(prk("flash", "--port", node.port), 3, "file system is full", "remove files")
    assert on_board(node) == before


def test_a_firmware_that_does_not_start_is_told(
    node: VirtualNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here because something in the user's own folder hides a module that the firmware needs."""
    (node.flash / "struct.py").write_text("raise ValueError('mine')\n")
    refused(prk("flash", "--port", node.port), 3, "every file is on the board", "mpremote connect")

"""Adafruit's library on the virtual board: real MicroPython runs the files that a board gets."""

import contextlib
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from inprocess_node import bench_rig

from prkbench.client import NodeClient, ScpiRefusal
from prkbench.deploy import adafruit_files
from prkbench.deploy.adafruit_files import adafruit_sources
from prkbench.errors import UsageError
from prkbench.node_setup import node_config
from prkbench.runfile import Kind, RunFile
from prkbench.sim.child_process import default_interpreter
from prkbench.sim.rig_world import surroundings_of, world_for
from prkbench.sim.unix_node import VirtualNode

RIG = bench_rig()
MINUTES = 5

needs_micropython = pytest.mark.skipif(
    default_interpreter() != "micropython", reason="MicroPython's unix port is not installed"
)


@contextlib.contextmanager
def served(driver: str, *, installed: bool = True) -> Iterator[NodeClient]:
    """A client of a virtual node with that driver, on whose flash the library lies or not."""
    world, _ = world_for(RIG, 1, surroundings=surroundings_of(RIG))
    node = VirtualNode(world.chips, {**node_config(RIG), "driver": driver}, unique_id="00001")
    if installed:
        for name, source in adafruit_sources().items():
            path = node.flash / name
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, path)
    thread = threading.Thread(target=node.serve, daemon=True)
    thread.start()
    try:
        client = NodeClient.connect(node.port)
        try:
            yield client
        finally:
            client.close()
    finally:
        node.stop()
        thread.join(10)
        node.close()


def samples_with(driver: str, folder: Path) -> tuple[bytes, dict[str, object]]:
    """The samples of the first minutes of the seeded bench, and the run's set-up."""
    from prkbench.logger import Logger

    path = folder / f"{driver}.prk"
    with (
        served(driver) as client,
        RunFile.create(path, {"source": "node"}) as file,
    ):
        client.command("INITiate")
        capture = Logger(client, file, MINUTES * 60.0).run()
        assert capture.lost == 0
        (run,) = file.runs()
        return file.payload(run.run_id, Kind.SAMPLE), run.setup


@needs_micropython
def test_under_micropython_the_library_gives_the_register_drivers_samples(tmp_path: Path) -> None:
    """Byte for byte: the same world, triggered and read at the same simulated times."""
    ours, setup = samples_with("BMP390", tmp_path)
    theirs, their_setup = samples_with("ADAFRUIT", tmp_path)
    assert len(ours) == MINUTES * 30 * 20
    assert theirs == ours
    assert (setup.pop("driver"), their_setup.pop("driver")) == ("BMP390", "ADAFRUIT")
    assert their_setup == setup


@needs_micropython
def test_a_board_without_the_library_says_so_and_takes_the_other_driver() -> None:
    with served("ADAFRUIT", installed=False) as client:
        assert client.query("*TST?") == "3"
        with pytest.raises(ScpiRefusal, match="sensor 1: NO_DRIVER"):
            client.command("INITiate")
        client.command("SENSe:DRIVer BMP390")
        assert 5e4 < float(client.query("MEASure:PRESsure?")) < 2e5


def test_the_files_for_a_board_are_the_librarys_own() -> None:
    sources = adafruit_sources()
    assert set(sources) == {
        "lib/adafruit_bmp3xx.py",
        "lib/adafruit_bus_device/__init__.py",
        "lib/adafruit_bus_device/i2c_device.py",
    }
    assert all(path.is_file() for path in sources.values())
    assert "class BMP3XX_I2C" in sources["lib/adafruit_bmp3xx.py"].read_text()


def test_a_library_that_is_not_installed_here_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(name: str) -> ModuleType | None:
        return None

    monkeypatch.setattr(adafruit_files.importlib.util, "find_spec", nowhere)
    with pytest.raises(UsageError, match=r"adafruit_bmp3xx.*pip install 'prkbench\[adafruit\]'"):
        adafruit_sources()

"""`prk flash` on the emulated Pico: the official image, its USB line, its littlefs."""

import contextlib
import json
import os
import threading
import time
from collections.abc import Iterator

import pytest
from inprocess_node import bench_rig
from prk_command import prk

from prkbench.deploy.build import RP2040, build
from prkbench.node_setup import node_config
from prkbench.sim.rig_world import surroundings_of, world_for

emulated = pytest.importorskip("prkbench.sim.pico.emulated", reason="rp2040py is not installed")
image = pytest.importorskip("prkbench.sim.pico.image")

IMAGE = image.cached_image()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals are POSIX's"),
    pytest.mark.skipif(IMAGE is None, reason="no MicroPython image for RP2040 in the cache"),
]
RIG = bench_rig()
CONFIG = {"board": {"i2c": [{"id": 0, "sda": 4, "scl": 5}]}, **node_config(RIG)}


class ServedPico:
    """An emulated Pico on a pseudo-terminal."""

    def __init__(self, files: dict[str, bytes]) -> None:
        import tty

        world, _ = world_for(RIG, 1, surroundings=surroundings_of(RIG))
        self._ours, self._theirs = os.openpty()
        tty.setraw(self._theirs)
        os.set_blocking(self._ours, False)
        self.port = os.ttyname(self._theirs)
        self._sent = bytearray()
        self.pico = emulated.EmulatedPico(IMAGE, files, world.chips, self._sent.extend)
        self._stop = False
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while not self._stop:
            with contextlib.suppress(BlockingIOError):
                self.pico.line.send(os.read(self._ours, 4096))
            before = self.pico.cycles
            self.pico.run(1000)
            with contextlib.suppress(BlockingIOError):
                del self._sent[: os.write(self._ours, bytes(self._sent))]
            if self.pico.cycles == before:
                # Asleep: emulated time would race ahead of what the host does meanwhile.
                time.sleep(0.001)

    def close(self) -> None:
        self._stop = True
        self._thread.join(30)
        os.close(self._ours)
        os.close(self._theirs)


@pytest.fixture
def served() -> Iterator[ServedPico]:
    pico = ServedPico({"config.json": json.dumps(CONFIG).encode(), "mine.txt": b"mine"})
    yield pico
    pico.close()


def test_a_board_with_nothing_but_a_configuration_becomes_a_node(served: ServedPico) -> None:
    ended = prk("flash", "--port", served.port, "--json")
    assert ended.status == 0, ended
    result = json.loads(ended.out)
    assert result["self_test"] == 0
    # The chamber starts at the rig's pressure and falls by far less than 1 % in this time.
    assert result["sensors"][0]["pressure_pa"] == pytest.approx(RIG.chamber.pressure_pa, rel=0.01)
    files = served.pico.files()
    assert files.pop("mine.txt") == b"mine"
    assert json.loads(files.pop("config.json")) == CONFIG
    wanted = build(RP2040)
    del wanted["config.json"]
    assert files == wanted

"""`prk flash` on the emulated Pico: the official image, its USB line, its littlefs."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from inprocess_node import bench_rig
from prk_command import prk
from served_pico import serving

from prkbench.deploy.build import RP2040, build
from prkbench.node_setup import node_config
from prkbench.sim.pico.emulated import PINS
from prkbench.sim.pico.pico_node import PicoNode
from prkbench.sim.rig_world import surroundings_of, world_for

pytestmark = [
    pytest.mark.xdist_group("pico-flash"),
    pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals are POSIX's"),
]
RIG = bench_rig()
CONFIG = {"board": PINS, **node_config(RIG)}


@pytest.fixture
def board(image: Path) -> Iterator[PicoNode]:
    """Nothing on it but a configuration and a file of the user's."""
    world, _ = world_for(RIG, 1, surroundings=surroundings_of(RIG))
    files = {"config.json": json.dumps(CONFIG).encode(), "mine.txt": b"mine"}
    with serving(PicoNode(image, world.chips, files, realtime=True)) as node:
        yield node


def test_a_board_with_nothing_but_a_configuration_becomes_a_node(board: PicoNode) -> None:
    ended = prk("flash", "--port", board.port, "--json")
    assert ended.status == 0, ended
    result = json.loads(ended.out)
    assert result["node"] == board.pico.unique_id
    assert result["self_test"] == 0
    # The chamber starts at the rig's pressure and falls by far less than 1 % in this time.
    assert result["sensors"][0]["pressure_pa"] == pytest.approx(RIG.chamber.pressure_pa, rel=0.01)
    files = board.pico.files()
    assert files.pop("mine.txt") == b"mine"
    assert json.loads(files.pop("config.json")) == CONFIG
    wanted = build(RP2040)
    del wanted["config.json"]
    assert files == wanted

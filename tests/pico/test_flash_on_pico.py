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
    # Two boots and forty files hashed, at a twenty-fifth of a board's speed.
    pytest.mark.slow,
    pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals are POSIX's"),
]
RIG = bench_rig()
CONFIG = {"board": PINS, **node_config(RIG)}


MISSING = ("main.py", "prknode/node.mpy")
SPOILT = "prknode/ring.mpy"


def almost_everything() -> dict[str, bytes]:
    """An installation that was cut off, with a file that has gone bad."""
    files = {name: data for name, data in build(RP2040).items() if name not in MISSING}
    return {**files, SPOILT: files[SPOILT][:-1] + b"?", "prknode/gone.mpy": b"of an older version"}


def nothing() -> dict[str, bytes]:
    return {}


@pytest.fixture
def board(image: Path, request: pytest.FixtureRequest) -> Iterator[PicoNode]:
    """What the parameter gives, a configuration, and a file of the user's."""
    world, _ = world_for(RIG, 1, surroundings=surroundings_of(RIG))
    mine = {"config.json": json.dumps(CONFIG).encode(), "mine.txt": b"mine"}
    files = {**request.param(), **mine}
    with serving(PicoNode(image, world.chips, files, realtime=True)) as node:
        yield node


@pytest.mark.parametrize("board", [almost_everything, nothing], indirect=True)
def test_a_board_becomes_a_node_whatever_it_held(board: PicoNode) -> None:
    before = board.pico.files()
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
    assert set(result["copied"]) == {name for name in wanted if before.get(name) != wanted[name]}

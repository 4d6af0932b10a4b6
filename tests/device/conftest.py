"""What the device suite runs on: the virtual node, the emulated Pico, or a board on a port."""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from device_target import Target

from prkbench.cli.demo import EASY, demo_rig
from prkbench.client import NodeClient
from prkbench.errors import PrkError
from prkbench.node_setup import node_config
from prkbench.sim.rig_world import surroundings_of, world_for

if TYPE_CHECKING:
    from prkbench.sim.pico.pico_node import PicoNode
    from prkbench.sim.unix_node import VirtualNode

KINDS = [
    pytest.param("virtual", id="virtual"),
    pytest.param("pico", id="pico"),
    pytest.param("board", id="board", marks=pytest.mark.hardware),
]

ON_PICO = (
    "test_the_node_says_who_it_is_and_speaks_our_protocol",
    "test_the_self_test_finds_every_sensor_in_order",
    "test_readings_are_ones_a_room_can_have",
    "test_trim_bytes_are_those_of_a_chip",
    "test_lines_as_instrument_software_sends_them",
    "test_samples_come_at_the_rate_set_with_rising_time_and_no_gap[pico-5-",
    "test_an_answer_has_head_records_and_crc_as_documented",
    "test_marks_are_in_the_event_log_with_their_text_and_time",
)
"""What is tested on the emulated Pico every time; the rest takes a quarter of an hour there and is
marked slow. The whole suite runs on the virtual node; a run logged from the emulated Pico and what
is the board's own are in tests/pico."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With a port only the board is tested, without one only what is simulated."""
    wants_board = bool(config.getoption("port"))
    left_out = []
    for item in items:
        callspec = getattr(item, "callspec", None)
        kind = callspec.params.get("target") if callspec else None
        if kind in ("virtual", "pico", "board"):
            if (kind == "board") != wants_board:
                left_out.append(item)
            if kind == "pico":
                # It takes long to boot and a whole core to run: one for all its tests.
                item.add_marker(pytest.mark.xdist_group("device-pico"))
                if not item.name.startswith(ON_PICO):
                    item.add_marker(pytest.mark.slow)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@contextlib.contextmanager
def virtual() -> Iterator[Target]:
    """The firmware under MicroPython's unix port, as fast as it goes."""
    from prkbench.sim.unix_node import VirtualNode

    rig = demo_rig(1.0, EASY, 5.0)
    world, _ = world_for(rig, 1, surroundings=surroundings_of(rig))
    node = VirtualNode(world.chips, node_config(rig), unique_id="0d0d")
    with serving(node):
        yield Target(node.port, "virtual", realtime=False, memory_s=0)


@contextlib.contextmanager
def pico() -> Iterator[Target]:
    """The MicroPython image for the RP2040 on an emulated Pico, as fast as it goes."""
    from prkbench.sim.pico.image import cached_image, missing_image
    from prkbench.sim.pico.pico_node import PicoNode, node_files

    image = cached_image()
    if image is None:
        pytest.skip(missing_image())
    rig = demo_rig(1.0, EASY, 1.0)
    world, _ = world_for(rig, 1, surroundings=surroundings_of(rig))
    node = PicoNode(image, world.chips, node_files(node_config(rig)))
    with serving(node):
        yield Target(
            node.port,
            "pico",
            realtime=False,
            now_s=lambda: node.pico.now_us / 1e6,
            run_s=61,
            memory_s=125,
            share=0.1,
            answer_s=20.0,
            start_s=90.0,
        )


@contextlib.contextmanager
def serving(node: "VirtualNode | PicoNode") -> Iterator[None]:
    """Serve a node from a thread of this process."""
    node.boot()
    thread = threading.Thread(target=node.serve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        node.stop()
        thread.join(10)
        node.close()


def board(port: str) -> Target:
    """What is plugged in, or a virtual node served elsewhere, whose memory is not a board's."""
    found = Target(port, "board")
    client = found.connect()
    simulated = client.identity.simulated
    client.close()
    return replace(found, memory_s=0) if simulated else found


@pytest.fixture(scope="session")
def target(request: pytest.FixtureRequest) -> Iterator[Target]:
    """One target for the whole session, as one board is."""
    if request.param == "board":
        yield board(request.config.getoption("port"))
        return
    with {"virtual": virtual, "pico": pico}[request.param]() as served:
        yield served


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "target" in metafunc.fixturenames:
        metafunc.parametrize("target", KINDS, indirect=True, scope="session")


@pytest.fixture
def node(target: Target) -> Iterator[NodeClient]:
    """A client of the target, idle and as its config.json has it."""
    client = target.connect()
    client.write("ABORt")
    client.write("*RST")
    client.write("*CLS")
    client.command("FORMat INTeger")
    yield client
    with contextlib.suppress(PrkError):
        client.write("ABORt")
    client.close()

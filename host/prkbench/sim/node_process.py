"""A virtual node in a process of its own, for a host tool that logs it from this one."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from prkbench.errors import DeviceError, PrkError
from prkbench.node_setup import node_config
from prkbench.rig import Rig, parse_rig
from prkbench.sim.bus import Address, Device
from prkbench.sim.rig_world import Truth, surroundings_of, world_for
from prkbench.sim.typed_lines import TypedLines

_START_S = 30.0


@dataclass(frozen=True)
class Scene:
    """What a virtual node is to be: rig file text, seed, room's swing (K), how time runs.

    scenario: the name of one, whose bench, events and notes take the place of the rig's own.
    """

    rig_toml: str
    seed: int
    hvac_k: float = 0.3
    realtime: bool = False
    interpreter: str | None = None
    scenario: str | None = None


@dataclass(frozen=True)
class Served:
    """A virtual node being served: its port, the interpreter that runs it, and the truth.

    A scenario has its truth elsewhere, here it is None.
    """

    port: str
    interpreter: str
    truth: Truth | None


def _staged(
    scene: Scene, rig: Rig
) -> tuple[Mapping[Address, Device], dict[str, Any], Truth | None, TypedLines | None]:
    """Return what is around the node, its configuration, a rig's truth, what somebody types."""
    if scene.scenario is not None:
        from prkbench.sim.scenario_bench import bench_of
        from prkbench.sim.scenario_library import scenario

        bench = bench_of(scenario(scene.scenario), scene.seed)
        return bench.devices(), bench.config(), None, bench.typed()
    surroundings = surroundings_of(rig, hvac_k=scene.hvac_k)
    world, truth = world_for(rig, scene.seed, surroundings=surroundings)
    return world.devices, node_config(rig), truth, None


def _serve(scene: Scene, link: Connection) -> None:
    from prkbench.sim.unix_node import VirtualNode

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        rig = parse_rig(scene.rig_toml, "rig of the virtual node")
        devices, config, truth, typed = _staged(scene, rig)
        node = VirtualNode(
            devices,
            config,
            unique_id=f"{scene.seed & 0xFFFFF:05x}",
            realtime=scene.realtime,
            interpreter=scene.interpreter,  # type: ignore[arg-type]
            typed=typed,
        )
    except (PrkError, OSError) as error:
        link.send(str(error))
        return

    def follow_parent() -> None:
        # The pipe ends when the parent does, however it ends.
        with contextlib.suppress(EOFError, OSError):
            link.recv()
        node.stop()

    threading.Thread(target=follow_parent, daemon=True).start()
    link.send(Served(node.port, node.interpreter, truth))
    try:
        node.serve()
    finally:
        node.close()


@contextlib.contextmanager
def serving(scene: Scene) -> Iterator[Served]:
    """Serve a virtual node while the block runs; DeviceError if it cannot be started."""
    if os.name != "posix":
        raise DeviceError(
            "a virtual node needs pseudo-terminals, which this system lacks; "
            "use 'prk node --socket' and socket://"
        )
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(scene, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        if not ours.poll(_START_S):
            raise DeviceError(f"the virtual node did not start within {_START_S:g} s")
        try:
            answer = ours.recv()
        except EOFError:
            raise DeviceError("the virtual node ended while starting") from None
        if not isinstance(answer, Served):
            raise DeviceError(str(answer))
        yield answer
    finally:
        ours.close()
        process.join(3.0)
        if process.is_alive():
            process.terminate()
            process.join(3.0)

"""`prk node`: a virtual node on a serial line of its own, for any tool that opens one."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from prkbench.cli.demo import EASY, demo_rig, leak_lb_per_day
from prkbench.cli.pico import choose_image, pico_node
from prkbench.errors import DeviceError, UsageError
from prkbench.node_setup import node_config
from prkbench.rig import Rig, load_rig

if TYPE_CHECKING:
    from prkbench.sim.pico.pico_node import PicoNode
    from prkbench.sim.unix_node import VirtualNode

_ANY_PORT = "localhost:0"


def node(
    image: Annotated[
        Path | None,
        typer.Argument(help="MicroPython image (.uf2) for --pico; default: the cached one."),
    ] = None,
    rig_file: Annotated[
        Path | None, typer.Option("--rig", help="Simulate the bench of this rig file.")
    ] = None,
    leak: Annotated[
        str | None,
        typer.Option("--leak", help="Leak of the demo bench, lb/day PrK-equivalent (0: sealed)."),
    ] = None,
    pico: Annotated[
        bool, typer.Option("--pico", help="On an emulated Raspberry Pi Pico, boots in 30 s.")
    ] = False,
    download: Annotated[
        bool, typer.Option("--download", help="Fetch the official image if there is none.")
    ] = False,
    realtime: Annotated[
        bool,
        typer.Option("--realtime/--fast", help="In step with the wall clock, or fast as it goes."),
    ] = True,
    fault: Annotated[
        list[str] | None,
        typer.Option("--fault", help="Make a sensor fail, e.g. 0x76:nack@120+5; repeatable."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Repeats a world to the bit.")] = 1,
    interpreter: Annotated[
        str | None, typer.Option("--interpreter", help="micropython or cpython; default: as found.")
    ] = None,
    socket: Annotated[
        str | None,
        typer.Option("--socket", help=f"Serve on HOST:PORT of this machine, e.g. {_ANY_PORT}."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON line with the port first.")
    ] = False,
) -> int:
    """Serve a virtual node until interrupted: the real firmware, with simulated sensors.

    Example: prk node, then in another terminal: prk log --port /dev/pts/N --out my.prk
    """
    if interpreter not in (None, "micropython", "cpython"):
        raise UsageError(f"--interpreter {interpreter}: expected micropython or cpython")
    if pico and interpreter is not None:
        raise UsageError("--interpreter is not for --pico, where the image brings its own")
    if not pico and (download or image is not None):
        raise UsageError(f"{image or '--download'}: an image is for --pico only; add --pico")
    rig = _rig(rig_file, leak)
    if os.name != "posix":
        raise DeviceError("a virtual node needs Linux or macOS: this system has no fork or ptys")

    from prkbench.sim.faults import inject
    from prkbench.sim.rig_world import surroundings_of, world_for
    from prkbench.sim.unix_node import VirtualNode
    from prkbench.sim.virtual_line import PublicSocket

    config = node_config(rig)
    chosen = choose_image(image, download) if pico else None
    world, _ = world_for(rig, seed, surroundings=surroundings_of(rig))
    line = None if socket is None else PublicSocket(*_address(socket))
    served: PicoNode | VirtualNode
    if chosen is not None:
        served = pico_node(chosen, world.chips, config, seed=seed, realtime=realtime, line=line)
    else:
        served = VirtualNode(
            world.devices,
            config,
            unique_id=f"{seed & 0xFFFFF:05x}",
            realtime=realtime,
            interpreter=interpreter,  # type: ignore[arg-type]
            line=line,
        )
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: served.stop())
    try:
        inject(served.devices, fault or ())
        served.boot()
        _announce(served.port, served.interpreter, as_json)
        served.serve()
    finally:
        served.close()
    return 0


def _rig(rig_file: Path | None, leak: str | None) -> Rig:
    """The rig file, or the demo's bench with a leak."""
    if rig_file is None:
        wanted = EASY.leak_lb_per_day if leak is None else leak_lb_per_day(leak)
        return demo_rig(wanted, EASY, 5.0)
    if leak is not None:
        raise UsageError("--leak is for the demo's bench; with --rig the file says what leaks")
    return load_rig(rig_file)


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise UsageError(
            f"--socket {text}: expected HOST:PORT, such as {_ANY_PORT} (any free port)"
        )
    return host.strip("[]"), int(port)


def _announce(port: str, interpreter: str, as_json: bool) -> None:
    if as_json:
        line = json.dumps({"port": port, "pid": os.getpid(), "interpreter": interpreter})
        print(line, flush=True)
        return
    print(f"virtual node on {port} (firmware runs under {interpreter}); Ctrl-C ends it", flush=True)
    print(f"  log it:       prk log --port {port} --duration '10 min' --out my.prk")
    print(f"  talk to it:   mpremote connect {port}, PyVISA: ASRL{port}::INSTR", flush=True)

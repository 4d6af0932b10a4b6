"""`prk flash`: the firmware on a board, checked to the last byte."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from prkbench.cli.present import bar
from prkbench.deploy.flash import Flashed, flash
from prkbench.deploy.install import Report
from prkbench.deploy.ports import find_port
from prkbench.errors import UsageError
from prkbench.node_setup import node_config
from prkbench.rig import load_rig

_DRIVERS = ("bmp390", "adafruit")


def flash_board(
    port: Annotated[
        str | None, typer.Option("--port", help="Serial port; default: the one board on USB.")
    ] = None,
    rig: Annotated[
        Path | None,
        typer.Option("--rig", help="Rig file: configures the node; default: as it was."),
    ] = None,
    driver: Annotated[
        str | None, typer.Option("--driver", help="bmp390 or adafruit; default: as it was.")
    ] = None,
    force: Annotated[
        bool,
        typer.Option("--force", help="Even if the node is measuring, and even unchanged files."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> int:
    """Install the node's firmware on a board with MicroPython, restart it and check it.

    Copies only what differs; may be interrupted and run again. Your own files stay. Status 1: the
    node runs, but not all of its sensors work.

    Example: prk flash --rig bench.toml
    """
    if driver is not None and driver not in _DRIVERS:
        raise UsageError(f"--driver {driver}: expected {' or '.join(_DRIVERS)}")
    settings = node_config(load_rig(rig)) if rig else None
    chosen = port or find_port()
    with bar("installing", None, as_json) as (progress, task):

        def begin(total: int) -> Report:
            progress.update(task, total=max(total, 1))
            return lambda what, count: progress.update(task, advance=count, note=what)

        done = flash(chosen, settings, driver, force=force, begin=begin)
    if as_json:
        typer.echo(json.dumps(_as_json(done)))
    else:
        _print(done)
    return 1 if done.node.self_test else 0


def _as_json(done: Flashed) -> dict[str, object]:
    return {
        "port": done.node.port,
        "node": done.node.unique_id,
        "version": done.node.version,
        "board": done.platform.machine,
        "micropython": ".".join(map(str, done.platform.version)),
        "copied": list(done.plan.copied),
        "copied_bytes": done.copied_bytes,
        "unchanged": list(done.plan.unchanged),
        "removed": list(done.plan.remove),
        "set_aside": dict(done.plan.aside),
        "self_test": done.node.self_test,
        "sensors": [
            {
                "role": sensor.role,
                "state": sensor.state,
                "pressure_pa": sensor.pressure_pa,
                "temperature_k": sensor.temperature_k,
            }
            for sensor in done.node.sensors
        ],
        "notes": list(done.notes),
    }


def _print(done: Flashed) -> None:
    console = Console()
    plan, node = done.plan, done.node
    table = Table(show_header=False, box=None)
    table.add_row("board", done.platform.shown)
    table.add_row("copied", f"{len(plan.copied)} files, {done.copied_bytes} bytes")
    table.add_row("unchanged", f"{len(plan.unchanged)} files")
    if plan.remove:
        table.add_row("removed", f"{len(plan.remove)} files that the firmware no longer has")
    for old, new in plan.aside:
        table.add_row("set aside", f"{old}, which was not ours, is now {new}")
    table.add_row("node", f"{node.unique_id} on {node.port}, firmware {node.version}")
    for number, sensor in enumerate(node.sensors, 1):
        reading = ""
        if sensor.pressure_pa is not None and sensor.temperature_k is not None:
            reading = f"  {sensor.pressure_pa:.1f} Pa, {sensor.temperature_k:.2f} K"
        table.add_row(f"sensor {number}", f"{sensor.role} {sensor.state}{reading}")
    console.print(table)
    for note in done.notes:
        console.print(f"note: {note}", markup=False, highlight=False, soft_wrap=True)
    if node.self_test:
        console.print("not every sensor works: check wiring, supply and address", highlight=False)
    else:
        console.print(
            f"next: prk log --port {node.port} --out my.prk", highlight=False, soft_wrap=True
        )

"""`prk list`: which serial ports there are, and which of them hold a node."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from serial.tools import list_ports

from prkbench.client import NodeClient
from prkbench.errors import DeviceError

_LOOK_S = 1.0


def list_nodes(
    port: Annotated[
        list[str] | None, typer.Option("--port", help="Look at this port, too; may be repeated.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> int:
    """List serial ports and ask each whether a node answers there. Exit status 3: no node found."""
    found = [_look(p.device, p.description or "") for p in list_ports.comports()]
    found += [_look(name, "given") for name in port or []]
    nodes = sum(1 for entry in found if entry["node"])
    if as_json:
        typer.echo(json.dumps({"ports": found, "nodes": nodes}))
    elif not found:
        typer.echo("no serial ports found; is the board plugged in, with a cable that has data?")
    else:
        table = Table("port", "what it is", "node")
        for entry in found:
            table.add_row(entry["port"], entry["description"], entry["node"] or entry["why"])
        Console().print(table)
    return 0 if nodes else 3


def _look(port: str, description: str) -> dict[str, Any]:
    try:
        client = NodeClient.connect(port, _LOOK_S)
    except DeviceError as error:
        return {"port": port, "description": description, "node": None, "why": str(error)}
    identity = client.identity
    client.close()
    node = f"{identity.unique_id}, firmware {identity.version}"
    return {"port": port, "description": description, "node": node, "why": ""}

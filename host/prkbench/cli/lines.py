"""The node that `prk log` talks to: at a port, or in this process; and the rig a file carries."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from prkbench.client import NodeClient
from prkbench.deploy.ports import find_port, present_name, serial_number
from prkbench.errors import DataError, UsageError
from prkbench.local.usb_bridge import AUTO
from prkbench.locks import alone
from prkbench.rig import Rig, parse_rig
from prkbench.runfile import RunFile

_PATIENCE_S = 10.0
"""A node answers in milliseconds, one on an emulated board in up to some seconds."""


@dataclass(frozen=True)
class Line:
    """A node that answers, and how to find it again when it does not any more."""

    client: NodeClient
    again: Callable[[], NodeClient] | None = None


@contextlib.contextmanager
def connected(
    port: str | None, sensor: str | None, i2c: str | None, out: Path, rig: Rig | None
) -> Iterator[Line]:
    """The node at a port, or one in this process over sensors on a bridge."""
    if sensor is None:
        if i2c is not None:
            raise UsageError("--i2c names a bridge: give --sensor adafruit, too")
        found = port or find_port()
        number = serial_number(found)

        def again() -> NodeClient:
            return NodeClient.connect(present_name(found, number), patience_s=_PATIENCE_S)

        # A board comes back under another name perhaps, but with its number.
        with alone(found if number is None else f"board {number}"):
            client = NodeClient.connect(found, patience_s=_PATIENCE_S)
            with contextlib.closing(client):
                yield Line(client, again)
        return
    if sensor != "adafruit":
        raise UsageError(f"--sensor {sensor}: expected adafruit")
    if port is not None:
        raise UsageError("--port is for a node on a board, --sensor for none: leave one out")
    from prkbench.local import session, usb_bridge

    name = i2c or AUTO
    bus = usb_bridge.open_i2c(name)
    with session.local_node(bus, rig or _rig_kept(out), f"i2c:{name}") as client:
        yield Line(client)


def _rig_kept(path: Path) -> Rig | None:
    """The rig in a run file that is to be continued."""
    if not path.exists():
        return None
    with RunFile.open(path) as file:
        return rig_inside(file)


def rig_inside(file: RunFile) -> Rig | None:
    """The rig that a run file carries, None if it has none; DataError if it cannot be read."""
    text = file.meta.get("rig")
    if not isinstance(text, str):
        return None
    try:
        return parse_rig(text, "the rig inside")
    except UsageError as error:
        raise DataError(f"{file.path}: {error}; name a rig file with --rig") from error

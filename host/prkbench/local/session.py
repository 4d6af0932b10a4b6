"""Runs the node in a thread of this process and connects a client to it.

The node is prknode as it runs on a board, so its run file is replayed and verified like any other.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

from prkbench.client import NodeClient
from prkbench.errors import DeviceError
from prkbench.local import sensors
from prkbench.local.host_board import HostBoard, HostClock, Stopped
from prkbench.local.library import load_library
from prkbench.local.register_bus import RegisterBus
from prkbench.local.socket_port import SocketPort
from prkbench.local.usb_bridge import BusioI2C
from prkbench.rig import Rig
from prkbench.transport import Transport
from prknode import app

_ANSWER_S = 3.0
_BRING_UP_S = 3.0
_LOOK_S = 0.01


@contextlib.contextmanager
def local_node(
    i2c: BusioI2C, rig: Rig | None, name: str, clock: HostClock | None = None
) -> Iterator[NodeClient]:
    """A node over the sensors on this bus, set up for the rig, while the block runs.

    name: of the bus, for messages. UsageError when the library is missing or the rig asks for too
    much, DeviceError when no sensor answers or the node ends by itself.
    """
    load_library()
    bus = RegisterBus(i2c)
    found = sensors.find(bus)
    config = sensors.config_for(found, rig)
    ours, theirs = socket.socketpair()
    board = HostBoard(bus, theirs, config, found.unique_id, clock or HostClock())
    thread = threading.Thread(target=_run, args=(board,), name="node", daemon=True)
    thread.start()
    try:
        client = NodeClient.over(Transport(name, _ANSWER_S, SocketPort(ours, _ANSWER_S)))
        _wait_for_sensors(client)
        yield client
    except DeviceError as error:
        if board.failure is not None:
            what = f"{type(board.failure).__name__}: {board.failure}"
            raise DeviceError(f"{name}: the node in this process failed: {what}") from error
        raise
    finally:
        board.stop()
        ours.close()
        thread.join(_ANSWER_S)


def _run(board: HostBoard) -> None:
    with contextlib.suppress(Stopped):
        app.run(board)


def _wait_for_sensors(client: NodeClient) -> None:
    """A node on a board has brought its sensors up long before the host looks; this one has not.

    One that does not come up is for INITiate to tell.
    """
    end = time.monotonic() + _BRING_UP_S
    while client.query("*TST?") != "0" and time.monotonic() < end:
        time.sleep(_LOOK_S)

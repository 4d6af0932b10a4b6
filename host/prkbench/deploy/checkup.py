"""The node before and after: is it measuring, does it come back, do its sensors work."""

from __future__ import annotations

import time
from dataclasses import dataclass

from prkbench.client import NodeClient
from prkbench.deploy.micropython import Platform
from prkbench.deploy.ports import present_name
from prkbench.errors import DeviceError
from prkbench.transport import Transport
from prknode import __version__

_PROBE_S = 1.0
_COMEBACK_S = 90.0
"""A board takes some seconds; an emulated one boots at a fortieth of its speed."""
_LONGEST_ANSWER_S = 10.0
_PROMPTS = 3
"""Prompts in a row instead of a node, after which it is not going to come."""
_SETTLING_S = 2.0
_PAUSE_S = 0.25
_PROMPT = "MicroPython prompt"
_SCPI_YEAR = "1999"
_NO_NUMBER = 9.9e37


@dataclass(frozen=True)
class Running:
    """The node that was found: its *IDN?, and for how long it has been measuring, None if not."""

    identity: str
    measuring_s: float | None


@dataclass(frozen=True)
class SensorState:
    """A sensor of the new node: its role, "OK" or its fault, and what it reads."""

    role: str
    state: str
    pressure_pa: float | None = None
    temperature_k: float | None = None


@dataclass(frozen=True)
class Checked:
    """The node after its restart; self_test: *TST?, 0 when every sensor works."""

    port: str
    unique_id: str
    version: str
    self_test: int
    sensors: tuple[SensorState, ...]


def probe(port: str) -> Running | None:
    """The node of any version that answers on a port, None for anything else.

    DeviceError when the port cannot be opened.
    """
    line = Transport(port, _PROBE_S)
    try:
        line.write(b"\n")
        line.drain()
        line.write(b"*IDN?\n")
        identity = line.read_line().decode("ascii", "replace")
        if not identity.startswith("prkbench,"):
            return None
        line.write(b"SYSTem:TIME?\n")
        run_us = int(line.read_line().split(b",")[1])
        return Running(identity, None if run_us < 0 else run_us / 1e6)
    except (DeviceError, ValueError, IndexError):
        return None
    finally:
        line.close()


def await_node(port: str, usb_number: str | None, platform: Platform) -> NodeClient:
    """The node after its restart, wherever its port is now; DeviceError when it stays away."""
    begun = time.monotonic()
    problem = "it did not come back"
    prompts = attempt = 0
    while prompts < _PROMPTS and time.monotonic() < begun + _COMEBACK_S:
        time.sleep(_PAUSE_S)
        name = present_name(port, usb_number)
        attempt += 1
        try:
            waits_s = min(attempt * _PROBE_S, _LONGEST_ANSWER_S)
            client = NodeClient.connect(name, waits_s, patience_s=_LONGEST_ANSWER_S)
        except DeviceError as error:
            problem = str(error)
            prompts = prompts + 1 if _PROMPT in problem else 0
            continue
        if platform.is_node(client.identity.unique_id):
            return client
        client.close()
        problem = f"another node answers on {name}"
    raise DeviceError(
        f"{port}: every file is on the board, but no node answered in the "
        f"{time.monotonic() - begun:.0f} s since its restart ({problem}); look at what it prints "
        f"with 'mpremote connect {port}'"
    )


def check(client: NodeClient) -> Checked:
    """Hold the node against what was installed, and ask each sensor; DeviceError if it differs."""
    identity = client.identity
    if identity.version != __version__:
        raise DeviceError(
            f"{client.port}: the node says firmware {identity.version}, {__version__} was "
            "installed; is there another prknode in /lib of the board?"
        )
    year = client.query("SYSTem:VERSion?")
    if not year.startswith(_SCPI_YEAR):
        raise DeviceError(f"{client.port}: SYSTem:VERSion? answered {year[:20]!r}, not SCPI 1999")
    faulty = _self_test(client)
    sensors = tuple(
        _sensor(client, n + 1, works=not faulty >> n & 1)
        for n in range(int(client.query("SENSe:COUNt?")))
    )
    client.write("*CLS")
    return Checked(client.port, identity.unique_id, identity.version, faulty, sensors)


def _self_test(client: NodeClient) -> int:
    """*TST?, asked again for as long as sensors may be coming up."""
    end = time.monotonic() + _SETTLING_S
    while True:
        answer = client.query("*TST?")
        if not answer.isdigit():
            raise DeviceError(f"{client.port}: *TST? answered {answer[:60]!r}, a number expected")
        if answer == "0" or time.monotonic() > end:
            return int(answer)
        time.sleep(_PAUSE_S)


def _sensor(client: NodeClient, number: int, *, works: bool) -> SensorState:
    role = client.query(f"SENSe:ROLE{number}?")
    client.write("*CLS")
    pressure = float(client.query(f"MEASure:PRESsure? (@{number})"))
    if works and pressure < _NO_NUMBER:
        temperature = float(client.query(f"MEASure:TEMPerature? (@{number})"))
        return SensorState(role, "OK", pressure, temperature)
    # Such as: -240,"Hardware error;sensor 2: ABSENT".
    error = client.query("SYSTem:ERRor?").strip('"')
    return SensorState(role, error.rpartition(": ")[2] if ": " in error else "FAULT")

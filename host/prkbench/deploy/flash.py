"""Puts the firmware on a board, from whatever state it is in to a node that answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prkbench.deploy import checkup, configure
from prkbench.deploy.build import build, firmware_sources
from prkbench.deploy.install import Report, carry_out, survey
from prkbench.deploy.micropython import Platform, known_board, platform_of, unreachable
from prkbench.deploy.plan import CONFIG, MAIN, Plan, check_space, make_plan
from prkbench.deploy.ports import serial_number
from prkbench.deploy.repl import NoPrompt, Repl
from prkbench.deploy.storage import BoardStorage, Storage
from prkbench.errors import DeviceError, UsageError

_MARK_OF_OURS = b"prknode"
_MAIN_BYTES = 2048
_RESTART = "import machine\nmachine.reset()"

Begin = Callable[[int], Report]
"""Takes how many bytes are going to be copied, and gives who is told about each file."""


@dataclass(frozen=True)
class Flashed:
    """What was done to a board, and what came of it."""

    platform: Platform
    plan: Plan
    copied_bytes: int
    node: checkup.Checked
    notes: tuple[str, ...]


def flash(
    port: str,
    rig: dict[str, Any] | None = None,
    driver: str | None = None,
    *,
    force: bool = False,
    begin: Begin | None = None,
) -> Flashed:
    """Install, restart and check a node.

    rig: settings of a rig file (node_setup.node_config); driver: "adafruit" or "bmp390"; force:
    also when the node is measuring, and copy also what is there already. UsageError when the node
    is measuring or its configuration cannot be kept, DeviceError when the board cannot be reached
    or has no MicroPython for us, DataError when it does not keep what is written.
    """
    running = checkup.probe(port)
    if running is not None and running.measuring_s is not None and not force:
        raise UsageError(
            f"{port}: the node has been measuring for {running.measuring_s / 3600:.2f} h, and "
            "installing ends that run; log it to its end, or use --force"
        )
    number = serial_number(port)
    try:
        with Repl(port) as repl:
            platform = platform_of(repl)
            plan, wanted, notes = _install(repl, platform, rig, driver, force=force, begin=begin)
            repl.leave_to(_RESTART)
    except NoPrompt as error:
        raise unreachable(error, port) from error
    try:
        client = checkup.await_node(port, number, platform)
    except DeviceError as error:
        raise DeviceError("; ".join((str(error), *notes))) from error
    try:
        node = checkup.check(client)
    finally:
        client.close()
    # Sensors that answer are proof enough of the pins.
    notes = notes if node.self_test else ()
    copied = sum(len(wanted[path]) for path in plan.copied)
    return Flashed(platform, plan, copied, node, notes)


def _install(
    repl: Repl,
    platform: Platform,
    rig: dict[str, Any] | None,
    driver: str | None,
    *,
    force: bool,
    begin: Begin | None,
) -> tuple[Plan, dict[str, bytes], tuple[str, ...]]:
    storage = BoardStorage(repl)
    there = storage.look("")
    default = firmware_sources()[CONFIG].read_bytes()
    existing = storage.read(CONFIG, configure.MOST_BYTES + 1) if CONFIG in there else None
    config = configure.choose(existing, default, rig, driver, force=force)
    wanted = build(platform.target, drivers=_driver_files(driver))
    wanted[CONFIG] = config.content
    foreign = {CONFIG} if config.foreign else set()
    if MAIN in there and not _is_ours(storage):
        foreign.add(MAIN)
    found = survey(storage, wanted)
    plan = make_plan(wanted, found, foreign, everything=force)
    check_space(plan, wanted, found, storage.space(), repl.port)
    total = sum(len(wanted[path]) for path in plan.copied)
    carry_out(storage, plan, wanted, begin(total) if begin else None)
    return plan, wanted, _notes(platform, config)


def _is_ours(storage: Storage) -> bool:
    """Whether main.py on the board starts a node, of whatever version."""
    return _MARK_OF_OURS in storage.read(MAIN, _MAIN_BYTES)


def _driver_files(driver: str | None) -> dict[str, Path]:
    """What a driver needs on the board beside the firmware."""
    if driver != "adafruit":
        return {}
    from prkbench.deploy.adafruit_files import adafruit_sources

    return dict(adafruit_sources())


def _notes(platform: Platform, config: configure.Configuration) -> tuple[str, ...]:
    """What may be the reason when the node does not work."""
    if config.names_pins or known_board(platform.machine) is not None:
        return ()
    return (configure.pins_note(platform.machine),)

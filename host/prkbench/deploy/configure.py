"""config.json for a board: from a rig file, or what the board has already.

The board section (pins, memory) is the user's: it is kept as it stands, and none is written where
there is none, because the firmware finds the pins of the boards it knows by itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from prkbench.deploy.build import config_bytes
from prkbench.errors import UsageError
from prknode.settings import SettingError, Settings

MOST_BYTES = 8192
"""Larger than any config.json of ours."""

_OF_THE_BOARD = ("board", "autostart", "watchdog_ms", "driver")
"""Keys that a rig file says nothing about."""
_PINS = '{"board": {"i2c": [{"id": 0, "sda": 4, "scl": 5}]}, ...}'


@dataclass(frozen=True)
class Configuration:
    """config.json to write; foreign: one of another program is in its place and has to move."""

    content: bytes
    foreign: bool = False

    @property
    def names_pins(self) -> bool:
        """Whether it says itself where the buses are."""
        return "board" in json.loads(self.content)


def choose(
    existing: bytes | None,
    default: bytes,
    rig: Mapping[str, Any] | None = None,
    driver: str | None = None,
    *,
    force: bool = False,
) -> Configuration:
    """Decide what config.json is to hold.

    existing: as on the board; default: as in the firmware; rig: the settings of a rig file
    (node_setup.node_config); driver: which one reads the sensors. Without a rig a configuration of
    ours stays, to the byte where no driver is asked for. UsageError when it stays but this firmware
    does not take it; force gives the default then and moves the old one out of the way.
    """
    present = _parse(existing)
    foreign = existing is not None and present is None
    chosen: dict[str, Any]
    if rig is not None:
        kept = {key: value for key, value in (present or {}).items() if key in _OF_THE_BOARD}
        chosen = {**kept, **rig}
        # A rig names valves at the most; pins and memory stay the user's.
        if "board" in rig and isinstance(kept.get("board"), dict):
            chosen["board"] = {**kept["board"], **rig["board"]}
    elif present is not None:
        chosen = present
        problem = _problem(chosen)
        if problem and force:
            chosen, foreign = json.loads(default), True
        elif problem:
            raise UsageError(
                f"config.json on the board cannot be kept: {problem}; give a rig file with --rig, "
                "or --force for the default configuration"
            )
    else:
        chosen = json.loads(default)
    if driver is not None:
        chosen = {**chosen, "driver": driver.upper()}
    if problem := _problem(chosen):
        raise UsageError(f"the configuration cannot be put on a node: {problem}")
    same = existing is not None and chosen == present
    return Configuration(existing if same and existing else config_bytes(chosen), foreign)


def pins_note(machine: str) -> str:
    """What to tell when neither config.json nor boards.json knows where the buses are."""
    return (
        f"the pins of this board ({machine}) are not known: put them into config.json on the "
        f"board, such as {_PINS}, and run 'prk flash' again"
    )


def _parse(content: bytes | None) -> dict[str, Any] | None:
    """A configuration of ours, None for what is not."""
    if content is None or len(content) > MOST_BYTES:
        return None
    try:
        values = json.loads(content)
    except ValueError:
        return None
    return values if isinstance(values, dict) and "sensors" in values else None


def _problem(config: Mapping[str, Any]) -> str:
    try:
        Settings(dict(config))
    except SettingError as error:
        return str(error)
    return ""

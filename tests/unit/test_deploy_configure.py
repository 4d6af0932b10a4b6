"""config.json on the board: from the rig file, or kept; never lost, never one that stops a node."""

import json
from pathlib import Path

import pytest

from prkbench.deploy.configure import MOST_BYTES, choose
from prkbench.errors import UsageError

DEFAULT = (Path(__file__).parents[2] / "firmware" / "config.json").read_bytes()
SENSORS = [{"bus": 0, "address": 118, "role": "CHAMBER"}]
RIG = {"rate_mhz": 2000, "sensors": SENSORS}
BOARD = {"i2c": [{"id": 1, "sda": 14, "scl": 15, "freq": 100000}]}


def as_bytes(config: object) -> bytes:
    return json.dumps(config).encode()


def test_an_empty_board_gets_the_default() -> None:
    chosen = choose(None, DEFAULT)
    assert json.loads(chosen.content) == json.loads(DEFAULT)
    assert not chosen.foreign


def test_without_a_rig_the_boards_own_stays_to_the_byte() -> None:
    own = as_bytes({**RIG, "board": BOARD}) + b"  \n"
    assert choose(own, DEFAULT).content == own


def test_a_rig_replaces_the_settings_and_keeps_pins_and_what_else_is_the_boards() -> None:
    kept = {"board": BOARD, "autostart": True, "watchdog_ms": 8000}
    own = as_bytes({"rate_mhz": 5000, "osr_p": 8, "sensors": SENSORS, **kept})
    chosen = choose(own, DEFAULT, RIG)
    assert json.loads(chosen.content) == {**RIG, **kept}
    assert chosen.names_pins


def test_a_rig_on_an_empty_board_writes_no_pins_that_could_grow_old() -> None:
    assert not choose(None, DEFAULT, RIG).names_pins


@pytest.mark.parametrize(
    "content",
    [b"\xff\x00", b"[1, 2]", b'{"wifi": "x"}', b"{", b" " * (MOST_BYTES + 1)],
    ids=["bytes", "list", "other", "half", "huge"],
)
@pytest.mark.parametrize("rig", [None, RIG])
def test_a_config_json_of_another_program_makes_room_and_is_kept(
    content: bytes, rig: dict[str, object] | None
) -> None:
    chosen = choose(content, DEFAULT, rig)
    assert chosen.foreign
    assert json.loads(chosen.content) == (rig or json.loads(DEFAULT))


def test_one_that_would_stop_the_node_is_refused_with_what_to_do() -> None:
    own = as_bytes({**RIG, "colour": "red"})
    with pytest.raises(UsageError, match=r"cannot be kept: .*colour.*--rig.*--force") as error:
        choose(own, DEFAULT)
    assert "\n" not in str(error.value)
    chosen = choose(own, DEFAULT, force=True)
    assert chosen.foreign
    assert json.loads(chosen.content) == json.loads(DEFAULT)


def test_a_bad_rig_configuration_never_gets_to_the_board() -> None:
    with pytest.raises(UsageError, match="cannot be put on a node"):
        choose(None, DEFAULT, {"rate_mhz": -1, "sensors": SENSORS})

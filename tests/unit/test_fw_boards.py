"""What is known of boards: each is found by what MicroPython says of it, with pins it has."""

import json
from pathlib import Path
from typing import Any

import pytest

from prknode.app import ring_records
from prknode.boards import UnknownBoard, completed
from prknode.records import sample_size

PATH = Path(__file__).parents[2] / "firmware" / "boards.json"
BOARDS: list[dict[str, Any]] = json.loads(PATH.read_text())
BY_NAME = {board["name"]: board for board in BOARDS}
KEYS = {"name", "machine", "mcu", "i2c", "ring_records", "led", "download", "boot_loader"}

MACHINES = {
    "Raspberry Pi Pico with RP2040": "Raspberry Pi Pico",
    "Raspberry Pi Pico W with RP2040": "Raspberry Pi Pico W",
    "Raspberry Pi Pico2 with RP2350": "Raspberry Pi Pico 2",
    "Raspberry Pi Pico2 with RP2350-RISCV": "Raspberry Pi Pico 2",
    "Raspberry Pi Pico 2 W with RP2350": "Raspberry Pi Pico 2 W",
    "Seeed Studio XIAO RP2040 with RP2040": "Seeed Studio XIAO RP2040",
    "Generic ESP32S3 module with ESP32S3": "ESP32-S3 development board",
    "Generic ESP32S3 module with Octal-SPIRAM with ESP32-S3": "ESP32-S3 development board",
}
"""sys.implementation._machine of the official builds: board name, "with", microcontroller."""

RAM_KB = {"RP2040": 264, "RP2350": 520, "ESP32-S3": 512}
LAST_GPIO = {"RP2040": 29, "RP2350": 29, "ESP32-S3": 48}
ESP32_S3_TAKEN = {0, 3, 45, 46, 19, 20, *range(26, 38), 43, 44}
"""Straps, the native USB pair, flash and octal PSRAM, and the pins of UART0."""


def section(machine: str, **config: Any) -> dict[str, Any]:
    return dict(completed(config, machine, str(PATH))["board"])


@pytest.mark.parametrize("machine", MACHINES)
def test_a_board_is_known_by_what_micropython_calls_it(machine: str) -> None:
    entry = BY_NAME[MACHINES[machine]]
    assert section(machine) == {key: entry[key] for key in ("i2c", "ring_records", "led")}


def test_every_entry_is_reached_by_some_official_build() -> None:
    assert set(MACHINES.values()) == set(BY_NAME)
    assert len(BY_NAME) == len(BOARDS)


@pytest.mark.parametrize("name", BY_NAME)
def test_an_entry_says_all_that_the_keys_promise(name: str) -> None:
    board = BY_NAME[name]
    assert set(board) == KEYS
    assert board["download"].startswith("https://micropython.org/download/")
    assert board["boot_loader"].endswith(".")
    # Two buses: the node takes four sensors, a bus has two addresses.
    assert len(board["i2c"]) == 2
    assert len({bus["id"] for bus in board["i2c"]}) == 2


@pytest.mark.parametrize("name", BY_NAME)
def test_no_pin_serves_twice_and_all_exist(name: str) -> None:
    board = BY_NAME[name]
    pins = [bus[line] for bus in board["i2c"] for line in ("sda", "scl")]
    assert len(set(pins)) == 4
    assert all(0 <= pin <= LAST_GPIO[board["mcu"]] for pin in pins)


@pytest.mark.parametrize("name", [b["name"] for b in BOARDS if b["mcu"].startswith("RP2")])
def test_pins_of_an_rp2_are_ones_its_i2c_block_can_be_switched_to(name: str) -> None:
    """RP2040 datasheet 1.4.3: SDA is on even pins, SCL on odd ones, the blocks take turns in
    pairs. MicroPython refuses any other."""
    for bus in BY_NAME[name]["i2c"]:
        assert bus["sda"] % 2 == 0
        assert bus["scl"] % 2 == 1
        assert bus["sda"] // 2 % 2 == bus["scl"] // 2 % 2 == bus["id"]


def test_pins_of_the_esp32_s3_are_free_on_every_module() -> None:
    for bus in BY_NAME["ESP32-S3 development board"]["i2c"]:
        assert not {bus["sda"], bus["scl"]} & ESP32_S3_TAKEN
        assert bus["id"] in (0, 1)


@pytest.mark.parametrize("name", BY_NAME)
def test_the_bus_is_fast_enough_for_200_hz(name: str) -> None:
    """400 kHz is the fast mode that the BMP390's 3.4 MHz includes; 100 kHz would not leave half
    of the processor idle: 2 x 200 frames of 7 bytes take a quarter of each second."""
    assert [bus["freq"] for bus in BY_NAME[name]["i2c"]] == [400000, 400000]


@pytest.mark.parametrize("name", BY_NAME)
def test_the_ring_leaves_most_of_the_memory_to_the_rest(name: str) -> None:
    board = BY_NAME[name]
    assert board["ring_records"] * sample_size(2) < 0.5 * 1024 * RAM_KB[board["mcu"]]


def test_the_ring_takes_the_same_memory_with_any_number_of_sensors() -> None:
    for n in (1, 2, 3, 4):
        config = {"board": {"ring_records": 4096}, "sensors": [{}] * n}
        bytes_taken = ring_records(config) * sample_size(n)
        assert 4096 * 20 - sample_size(n) < bytes_taken <= 4096 * 20
    assert ring_records({"sensors": [{}, {}]}) == 4096
    # Settings says what is wrong with this one.
    assert ring_records({"sensors": 7}) == 4096


def test_what_the_configuration_says_itself_stays() -> None:
    pins = {"i2c": [{"id": 1, "sda": 2, "scl": 3}]}
    config = {"rate_mhz": 1000, "board": pins}
    assert completed(config, "anything", "no such file") == config
    mixed = section("Raspberry Pi Pico with RP2040", board={"ring_records": 100})
    assert mixed["ring_records"] == 100
    assert mixed["i2c"] == BY_NAME["Raspberry Pi Pico"]["i2c"]


@pytest.mark.parametrize("path", [str(PATH), "no such file"])
def test_an_unknown_board_is_told_which_pins_to_give(path: str) -> None:
    with pytest.raises(UnknownBoard, match=r"Acme One.*config\.json, such as .*sda"):
        completed({}, "Acme One with RP2040", path)

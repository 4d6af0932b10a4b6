"""What happens to a serial line in a laboratory: noise, pulled cables, Ctrl-C, idle readers."""

import contextlib
import random
import time
from collections.abc import Callable

import pytest
from device_target import (
    QUIET_S,
    Capture,
    Target,
    check_whole,
    plain_ask,
    set_up,
    start,
)

from prkbench.client import NodeClient
from prkbench.errors import PrkError
from prknode.records import EV_BOOT

LONGEST_LATENCY_S = 0.5
ROOM_FOR_TWO_SECONDS = 1000
"""Samples: more than come in 2 s at the fastest rate, less than any node's ring holds."""


def go_on(target: Target, capture: Capture) -> tuple[NodeClient, Capture]:
    """A new client that takes the run up where an earlier one left it."""
    client = target.connect()
    resumed = Capture(client)
    assert resumed.run_id == capture.run_id, "the run did not survive"
    resumed.samples = capture.samples
    return client, resumed


def test_commands_are_answered_soon_while_it_measures_at_200_hertz(
    node: NodeClient, target: Target, record_property: Callable[[str, object], None]
) -> None:
    set_up(node, "200", 1, 1)
    capture = start(node)
    latencies = []
    count = max(12, round(40 * target.share))
    for n in range(count):
        query = ("*IDN?", "CALCulate:DECay?", "DATA:POINts?", "SYSTem:MEMory?")[n % 4]
        begun = time.perf_counter()
        assert node.query(query)
        latencies.append(time.perf_counter() - begun)
        capture.pull()
    latencies.sort()
    record_property("median_latency_ms", round(1e3 * latencies[count // 2], 2))
    record_property("longest_latency_ms", round(1e3 * latencies[-1], 2))
    median, longest = 1e3 * latencies[count // 2], 1e3 * latencies[-1]
    print(f"{target.kind}: median {median:.2f} ms, longest {longest:.2f}")
    if target.kind == "board":
        assert latencies[-1] < LONGEST_LATENCY_S
    capture.pull()
    check_whole(capture.samples)


def test_garbage_on_the_line_costs_no_sample_and_no_later_command(
    node: NodeClient, target: Target
) -> None:
    set_up(node, "25", 8, 1)
    capture = start(node)
    node.close()
    noise = random.Random(3)
    # Ctrl-C is the one byte that stops a node; every other may come in any order.
    harmless = [byte for byte in range(256) if byte != 3]
    with target.raw() as line:
        for length in (1, 10, 255, 256, 257, 1000):
            line.write(bytes(noise.choices(harmless, k=length)) + b"\n")
        line.write(b"DATA:READ? 0,")
        target.rest(QUIET_S)
        line.write(b"\n*CLS\n")
        target.rest(QUIET_S)
        line.reset_input_buffer()
    client, resumed = go_on(target, capture)
    try:
        check_whole(resumed.until(50, 600.0))
    finally:
        client.close()


def test_a_host_that_does_not_read_for_two_seconds_loses_nothing(
    node: NodeClient, target: Target
) -> None:
    set_up(node, "200", 1, 1)
    capture = start(node)
    capture.pull()
    node.close()
    with target.raw() as line:
        for _ in range(20):
            line.write(b"DATA:POINts?\n")
        target.rest(2.0)
        line.reset_input_buffer()
        target.rest(QUIET_S)
        line.reset_input_buffer()
    client, resumed = go_on(target, capture)
    try:
        client.write("*CLS")
        check_whole(resumed.until(ROOM_FOR_TWO_SECONDS, 3600.0))
    finally:
        client.close()


def test_ctrl_c_reaches_the_prompt_and_ctrl_d_starts_the_node_again(
    node: NodeClient, target: Target
) -> None:
    node.command("INITiate")
    unique_id = node.identity.unique_id
    node.close()
    with target.raw() as line:
        line.write(b"\r\x03\x03")
        assert line.read_until(b">>> ").endswith(b">>> "), "no prompt after Ctrl-C"
        line.write(b"print(6 * 7)\r")
        assert b"\r\n42\r\n>>> " in line.read_until(b"\n>>> ")
        line.write(b"\x04")
        assert b"soft reboot" in line.read_until(b"soft reboot")
    client = target.connect()
    try:
        assert client.identity.unique_id == unique_id
        assert client.run_time_us() is None
        assert client.points().run_id == 0, "what was in memory is gone, and it says so"
        assert client.query("*TST?") == "0"
    finally:
        client.close()


def test_a_reboot_by_command_comes_back_idle_and_says_why(node: NodeClient, target: Target) -> None:
    node.command("INITiate")
    unique_id = node.identity.unique_id
    with contextlib.suppress(PrkError):
        node.write("SYSTem:REBoot")
    node.close()
    # The port of a board goes away and comes back; asked too soon it still answers.
    target.rest(1.0)
    client = target.connect()
    try:
        assert client.identity.unique_id == unique_id
        points = client.points()
        assert points.run_id == 0
        answer = client.records("DATA:EVENts?", 0, 0, 1)
        assert answer.payload[6] == EV_BOOT
    finally:
        client.close()


def test_ten_reconnects_leave_the_run_as_it_was(node: NodeClient, target: Target) -> None:
    capture = start(node)
    node.close()
    for n in range(10):
        with target.raw() as line:
            # Now and then in the middle of a line, as a pulled cable leaves it.
            line.write(b"*IDN?\n" if n % 2 else b"DATA:REA")
        client, capture = go_on(target, capture)
        capture.pull()
        client.close()
    client, capture = go_on(target, capture)
    try:
        check_whole(capture.until(10, 600.0))
    finally:
        client.close()


def test_toggling_dtr_disturbs_neither_the_run_nor_the_answers(
    node: NodeClient, target: Target
) -> None:
    capture = start(node)
    node.close()
    with target.raw() as line:
        try:
            for _ in range(5):
                line.dtr = False
                target.rest(0.05)
                line.dtr = True
                target.rest(0.05)
        except OSError:
            pytest.skip("a pseudo-terminal has no DTR")
        line.reset_input_buffer()
        assert plain_ask(line, "*IDN?").startswith("prkbench,")
    client, capture = go_on(target, capture)
    try:
        check_whole(capture.until(10, 600.0))
    finally:
        client.close()

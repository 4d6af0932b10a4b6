"""Publishing a capture's state through a real broker, started here on loopback."""

import contextlib
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from prkbench.errors import UsageError
from prkbench.logger import Progress
from prkbench.publishing import Broker, broker_of, publishing

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
needs_broker = pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed")
WAIT_S = 15.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def broker(folder: Path, port: int) -> Iterator[None]:
    config = folder / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nuser root\n")
    process = subprocess.Popen([str(MOSQUITTO), "-c", str(config)], stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: reachable(port))
        yield
    finally:
        process.terminate()
        process.wait(10)


def reachable(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def wait_until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


@contextlib.contextmanager
def subscriber(port: int, topic: str) -> Iterator[list[dict[str, object]]]:
    seen: list[dict[str, object]] = []
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.on_connect = lambda c, *_: c.subscribe(topic)
    client.on_message = lambda c, _, message: seen.append(json.loads(message.payload))
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        yield seen
    finally:
        client.disconnect()
        client.loop_stop()


@needs_broker
def test_the_state_reaches_whoever_listens_then_or_later(tmp_path: Path) -> None:
    port = free_port()
    with broker(tmp_path, port):
        with (
            subscriber(port, "lab/prk") as live,
            publishing(broker_of(f"mqtt://127.0.0.1:{port}/lab/prk")) as publisher,
        ):
            publisher.show(Progress(60.0, 120, 3, "MEASURING", 1e-6, 2e-8, outages=1))
            wait_until(lambda: bool(live))
        with subscriber(port, "lab/prk") as later:
            wait_until(lambda: bool(later))
    assert live[0] == later[0]
    assert live[0]["samples"] == 120
    assert live[0]["lost"] == 3
    assert live[0]["state"] == "MEASURING"
    assert live[0]["k_per_s"] == 1e-6


@needs_broker
def test_a_broker_that_comes_later_gets_what_is_published_then(tmp_path: Path) -> None:
    port = free_port()
    with publishing(Broker("127.0.0.1", port, False, "late", None, None)) as publisher:
        begun = time.monotonic()
        publisher.show(Progress(1.0, 1, 0, "SETTLING"))
        assert time.monotonic() - begun < 1.0
        with broker(tmp_path, port), subscriber(port, "late") as seen:
            wait_until(lambda: bool(seen))
    assert seen[0]["state"] == "SETTLING"


def test_what_is_not_known_is_null_in_the_message() -> None:
    from prkbench.publishing import message

    assert json.loads(message(Progress()))["k_per_s"] is None


def test_a_brokers_address_is_read_and_its_password_never_told() -> None:
    assert broker_of("mqtts://me:s%40fe@host/a/b") == Broker(
        "host", 8883, True, "a/b", "me", "s@fe"
    )
    for wrong in ("host/topic", "http://host/t", "mqtt://host", "mqtt:///t", "mqtt://me:safe@h:x/t",
                  "mqtt://h/a/#"):  # fmt: skip
        with pytest.raises(UsageError, match="expected mqtt://") as told:
            broker_of(wrong)
        assert "safe" not in str(told.value)

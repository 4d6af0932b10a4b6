"""A capture's state as MQTT messages: one JSON object a look, kept by the broker as the latest.

The library's own thread talks to the broker and connects again by itself; what cannot be sent in
time is dropped, so nothing here holds a capture up.
"""

from __future__ import annotations

import contextlib
import json
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from prkbench.errors import UsageError

if TYPE_CHECKING:
    from prkbench.logger import Progress

_PORTS = {"mqtt": 1883, "mqtts": 8883}
_MOST_WAITING = 100
_PAUSE_S = 1.0
_LAST_S = 2.0


@dataclass(frozen=True)
class Broker:
    """Where to publish: host, port, whether through TLS, topic, and whom to log in as."""

    host: str
    port: int
    tls: bool
    topic: str
    user: str | None
    password: str | None


def broker_of(url: str) -> Broker:
    """The broker of mqtt://[user:password@]host[:port]/topic, or mqtts://; UsageError if wrong."""
    wrong = f"--mqtt {url.rpartition('@')[2]}: expected mqtt://HOST[:PORT]/TOPIC, or mqtts://"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise UsageError(wrong) from None
    topic = unquote(parts.path.strip("/"))
    if parts.scheme not in _PORTS or not parts.hostname or not topic:
        raise UsageError(wrong)
    # A topic to publish to has no wildcards.
    if parts.query or "#" in url or set(topic) & set("#+\0"):
        raise UsageError(wrong)
    user, password = (None if t is None else unquote(t) for t in (parts.username, parts.password))
    tls = parts.scheme == "mqtts"
    return Broker(parts.hostname, port or _PORTS[parts.scheme], tls, topic, user, password)


class Publisher:
    """Publishes progress to an open connection, once a second at the most."""

    def __init__(self, client: mqtt.Client, topic: str) -> None:
        self._client = client
        self._topic = topic
        self._next_s = 0.0

    def show(self, now: Progress) -> None:
        """Publish how far a capture is; returns at once."""
        if time.monotonic() < self._next_s:
            return
        self._next_s = time.monotonic() + _PAUSE_S
        self._client.publish(self._topic, message(now), qos=1, retain=True)


def message(now: Progress) -> str:
    """One JSON object; what is not known is null."""
    return json.dumps(
        {
            "state": now.state or None,
            "node_s": now.node_s,
            "samples": now.samples,
            "lost": now.lost,
            "lag_s": now.lag_s,
            "outages": now.outages,
            "k_per_s": now.k_per_s,
            "se_per_s": now.se_per_s,
            "watched": now.watched or None,
        },
        allow_nan=False,
    )


@contextlib.contextmanager
def publishing(broker: Broker) -> Iterator[Publisher]:
    """A connection to the broker until the end; whether it is there now or only later."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.max_queued_messages_set(_MOST_WAITING)
    if broker.user is not None:
        client.username_pw_set(broker.user, broker.password)
    if broker.tls:
        client.tls_set_context(ssl.create_default_context())
    client.reconnect_delay_set(1, 30)
    client.connect_async(broker.host, broker.port)
    client.loop_start()
    try:
        yield Publisher(client, broker.topic)
    finally:
        end = time.monotonic() + _LAST_S
        while client.want_write() and client.is_connected() and time.monotonic() < end:
            time.sleep(0.02)
        client.disconnect()
        client.loop_stop()

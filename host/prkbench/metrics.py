"""A capture's state for Prometheus, over HTTP on this computer only unless asked otherwise."""

from __future__ import annotations

import contextlib
import hmac
import ipaddress
import socketserver
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, Enum, Gauge, make_wsgi_app

from prkbench.errors import UsageError
from prknode.records import STATE_NAMES

if TYPE_CHECKING:
    from prkbench.logger import Progress

LOCAL = "127.0.0.1"


class Metrics:
    """The figures of one capture; show() sets them."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._state = Enum(
            "prk_node_state", "State of the node", states=list(STATE_NAMES), registry=self.registry
        )
        self._samples = self._gauge("prk_samples", "Samples in the run file")
        self._lost = self._gauge("prk_samples_lost", "Samples lost, each in a gap record")
        self._node = self._gauge("prk_node_seconds", "Node time of the newest sample in the file")
        self._lag = self._gauge("prk_lag_seconds", "Node time that is not in the file yet")
        self._outages = self._gauge("prk_line_outages", "Times the line to the node was lost")
        self._retries = self._gauge("prk_retries", "Answers that came spoilt and were asked again")
        self._k = self._gauge("prk_decay_per_second", "The node's decay constant")
        self._se = self._gauge("prk_decay_error_per_second", "Its standard error")
        self._heap = self._gauge("prk_node_free_heap_bytes", "Free memory of the node")

    def _gauge(self, name: str, text: str) -> Gauge:
        gauge = Gauge(name, text, registry=self.registry)
        # Not known is not zero.
        gauge.set(float("nan"))
        return gauge

    def show(self, now: Progress) -> None:
        """Take over how far a capture is."""
        self._samples.set(now.samples)
        self._lost.set(now.lost)
        self._node.set(now.node_s)
        self._lag.set(now.lag_s)
        self._outages.set(now.outages)
        self._retries.set(now.retries)
        for gauge, value in ((self._k, now.k_per_s), (self._se, now.se_per_s),
                             (self._heap, now.free_heap)):  # fmt: skip
            gauge.set(float("nan") if value is None else value)
        if now.state in STATE_NAMES:
            self._state.state(now.state)


def address_of(text: str) -> tuple[str, int]:
    """Host and port of "9500" or "192.168.1.5:9500"; UsageError where it is neither."""
    host, _, port = text.rpartition(":")
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(host or LOCAL)
        if 0 <= int(port) < 1 << 16:
            return host or LOCAL, int(port)
    raise UsageError(f"--metrics {text}: expected a port such as 9500, or an address and a port")


@contextlib.contextmanager
def served(metrics: Metrics, host: str, port: int, token: str | None) -> Iterator[int]:
    """Serve them at /metrics until the end; gives the port, which a 0 leaves to the system.

    UsageError where the address can be reached from elsewhere and there is no token, or where it is
    in use.
    """
    if not ipaddress.ip_address(host).is_loopback and not token:
        raise UsageError(
            f"--metrics {host}:{port}: others could read it: give --metrics-token, too"
        )
    try:
        server = make_server(
            host, port, _guarded(make_wsgi_app(metrics.registry), token), _Server, _Handler
        )
    except OSError as error:
        raise UsageError(f"--metrics {host}:{port}: {error.strerror}") from error
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield int(server.server_port)
    finally:
        server.shutdown()
        server.server_close()


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Handler(WSGIRequestHandler):
    timeout = 5.0

    def log_message(self, format: str, *args: Any) -> None:
        """Who asks is nobody's business."""


def _guarded(app: Callable[..., Iterable[bytes]], token: str | None) -> Callable[..., Any]:
    """The application, for GET of /metrics only, and with the token if there is one."""

    def guarded(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        refusal = None
        told = environ.get("HTTP_AUTHORIZATION", "").encode("latin-1", "replace")
        if token is not None and not hmac.compare_digest(told, f"Bearer {token}".encode()):
            refusal = "401 Unauthorized"
        elif environ["PATH_INFO"] != "/metrics":
            refusal = "404 Not Found"
        elif environ["REQUEST_METHOD"] != "GET":
            refusal = "405 Method Not Allowed"
        if refusal is None:
            return app(environ, start)
        start(refusal, [("Content-Type", "text/plain")])
        return [refusal.encode() + b"\n"]

    return guarded

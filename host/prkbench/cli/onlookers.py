"""Where else a capture's progress goes: Prometheus, an MQTT broker."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import typer

from prkbench.logger import Progress


@contextlib.contextmanager
def measured(address: str | None, token: str | None) -> Iterator[Callable[[Progress], None]]:
    """What takes a capture's progress to Prometheus, or nowhere."""
    if address is None:
        yield lambda _now: None
        return
    # It takes a tenth of a second to load.
    from prkbench import metrics

    host, port = metrics.address_of(address)
    found = metrics.Metrics()
    with metrics.served(found, host, port, token) as bound:
        typer.echo(f"metrics at http://{host}:{bound}/metrics", err=True)
        yield found.show


@contextlib.contextmanager
def published(url: str | None) -> Iterator[Callable[[Progress], None]]:
    """What takes a capture's progress to an MQTT broker, or nowhere."""
    if url is None:
        yield lambda _now: None
        return
    from prkbench import publishing

    with publishing.publishing(publishing.broker_of(url)) as publisher:
        yield publisher.show

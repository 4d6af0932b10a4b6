"""Where a study's workers come from: processes on this machine, or a Dask cluster by address."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from prkbench.errors import DeviceError, UsageError
from prkbench.study.work import versions

_CONNECT_S = 5.0
_ADDRESS = re.compile(r"([a-z]+://)?[^\s/:]+:\d{1,5}|[a-z]+://\[[0-9a-f:]+\]:\d{1,5}", re.I)


def cores() -> int:
    """How many cores this process may use."""
    usable = getattr(os, "sched_getaffinity", None)
    return len(usable(0)) if usable else os.cpu_count() or 1


@contextmanager
def local_client(workers: int) -> Iterator[Any]:
    """Yield a client of that many new processes on this machine; they end with the block."""
    import distributed

    with (
        distributed.LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            # Any free port: the usual one may be another study's.
            dashboard_address="127.0.0.1:0",
            memory_limit=0,
            silence_logs=logging.CRITICAL,
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        yield client


@contextmanager
def cluster_client(address: str) -> Iterator[Any]:
    """Yield a client of the scheduler at an address such as tcp://host:8786.

    UsageError for what is no address; DeviceError where nobody answers there, or where scheduler
    or workers have other versions than this machine.
    """
    if not _ADDRESS.fullmatch(address):
        raise UsageError(f"scheduler '{address}': expected an address such as tcp://host:8786")
    import distributed

    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    try:
        client = distributed.Client(address, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, ValueError, RuntimeError) as error:
        raise DeviceError(
            f"scheduler {address}: no Dask scheduler answers there within {_CONNECT_S:g} s "
            f"({_first_line(error)}); start one with 'dask scheduler', or leave --scheduler out"
        ) from None
    with client:
        _check_scheduler(client, address)
        yield client


def _check_scheduler(client: Any, address: str) -> None:
    """Refuse a scheduler whose Dask or Python is another; workers are checked as they work."""
    found = client.get_versions()["scheduler"]
    theirs = {
        "distributed": str(found["packages"]["distributed"]),
        "python": ".".join(str(found["host"]["python"]).split(".")[:2]),
    }
    refuse_other_versions(theirs, f"scheduler {address}")


def refuse_other_versions(theirs: dict[str, str], who: str) -> None:
    """DeviceError naming the first version that differs from this machine's."""
    ours = versions()
    for name, version in theirs.items():
        if version != ours[name]:
            raise DeviceError(
                f"{who}: has {name} {version}, this machine {ours[name]}: the figures would not "
                f"be repeatable; install the same versions on both"
            )


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__

"""Tasks for studies in tests: workers import them by name, so they stand in a file of their own."""

import time
from pathlib import Path

import numpy as np

from prkbench.errors import DataError
from prkbench.study.work import Row


def drawn(seed: int) -> Row:
    """A few figures that depend on the seed alone."""
    rng = np.random.default_rng(seed)
    return {"k_per_s": rng.standard_normal(), "word": "odd" if seed % 2 else "even", "none": None}


def slow(log: str, seed: int) -> Row:
    """Half a tenth of a second of work; leaves a line when it begins."""
    with Path(log).open("a") as file:
        file.write(f"{seed}\n")
    time.sleep(0.05)
    return drawn(seed)


def failing(bad: int, seed: int) -> Row:
    """Raises for one seed."""
    if seed == bad:
        raise ZeroDivisionError("no\nsuch leak")
    return drawn(seed)


def refused(seed: int) -> Row:
    """Raises an error of ours."""
    raise DataError("the chamber is gone")


def endless(log: str, seed: int) -> Row:
    """Tells its process, then works for a minute."""
    import os

    with Path(log).open("a") as file:
        file.write(f"{os.getpid()}\n")
    time.sleep(60.0)
    return drawn(seed)

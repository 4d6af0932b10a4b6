"""One seed for a study, one for each of its runs."""

from __future__ import annotations

import numpy as np

from prkbench.errors import UsageError

_BITS = 63


def run_seeds(seed: int, runs: int) -> list[int]:
    """Return the seeds of runs 0, 1, ...: independent, and the same however many runs follow.

    Each is the first word of a child of numpy's SeedSequence, in 63 bits so that every table and
    language can hold it.
    """
    if runs < 1:
        raise UsageError(f"a study of {runs} runs, expected at least one")
    return [run_seed(seed, run) for run in range(runs)]


def run_seed(seed: int, *run: int) -> int:
    """Return the seed of one run; several numbers name a run of a study in parts."""
    if seed < 0:
        raise UsageError(f"the seed is {seed}, expected zero or above")
    child = np.random.SeedSequence(seed, spawn_key=run)
    return int(child.generate_state(1, np.uint64)[0]) >> (64 - _BITS)

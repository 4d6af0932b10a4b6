"""What a study says as a whole: the spread of k, how often its interval is right, the verdicts."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from prkbench.study.work import Row

K, K_TRUE = "k_per_s", "k_true_per_s"
K_LOW, K_HIGH = "k_low_per_s", "k_high_per_s"
VERDICT, RIGHT = "verdict", "right"
"""Columns the summary knows; a task may have any others."""


@dataclass(frozen=True)
class Proportion:
    """How many of how many, and Wilson's 95 % interval of the share."""

    count: int
    of: int
    low: float
    high: float


@dataclass(frozen=True)
class Summary:
    """Figures of a study; None where no run has what they need.

    `estimated` runs gave a k; the error is k - k_true. `coverage` counts runs whose 95 % interval
    holds the true k. `verdicts` leaves out what stands in brackets, another bound in every run;
    `right` counts how verdicts stand to what must be concluded, where the task says so.
    """

    runs: int
    estimated: int
    median_k_per_s: float | None
    median_k_true_per_s: float | None
    mean_error_per_s: float | None
    rms_error_per_s: float | None
    coverage: Proportion | None
    verdicts: dict[str, int]
    right: dict[str, int]

    def as_json(self) -> dict[str, object]:
        """Return the figures as plain objects."""
        return asdict(self)


def wilson(count: int, of: int) -> Proportion:
    """Return a share with its 95 % interval by Wilson's score."""
    from scipy.stats import binomtest

    found = binomtest(count, of).proportion_ci(0.95, method="wilson")
    return Proportion(count, of, float(found.low), float(found.high))


def summarise(rows: Sequence[Row]) -> Summary:
    """Summarise rows with any of the columns k_per_s, k_true_per_s, k_low/high_per_s, verdict."""
    k = _column(rows, K)
    true = _column(rows, K_TRUE)
    both = np.isfinite(k) & np.isfinite(true)
    error = (k - true)[both]
    low, high = _column(rows, K_LOW), _column(rows, K_HIGH)
    judged = np.isfinite(low) & np.isfinite(high) & np.isfinite(true)
    held = int(np.sum((low <= true) & (true <= high) & judged))
    return Summary(
        runs=len(rows),
        estimated=int(np.isfinite(k).sum()),
        median_k_per_s=_median(k),
        median_k_true_per_s=_median(true),
        mean_error_per_s=float(error.mean()) if len(error) else None,
        rms_error_per_s=math.sqrt(float(error @ error) / len(error)) if len(error) else None,
        coverage=wilson(held, int(judged.sum())) if judged.any() else None,
        verdicts=_counts(rows, VERDICT),
        right=_counts(rows, RIGHT),
    )


def _counts(rows: Sequence[Row], name: str) -> dict[str, int]:
    """How often each word stands in a column: the most frequent first, then by name."""
    words = Counter(str(row[name]).partition(" (")[0] for row in rows if row.get(name) is not None)
    return dict(sorted(words.items(), key=lambda item: (-item[1], item[0])))


def _column(rows: Sequence[Row], name: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    values = [row.get(name) for row in rows]
    return np.array([float(v) if isinstance(v, float | int) else math.nan for v in values])


def _median(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float | None:
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if len(finite) else None

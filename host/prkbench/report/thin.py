"""Fewer points for the same picture: every extreme and every break of the line stays."""

import itertools

import numpy as np
from numpy.typing import NDArray

from prkbench.analysis.outcome import FloatArray

IndexArray = NDArray[np.intp]

GAP_STEPS = 10.0
"""A step in time of more than this many usual steps is a gap that no line may bridge."""


def extremes(values: FloatArray, limit: int) -> IndexArray:
    """Return ascending indices of at most about ``limit`` values that draw the same line.

    The record is cut into equal stretches; each keeps its lowest and highest value and, where it
    holds a NaN, one of those, so that a break in the line stays a break. The first and the last
    index are always kept. With ``limit`` values or fewer, every index is returned.
    """
    count = len(values)
    if count <= limit:
        return np.arange(count)
    edges = np.linspace(0, count, max(limit // 3, 1) + 1).astype(np.intp)
    kept = {0, count - 1}
    for start, stop in itertools.pairwise(edges):
        stretch = values[start:stop]
        missing = np.isnan(stretch)
        if missing.any():
            kept.add(int(start + np.argmax(missing)))
        if not missing.all():
            kept.add(int(start + np.nanargmin(stretch)))
            kept.add(int(start + np.nanargmax(stretch)))
    return np.array(sorted(kept), dtype=np.intp)


def breaks(t: FloatArray) -> IndexArray:
    """Return the indices before which the record has a gap, for a line to be broken there.

    Few or irregular readings have no usual step: with fewer than 200 nothing is a gap.
    """
    if len(t) < 200:
        return np.zeros(0, dtype=np.intp)
    steps = np.diff(t)
    known = steps[np.isfinite(steps) & (steps > 0)]
    if not known.size:
        return np.zeros(0, dtype=np.intp)
    return np.flatnonzero(steps > GAP_STEPS * np.median(known)) + 1

"""A series as one line of text."""

import numpy as np

from prkbench.analysis.outcome import FloatArray

BLOCKS = "▁▂▃▄▅▆▇█"
ASCII = "_.-=+*#@"


def sparkline(values: FloatArray, width: int, levels: str = BLOCKS) -> str:
    """Return at most ``width`` characters, each the mean of its stretch; blank where all NaN.

    ``levels`` are the characters from lowest to highest. A series that does not vary is drawn at
    half height. A series shorter than ``width`` gives one character a value.
    """
    cells = min(width, len(values))
    if cells < 1 or not np.isfinite(values).any():
        return ""
    means = [_mean(part) for part in np.array_split(values, cells)]
    known = [mean for mean in means if np.isfinite(mean)]
    low, span = min(known), max(known) - min(known)
    if span <= 0:
        return "".join(levels[len(levels) // 2] if np.isfinite(m) else " " for m in means)
    top = len(levels) - 1
    return "".join(
        levels[round((mean - low) / span * top)] if np.isfinite(mean) else " " for mean in means
    )


def _mean(values: FloatArray) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if finite.size else float("nan")

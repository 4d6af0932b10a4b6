"""The temperatures that a planned test will see, drawn a few times from the simulator's room.

How much a fitted thermal lag costs depends on how the room swings, which nobody knows beforehand:
the plan averages over draws, always the same ones.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from prkbench.analysis.independent import FloatArray
from prkbench.sim.surroundings import GRID_S, Surroundings, SurroundingsTrace
from prkbench.sim.transducer import lag_response

DRAWS = 4
_WALL_S, _GAS_S = 1800.0, 150.0
_BEFORE_S = 10800.0
"""The bench stood so long before: wall and gas follow the room by then."""
_LONGEST_H = 256
"""What comes after is the same again: a swing is long averaged out."""
_MINUTE = round(60.0 / GRID_S)


@dataclass(frozen=True)
class Warmth:
    """Means over blocks: the gas's temperature about its mean, and D, both in K."""

    gas_k: FloatArray
    d_k: FloatArray


@functools.lru_cache(maxsize=32)
def _traces(draw: int, lag_s: float, hours: int) -> tuple[FloatArray, FloatArray]:
    """Gas temperature and D on the 10 s grid, over so many hours."""
    trace = SurroundingsTrace(Surroundings(), draw)
    before = round(_BEFORE_S / GRID_S)
    count = before + round(3600.0 * hours / GRID_S) + _MINUTE + 1
    trace.extend_to(count)
    room = np.array(trace.room_k[:count])
    wall = lag_response(room, GRID_S, _WALL_S, float(room[0]))
    gas = lag_response(wall, GRID_S, _GAS_S, float(wall[0]))
    sensor = lag_response(gas, GRID_S, lag_s, float(gas[0]))
    rise = sensor[before + _MINUTE :] - sensor[before - _MINUTE : -2 * _MINUTE]
    return gas[before:-_MINUTE], rise


def warmth(draw: int, count: int, block_s: float, lag_s: float) -> Warmth:
    """Return one draw of what the gas and its thermometer do over `count` blocks."""
    # Whole powers of two of hours, so that neighbouring durations share a draw.
    hours = 1 << max(0, int(np.ceil(np.log2(count * block_s / 3600.0))))
    gas, rise = _traces(draw, lag_s, min(hours, _LONGEST_H))
    edges = np.round(np.arange(count + 1) * block_s / GRID_S).astype(int)

    def means(values: FloatArray) -> FloatArray:
        total = np.concatenate(([0.0], np.cumsum(np.resize(values, edges[-1]))))
        return np.asarray((total[edges[1:]] - total[edges[:-1]]) / np.diff(edges))

    gas_k = means(gas)
    return Warmth(gas_k - gas_k.mean(), means(rise))

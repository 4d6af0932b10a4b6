"""Holds at several levels from the balance of two viscous leaks, as a node would log them.

Nothing of the simulator is used: mass balance by small steps, with the temperature in it, so that
pressure drives the leaks as it is and not as it would be at one temperature.
"""

import math
from collections.abc import Sequence

import numpy as np

from prkbench.analysis.campaign import Campaign, of_blocks
from prkbench.analysis.conversion import Conversion
from prkbench.analysis.independent import Blocks
from prkbench.analysis.testlog import read_log

P_STATION = 101325.0
T_REF_K = 295.0
SETTLE_H = 1.0 / 3.0
_PARTS = 6


def held_levels(
    rng: np.random.Generator,
    levels_pa: Sequence[float],
    hours: float,
    k_out: float,
    k_in: float,
    acceleration: float,
    null_pa: float,
) -> Campaign:
    """An hour with the hatch open, then every level for so many settled hours.

    k_out, k_in in 1/s at the station's pressure; null_pa: the station's sensor reads that much
    more than the chamber's.
    """
    stage = round(60 * (hours + SETTLE_H))
    count = 60 + stage * len(levels_pa)
    t_s = (np.arange(count * _PARTS) + 0.5) * 60.0 / _PARTS
    room = 0.05 * np.sin(2 * np.pi * (t_s / 1200.0 + rng.random()))
    room += 0.5 * np.sin(2 * np.pi * (t_s / 86400.0 + rng.random()))
    rho = math.exp(-60.0 / _PARTS / 1800.0)
    steps = math.sqrt(1.0 - rho * rho) * rng.standard_normal(len(t_s))
    unseen = np.zeros(len(t_s))
    unseen[0] = 0.010 * rng.standard_normal()
    for n in range(1, len(t_s)):
        unseen[n] = rho * unseen[n - 1] + 0.010 * steps[n]
    warm = (T_REF_K + room + unseen) / T_REF_K
    p = np.full(len(t_s), P_STATION)
    dt = 60.0 / _PARTS
    for number, level in enumerate(levels_pa):
        first = (60 + number * stage) * _PARTS
        mass = level / warm[first]
        for n in range(first, first + stage * _PARTS):
            now = mass * warm[n]
            inflow = k_in * (P_STATION - now) * (P_STATION + now) / P_STATION
            mass += dt * (inflow - k_out * now * now / P_STATION) / warm[n]
            p[n] = mass * warm[n]

    def minutes(values: np.ndarray) -> np.ndarray:
        return values.reshape(count, _PARTS).mean(axis=1)

    shown = minutes(p) + 0.1 * rng.standard_normal(count)
    station = np.full(count, P_STATION + null_pa)
    blocks = Blocks(np.arange(count), shown, np.zeros(count), T_REF_K + minutes(room),
                    np.full(count, 60), station)  # fmt: skip
    setup = {"norm_pa": P_STATION / 2.0, "jump_pa": 150.0}
    log = [(3600.0, "HATCH SHUT")]
    log += [(3600.0 + 60.0 * n * stage, f"VENT: {level / 100:.0f} hPa")
            for n, level in enumerate(levels_pa) if n]  # fmt: skip
    conversion = Conversion(acceleration=acceleration)
    return of_blocks(
        blocks, setup, read_log(log), conversion, "viscous", abs(null_pa) or 10.0, 5e-3, 1800.0
    )

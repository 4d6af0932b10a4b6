"""Leak tests from closed forms, with noise, as somebody would have logged them.

Nothing of the simulator is used: pressures are the exact solutions of dp/dt = -k p^n, or a plain
Runge-Kutta of the two-path balance; the gauge rounds, the temperature swings with any phase.
"""

import itertools
import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from prkbench.analysis.campaign import Campaign, of_blocks, of_readings
from prkbench.analysis.conversion import Conversion
from prkbench.analysis.independent import Blocks
from prkbench.analysis.readingdoubt import Doubt
from prkbench.analysis.testlog import read_log

Array = NDArray[np.float64]
MMHG = 133.322387415
P0 = 101325.0
HOUR = 3600.0
PRK = Conversion()


def decay(t_s: Array, start_pa: float, k_per_s: float, exponent: int = 2) -> Array:
    """Pressure of a leak into vacuum, k at P0: choked (1) or viscous (2)."""
    if exponent == 1:
        return np.asarray(start_pa * np.exp(-k_per_s * t_s))
    return np.asarray(start_pa / (1.0 + k_per_s * start_pa / P0 * t_s))


def two_paths(t_s: Array, start_pa: float, k_out: float, k_in: float, station_pa: float) -> Array:
    """Pressure with a viscous leak out and a viscous one in from the station."""

    def slope(p: float) -> float:
        return (k_in * (station_pa**2 - p * p) / station_pa) - k_out * p * p / P0

    p, out = start_pa, [start_pa]
    for before, after in itertools.pairwise(t_s):
        step = (after - before) / 40.0
        for _ in range(40):
            a = slope(p)
            b = slope(p + 0.5 * step * a)
            p += step * b
        out.append(p)
    return np.array(out)


def gauge(
    seed: int,
    hours: float,
    every_h: float,
    pressure: Callable[[Array], Array],
    log: list[tuple[float, str]],
    swing_k: float = 1.0,
    volume_m3: float = 4.0,
    known_k: float | None = None,
    warming: Callable[[Array], Array] | None = None,
) -> Campaign:
    """A 1 mmHg gauge with a daily swing of any phase; times of the log in hours.

    known_k: resolution of a thermometer read beside it; warming: K against s, besides the swing.
    """
    rng = np.random.default_rng(seed)
    t = np.arange(0.0, hours * HOUR + 1.0, every_h * HOUR)
    room = 0.5 * swing_k * np.sin(2 * np.pi * (t / 86400.0 + rng.random()))
    if warming is not None:
        room = room + warming(t)
    shown = np.round(pressure(t) * (1.0 + room / 295.0) / MMHG) * MMHG
    kelvin = np.full(len(t), 295.0)
    swing = swing_k
    if known_k is not None:
        kelvin = 295.0 + np.round(room / known_k) * known_k
        swing = known_k + 0.02
    doubt = Doubt(swing, MMHG, 0.0, 0.0, known_k is not None)
    entries = read_log((h * HOUR, text) for h, text in log)
    conversion = Conversion.for_volume(volume_m3)
    return of_readings(t, shown, kelvin, np.zeros(len(t)), doubt, entries, conversion, None)


def node(
    seed: int,
    hours: float,
    pressure: Callable[[Array], Array],
    log: list[tuple[float, str]],
    outside_pa: float = 0.0,
    acceleration: float = 10.0,
    station_pa: float | None = None,
    warming: Callable[[Array], Array] | None = None,
) -> Campaign:
    """Minutes of a node: heating that switches, and 10 mK of gas temperature that nobody sees."""
    rng = np.random.default_rng(seed)
    slot = np.arange(int(hours * 60.0))
    t = (slot + 0.5) * 60.0
    room = 0.08 * np.sin(2 * np.pi * (t / 1200.0 + rng.random()))
    room = room + 0.5 * np.sin(2 * np.pi * (t / 86400.0 + rng.random()))
    if warming is not None:
        room = room + warming(t)
    rho = math.exp(-60.0 / 1800.0)
    unseen = np.zeros(len(t))
    unseen[0] = 0.010 * rng.standard_normal()
    steps = 0.010 * math.sqrt(1.0 - rho * rho) * rng.standard_normal(len(t))
    for n in range(1, len(t)):
        unseen[n] = rho * unseen[n - 1] + steps[n]
    shown = pressure(t) * (1.0 + (room + unseen) / 295.0) + 0.1 * rng.standard_normal(len(t))
    station = None if station_pa is None else np.full(len(t), station_pa)
    blocks = Blocks(
        slot, np.asarray(shown), np.full(len(t), outside_pa), 295.0 + room,
        np.full(len(t), 60), station,
    )  # fmt: skip
    setup = {"norm_pa": (P0 + outside_pa) / 2.0, "jump_pa": 150.0}
    entries = read_log((h * HOUR, text) for h, text in log)
    conversion = Conversion(acceleration=acceleration)
    return of_blocks(blocks, setup, entries, conversion, "viscous", 10.0, 0.005, 1800.0)


def staged(*stages: tuple[float, Callable[[Array], Array]]) -> Callable[[Array], Array]:
    """Pressures one after another: (from hour, pressure against s since then)."""

    def pressure(t_s: Array) -> Array:
        out = np.zeros(len(t_s))
        for hour, law in stages:
            later = t_s >= hour * HOUR
            out[later] = law(np.concatenate([[0.0], t_s[later] - hour * HOUR]))[1:]
        return out

    return pressure

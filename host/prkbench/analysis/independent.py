"""A second opinion on the node's estimator: double precision, whitening and QR, no shared code.

It starts from the raw counts (compensated with the datasheet's floating-point formula) and from the
node's own integer rows; the first shows what rounding costs, the second that the algebra is right.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prkbench.law import Law, driving_pressure_pa
from prkbench.sim.trims import Trim
from prknode.records import SAMPLE_HEAD, sample_size
from prknode.window import Window

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_SLOT_US = 60_000_000
_KELVIN = 273.15
MOVING_AVERAGE = 1.5
"""Factor on the variance: block averages of a red residual have a moving-average term."""


@dataclass(frozen=True)
class Samples:
    """Sample records as arrays: t_us (N,), valid (N, n), raw pressure and temperature (N, n)."""

    t_us: IntArray
    valid: NDArray[np.bool_]
    raw_p: IntArray
    raw_t: IntArray


def read_samples(payload: bytes, sensors: int) -> Samples:
    """Sample records (bytes as stored) as arrays."""
    size = sample_size(sensors)
    table = np.frombuffer(payload, dtype=np.uint8).reshape(-1, size)

    def whole(first: int, count: int) -> IntArray:
        # Byte by byte: all of a month's table in 64 bits is half a gigabyte.
        value = np.zeros(len(table), dtype=np.int64)
        for n in range(count):
            value |= table[:, first + n].astype(np.int64) << 8 * n
        return value

    flags = whole(6, 2)
    valid = np.stack([flags >> i & 1 == 1 for i in range(sensors)], axis=1)
    raw_p, raw_t = (
        np.stack([whole(SAMPLE_HEAD + 6 * i + at, 3) for i in range(sensors)], axis=1)
        for at in (0, 3)
    )
    return Samples(whole(0, 6), valid, raw_p, raw_t)


@dataclass(frozen=True)
class Blocks:
    """Means over 60 s slots in SI: slot numbers, chamber and reference pressure, temperature.

    station_pa is the pressure beyond the hatch, twin_pa that of a sealed vessel beside; None where
    no sensor has that place.
    """

    slot: IntArray
    pressure_pa: FloatArray
    reference_pa: FloatArray
    temperature_k: FloatArray
    count: IntArray
    station_pa: FloatArray | None = None
    twin_pa: FloatArray | None = None


def block_means(samples: Samples, setup: dict[str, Any]) -> Blocks:
    """Average raw counts over slots and compensate the means in double precision."""
    roles = [sensor["role"] for sensor in setup["sensors"]]
    chamber = roles.index("CHAMBER")
    reference = next((i for i, role in enumerate(roles) if role in ("AMBIENT", "OUTLET")), None)
    paired = samples.valid[:, chamber].copy()
    if reference is not None:
        paired &= samples.valid[:, reference]
    slot = samples.t_us // _SLOT_US
    slots, index = np.unique(slot[paired], return_inverse=True)
    count = np.bincount(index, minlength=len(slots))

    def mean(raw: IntArray) -> FloatArray:
        return np.asarray(
            np.bincount(index, weights=raw[paired].astype(np.float64), minlength=len(slots)) / count
        )

    def sensor(i: int) -> tuple[FloatArray, FloatArray]:
        trim = Trim.unpack(bytes.fromhex(setup["trims"][i]))
        pressure, celsius = trim.compensate(mean(samples.raw_p[:, i]), mean(samples.raw_t[:, i]))
        offset = setup["sensors"][i]["offset_mpa"] / 1000.0
        return np.asarray(pressure) - offset, np.asarray(celsius) + _KELVIN

    pressure, temperature = sensor(chamber)
    if reference is None:
        outside = np.full(len(slots), float(setup["reference_pa"]))
    else:
        outside = sensor(reference)[0]
    station, twin = (
        sensor(roles.index(role))[0] if role in roles else None for role in ("STATION", "TWIN")
    )
    return Blocks(slots, pressure, outside, temperature, count, station, twin)


@dataclass(frozen=True)
class RowTable:
    """Regression rows: y = c - k i + d D with i in Pa s, D in K, y in Pa; (N,) each."""

    slot: IntArray
    segment: IntArray
    i: FloatArray
    d: FloatArray
    y: FloatArray


@dataclass(frozen=True)
class Used:
    """The blocks that count, in order: segment, slot, x (Pa), T (K), y = p_T (Pa).

    twin_pa: pressure of a sealed vessel beside, None without one.
    """

    segment: IntArray
    slot: IntArray
    x: FloatArray
    t: FloatArray
    y: FloatArray
    twin_pa: FloatArray | None = None


def used_blocks(
    blocks: Blocks, setup: dict[str, Any], segment_of: dict[int, int], law: Law
) -> Used:
    """Pick the blocks that count (slot -> segment) and form x and p_T."""
    keep = np.array([int(s) in segment_of for s in blocks.slot], dtype=bool)
    slot = blocks.slot[keep]
    t_ref = setup["t_ref_mk"] / 1000.0
    t = blocks.temperature_k[keep]
    p = blocks.pressure_pa[keep]
    x = driving_pressure_pa(law, p, blocks.reference_pa[keep], float(setup["norm_pa"]))
    segment = np.array([segment_of[int(s)] for s in slot], dtype=np.int64)
    twin = None if blocks.twin_pa is None else blocks.twin_pa[keep]
    return Used(segment, slot, x * t_ref / t, t, p * t_ref / t, twin)


def rows_of(used: Used, step_s: float = 60.0) -> RowTable:
    """Integrate x at block centres within each segment and take D over both neighbours."""
    gap = np.diff(used.slot)
    same = np.diff(used.segment) == 0
    step = np.where(same, 0.5 * gap * (used.x[1:] + used.x[:-1]) * step_s, 0.0)
    total = np.concatenate(([0.0], np.cumsum(step)))
    starts = np.concatenate(([True], ~same))
    base = np.maximum.accumulate(np.where(starts, np.arange(len(total)), 0))
    integral = total - total[base]
    inner = np.zeros(len(total), dtype=bool)
    if len(total) > 2:
        inner[1:-1] = (gap[1:] == 1) & (gap[:-1] == 1) & same[1:] & same[:-1]
    at = np.flatnonzero(inner)
    return RowTable(
        used.slot[at], used.segment[at], integral[at], used.t[at + 1] - used.t[at - 1], used.y[at]
    )


def window_rows(window: Window, step_s: float) -> RowTable:
    """The node's integer rows as floats in SI."""
    rows = [window.row(n) for n in range(window.rows)]
    scale = 4096.0
    return RowTable(
        np.array([r[0] for r in rows], dtype=np.int64),
        np.repeat([s[0] for s in window.segments], [s[1] for s in window.segments]),
        np.array([float(r[1]) for r in rows]) * (step_s / 2.0) / scale,
        np.array([float(r[2]) for r in rows]) / 2.0**20,
        np.array([float(r[3]) for r in rows]) / scale,
    )


@dataclass(frozen=True)
class Fit:
    """k and its standard error in 1/s, from how many rows."""

    k_per_s: float
    se_per_s: float
    rows: int


def gls(rows: RowTable, rho: float) -> Fit | None:
    """Generalised least squares with lag-1 correlation rho, by whitening and QR."""
    n = len(rows.y)
    segments, which = np.unique(rows.segment, return_inverse=True)
    design = np.zeros((n, len(segments) + 2))
    design[np.arange(n), which] = 1.0
    design[:, -2] = rows.i
    design[:, -1] = rows.d
    freedom = n - design.shape[1]
    if freedom < 3:
        return None
    follows = np.zeros(n, dtype=bool)
    follows[1:] = (np.diff(rows.slot) == 1) & (np.diff(rows.segment) == 0)
    # Centre y per segment first: it changes no slope and keeps the digits that matter.
    y = rows.y.copy()
    for s in range(len(segments)):
        y[which == s] -= y[which == s].mean()
    whitened = np.where(follows[:, None], design, design * np.sqrt(1.0 - rho * rho))
    whitened[follows] -= rho * design[np.flatnonzero(follows) - 1]
    target = np.where(follows, y, y * np.sqrt(1.0 - rho * rho))
    target[follows] -= rho * y[np.flatnonzero(follows) - 1]
    scale = np.linalg.norm(whitened, axis=0)
    if not np.all(scale > 0.0):
        return None
    q, r = np.linalg.qr(whitened / scale)
    beta = np.linalg.solve(r, q.T @ target)
    residual = target - (whitened / scale) @ beta
    inverse = np.linalg.inv(r)
    variance = residual @ residual / freedom * (inverse @ inverse.T)
    k = -beta[-2] / scale[-2]
    se = float(np.sqrt(variance[-2, -2] * MOVING_AVERAGE)) / scale[-2]
    return Fit(float(k), float(se), n)

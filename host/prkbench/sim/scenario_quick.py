"""A bench scenario without the firmware child: plant, sensors, and the node's own estimator.

The samples of a minute are averaged before they become raw counts, so a day takes a fraction of a
second; what the estimator computes from the counts is the firmware's own arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prkbench.analysis import correlated, independent
from prkbench.analysis.independent import Blocks, Used
from prkbench.errors import UsageError
from prkbench.law import Law
from prkbench.node_setup import correlation_time_s, node_config
from prkbench.rig import Rig
from prkbench.sim.surroundings import FloatArray
from prkbench.sim.world import BenchSensor
from prknode.blocks import Block
from prknode.compensate import MAX_PA, MIN_PA
from prknode.decay import Estimator
from prknode.records import BLOCK_VALID
from prknode.settings import Settings

_SLOT_S = 60.0
_HOUR_SLOTS = 60
_FITTED_WINDOWS = 3
"""How many of the node's windows are fitted as it would: what is older is out of them anyway."""
_ZERO_C_K = 273.15
_LAWS: dict[str, Law] = {"LINEAR": "linear", "VISCOUS": "viscous", "CHOKED": "choked"}


@dataclass(frozen=True)
class QuickRun:
    """What a bench run gave: minutes as the node reports them, and those that count.

    `setup`: the node's settings; `estimator` has the estimate that the node's would have at the
    end, but none of its long window.
    """

    blocks: Blocks
    used: Used
    estimator: Estimator
    law: Law
    setup: dict[str, Any]
    null_pa: float

    @cached_property
    def host(self) -> correlated.HostEstimate | None:
        """The host's own fit through all of it."""
        return correlated.estimate(
            self.used,
            float(self.setup["lag_s"]),
            correlation_time_s(self.setup["rho1024"]),
            self.null_pa,
        )


class _LateEstimator(Estimator):
    """The node's estimator, which cuts all of the record into segments but fits only its end.

    An estimate rests on the window's sums alone, so that of the last row needs no other before it.
    """

    def __init__(self, settings: Settings, trims: list[bytes], first_fitted: int) -> None:
        super().__init__(settings, trims)  # type: ignore[no-untyped-call]
        self._first_fitted = first_fitted
        self._held: tuple[int, int, Any] | None = None

    def _settled(self, segment: int, slot: int, now: Any) -> None:
        if slot < self._first_fitted:
            return
        if self._held is not None:
            earlier, at, then = self._held
            row = self._rows.step(earlier, at, then.x, then.t, then.y)
            if row is not None:
                self._short.add(row)
        self._held = segment, slot, now

    def finish(self) -> None:
        """Fit what was taken."""
        if self._held is not None:
            super()._settled(*self._held)  # type: ignore[no-untyped-call]
            self._held = None


def quick_run(rig: Rig, sensors: list[BenchSensor], duration_s: float) -> QuickRun:
    """Measure for a duration with these sensors, in the order of the rig's roles."""
    settings = Settings(node_config(rig))
    setup: dict[str, Any] = settings.as_dict()
    slots = int(duration_s // _SLOT_S)
    if slots < 3:
        raise UsageError(f"{duration_s:g} s of bench time, expected 3 min at the least")
    count = round(_SLOT_S * rig.node.rate_hz)
    if count < 1:
        raise UsageError(f"{rig.node.rate_hz:g} Hz is under one sample a minute, expected more")
    means = [_minute_means(sensor, rig, slots, count) for sensor in sensors]
    trims = [sensor.trim.pack() for sensor in sensors]
    estimator = _LateEstimator(settings, trims, slots - _FITTED_WINDOWS * settings["window_min"])
    segment_of: dict[int, int] = {}
    kept = []
    for slot in range(slots):
        block = _block(slot, count, sensors, means)
        if block is None:
            continue
        estimator.step(block)  # type: ignore[no-untyped-call]
        kept.append(slot)
        if estimator.used:
            segment_of[slot] = estimator.segment
    estimator.finish()
    blocks = _blocks(setup, means, np.array(kept, dtype=np.int64), count)
    law = _LAWS[setup["law"]]
    used = independent.used_blocks(blocks, setup, segment_of, law)
    return QuickRun(blocks, used, estimator, law, setup, rig.sensors.null_uncertainty_pa)


def _minute_means(
    sensor: BenchSensor, rig: Rig, slots: int, count: int
) -> tuple[FloatArray, FloatArray]:
    """Return the means of pressure (Pa) and temperature (degC) over every minute."""
    pressures, temperatures = [], []
    period = _SLOT_S / count
    for first in range(0, slots, _HOUR_SLOTS):
        number = min(_HOUR_SLOTS, slots - first)
        t_s = first * _SLOT_S + np.arange(number * count, dtype=np.float64) * period
        pressure, celsius = sensor.transducer.measure_series(
            t_s, rig.node.oversampling_pressure, rig.node.oversampling_temperature
        )
        pressures.append(pressure.reshape(number, count).mean(axis=1))
        temperatures.append(celsius.reshape(number, count).mean(axis=1))
    return np.concatenate(pressures), np.concatenate(temperatures)


def _block(
    slot: int,
    count: int,
    sensors: list[BenchSensor],
    means: list[tuple[FloatArray, FloatArray]],
) -> Block | None:
    """Return the minute as sums of raw counts, None where a sensor cannot show it."""
    pressures, temperatures = [], []
    for sensor, (pressure, celsius) in zip(sensors, means, strict=True):
        if not MIN_PA / 4096 < pressure[slot] < MAX_PA / 4096:
            return None
        raw_p, raw_t = sensor.trim.raw_for(float(pressure[slot]), float(celsius[slot]))
        pressures.append(round(raw_p * count))
        temperatures.append(round(raw_t * count))
    numbers = [count] * len(sensors)
    return Block(slot, slot * count, BLOCK_VALID, count, numbers, pressures, temperatures)


def _blocks(
    setup: dict[str, Any],
    means: list[tuple[FloatArray, FloatArray]],
    slots: NDArray[np.int64],
    count: int,
) -> Blocks:
    """Return the same minutes in SI, as the second opinion has them from the samples."""
    roles = [sensor["role"] for sensor in setup["sensors"]]
    offsets = [sensor["offset_mpa"] / 1000.0 for sensor in setup["sensors"]]
    chamber = roles.index("CHAMBER")
    outside = next((i for i, role in enumerate(roles) if role in ("AMBIENT", "OUTLET")), None)

    def pressure(i: int) -> FloatArray:
        return np.asarray(means[i][0][slots] - offsets[i], dtype=np.float64)

    level = np.full(len(slots), float(setup["reference_pa"]))
    return Blocks(
        slots,
        pressure(chamber),
        level if outside is None else pressure(outside),
        means[chamber][1][slots] + _ZERO_C_K,
        np.full(len(slots), count, dtype=np.int64),
        pressure(roles.index("STATION")) if "STATION" in roles else None,
    )

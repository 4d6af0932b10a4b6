"""A leak test as one object, whatever took it: readings of a gauge or minutes of a node.

What the verdicts need is the same at both scales: pressure, temperature where it is known, the
pressures outside and beyond the hatch, what a reading may be wrong by, and the operator's log.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from prkbench.analysis.conversion import Conversion
from prkbench.analysis.independent import Blocks
from prkbench.analysis.readingdoubt import Doubt
from prkbench.analysis.testlog import LogEntry
from prkbench.law import Law

Array = NDArray[np.float64]
Scale = Literal["prk", "bench"]

P_REF_PA = 101325.0
T_REF_K = 295.0
MOST_POINTS = 60_000
_CHOKED = 0.03
"""Ratio of pressures up to which a leak is taken to flow into a vacuum: mode C, 1013 to 300 hPa
over 10 hPa at the most; a throat chokes below 0.528."""
_SLOT_S = 60.0


@dataclass(frozen=True)
class Campaign:
    """A record with its log; arrays of one length, SI, times rising from the record's start.

    temperature_k is T_REF_K throughout where it is not known. station_pa is the pressure beyond
    the hatch (None: not measured). doubt: what a reading may be wrong by. nominal_pa: the pressure
    and reference at which x of every law is the same. jump_pa: a change from one reading to the
    next that only somebody's hand makes. expected_tau_s: correlation time of the residual, where
    temperature is known.
    """

    t_s: Array
    pressure_pa: Array
    temperature_k: Array
    reference_pa: Array
    station_pa: Array | None
    doubt: Doubt
    log: tuple[LogEntry, ...]
    volume_m3: float | None
    scale: Scale
    law: Law | None
    conversion: Conversion
    nominal_pa: tuple[float, float]
    jump_pa: float
    expected_tau_s: float = 1800.0

    @property
    def reduced_pa(self) -> Array:
        """p_T, the pressure brought to T_REF_K."""
        return self.pressure_pa * T_REF_K / self.temperature_k

    @property
    def step_s(self) -> float:
        """The usual time between readings."""
        return float(np.median(np.diff(self.t_s)))

    @property
    def swing_pa(self) -> float:
        """Pressure that the temperature swing nobody measured makes, peak to peak."""
        return float(self.pressure_pa.mean() / self.temperature_k.mean()) * self.doubt.swing_k

    @property
    def chokes(self) -> bool:
        """Whether gas leaves so fast throughout that the pressure outside does not matter.

        A flow as p^2 - p_ref^2 differs from p^2 by under a thousandth there.
        """
        return bool(self.reference_pa.max() < _CHOKED * self.pressure_pa.min())

    def driving_pa(self, exponent: float) -> Array:
        """Mean of x between readings, for a flow that goes as p^n - p_ref^n; one shorter.

        x is p - p_ref for n = 1 and (p^2 - p_ref^2)/(2 p_N) for n = 2; between two readings the
        pressure is taken as exponential, which is within 0.05 % of any law at 6 % a step.
        """
        high, low = self.nominal_pa
        alone = self.law == "choked" or (self.law != "linear" and self.chokes)
        ref = np.zeros_like(self.reference_pa) if alone else self.reference_pa
        norm = (high**exponent - low**exponent) / (high - low)
        x = (_power_means(self.pressure_pa, exponent) - _power_means(ref, exponent)) / norm
        hot = T_REF_K / self.temperature_k
        return np.asarray(x * (hot[1:] + hot[:-1]) / 2.0)

    def integral(self, mean_between: Array) -> Array:
        """Integrate something known by its means between readings; zero at the first."""
        return np.concatenate([[0.0], np.cumsum(mean_between * np.diff(self.t_s))])

    def lb_per_day(self, k_per_s: float) -> float:
        """Rate of a decay constant: PrK-equivalent, or of the stated volume."""
        return self.conversion.rate_lb_per_day(k_per_s)


def _power_means(p: Array, n: float) -> Array:
    """Mean of p^n between readings, the pressure being exponential in between."""
    before, after = np.maximum(p[:-1], 0.0), np.maximum(p[1:], 0.0)
    ends = 0.5 * (before**n + after**n)
    ratio = np.ones_like(ends)
    both = (before > 0.0) & (after > 0.0)
    ratio[both] = after[both] / before[both]
    far = np.abs(np.log(ratio)) > 1e-4
    ends[far] = (before[far] ** n - after[far] ** n) / (-n * np.log(ratio[far]))
    return ends


def of_readings(
    t_s: Array,
    pressure_pa: Array,
    temperature_k: Array,
    reference_pa: Array,
    doubt: Doubt,
    log: tuple[LogEntry, ...],
    conversion: Conversion,
    law: Law | None,
) -> Campaign:
    """A campaign of a gauge's readings; a dense log is averaged to at most MOST_POINTS."""
    columns = [t_s, pressure_pa, temperature_k, reference_pa]
    if len(t_s) > MOST_POINTS:
        size = -(-len(t_s) // MOST_POINTS)
        starts = np.arange(0, len(t_s), size)
        count = np.diff(np.append(starts, len(t_s)))
        columns = [np.add.reduceat(column, starts) / count for column in columns]
    t_s, pressure_pa, temperature_k, reference_pa = columns
    outside = float(reference_pa.mean())
    swing = float(pressure_pa.mean() / T_REF_K) * doubt.swing_k
    start = P_REF_PA if outside < 0.5 * P_REF_PA else float(pressure_pa.max())
    return Campaign(
        t_s, pressure_pa, temperature_k, reference_pa, None, doubt, log,
        conversion.volume_m3, "prk", law, conversion, (start, outside),
        3.0 * (swing + doubt.count_pa),
    )  # fmt: skip


def of_blocks(
    blocks: Blocks,
    setup: dict[str, Any],
    log: tuple[LogEntry, ...],
    conversion: Conversion,
    law: Law,
    null_pa: float,
    volume_m3: float | None,
    expected_tau_s: float,
) -> Campaign:
    """A campaign of a node's minutes (SI, as the second opinion has them)."""
    norm = float(setup["norm_pa"])
    outside = float(np.median(blocks.reference_pa))
    return Campaign(
        t_s=np.asarray((blocks.slot + 0.5) * _SLOT_S, dtype=np.float64),
        pressure_pa=blocks.pressure_pa,
        temperature_k=blocks.temperature_k,
        reference_pa=blocks.reference_pa,
        station_pa=blocks.station_pa,
        doubt=Doubt(0.0, 0.0, 0.0, null_pa, temperature_known=True),
        log=log,
        volume_m3=volume_m3,
        scale="bench",
        law="linear" if law == "sealed" else law,
        conversion=conversion,
        nominal_pa=(max(2.0 * norm - outside, outside + 1.0), outside),
        jump_pa=float(setup["jump_pa"]),
        expected_tau_s=expected_tau_s,
    )

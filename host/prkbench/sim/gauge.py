"""The gauge on a wall that somebody reads every few hours, and the thermometer beside it.

A reading is the nearest whole step of the scale. Readings become a CSV and a run by the way of any
foreign log, so that the analysis treats them as it does real ones.
"""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from prkbench.errors import UsageError
from prkbench.sim.surroundings import FloatArray
from prkbench.units import MMHG_PA

_YEAR_S = 365.25 * 86400.0
_ZERO_C_K = 273.15
# Units that a gauge is marked in, Pa each, and the column that says so.
_SCALES = (("pressure_mmhg", MMHG_PA), ("pressure_hpa", 100.0), ("pressure_pa", 1.0))


@dataclass(frozen=True)
class Gauge:
    """A gauge of a resolution in Pa, with what is wrong with it."""

    resolution_pa: float
    offset_pa: float = 0.0
    drift_pa_per_year: float = 0.0
    sticks_from_s: float | None = None

    def read(self, t_s: FloatArray, pressure_pa: FloatArray) -> FloatArray:
        """Return what it shows at these times, given the true pressures then."""
        shown = pressure_pa + self.offset_pa + self.drift_pa_per_year * t_s / _YEAR_S
        shown = quantised(shown, self.resolution_pa)
        if self.sticks_from_s is not None:
            stuck = t_s >= self.sticks_from_s
            if stuck.any():
                shown = np.where(stuck, shown[int(np.argmax(stuck))], shown)
        return shown


def quantised(values: FloatArray, step: float) -> FloatArray:
    """Return the nearest whole multiples of step."""
    return np.asarray(np.round(values / step) * step)


def reading_times(duration_s: float, every_s: float) -> FloatArray:
    """Return the times of readings from 0 on, the last at the end at the latest."""
    return np.arange(0.0, duration_s * (1.0 + 1e-12), every_s)


def readings_csv(
    t_s: FloatArray,
    pressure_pa: NDArray[np.float64],
    resolution_pa: float,
    temperature_k: NDArray[np.float64] | None = None,
    resolution_k: float = 0.1,
) -> str:
    """Return readings as CSV text: hours, the gauge's own unit and digits, degC where read."""
    column, unit_pa, digits = _scale(resolution_pa)
    header = ["time_h", column]
    if temperature_k is not None:
        header.append("temperature_degc")
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    # A 0.2 K scale is read to the tenth.
    degree_digits = max(0, -math.floor(math.log10(resolution_k)))
    for n, (t, p) in enumerate(zip(t_s, pressure_pa, strict=True)):
        row = [f"{t / 3600.0:.6g}", f"{p / unit_pa:.{digits}f}"]
        if temperature_k is not None:
            row.append(f"{temperature_k[n] - _ZERO_C_K:.{degree_digits}f}")
        writer.writerow(row)
    return out.getvalue()


def _scale(resolution_pa: float) -> tuple[str, float, int]:
    """Return the column, the unit and the digits in which this resolution is the last digit."""
    for column, unit_pa in _SCALES:
        digits = -math.log10(resolution_pa / unit_pa)
        if digits > -1e-9 and abs(digits - round(digits)) < 1e-9:
            return column, unit_pa, round(digits)
    raise UsageError(
        f"a gauge of {resolution_pa:g} Pa is marked in no unit known here, expected a power of "
        "ten of mmHg, hPa or Pa such as '1 mmHg'"
    )

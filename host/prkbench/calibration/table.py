"""The rig file's table [sealed_run]: what a sealed run of the rig taught, when and where."""

from __future__ import annotations

import datetime
import itertools
import math
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, model_validator

from prkbench.quantities import (
    Decay,
    Duration,
    PositiveDuration,
    PositivePressure,
    Pressure,
    Relative,
    Table,
    Temperature,
    TemperatureSpread,
    Volume,
)

GOOD_FOR_DAYS = 180
_MOST_APART_K = 5.0
_Z95 = 1.959964


def _dated(value: object) -> str:
    if isinstance(value, datetime.datetime):
        value = value.date()
    text = value.isoformat() if isinstance(value, datetime.date) else value
    if not isinstance(text, str):
        raise ValueError(f"{value!r} is no date, expected one such as '2026-11-22'")
    try:
        return datetime.date.fromisoformat(text).isoformat()
    except ValueError:
        raise ValueError(f"'{text}' is no date, expected one such as '2026-11-22'") from None


class SealedRun(Table):
    """Residual, lag and standard errors of k learnt from a run without a leak.

    windows_s rise; for each of them se_per_s (standard error of k at the run's own driving
    pressure), se_uncertainty (its relative standard uncertainty) and pieces (of the run).
    rms_k and correlation_time_s: the gas temperature that no sensor sees; white_pa: of a minute's
    mean; bound_per_s: the run's own k is below it at 95 %.
    """

    date: Annotated[str, BeforeValidator(_dated)]
    run: str
    head: str
    duration_s: PositiveDuration = Field(alias="duration")
    temperature_k: Temperature = Field(alias="temperature")
    pressure_pa: PositivePressure = Field(alias="pressure")
    reference_pressure_pa: Pressure = Field(alias="reference_pressure")
    driving_pressure_pa: PositivePressure = Field(alias="driving_pressure")
    volume_m3: Volume = Field(alias="volume")
    element: str
    node_window_s: PositiveDuration = Field(alias="node_window")
    bound_per_s: Decay = Field(alias="bound")
    rms_k: TemperatureSpread = Field(alias="rms")
    rms_uncertainty: Relative
    correlation_time_s: PositiveDuration = Field(alias="correlation_time")
    correlation_time_uncertainty: Relative
    white_pa: Pressure = Field(alias="white")
    lag_s: Duration = Field(alias="lag")
    lag_uncertainty: Relative
    windows_s: tuple[PositiveDuration, ...] = Field(alias="windows", min_length=1)
    se_per_s: tuple[Decay, ...] = Field(alias="se")
    se_uncertainty: tuple[Relative, ...]
    pieces: tuple[int, ...]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        count = len(self.windows_s)
        if any(b <= a for a, b in itertools.pairwise(self.windows_s)):
            raise ValueError("windows must rise")
        for name in ("se", "se_uncertainty", "pieces"):
            have = len(getattr(self, "se_per_s" if name == "se" else name))
            if have != count:
                raise ValueError(f"{name} must have one entry for each of windows, {count} in all")
        if min(self.se_per_s) <= 0.0 or min(self.se_uncertainty) <= 0.0:
            raise ValueError("se and se_uncertainty must be above zero")
        return self

    @property
    def hours(self) -> float:
        """Settled hours that it rests on."""
        return self.duration_s / 3600.0

    def se_at(self, window_s: float) -> float:
        """Standard error of k (1/s) in a window of that length, by power laws between windows."""
        return _interpolated(self.windows_s, self.se_per_s, window_s)

    def widening_at(self, window_s: float) -> float:
        """By how much 1.96 falls short of the 95 % quantile, for a standard error so well known."""
        return widening(_interpolated(self.windows_s, self.se_uncertainty, window_s, ends=True))


def widening(uncertainty: float) -> float:
    """Student's 97.5 % quantile over the normal one, for a relative uncertainty of the error."""
    # SciPy takes longer to load than a rig file to read.
    from scipy.special import stdtrit

    freedom = max(1.0, 0.5 / uncertainty**2)
    return float(stdtrit(freedom, 0.975)) / _Z95


def _interpolated(
    at: tuple[float, ...], values: tuple[float, ...], where: float, *, ends: bool = False
) -> float:
    """Straight in both logarithms, the last slope going on beyond the ends, or (ends) the value."""
    x, y = [math.log(v) for v in at], [math.log(v) for v in values]
    w = math.log(where)
    if len(x) == 1 or (ends and not x[0] < w < x[-1]):
        return values[0] if w <= x[0] else values[-1]
    n = max(1, min(len(x) - 1, sum(1 for edge in x if edge < w)))
    slope = (y[n] - y[n - 1]) / (x[n] - x[n - 1])
    return math.exp(y[n - 1] + slope * (w - x[n - 1]))


def doubts(
    sealed: SealedRun,
    today: datetime.date,
    *,
    temperature_k: float | None,
    volume_m3: float,
    element: str,
    window_s: float,
) -> list[str]:
    """Why a calibration may not fit what is measured now; one line each, empty where it fits."""
    found = []
    age = (today - datetime.date.fromisoformat(sealed.date)).days
    if age > GOOD_FOR_DAYS:
        found.append(f"it is {age} days old, over {GOOD_FOR_DAYS}")
    if temperature_k is not None and abs(temperature_k - sealed.temperature_k) > _MOST_APART_K:
        found.append(
            f"it was made at {sealed.temperature_k:.1f} K, this is {temperature_k:.1f} K, over "
            f"{_MOST_APART_K:g} K apart"
        )
    if not math.isclose(volume_m3, sealed.volume_m3, rel_tol=1e-3):
        found.append(
            f"it is of a volume of {1e3 * sealed.volume_m3:g} L, this is {1e3 * volume_m3:g} L"
        )
    if element != sealed.element:
        found.append(f"it is of another element ({sealed.element}; now {element})")
    if not math.isclose(window_s, sealed.node_window_s, rel_tol=1e-3):
        found.append(
            f"the node's window was {sealed.node_window_s / 3600:g} h, is {window_s / 3600:g} h"
        )
    return found

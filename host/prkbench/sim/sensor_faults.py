"""What goes wrong with a sensing element slowly or quietly: data, and what it does to a reading."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from prkbench.errors import UsageError
from prkbench.sim.lag import lag_response
from prkbench.sim.surroundings import FloatArray

FaultKind = Literal["drift", "offset", "stick", "wet_port", "tempco"]
# What each kind needs, and what it may have besides.
_NEEDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "drift": ("pa_per_s", ()),
    "offset": ("offset_pa", ()),
    "stick": ("", ()),
    "wet_port": ("lag_s", ("offset_pa",)),
    "tempco": ("pa_per_k", ()),
}
_TEMPCO_REFERENCE_C = 25.0


@dataclass(frozen=True)
class SensorFault:
    """One fault from `from_s` until `to_s`, told to a second.

    drift: the reading gains `pa_per_s` and keeps what it gained. offset: it is off by
    `offset_pa`. stick: pressure and temperature stay as they were, without noise. wet_port: the
    pressure at the element lags by `lag_s` and is off by `offset_pa`. tempco: it is off by
    `pa_per_k` for every kelvin above 25 degC. UsageError names a figure that is missing,
    impossible or not of this kind.
    """

    kind: FaultKind
    from_s: float = 0.0
    to_s: float = math.inf
    pa_per_s: float = 0.0
    offset_pa: float = 0.0
    lag_s: float = 0.0
    pa_per_k: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in _NEEDS:
            raise UsageError(
                f"sensor fault {self.kind!r} is unknown, expected one of {', '.join(_NEEDS)}"
            )
        if not 0.0 <= self.from_s < self.to_s:
            raise UsageError(
                f"sensor fault {self.kind!r} lasts from {self.from_s:g} to {self.to_s:g} s, "
                "expected from_s of 0 s or later, and before to_s"
            )
        needed, allowed = _NEEDS[self.kind]
        for name in ("pa_per_s", "offset_pa", "lag_s", "pa_per_k"):
            value = getattr(self, name)
            if not math.isfinite(value) or (name == needed and value == 0.0):
                raise UsageError(
                    f"sensor fault {self.kind!r}: {name} is {value!r}, expected a finite number "
                    "other than zero"
                )
            if value != 0.0 and name not in (needed, *allowed):
                raise UsageError(
                    f"sensor fault {self.kind!r} has no {name}, expected {needed or 'times'} only"
                )
        if self.lag_s < 0.0:
            raise UsageError(f"sensor fault {self.kind!r}: lag_s is {self.lag_s:g}, below zero")

    def extra_pa(self, t_s: FloatArray, temperature_c: FloatArray) -> FloatArray:
        """What it adds to the reading at these times and sensor temperatures."""
        on = (t_s >= self.from_s) & (t_s < self.to_s)
        if self.kind == "drift":
            return self.pa_per_s * (np.clip(t_s, self.from_s, self.to_s) - self.from_s)
        if self.kind == "tempco":
            return np.where(on, self.pa_per_k * (temperature_c - _TEMPCO_REFERENCE_C), 0.0)
        if self.kind == "stick":
            return np.zeros(len(t_s))
        return np.where(on, self.offset_pa, 0.0)


class WetPort:
    """The pressure behind a port with water in it, chunk after chunk.

    level_pa: what it ended with, None before it was wet.
    """

    def __init__(self, fault: SensorFault) -> None:
        self._fault = fault
        self.level_pa: float | None = None

    def filtered(self, t_s: FloatArray, pressure_pa: FloatArray) -> FloatArray:
        """Return the pressure at the element, times being one step apart."""
        fault = self._fault
        low, high = np.searchsorted(t_s, (fault.from_s, fault.to_s), side="left").tolist()
        if low == high:
            return pressure_pa
        start = float(pressure_pa[low]) if self.level_pa is None else self.level_pa
        step_s = float(t_s[1] - t_s[0])
        lagged = lag_response(pressure_pa[low:high], step_s, fault.lag_s, start)
        # The last time of a chunk is the first of the next.
        self.level_pa = float(lagged[-1])
        return np.concatenate((pressure_pa[:low], lagged, pressure_pa[high:]))

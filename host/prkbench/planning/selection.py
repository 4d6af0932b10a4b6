"""The instrument selection guide of ANSI/ANS-56.8: what instruments allow, whatever the method.

ISG = (2400/t) sqrt(2 (e_p/p)^2 + 2 (e_T/T)^2) per cent of the contained gas a day, t in hours,
e the errors of one reading. It takes two readings, one at each end: a fit of all of them does
better, so a test that satisfies the guide is on the safe side.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from prkbench.planning.setting import Setting

SHARE_OF_LIMIT = 0.25
"""The standard's criterion: the guide's figure is at most a quarter of the limit."""


@dataclass(frozen=True)
class Readings:
    """Errors of one reading: pressure in Pa, temperature in K."""

    pressure_pa: float
    temperature_k: float


def instruments(setting: Setting) -> Readings:
    """Errors of the sensor alone, one minute's mean."""
    noise = setting.noise
    return Readings(math.hypot(noise.white_pa, noise.flicker_pa), noise.white_k)


def with_residual(setting: Setting) -> Readings:
    """The same with the gas temperature that the sensor does not see."""
    seen = instruments(setting)
    return Readings(seen.pressure_pa, math.hypot(seen.temperature_k, setting.noise.residual_k))


def guide_percent_per_day(setting: Setting, errors: Readings, hours: float) -> float:
    """Return the ISG after so many hours, per cent of the contained gas a day."""
    relative = 2.0 * (errors.pressure_pa / setting.pressure_pa) ** 2
    relative += 2.0 * (errors.temperature_k / setting.temperature_k) ** 2
    return 2400.0 / hours * math.sqrt(relative)


def guide_hours(setting: Setting, errors: Readings, k_per_s: float) -> float:
    """Hours until the guide is a quarter of the limit, as a decay constant in 1/s."""
    # The limit is on the gauge pressure's decay; of the contained gas it is a smaller part.
    limit = 8.64e6 * k_per_s / setting.penalty
    return guide_percent_per_day(setting, errors, 1.0) / (SHARE_OF_LIMIT * limit)

"""Decay constant of the bench to mass rate of the PrK, and back.

A bench of 5 L cannot leak pounds a day; what it shares with the PrK is the decay constant, times
the acceleration a: k_bench = a k_PrK. The equivalent mass rate is (k/a) V p/(R T) at the PrK's
stated volume, reference pressure and temperature.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from prkbench.units import from_lb_per_day, to_lb_per_day

if TYPE_CHECKING:
    from prkbench.rig import Rig

R_AIR = 287.05
"""Specific gas constant of air, J/(kg K)."""

Interval = tuple[float, float]


@dataclass(frozen=True)
class Conversion:
    """The PrK's gas at reference conditions and the bench's time acceleration.

    The volume range is a hard range, from the published decays that bound it, not a standard
    uncertainty.
    """

    volume_m3: float = 4.0
    volume_low_m3: float = 2.1
    volume_high_m3: float = 7.4
    pressure_pa: float = 101325.0
    temperature_k: float = 295.0
    acceleration: float = 1.0

    @classmethod
    def from_rig(cls, rig: "Rig") -> "Conversion":
        """Return the conversion that a rig file states."""
        prk = rig.prk
        return cls(
            volume_m3=prk.volume_m3,
            volume_low_m3=prk.volume_low_m3,
            volume_high_m3=prk.volume_high_m3,
            pressure_pa=prk.pressure_pa,
            temperature_k=prk.temperature_k,
            acceleration=rig.acceleration,
        )

    @classmethod
    def for_volume(cls, volume_m3: float) -> "Conversion":
        """Return the conversion for a vessel tested as it stands, without acceleration.

        The PrK's volume range is kept where the volume lies in it; any other is another vessel,
        whose volume is taken as known.
        """
        prk = cls()
        if prk.volume_low_m3 <= volume_m3 <= prk.volume_high_m3:
            return cls(volume_m3=volume_m3)
        return cls(volume_m3=volume_m3, volume_low_m3=volume_m3, volume_high_m3=volume_m3)

    @property
    def gas_mass_kg(self) -> float:
        """Mass of the PrK's air at the reference pressure and temperature."""
        return self.pressure_pa * self.volume_m3 / (R_AIR * self.temperature_k)

    def rate_kg_per_s(self, k_per_s: float) -> float:
        """Return the PrK-equivalent mass rate of the bench's decay constant."""
        return k_per_s / self.acceleration * self.gas_mass_kg

    def rate_lb_per_day(self, k_per_s: float) -> float:
        """Return the PrK-equivalent mass rate in lb/day."""
        return to_lb_per_day(self.rate_kg_per_s(k_per_s))

    def k_per_s(self, rate_kg_per_s: float) -> float:
        """Return the bench's decay constant for a PrK-equivalent mass rate in kg/s."""
        return rate_kg_per_s / self.gas_mass_kg * self.acceleration

    def k_from_lb_per_day(self, rate_lb_per_day: float) -> float:
        """Return the bench's decay constant for a PrK-equivalent rate in lb/day."""
        return self.k_per_s(from_lb_per_day(rate_lb_per_day))

    def interval_lb_per_day(self, k_interval: Interval) -> Interval:
        """Return an interval of k (1/s) as PrK-equivalent lb/day at the stated volume."""
        low, high = k_interval
        return self.rate_lb_per_day(low), self.rate_lb_per_day(high)

    def interval_with_volume_lb_per_day(self, k_interval: Interval) -> Interval:
        """Return the interval of k in lb/day over the whole range of the PrK's volume.

        The ends take whichever volume moves them outward, so a bound below zero grows with the
        largest volume, too.
        """
        low, high = self.interval_lb_per_day(k_interval)
        small = self.volume_low_m3 / self.volume_m3
        large = self.volume_high_m3 / self.volume_m3
        return min(low * small, low * large), max(high * small, high * large)

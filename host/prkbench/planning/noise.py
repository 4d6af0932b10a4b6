"""What disturbs the pressure at reference temperature, as covariances of block means.

Three parts: the residual (an Ornstein-Uhlenbeck temperature nobody sees), the sensor's flicker
(several such processes of pressure), and white noise of both readings. Block means of an
Ornstein-Uhlenbeck process keep its exact covariance here; taking them for samples of it would
leave the moving-average term out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from scipy.linalg import toeplitz

from prkbench.analysis.independent import FloatArray
from prkbench.rig import Rig
from prkbench.sim.transducer import TransducerSpec


@dataclass(frozen=True)
class Noise:
    """Residual (K rms, s), white noise of a minute's mean (Pa, K), flicker (Pa rms, its times)."""

    residual_k: float
    residual_tau_s: float
    white_pa: float
    white_k: float
    flicker_pa: float
    flicker_taus_s: tuple[float, ...]

    @classmethod
    def of(cls, rig: Rig, sensor: TransducerSpec | None = None) -> Self:
        """Return the noise of a rig: its residual, and the sensor at the rig's sampling."""
        spec = sensor or TransducerSpec()
        samples = max(1.0, 60.0 * rig.node.rate_hz)
        return cls(
            rig.residual.rms_k,
            rig.residual.correlation_time_s,
            spec.noise_pa * math.sqrt(16.0 / rig.node.oversampling_pressure / samples),
            spec.temperature_noise_k / math.sqrt(rig.node.oversampling_temperature * samples),
            spec.flicker_pa,
            spec.flicker_taus_s,
        )

    def scaled(self, residual: float = 1.0, sensor: float = 1.0) -> Noise:
        """Return the noise with the residual, or all of the sensor's, times a factor."""
        return replace(
            self,
            residual_k=self.residual_k * residual,
            white_pa=self.white_pa * sensor,
            white_k=self.white_k * sensor,
            flicker_pa=self.flicker_pa * sensor,
        )

    def assumed(self, tau_s: float) -> Noise:
        """Return the noise as an analysis sees it that expects this correlation time.

        What it learns from the record's minutes is how fast the residual wanders, rms^2/tau; its
        own tau then makes the rms. (Block means wander 2/3 as fast as the residual itself, which
        the factor 1.5 on the variance makes up for.)
        """
        rms = self.residual_k * math.sqrt(tau_s / self.residual_tau_s)
        return replace(self, residual_k=rms, residual_tau_s=tau_s)

    def covariance(self, count: int, block_s: float, pa_per_k: FloatArray) -> FloatArray:
        """Covariance in Pa2 of p_T's means over `count` blocks of block_s each.

        pa_per_k (count,): p/T, by which a temperature shows as pressure.
        """
        red = self.residual_k**2 * _block_means(count, block_s, self.residual_tau_s)
        total = red * np.multiply.outer(pa_per_k, pa_per_k)
        for tau in self.flicker_taus_s:
            share = self.flicker_pa**2 / len(self.flicker_taus_s)
            total += share * _block_means(count, block_s, tau)
        white = (self.white_pa**2 + (self.white_k * pa_per_k) ** 2) * 60.0 / block_s
        return np.asarray(total + np.diag(white))


def _block_means(count: int, block_s: float, tau_s: float) -> FloatArray:
    """Covariance of block means of an Ornstein-Uhlenbeck process of unit variance."""
    a = block_s / tau_s
    lags = np.arange(count, dtype=np.float64)
    row = (2.0 * math.sinh(min(a, 600.0) / 2.0) / a) ** 2 * np.exp(-a * lags)
    row[0] = 2.0 * (a + math.expm1(-a)) / a**2
    return np.asarray(toeplitz(row))

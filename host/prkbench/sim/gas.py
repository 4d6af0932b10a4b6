"""Air as an ideal gas: constants and the few properties a leak depends on. SI throughout."""

from __future__ import annotations

import math

R_AIR = 287.05
"""Specific gas constant, J/(kg K)."""

GAMMA = 1.4
"""Ratio of the specific heats."""

CV_AIR = R_AIR / (GAMMA - 1.0)
"""Specific heat at constant volume, J/(kg K)."""

CP_AIR = GAMMA * CV_AIR
"""Specific heat at constant pressure, J/(kg K)."""

CRITICAL_RATIO: float = (2.0 / (GAMMA + 1.0)) ** (GAMMA / (GAMMA - 1.0))
"""Downstream over upstream pressure at and below which an orifice is choked: 0.5283."""

PSI: float = math.sqrt(GAMMA) * (2.0 / (GAMMA + 1.0)) ** ((GAMMA + 1.0) / (2.0 * (GAMMA - 1.0)))
"""Choked flow factor: mass flow = Cd A p psi / sqrt(R T); 0.684731 for air."""

_MU_REFERENCE = 1.82e-5
_T_REFERENCE = 293.0
_T_SUTHERLAND = 110.4


def viscosity_pa_s(temperature_k: float) -> float:
    """Dynamic viscosity of air by Sutherland's law through 1.82e-5 Pa s at 293 K.

    Within 2 % from 170 K to 1900 K; it hardly depends on pressure (White, Viscous Fluid Flow,
    section 1-3).
    """
    ratio = temperature_k / _T_REFERENCE
    return (
        _MU_REFERENCE
        * ratio
        * math.sqrt(ratio)
        * (_T_REFERENCE + _T_SUTHERLAND)
        / (temperature_k + _T_SUTHERLAND)
    )


def mean_free_path_m(pressure_pa: float, temperature_k: float) -> float:
    """Mean free path of air from its viscosity: mu/p sqrt(pi R T/2); infinite in a vacuum."""
    if pressure_pa <= 0.0:
        return math.inf
    speed = math.sqrt(math.pi * R_AIR * temperature_k / 2.0)
    return viscosity_pa_s(temperature_k) / pressure_pa * speed


def density_kg_m3(pressure_pa: float, temperature_k: float) -> float:
    """Density by the ideal gas law."""
    return pressure_pa / (R_AIR * temperature_k)

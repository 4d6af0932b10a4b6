"""A mass flow of dry air in the units that people quote, each at its reference conditions.

A volume of gas is an amount only at a stated temperature and pressure: every figure here has them
in its name or in the text beside it.
"""

from __future__ import annotations

from prkbench.sim.gas import R_AIR
from prkbench.units import Dimension, parse, to_kg_per_day, to_lb_per_day

STANDARD_PA = 101325.0
ZERO_C_K = 273.15
CFM_K = 293.15
_CUBIC_FOOT_M3 = 0.3048**3
_MOLAR_GAS = 8.31446261815324

SCCM_REFERENCE = "0 degC, 101325 Pa"
"""What a standard cubic centimetre is here; some makers mean 20 or 25 degC."""

CFM_REFERENCE = "20 degC, 101325 Pa"
"""What the cubic feet a minute are counted at."""

SCCM_PA_M3_S = STANDARD_PA * 1e-6 / 60.0
"""One sccm as throughput at 0 degC."""


def throughput_pa_m3_s(rate_kg_per_s: float, temperature_k: float) -> float:
    """Return p times volume a second of a mass flow of air at this temperature."""
    return rate_kg_per_s * R_AIR * temperature_k


def to_sccm(rate_kg_per_s: float) -> float:
    """Return a mass flow in cubic centimetres a minute at SCCM_REFERENCE."""
    return throughput_pa_m3_s(rate_kg_per_s, ZERO_C_K) / SCCM_PA_M3_S


def from_sccm(rate_sccm: float) -> float:
    """Return the mass flow, kg/s, of a flow in sccm."""
    return rate_sccm * SCCM_PA_M3_S / (R_AIR * ZERO_C_K)


def to_cfm(rate_kg_per_s: float) -> float:
    """Return a mass flow in cubic feet a minute at CFM_REFERENCE."""
    return throughput_pa_m3_s(rate_kg_per_s, CFM_K) / STANDARD_PA / _CUBIC_FOOT_M3 * 60.0


def to_mol_per_s(rate_kg_per_s: float) -> float:
    """Return a mass flow in mol/s, of the molar mass that air's gas constant means."""
    return rate_kg_per_s * R_AIR / _MOLAR_GAS


def parse_flow(text: str) -> float:
    """Return "2 lb/day" or "10 sccm" in kg/s, above zero; UsageError as `units.parse` raises it."""
    if text.strip().lower().endswith("sccm"):
        return parse(text.strip().lower(), Dimension.THROUGHPUT) / (R_AIR * ZERO_C_K)
    return parse(text, Dimension.MASS_RATE, positive=True)


def figures(rate_kg_per_s: float, temperature_k: float) -> dict[str, float | str]:
    """Return every unit by its name, with the reference conditions where a unit needs them."""
    return {
        "mass_rate_kg_per_s": rate_kg_per_s,
        "kg_per_day": to_kg_per_day(rate_kg_per_s),
        "lb_per_day": to_lb_per_day(rate_kg_per_s),
        "mol_per_s": to_mol_per_s(rate_kg_per_s),
        "throughput_pa_m3_per_s": throughput_pa_m3_s(rate_kg_per_s, temperature_k),
        "throughput_reference": f"{temperature_k:g} K",
        "throughput_0degC_pa_m3_per_s": throughput_pa_m3_s(rate_kg_per_s, ZERO_C_K),
        "throughput_20degC_pa_m3_per_s": throughput_pa_m3_s(rate_kg_per_s, CFM_K),
        "sccm": to_sccm(rate_kg_per_s),
        "sccm_reference": SCCM_REFERENCE,
        "cfm": to_cfm(rate_kg_per_s),
        "cfm_reference": CFM_REFERENCE,
    }

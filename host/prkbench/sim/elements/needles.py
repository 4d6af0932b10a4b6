"""Nominal bores of dispensing needles by gauge, and the element a needle is."""

from __future__ import annotations

from prkbench.errors import UsageError
from prkbench.sim.elements.capillary import ViscousCapillary

NEEDLE_BORES_MM: dict[str, float] = {
    "25G": 0.260,
    "27G": 0.210,
    "30G": 0.159,
    "31G": 0.133,
    "32G": 0.108,
    "33G": 0.108,
    "34G": 0.0826,
}
"""Nominal inner diameter; a tenth more or less is 40 % in flow, so calibrate every needle."""


def needle_bore_m(gauge: str) -> float:
    """Return the nominal bore of a gauge such as "34G"; UsageError names those known."""
    key = gauge.strip().upper().removesuffix("G") + "G"
    if key not in NEEDLE_BORES_MM:
        raise UsageError(
            f"needle: gauge {gauge!r} is not in the list, expected one of "
            f"{', '.join(NEEDLE_BORES_MM)}; give any other tube by its diameter"
        )
    return NEEDLE_BORES_MM[key] * 1e-3


def needle(gauge: str, length_m: float) -> ViscousCapillary:
    """Return a needle of this gauge and length, with its end losses."""
    return ViscousCapillary(needle_bore_m(gauge), length_m, ends=True)

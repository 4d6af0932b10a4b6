"""What the simulator predicts for a rig: the bench's decay constant and its uncertainty.

The element's mass flow between the nominal pressures gives k = mdot R T/(V x); the PrK's own
volume stays out of it, its range would let anything pass.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from prkbench.rig import Rig
from prkbench.sim.rig_element import decay_constant, element_of

_TEMPERATURE_U_K = 1.0
"""Standard uncertainty of the element's temperature: it is not measured."""


@dataclass(frozen=True)
class Prediction:
    """Decay constant and its standard uncertainty, 1/s, with the contributions (name, relative)."""

    k_per_s: float
    u_per_s: float
    parts: tuple[tuple[str, float], ...]


def predict(rig: Rig) -> Prediction:
    """Predict the bench's decay constant from its rig file."""
    element = element_of(rig)
    volume = rig.chamber.volume_m3
    k = decay_constant(element, rig, volume)
    if k == 0.0:
        return Prediction(0.0, 0.0, ())
    warmer = decay_constant(element, rig, volume, rig.chamber.temperature_k + _TEMPERATURE_U_K)
    parts = (
        ("leak element", rig.element.uncertainty),
        ("chamber volume", rig.chamber.volume_uncertainty),
        ("element temperature, 1 K", abs(warmer / k - 1.0)),
    )
    relative = math.sqrt(sum(u * u for _, u in parts))
    return Prediction(k, k * relative, parts)

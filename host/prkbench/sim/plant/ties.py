"""Passages so wide that their ends follow each other: an open hatch, a vent that has equalised.

Such a passage levels its ends within a second and would hold every step to that. Once it has
levelled them, it is given the flow that keeps the pressures together (from the pressures' slopes,
exact for slow changes) and deviations die away more slowly than they really would. A tied
passage's pressure drop is the one its law needs for the flow.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from prkbench.sim.plant.body import LAMINAR_PA, Body, Vent, flow_kg_s
from prkbench.sim.plant.slopes import Moment, pascal_per_kg

# A passage is tied when it levels its ends with a time constant below the first of these and its
# drop is what its law needs but for the last; it is let go when its law would take the second.
QUICK_S = 2.0
_SLOW_S = 4.0
_LEVEL_PA = 1e-3
_RELAX_S = 100.0


def _levelling_s(vent: Vent, pa_per_kg: float, now: Moment, gas_k: float) -> float:
    """Time constant with which a passage levels its ends by its own law."""
    low = min(now.pressures[vent.a], now.pressures[vent.b])
    drop = max(abs(now.pressures[vent.a] - now.pressures[vent.b]), LAMINAR_PA)
    flow = abs(vent.element.mass_flow(low + drop, low, gas_k))
    return drop / (flow * pa_per_kg) if flow * pa_per_kg > 0.0 else math.inf


def should_tie(
    bodies: Sequence[Body], vent: Vent, tied: bool, now: Moment, slopes: list[float]
) -> bool:
    """Whether a passage should be tied; `slopes` are Pa/s of every end as it is."""
    a, b = vent.a, vent.b
    gas_k = now.gas[a] if now.pressures[a] >= now.pressures[b] else now.gas[b]
    gain = pascal_per_kg(bodies, a, now, gas_k) + pascal_per_kg(bodies, b, now, gas_k)
    lasts = _levelling_s(vent, gain, now, gas_k)
    if tied:
        return lasts < _SLOW_S
    return lasts < QUICK_S and lasts * abs(slopes[a] - slopes[b]) < _LEVEL_PA


def tie_flows(
    bodies: Sequence[Body], ties: Sequence[Vent], now: Moment, slopes: list[float]
) -> Iterator[tuple[Vent, float, float]]:
    """Yield each tied passage with its flow, kg/s, and the temperature of the gas in it.

    `slopes`: Pa/s of every end without these flows.
    """
    gas, p = now.gas, now.pressures
    warm = [gas[tie.a] if p[tie.a] >= p[tie.b] else gas[tie.b] for tie in ties]
    flows: list[float] = []
    gains: list[tuple[float, float]] = []
    # Which end the gas comes from is known once the sign of the flow is: solve, look, solve.
    for _ in range(2):
        gains = [
            (pascal_per_kg(bodies, tie.a, now, t), pascal_per_kg(bodies, tie.b, now, t))
            for tie, t in zip(ties, warm, strict=True)
        ]
        flows = _levelling(ties, gains, slopes)
        warm = [gas[tie.a] if flows[n] >= 0.0 else gas[tie.b] for n, tie in enumerate(ties)]
    for n, tie in enumerate(ties):
        share = min(1.0, _levelling_s(tie, sum(gains[n]), now, warm[n]) / _RELAX_S)
        law = flow_kg_s(tie.element, p[tie.a], p[tie.b], warm[n])
        flow = flows[n] + share * (law - flows[n])
        yield tie, flow, gas[tie.a] if flow >= 0.0 else gas[tie.b]


def _levelling(
    ties: Sequence[Vent], gains: list[tuple[float, float]], slopes: list[float]
) -> list[float]:
    """Flows with which the drops along all ties stay as they are."""
    wanted = [slopes[tie.a] - slopes[tie.b] for tie in ties]
    if len(ties) == 1:
        return [wanted[0] / sum(gains[0])]
    matrix = np.zeros((len(ties), len(ties)))
    for k, one in enumerate(ties):
        for j, other in enumerate(ties):
            at_a, at_b = gains[j]
            matrix[k, j] += at_a * ((one.a == other.a) - (one.b == other.a))
            matrix[k, j] += at_b * ((one.b == other.b) - (one.a == other.b))
    # Least squares: two open passages between the same ends share the flow.
    found: list[float] = np.linalg.lstsq(matrix, np.array(wanted), rcond=1e-12)[0].tolist()
    return found

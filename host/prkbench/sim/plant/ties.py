"""Passages so wide that their ends follow each other: an open hatch, a vent that has equalised.

Such a passage levels its ends within a second and would hold every step to that. Once it has
levelled them, it is given the flow that keeps the pressures together (from the pressures' slopes,
exact for slow changes) and deviations die away more slowly than they really would. A tied
passage's pressure drop is the one its law needs for the flow.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from prkbench.sim.elements import Element

if TYPE_CHECKING:
    from prkbench.sim.plant.balance import Balance

QUICK_S = 2.0
"""A passage is tied when it levels its ends with a time constant below this."""
SLOW_S = 10.0
"""A tied passage is let go when its own law would take this long."""
LEVEL_PA = 0.02
"""A passage is tied when its drop is this close to what its law needs."""
_RELAX_S = 30.0


@dataclass(frozen=True)
class Tie:
    """A tied passage, its ends as numbers."""

    name: str
    element: Element
    a: int
    b: int


def tie_flows(
    balance: Balance,
    t_s: float,
    pressures: list[float],
    gas: list[float],
    slopes: list[float],
) -> Iterator[tuple[Tie, float, float]]:
    """Yield each tie with its flow, kg/s, and the temperature of the gas in it.

    `slopes`: Pa/s of every end without the ties' flows.
    """
    ties = list(balance.ties.values())
    warm = [gas[tie.a] if pressures[tie.a] >= pressures[tie.b] else gas[tie.b] for tie in ties]
    flows: list[float] = []
    # Which end the gas comes from is known once the sign of the flow is: solve, look, solve.
    for _ in range(2):
        gains = [
            (
                balance.pascal_per_kg(tie.a, t_s, pressures, warm[n]),
                balance.pascal_per_kg(tie.b, t_s, pressures, warm[n]),
            )
            for n, tie in enumerate(ties)
        ]
        flows = _levelling(ties, gains, slopes)
        warm = [gas[tie.a] if flows[n] >= 0.0 else gas[tie.b] for n, tie in enumerate(ties)]
    for n, tie in enumerate(ties):
        gain = sum(gains[n])
        drop = pressures[tie.a] - pressures[tie.b]
        share = min(1.0, balance.levelling_s(tie, gain, pressures, warm[n]) / _RELAX_S)
        law = balance.law_kg_s(tie, pressures, warm[n])
        flow = flows[n] + share * (law - flows[n]) if drop else (1.0 - share) * flows[n]
        yield tie, flow, gas[tie.a] if flow >= 0.0 else gas[tie.b]


def _levelling(
    ties: list[Tie], gains: list[tuple[float, float]], slopes: list[float]
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

"""The flow law's exponent from all segments together, with its interval, or "cannot tell".

The flow goes as p^n - p_ref^n: n = 1 is a choked (into vacuum) or linear leak, n = 2 a viscous
one. Every segment keeps its own k, so a change between segments is not taken for curvature.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import optimize

from prkbench.analysis.joint import Rows, Whitener

LEAST_SPAN = 0.2
"""Relative span of pressure below which a record says nothing of its law."""
LOWEST, HIGHEST = 0.5, 3.0
_CHI2_95 = 3.841
_CHI2_SURE = 2.58**2
VISCOSITY_PER_K = 0.0026
"""Relative change of air's viscosity with temperature about 295 K (Sutherland), 1/K."""
_FLOOR = 0.01
_RESOLVED = 0.5
"""Half-width of the interval of n beyond which the law is not told."""
ASSUMED = {"viscous": 2.0, "choked": 1.0, "linear": 1.0}


@dataclass(frozen=True)
class FlowLaw:
    """n in force and where it comes from.

    told: the record decides between the laws; interval95 and best are None where p spans too
    little. excluded: the named laws the record excludes at 2.58 standard errors. others: exponents
    that stay possible besides `exponent`.
    """

    exponent: float
    told: bool
    name: str
    best: float | None
    interval95: tuple[float, float] | None
    excluded: tuple[str, ...]
    others: tuple[float, ...]

    @property
    def sentence(self) -> str:
        """How the law is known, in words."""
        if self.interval95 is None:
            return f"flow law assumed: {self.name}; the pressure spans too little to tell it"
        low, high = self.interval95
        found = f"exponent {low:.2f} to {high:.2f} at 95 %"
        if not self.told and len(self.excluded) > 1:
            return (
                f"flow law assumed: {self.name}; {found}: no law of a steady leak fits, it changes "
                "while it is watched or is fed"
            )
        if not self.told:
            return f"flow law assumed: {self.name}; {found}: cannot tell"
        return f"{found}: {self.name}"


def find_law(rows: Rows, whitener: Whitener) -> FlowLaw:
    """Estimate n from all rows; every segment keeps its own k."""
    campaign = rows.campaign
    assumed = campaign.law or "viscous"
    n0 = ASSUMED.get(assumed, 1.0)
    other = "viscous" if n0 == 1.0 else "choked" if campaign.nominal_pa[1] == 0.0 else "linear"
    open_question = FlowLaw(n0, False, assumed, None, None, (), (ASSUMED[other],))
    p = rows.mean(campaign.pressure_pa)
    head = p - rows.mean(campaign.reference_pa)
    span = (head.max() - head.min()) / max(abs(float(head.max())), 1.0)
    if span < LEAST_SPAN or len(p) < 2 * len(rows.segments) + 4:
        return open_question
    y = rows.mean(campaign.reduced_pa)
    lag = rows.lag()
    rest = whitener.residual_maker(rows.constants() + lag)
    target = rest(y - y.mean())

    def cost(n: float) -> float:
        own = np.stack(rows.own(campaign.integral(campaign.driving_pa(n))), axis=1)
        q, _ = np.linalg.qr(rest(own / np.linalg.norm(own, axis=0)))
        left = target - q @ (q.T @ target)
        return float(left @ left)

    found = optimize.minimize_scalar(cost, bounds=(LOWEST, HIGHEST), method="bounded",
                                     options={"xatol": 1e-3})  # fmt: skip
    best, least = float(found.x), float(found.fun)
    dof = max(1, len(y) - 2 * len(rows.segments) - 1 - len(lag))
    scale = least / dof if whitener.learnt else max(1.0, least / dof)

    extra = _systematic(rows)

    def ends(level: float) -> tuple[float, float]:
        def excess(n: float) -> float:
            return (cost(n) - least) / scale - level

        low, high = (
            float(optimize.brentq(excess, best, end, xtol=1e-3)) if excess(end) > 0.0 else end
            for end in (LOWEST, HIGHEST)
        )
        more = extra * math.sqrt(level)
        return best - math.hypot(best - low, more), best + math.hypot(high - best, more)

    interval, sure = ends(_CHI2_95), ends(_CHI2_SURE)
    names: dict[str, float] = {assumed: n0, other: ASSUMED[other]}
    excluded = tuple(name for name, n in names.items() if not sure[0] <= n <= sure[1])
    possible = {name: n for name, n in names.items() if interval[0] <= n <= interval[1]}
    if interval[1] - interval[0] > 2.0 * _RESOLVED or len(possible) > 1:
        left = tuple(n for name, n in names.items() if n != n0 and name not in excluded)
        return FlowLaw(n0, False, assumed, best, interval, excluded, left)
    if possible:
        name, n = next(iter(possible.items()))
        return FlowLaw(n, True, name, best, interval, excluded, ())
    # No crack follows such a law: the leak changes while it is watched, or something feeds it.
    return FlowLaw(n0, False, assumed, best, interval, excluded, (ASSUMED[other],))


def _systematic(rows: Rows) -> float:
    """Standard error of n from what bends a decay besides its law.

    Viscosity follows the temperature, and two sensors that disagree shift p - p_ref; both are
    held against how much one unit of n bends ln x over the record.
    """
    campaign = rows.campaign
    low, high = (rows.mean(np.append(campaign.driving_pa(n), 0.0)) for n in (1.0, 2.0))
    usable = (low > 0.0) & (high > 0.0)
    bend = float(np.ptp(np.log(high[usable] / low[usable]))) if usable.sum() > 1 else 0.0
    head = np.abs(rows.mean(campaign.pressure_pa - campaign.reference_pa))
    warm = VISCOSITY_PER_K * float(np.ptp(rows.mean(campaign.temperature_k))) / 2.0
    if not campaign.doubt.temperature_known:
        warm = VISCOSITY_PER_K * campaign.doubt.swing_k / 4.0
    null = campaign.doubt.null_pa * (1.0 / max(float(head.min()), 1.0) - 1.0 / float(head.max()))
    return math.hypot(_FLOOR, (math.hypot(warm, null) / bend) if bend > 0.0 else 1.0)

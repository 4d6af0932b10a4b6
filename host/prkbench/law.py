"""Flow law of a leak: the driving pressure x that makes its decay a straight line.

The decay constant k is defined by dp_T/dt = -k x T_ref/T with p_T = p T_ref/T. The viscous
driving pressure is normalised so that x equals p - p_ref where (p + p_ref)/2 = p_N: rates under
all laws are then comparable at the conditions the rig names.
"""

from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Law: TypeAlias = Literal["linear", "viscous", "choked", "sealed"]
LAWS: tuple[Law, ...] = ("linear", "viscous", "choked", "sealed")


def driving_pressure_pa(
    law: Law, pressure_pa: ArrayLike, reference_pa: ArrayLike, norm_pa: float
) -> NDArray[np.float64]:
    """Return x(p, p_ref) in Pa, of the broadcast shape of the two pressures.

    linear and sealed: p - p_ref (a sealed rig is watched for the plainest leak); viscous:
    (p^2 - p_ref^2)/(2 p_N); choked: p, whatever the pressure outside.
    """
    p = np.asarray(pressure_pa, dtype=np.float64)
    ref = np.asarray(reference_pa, dtype=np.float64)
    if law == "viscous":
        return (p - ref) * (p + ref) / (2.0 * norm_pa)
    if law == "choked":
        return p + 0.0 * ref
    return p - ref


def nearest_law(
    pressures_pa: Sequence[float],
    reference_pa: float,
    flows: Sequence[float],
    norm_pa: float,
    *,
    choked: bool,
) -> Law:
    """Return the law whose driving pressure follows these flows most nearly, by their ratios.

    The first pressure is the start. The choked law, whose driving pressure never comes to rest,
    is considered only for gas that leaves through a throat that is `choked`.
    """
    flow = np.abs(np.asarray(flows, dtype=np.float64))
    candidates: list[Law] = ["viscous", "linear"]
    if choked and reference_pa < pressures_pa[0]:
        candidates.append("choked")

    def miss(law: Law) -> float:
        x = np.abs(driving_pressure_pa(law, pressures_pa, reference_pa, norm_pa))
        return float(np.sum(np.log((flow / flow[0]) / (x / x[0])) ** 2))

    return min(candidates, key=miss)

"""The safety view of an examined run: which figures the user's own limits allow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from prkbench.analysis import safety
from prkbench.analysis.conversion import Conversion
from prkbench.analysis.independent import Used, rows_of
from prkbench.analysis.stream import NormalEquations, Row
from prkbench.law import Law
from prkbench.rig import Risk

HOUR_S = 3600.0
_SPANS, _LEAST_ROWS = 6, 60


@dataclass(frozen=True)
class Present:
    """Where the chamber stands: pressures in Pa, law with its p_N, k and its error in 1/s."""

    pressure_pa: float
    reference_pa: float
    law: Law
    norm_pa: float
    k_per_s: float
    se_per_s: float


def safety_view(
    present: Present,
    conversion: Conversion,
    limit_kg_per_s: float | None,
    minimum_pa: float | None,
    risk: Risk | None,
    growth: tuple[list[float], list[float], list[float]] | None = None,
) -> dict[str, Any]:
    """What can be said for --json and the page; `why` names what is missing for the rest.

    growth: times (s), k and errors (1/s) of successive spans, for the time to the limit.
    """
    why: list[str] = []
    view: dict[str, Any] = {
        "limit_lb_per_day": None, "p_above_limit": None, "time_to_limit": None,
        "reserve": None, "risk": None, "why": why,
    }  # fmt: skip
    k, se = present.k_per_s, present.se_per_s
    if limit_kg_per_s is None:
        why.append("no limit of the user: no probability of exceeding it, no time to it")
    else:
        limit = conversion.k_per_s(limit_kg_per_s)
        view["limit_lb_per_day"] = conversion.rate_lb_per_day(limit)
        view["p_above_limit"] = safety.exceedance(k, se, limit)
        if growth is None:
            why.append("record too short to see the rate grow: no time to the limit")
        else:
            view["time_to_limit"] = _time(safety.time_to_limit(*growth, limit))
    if minimum_pa is None:
        why.append("no minimum pressure of the user (limit.minimum_pressure): no reserve time")
    else:
        left = safety.reserve_time(
            present.law, present.pressure_pa, minimum_pa, present.reference_pa, present.norm_pa,
            k, se,
        )  # fmt: skip
        view["reserve"] = {
            "minimum_pressure_pa": minimum_pa,
            "from_pressure_pa": present.pressure_pa,
            "reference_pa": present.reference_pa,
            "law": present.law,
            **_time(left),
            "prk_equivalent_h": left.time_s * conversion.acceleration / HOUR_S,
        }
    if risk is None:
        why.append("no risk matrix of the user (table [risk]): none is shown")
    else:
        view["risk"] = _risk(conversion, risk, k, se)
    return view


def growth_of(used: Used, rho: float, lag_s: float, t_ref_k: float) -> tuple[
    list[float], list[float], list[float]
] | None:  # fmt: skip
    """k in up to six successive spans of equal length: middle times in s, k and errors in 1/s.

    None where there are not three spans of an hour.
    """
    rows = rows_of(used)
    spans = min(_SPANS, len(rows.y) // _LEAST_ROWS)
    if spans < 3:
        return None
    t: list[float] = []
    k: list[float] = []
    se: list[float] = []
    for part in np.array_split(np.arange(len(rows.y)), spans):
        equations = NormalEquations(rho, float(rows.y[part[0]]), lag_s, t_ref_k)
        for n in part:
            equations.push(
                Row(
                    int(rows.segment[n]), int(rows.slot[n]),
                    float(rows.i[n]), float(rows.d[n]), float(rows.y[n]),
                )
            )  # fmt: skip
        fit = equations.fit()
        if fit is not None:
            t.append(60.0 * float(rows.slot[part].mean()))
            k.append(fit.k_per_s)
            se.append(fit.se_per_s)
    return (t, k, se) if len(t) >= 3 else None


def _time(found: safety.TimeUntil) -> dict[str, Any]:
    return {
        "time_h": found.time_s / HOUR_S,
        "interval95_h": [found.low_s / HOUR_S, found.high_s / HOUR_S],
    }


def _risk(conversion: Conversion, risk: Risk, k: float, se: float) -> dict[str, Any]:
    edges = risk.consequence_kg_per_s
    matrix = safety.risk_matrix(
        conversion.rate_kg_per_s(k), conversion.rate_kg_per_s(se),
        risk.likelihood, edges, risk.ratings,
    )  # fmt: skip
    return {
        "probability": list(matrix.probability),
        "likelihood_class": list(matrix.likelihood),
        "rating": list(matrix.ratings),
        "likelihood_edges": list(matrix.likelihood_edges),
        "consequence_edges_lb_per_day": [
            conversion.rate_lb_per_day(conversion.k_per_s(edge)) for edge in edges
        ],
        "worst": None if matrix.worst is None else list(matrix.worst),
    }

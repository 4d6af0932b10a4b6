"""When a leak began: the fitted law run back to the pressure that was there before."""

from __future__ import annotations

from dataclasses import dataclass

from prkbench.analysis.campaign import Campaign
from prkbench.analysis.segments import Segment

_STEPS = 50
TRANSIENT_K = 1.0
"""Change of the gas temperature to be reckoned with when a hatch was shut on moved air."""


@dataclass(frozen=True)
class Onset:
    """The earliest and latest time (s) at which the leak can have begun."""

    earliest_s: float
    latest_s: float


def onset_of(campaign: Campaign, segment: Segment, first: int, last_tight_s: float,
             before_pa: float, k_per_s: float, exponent: float) -> Onset:  # fmt: skip
    """Extrapolate a segment's decay from reading `first` back to `before_pa`.

    Where that reaches the time the hatch was shut the leak may have begun at any time since the
    last tight reading, for an open hatch shows nothing.
    """
    t0, p0 = float(campaign.t_s[first]), float(campaign.pressure_pa[first])
    outside = float(campaign.reference_pa[first])
    high, low = campaign.nominal_pa
    norm = (high**exponent - low**exponent) / (high - low)

    def rate_pa_per_s(pressure_pa: float) -> float:
        head = float(pressure_pa**exponent) - float(outside**exponent)
        return k_per_s * max(head, 1.0) / float(norm)

    rate = rate_pa_per_s(p0)
    transient = TRANSIENT_K if campaign.scale == "prk" else 0.0
    doubt = campaign.swing_pa * (1.0 + transient / max(campaign.doubt.swing_k, 1e-3))
    if campaign.doubt.swing_k == 0.0:
        doubt = 10.0
    doubt += 2.0 * campaign.doubt.count_pa
    step = max(0.0, before_pa - p0) / _STEPS
    met = t0 - sum(step / rate_pa_per_s(p0 + (n + 0.5) * step) for n in range(_STEPS))
    began = segment.began
    shut = began.t_s if began is not None else last_tight_s
    earliest = last_tight_s if met - doubt / rate <= shut else met - doubt / rate
    return Onset(max(earliest, last_tight_s), min(max(met + doubt / rate, earliest), t0))

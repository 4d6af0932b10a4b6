"""What a pressure reading may be wrong by, and the bounds on the decay that follow from it."""

import math
from dataclasses import dataclass

import numpy as np

from prkbench.analysis import decayfit
from prkbench.analysis.conversion import Interval
from prkbench.analysis.decayfit import Fit, Record
from prkbench.law import Law
from prkbench.units import DAY_S


@dataclass(frozen=True)
class Doubt:
    """What a reading may be wrong by: unmeasured temperature, step of the gauge, clock, null."""

    swing_k: float
    count_pa: float
    clock_s: float
    null_pa: float
    temperature_known: bool

    def swing_pa(self, record: Record) -> float:
        """Pressure change that the temperature swing makes."""
        return float(record.pressure_pa.mean() / record.temperature_k.mean()) * self.swing_k


def few_readings(segments: list[Record], doubt: Doubt) -> bool:
    """Return whether only hard bounds are honest."""
    samples = sum(len(part.t_s) for part in segments)
    duration = sum(part.duration_s for part in segments)
    return samples < 7 or (duration < DAY_S and not doubt.temperature_known)


def hard_bounds(part: Record, law: Law, doubt: Doubt) -> tuple[float, Interval]:
    """Return k and the bounds it cannot leave: half-width [(p/T) dT + count]/I, and the clock."""
    integral = decayfit.running_integral(part, law)
    y = part.reduced_pa
    centred = integral - integral.mean()
    power = float(centred @ centred)
    k = -float(centred @ (y - y.mean())) / power
    total = abs(float(integral[-1]))
    half = (doubt.swing_pa(part) + doubt.count_pa) / total + _null(part, doubt) * abs(k)
    slow = part.duration_s / (part.duration_s + doubt.clock_s)
    left = part.duration_s - doubt.clock_s
    # Clocks this far out allow any rate at all; a tenth of the duration stands for that.
    fast = part.duration_s / max(left, 0.1 * part.duration_s)
    low, high = k - half, k + half
    return k, (low * (slow if low > 0.0 else fast), high * (fast if high > 0.0 else slow))


def _null(part: Record, doubt: Doubt) -> float:
    """Return the relative error of k from two sensors that disagree."""
    head = abs(float(np.mean(part.pressure_pa - part.reference_pa)))
    return doubt.null_pa / max(head, doubt.null_pa, 1.0)


def regression(segments: list[Record], law: Law, doubt: Doubt) -> Fit:
    """Return k with a standard error that carries temperature, gauge step, null and memory."""
    blocks = decayfit.blocks_of(segments, law)
    whole = segments[0] if len(segments) == 1 else max(segments, key=lambda s: s.duration_s)
    swing = doubt.swing_pa(whole)
    learnt = decayfit.fit_learnt(blocks)
    given = learnt
    if not doubt.temperature_known:
        given = decayfit.fit_given(blocks, swing, doubt.count_pa)
    lengths = [float(np.ptp(decayfit.running_integral(part, law))) for part in segments]
    span_squared = math.fsum(length * length for length in lengths)
    slow = (swing**2 + doubt.count_pa**2) / (6.0 * span_squared)
    clock = doubt.clock_s / (math.sqrt(3.0) * sum(part.duration_s for part in segments))
    relative = math.hypot(_null(whole, doubt), clock) * given.k_per_s
    se = math.sqrt(max(given.se_per_s, learnt.se_per_s) ** 2 + slow + relative**2)
    return Fit(given.k_per_s, se, min(given.dof, learnt.dof))


def stuck(record: Record, doubt: Doubt) -> bool:
    """Return whether 12 or more equal readings hide a predicted change of two steps."""
    if not doubt.temperature_known or doubt.count_pa <= 0.0:
        return False
    edges = np.flatnonzero(np.diff(record.pressure_pa) != 0.0) + 1
    starts = np.concatenate([[0], edges])
    stops = np.concatenate([edges, [len(record.t_s)]])
    for start, stop in zip(starts, stops, strict=True):
        if stop - start >= 12:
            run = record.part(int(start), int(stop))
            moved = float(np.ptp(run.temperature_k)) * float(run.pressure_pa[0] / 295.0)
            if moved >= 2.0 * doubt.count_pa:
                return True
    return False

"""Rate and verdict of a foreign record of pressure readings, two or a million, any clock.

The rate is that of the same leak at 101.3 kPa into vacuum and 295 K. Few readings, or under a day
without temperature, get a hard interval from what each reading may be wrong by; longer records a
regression that learns how its errors hang together. A record that its own cooling could explain
is never called a leak.
"""

import itertools
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from prkbench.analysis import decayfit
from prkbench.analysis.conversion import Conversion, Interval
from prkbench.analysis.decayfit import Array, Record
from prkbench.analysis.outcome import LAW_OPEN
from prkbench.analysis.readingdoubt import Doubt, few_readings, hard_bounds, regression, stuck
from prkbench.errors import UsageError
from prkbench.law import Law
from prkbench.units import to_kg_per_day

TEMPERATURE_SWING_K = 1.0
"""Peak-to-peak temperature swing assumed where nobody measured it."""
GAS_RESIDUAL_K = 0.02
"""Twice the 10 mK by which the mean gas temperature differs from any one sensor."""
SENSOR_LAG_S = 240.0
SETTLE_S = 1800.0
"""After a fill the gas takes half an hour to come to the wall's temperature."""
ADIABATIC_SHARE = 1.0 - 1.0 / 1.4
"""The largest share of its pressure that a freshly compressed gas can lose by cooling alone."""
SEALED_LB_PER_DAY = 0.15
"""Without a limit of the user, the bound below which the PrK counts as sealed."""
UNNULLED_PA = 30.0
"""Standard disagreement of two sensors that were never nulled against each other."""
CHOKING_RATIO = 0.528
"""Pressure outside over that inside, above which air does not choke."""


@dataclass(frozen=True)
class LawRate:
    """The rate under one flow law; intervals are 95 % or wider."""

    law: Law
    k_per_s: float
    k_se_per_s: float | None
    k_interval_per_s: Interval
    rate_lb_per_day: float
    interval95_lb_per_day: Interval
    upper_limit95_lb_per_day: float


@dataclass(frozen=True)
class ReadingsResult:
    """What a foreign record says; the field names are those of the command line's JSON.

    ``verdict`` is of the one vocabulary; with SEALED the bound is upper_limit95_lb_per_day.
    ``k_se_per_s`` is None where only hard bounds are known. Where the law is not known the
    intervals span all of ``by_law``.
    """

    verdict: str
    k_per_s: float
    k_se_per_s: float | None
    rate_lb_per_day: float
    rate_kg_per_day: float
    interval95_lb_per_day: Interval
    interval95_with_volume_lb_per_day: Interval
    upper_limit95_lb_per_day: float
    law: Law
    exponent: float | None
    exponent_interval95: Interval | None
    by_law: dict[str, LawRate]
    reasons: list[str]
    gaps: int
    duration_s: float
    samples: int

    def to_json(self) -> dict[str, Any]:
        """Return plain dicts, lists and numbers."""
        return asdict(self)


def analyze_readings(
    readings: NDArray[np.void],
    law: Law | None = None,
    *,
    volume_m3: float | None = None,
    reference_pa: float | None = None,
    limit_lb_per_day: float | None = None,
    temperature_swing_k: float = TEMPERATURE_SWING_K,
    pressure_resolution_pa: float | None = None,
    temperature_resolution_k: float | None = None,
    gaps: int = 0,
) -> ReadingsResult:
    """Analyse readings of READINGS_DTYPE.

    ``law`` None reports viscous and choked (linear where nothing chokes); ``reference_pa`` counts
    where the record has no reference of its own, and is vacuum by default; ``limit_lb_per_day`` is
    the user's. The resolutions are what the gauges can show, guessed from the readings where None.
    Raises UsageError for fewer than two readings or times that do not rise.
    """
    reasons: list[str] = []
    conversion = Conversion.for_volume(volume_m3) if volume_m3 else Conversion()
    record, doubt = record_and_doubt(
        readings, reasons, reference_pa, temperature_swing_k, pressure_resolution_pa,
        temperature_resolution_k,
    )  # fmt: skip
    segments = _segments(record, doubt, reasons)
    found = decayfit.exponent(max(segments, key=lambda part: part.duration_s))
    laws = _laws(law, found, _unhurried(record), reasons)
    thermal = _settling(segments, doubt, laws, reasons)
    rates = {name: _rate(segments, name, doubt, thermal, conversion) for name in laws}
    if few_readings(segments, doubt):
        reasons.append(
            "few readings, or under a day without temperature: the interval is a hard bound from "
            "what each reading may be wrong by; no standard error"
        )
    k_interval = (
        min(rate.k_interval_per_s[0] for rate in rates.values()),
        max(rate.k_interval_per_s[1] for rate in rates.values()),
    )
    upper = max(rate.upper_limit95_lb_per_day for rate in rates.values())
    if len(rates) > 1:
        reasons.append(LAW_OPEN)
    main = rates[laws[0]]
    interval = conversion.interval_lb_per_day(k_interval)
    verdict = _verdict(record, doubt, thermal, interval, upper, limit_lb_per_day, reasons)
    return ReadingsResult(
        verdict=verdict,
        k_per_s=main.k_per_s,
        k_se_per_s=main.k_se_per_s,
        rate_lb_per_day=main.rate_lb_per_day,
        rate_kg_per_day=to_kg_per_day(conversion.rate_kg_per_s(main.k_per_s)),
        interval95_lb_per_day=interval,
        interval95_with_volume_lb_per_day=conversion.interval_with_volume_lb_per_day(k_interval),
        upper_limit95_lb_per_day=upper,
        law=main.law,
        exponent=found[0] if found else None,
        exponent_interval95=found[1:] if found else None,
        by_law={str(name): rate for name, rate in rates.items()},
        reasons=reasons,
        gaps=gaps,
        duration_s=record.duration_s,
        samples=len(record.t_s),
    )


def record_and_doubt(
    readings: NDArray[np.void],
    reasons: list[str],
    reference_pa: float | None = None,
    temperature_swing_k: float = TEMPERATURE_SWING_K,
    pressure_resolution_pa: float | None = None,
    temperature_resolution_k: float | None = None,
) -> tuple[Record, Doubt]:
    """Readings ready to fit and what they may be wrong by; what was assumed goes to `reasons`.

    Arguments and errors are those of analyze_readings.
    """
    record = _record(readings, reference_pa, reasons)
    known = not bool(np.isnan(readings["temperature_k"]).all())
    doubt = _doubt(
        readings, record, known, temperature_swing_k, pressure_resolution_pa,
        temperature_resolution_k, reasons,
    )  # fmt: skip
    return record, doubt


def _record(readings: NDArray[np.void], reference_pa: float | None, reasons: list[str]) -> Record:
    """Check the readings and fill in temperature and reference, saying what was assumed."""
    if len(readings) < 2:
        raise UsageError(f"{len(readings)} readings, expected two or more: log longer")
    t = readings["t_s"]
    if not (np.diff(t) > 0.0).all() or not np.isfinite(readings["pressure_pa"]).all():
        raise UsageError("readings out of order or not finite, expected rising times: import anew")
    temperature = _filled(t, readings["temperature_k"], decayfit.T_REF_K)
    stated = readings["reference_pa"]
    if np.isnan(stated).all() and reference_pa is None:
        reasons.append("pressure outside not stated: vacuum assumed")
    outside = _filled(t, stated, reference_pa or 0.0)
    return Record(t, readings["pressure_pa"], temperature, outside)


def _filled(t_s: Array, values: Array, default: float) -> Array:
    """Return values with holes bridged in time; the default where there are none at all."""
    good = ~np.isnan(values)
    if not good.any():
        return np.full(len(t_s), default)
    return np.interp(t_s, t_s[good], values[good])


def _doubt(
    readings: NDArray[np.void],
    record: Record,
    known: bool,
    swing_k: float,
    resolution_pa: float | None,
    resolution_k: float | None,
    reasons: list[str],
) -> Doubt:
    stated = readings["u_pressure_pa"]
    count = resolution_pa if resolution_pa is not None else _step(record.pressure_pa)
    if not np.isnan(stated).all():
        # Each end of the record may be wrong by its own half-width.
        count = max(count, 2.0 * float(np.nanmax(stated)))
    clock = np.nan_to_num(readings["u_t_s"])
    if known:
        step = resolution_k if resolution_k is not None else _step(record.temperature_k)
        drift = np.abs(np.diff(record.temperature_k)) / np.diff(record.t_s)
        swing = GAS_RESIDUAL_K + step + 2.0 * float(np.mean(drift)) * SENSOR_LAG_S
        # One degree from sample to sample is noise of the sensor, not drift of the gas.
        swing = min(swing, swing_k)
    else:
        swing = swing_k
        reasons.append(
            f"temperature not recorded: {swing:g} K peak to peak assumed, worth "
            f"{record.pressure_pa.mean() / decayfit.T_REF_K * swing:.3g} Pa"
        )
    measured = len(record.t_s) > 2 and float(np.ptp(record.reference_pa)) > 0.0
    return Doubt(
        swing_k=swing,
        count_pa=count,
        clock_s=float(clock[0] + clock[-1]),
        null_pa=UNNULLED_PA if measured else 0.0,
        temperature_known=known,
    )


def _step(values: Array) -> float:
    """Return the smallest step between different values: the resolution, or less."""
    steps = np.diff(np.unique(values))
    # Decimal figures leave rounding between equal readings; no gauge shows a part in 1e9.
    steps = steps[steps > 1e-9 * np.abs(values).max()]
    return float(steps.min()) if len(steps) else 0.0


def _segments(record: Record, doubt: Doubt, reasons: list[str]) -> list[Record]:
    """Cut at represses: rises no temperature and no gauge step can make."""
    threshold = 3.0 * (doubt.swing_pa(record) + doubt.count_pa)
    cuts = np.flatnonzero(np.diff(record.pressure_pa) > threshold) + 1
    edges = [0, *cuts.tolist(), len(record.t_s)]
    pairs = itertools.pairwise(edges)
    parts = [record.part(start, stop) for start, stop in pairs if stop - start >= 2]
    if len(cuts):
        reasons.append(f"{len(cuts)} represses recognised, {len(parts)} segments analysed")
    if not parts:
        reasons.append("no two readings without a repress between them")
        return [record]
    return parts


def _unhurried(record: Record) -> Law:
    """Return the law of a leak that is not viscous: choked, unless the gas outside forbids it."""
    ratio = float(np.min(record.reference_pa / record.pressure_pa))
    return "linear" if ratio > CHOKING_RATIO else "choked"


def _laws(
    law: Law | None, found: tuple[float, float, float] | None, other: Law, reasons: list[str]
) -> tuple[Law, ...]:
    """Return the laws to report, the first being the one quoted; ``other`` than viscous: n = 1."""
    if law is not None:
        expected = {"viscous": 2.0, other: 1.0}.get(law)
        if found and expected is not None and not found[1] <= expected <= found[2]:
            reasons.append(
                f"the record bends with exponent {found[1]:.2f} to {found[2]:.2f}, the {law} law "
                f"has {expected:g}"
            )
        return (law,)
    if found:
        viscous, plain = found[1] <= 2.0 <= found[2], found[1] <= 1.0 <= found[2]
        if viscous != plain:
            name: Law = "viscous" if viscous else other
            reasons.append(f"exponent {found[1]:.2f} to {found[2]:.2f}: {name} law")
            return (name,)
    return ("viscous", other)


def _settling(
    segments: list[Record], doubt: Doubt, laws: tuple[Law, ...], reasons: list[str]
) -> bool:
    """Return whether a gas still settling after a fill could have made the whole change."""
    part = max(segments, key=lambda part: part.duration_s)
    change = abs(float(part.pressure_pa[0] - part.pressure_pa[-1]))
    tau = decayfit.settling_time(part, ("linear", "viscous", "choked") if len(laws) > 1 else laws)
    if tau is not None:
        reasons.append(
            f"not steady: a relaxation of about {tau:.3g} s fits better than any steady leak"
        )
    short = part.duration_s < SETTLE_S
    if doubt.temperature_known or not (short or (tau is not None and tau < 6.0 * SETTLE_S)):
        return False
    if change > ADIABATIC_SHARE * float(part.pressure_pa.max()):
        return False
    kelvin = decayfit.T_REF_K * change / float(part.pressure_pa.mean())
    reasons.append(
        f"temperature not recorded and {'all within' if short else 'not steady beyond'} the "
        f"{SETTLE_S / 60:.0f} min in which gas settles after a fill: {kelvin:.2g} K of cooling "
        "explain all of it without a leak"
    )
    reasons.append(
        "what would decide: record the gas temperature, or wait 30 min after the fill and log "
        "for an hour or more"
    )
    return True


def _rate(
    segments: list[Record], law: Law, doubt: Doubt, thermal: bool, conversion: Conversion
) -> LawRate:
    few = few_readings(segments, doubt)
    if few:
        k, interval = hard_bounds(max(segments, key=lambda part: part.duration_s), law, doubt)
        se, upper_k = None, interval[1]
    else:
        fit = regression(segments, law, doubt)
        k, se = fit.k_per_s, fit.se_per_s
        half = float(stats.t.ppf(0.975, fit.dof)) * se
        interval = k - half, k + half
        upper_k = k + float(stats.t.ppf(0.95, fit.dof)) * se
    if thermal:
        # Settling may have made all of the change, or hidden as much again.
        interval = min(interval[0], k - abs(k)), max(interval[1], k + abs(k))
        upper_k, se = max(upper_k, interval[1]), None
    return LawRate(
        law=law,
        k_per_s=k,
        k_se_per_s=se,
        k_interval_per_s=interval,
        rate_lb_per_day=conversion.rate_lb_per_day(k),
        interval95_lb_per_day=conversion.interval_lb_per_day(interval),
        upper_limit95_lb_per_day=conversion.rate_lb_per_day(upper_k),
    )


def _verdict(
    record: Record,
    doubt: Doubt,
    thermal: bool,
    interval: Interval,
    upper: float,
    limit_lb_per_day: float | None,
    reasons: list[str],
) -> str:
    """Return the verdict and append why, and what would decide."""
    if stuck(record, doubt):
        reasons.append("the gauge repeats readings while the temperature moves it by two steps")
        return "SENSOR"
    if thermal:
        return "CANNOT TELL"
    if doubt.clock_s >= record.duration_s:
        reasons.append("the times are less certain than the record is long: better times decide")
        return "CANNOT TELL"
    if doubt.temperature_known and record.duration_s < SETTLE_S:
        reasons.append("under 30 min, in which the sensor lags the gas: log longer")
        return "NO VERDICT YET"
    if interval[0] > 0.0:
        return "LEAK"
    if interval[1] < 0.0:
        reasons.append("pressure rises: gas flows in or warms; log both sides and the temperature")
        return "CANNOT TELL"
    bound = SEALED_LB_PER_DAY if limit_lb_per_day is None else limit_lb_per_day
    steps = len(np.unique(record.pressure_pa))
    if steps == 1 and len(record.t_s) >= 12:
        reasons.append("every reading is the same: a stuck gauge looks like this; show it a step")
        return "CANNOT TELL"
    if upper < bound:
        reasons.append(f"leak < {upper:.3g} lb/day at 95 %")
        return "SEALED"
    reasons.append(f"not distinguishable from zero, upper limit {upper:.3g} lb/day: log longer")
    change = abs(float(record.pressure_pa[-1] - record.pressure_pa[0]))
    if not doubt.temperature_known and change > doubt.count_pa:
        reasons.append("leak or temperature: recording the gas temperature would decide")
        return "CANNOT TELL"
    return "NO VERDICT YET"

"""The words and figures that the page and the terminal share."""

import math
from dataclasses import dataclass
from typing import Any

from prkbench.analysis.finding import odds_text
from prkbench.analysis.outcome import Check, Outcome

NONE = "–"
SELF_CONSISTENCY = (
    "Simulated data, checked by our own simulator: this is self-consistency, "
    "not the validation of an instrument."
)
EN_LIMIT = 1.0
U_OVER_X_LIMIT = 0.3
Z95 = 1.959964
BASES = {"GLS": "the correlated fit", "BATCH": "six batches", "SEALED": "the sealed run"}
"""What the node's standard error rests on, by the node's own word for it."""


@dataclass(frozen=True)
class Fact:
    """A named figure with its unit, and a remark that says how to read it."""

    name: str
    value: str
    remark: str = ""


def known(value: float | None) -> bool:
    """Return whether there is a finite number."""
    return value is not None and math.isfinite(value)


def number(value: float | None, digits: int = 3) -> str:
    """Return a number with ``digits`` significant digits, a dash where there is none."""
    if value is None or not math.isfinite(value):
        return NONE
    if value == 0:
        return "0"
    magnitude = math.floor(math.log10(abs(value)))
    if -3 <= magnitude < 6:
        return f"{value:.{max(digits - 1 - magnitude, 0)}f}"
    return f"{value:.{digits - 1}e}"


def plus_minus(value: float | None, half_width: float | None) -> str:
    """Return ``value ± half_width``, the half-width to two digits and the value to the same place.

    A half-width that is not known or not above zero is left out.
    """
    if value is None or half_width is None or not (known(value) and known(half_width)):
        return number(value)
    if half_width <= 0:
        return number(value)
    power = math.floor(math.log10(max(abs(value), half_width)))
    scale = power if not -3 <= power < 6 else 0
    value, half_width = value / 10.0**scale, half_width / 10.0**scale
    places = min(max(1 - math.floor(math.log10(half_width)), 0), 9)
    text = f"{value:.{places}f} ± {half_width:.{places}f}"
    return f"({text})e{scale}" if scale else text


def interval(bounds: tuple[float, float] | None) -> str:
    """Return ``low to high``, to the place that the width deserves; a dash where unknown."""
    if bounds is None or not all(known(bound) for bound in bounds):
        return NONE
    low, high = bounds
    width = high - low
    largest = max(abs(low), abs(high))
    if width <= 0 or largest >= 1e6 or width < 1e-6:
        return f"{number(low)} to {number(high)}"
    # The smaller end keeps two digits, too, where one more place is enough for that.
    nearest = min((abs(bound) for bound in bounds if bound), default=width)
    places = 1 - math.floor(math.log10(width))
    places = max(min(1 - math.floor(math.log10(nearest)), places + 1), places, 0)
    return f"{low:.{places}f} to {high:.{places}f}"


def duration(seconds: float) -> str:
    """Return a duration in the unit a person would choose."""
    if not math.isfinite(seconds):
        return NONE
    for limit, size, unit in ((180.0, 1.0, "s"), (7200.0, 60.0, "min"), (172800.0, 3600.0, "h")):
        if seconds < limit:
            return f"{number(seconds / size)} {unit}"
    return f"{number(seconds / 86400.0)} d"


def check_word(check: Check) -> str:
    """Return a check's result in words."""
    if check.passed is None:
        return "not applicable"
    return "pass" if check.passed else "FAIL"


def lb_per_day_per_k(outcome: Outcome) -> float | None:
    """Return PrK-equivalent lb/day for a decay constant of 1 1/s; None where it is not known."""
    rate, k = outcome.rate_lb_per_day, outcome.k_per_s
    if rate is None or k is None or not (known(rate) and known(k)) or k == 0:
        return None
    factor = rate / k
    return factor if known(factor) and factor > 0 else None


@dataclass(frozen=True)
class Found:
    """One finding in words; empty where there are none."""

    word: str
    sentence: str
    odds: str
    decides: str


def findings(outcome: Outcome) -> list[Found]:
    """Return what the examination of several segments found, most urgent first."""
    return [
        Found(
            str(finding["word"]),
            str(finding["sentence"]),
            "" if finding.get("odds") is None else odds_text(float(finding["odds"])),
            str(finding.get("decides") or ""),
        )
        for finding in outcome.findings
    ]


def facts(outcome: Outcome) -> list[Fact]:
    """Return the figures of an outcome: measured, predicted, true, their agreement, the record.

    What is not known or does not apply is left out, except the measured rate.
    """
    rows = [_measured(outcome)]
    if outcome.interval95_lb_per_day is not None:
        text = interval(outcome.interval95_lb_per_day)
        rows.append(Fact("95 % interval", f"{text} lb/day", "at the stated volume"))
    if outcome.interval95_with_volume_lb_per_day is not None:
        text = interval(outcome.interval95_with_volume_lb_per_day)
        remark = "the PrK's volume is not published"
        rows.append(Fact("Over all volumes", f"{text} lb/day", remark))
    if outcome.upper_limit95_lb_per_day is not None:
        text = number(outcome.upper_limit95_lb_per_day, 4)
        rows.append(Fact("Upper limit", f"{text} lb/day", "95 %, one-sided"))
    rows += _compared(outcome)
    rows += _law(outcome.law)
    rows += _device(outcome.device)
    if outcome.replay_exact is not None:
        exact = outcome.replay_exact
        rows.append(
            Fact(
                "Replay",
                "bit-exact" if exact else "DIFFERS",
                "the node's results, computed again from its samples",
            )
        )
    return rows


def record(outcome: Outcome) -> str:
    """Return what the verdict rests on: samples, blocks, gaps and duration, in one line."""
    gaps = "no gaps" if outcome.gaps == 0 else _counted(outcome.gaps, "gap")
    parts = [_counted(outcome.samples, "sample")]
    if outcome.blocks:
        parts.append(_counted(outcome.blocks, "block"))
    return ", ".join([*parts, gaps, duration(outcome.duration_s)])


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}".replace(",", "\u202f")


def _measured(outcome: Outcome) -> Fact:
    remark = ""
    if known(outcome.k_per_s):
        error = "" if outcome.k_se_per_s is None else " (standard error)"
        remark = f"k = {plus_minus(outcome.k_per_s, outcome.k_se_per_s)} 1/s{error}"
    if not known(outcome.rate_lb_per_day):
        return Fact("Measured", NONE, remark or "no rate from this record")
    if outcome.stretches > 1:
        remark = f"the last steady stretch; {remark}"
    factor = lb_per_day_per_k(outcome)
    half = None
    if factor is not None and outcome.k_se_per_s is not None:
        half = Z95 * outcome.k_se_per_s * factor
    kg = f" ({number(outcome.rate_kg_per_day)} kg/day)" if known(outcome.rate_kg_per_day) else ""
    return Fact("Measured", f"{_rate(outcome.rate_lb_per_day, half)} lb/day{kg}", remark)


def _rate(rate: float | None, half_width: float | None) -> str:
    """Return a rate to the place its half-width deserves; the interval has a row of its own."""
    return plus_minus(rate, half_width).split(" ± ")[0].lstrip("(") if half_width else number(rate)


def _compared(outcome: Outcome) -> list[Fact]:
    """Return what the measured rate is held against: prediction, truth, E_n, U/X."""
    rows = []
    k, se = outcome.k_predicted_per_s, outcome.k_predicted_se_per_s
    if k is not None and known(k):
        factor = lb_per_day_per_k(outcome)
        scale, unit = (1.0, "1/s") if factor is None else (factor, "lb/day")
        half = None if se is None else 2 * se * scale
        rows.append(
            Fact("Predicted", f"{plus_minus(k * scale, half)} {unit}", "from the rig, k = 2")
        )
    if known(outcome.rate_true_lb_per_day):
        text = f"{number(outcome.rate_true_lb_per_day, 4)} lb/day"
        rows.append(Fact("True", text, "what the simulator leaked"))
    if outcome.en is not None:
        within = known(outcome.en) and abs(outcome.en) <= EN_LIMIT
        remark = "agrees with the prediction" if within else "does NOT agree with the prediction"
        rows.append(Fact("E_n", number(outcome.en, 2), f"{remark} (at most 1 either way)"))
    if outcome.u_over_x is not None:
        sharp = known(outcome.u_over_x) and outcome.u_over_x <= U_OVER_X_LIMIT
        remark = "sharp enough to verify" if sharp else "too blunt to verify"
        rows.append(Fact("U/X", number(outcome.u_over_x, 2), f"{remark} (at most 0.3)"))
    return rows


def _law(law: dict[str, Any]) -> list[Fact]:
    """Return the flow law's name and exponent: assumed, or fitted with its interval."""
    name, exponent, bounds = law.get("name"), law.get("exponent"), law.get("interval95")
    parts = [str(name)] if name else []
    if isinstance(exponent, int | float) and known(exponent):
        parts.append(f"exponent {number(exponent)}")
    if not parts:
        return []
    remark = "assumed"
    if bounds is not None:
        remark = f"fitted; 95 %: {interval((float(bounds[0]), float(bounds[1])))}"
    return [Fact("Flow law", ", ".join(parts), remark)]


def _device(device: dict[str, Any] | None) -> list[Fact]:
    """Return the node's own estimates: a row for its short and its long window."""
    rows = []
    for estimate in (device or {}).values():
        window = estimate.get("window_min")
        name = "Node's own k" if window is None else f"Node's k, {duration(60.0 * window)}"
        value = plus_minus(estimate["k_per_s"], estimate.get("k_se_per_s"))
        rate = estimate.get("rate_lb_per_day")
        parts = [f"{number(rate)} lb/day"] if known(rate) else []
        basis = str(estimate.get("basis", ""))
        if basis in BASES:
            parts.append(f"standard error from {BASES[basis]}")
        rows.append(Fact(name, f"{value} 1/s", "; ".join(parts)))
    return rows

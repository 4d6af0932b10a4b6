"""One run of a scenario in one call, for studies: truth, estimate and verdict as plain figures."""

from __future__ import annotations

import math
from collections.abc import Sequence

from prkbench.analysis import verdict
from prkbench.analysis.finding import UNDECIDED
from prkbench.analysis.outcome import CANNOT_VERIFY, DISTURBED, LEAK, UNCHANGED, VOLUME_CHANGED
from prkbench.errors import UsageError
from prkbench.sim.scenario import Scenario
from prkbench.sim.scenario_campaign import examined
from prkbench.sim.scenario_library import scenario
from prkbench.sim.scenario_plant import conversion_of
from prkbench.sim.scenario_truth import external_rate, steady_rate

Figures = dict[str, float | str]
_EVIDENT = (UNCHANGED, DISTURBED, VOLUME_CHANGED)
"""Words that are beside the point but not wrong where nothing else is."""
_OPEN = (*UNDECIDED, CANNOT_VERIFY)


def simulate_once(name: str, scale: str, seed: int) -> Figures:
    """Run a scenario once, without the firmware child, and examine it.

    Figures, NaN where there is none: `k_per_s`, `k_se_per_s`, `k_low_per_s`, `k_high_per_s` (95 %)
    of the last stretch in which the leak was steady, and `k_true_per_s` (where one k describes
    what is left after the last step), in 1/s of what was simulated; `rate_`, `low_`, `high_` and
    `upper95_lb_per_day` of the vessel told about, at 101.3 kPa into vacuum; `true_lb_per_day`
    (mean over the record) and `true_last_lb_per_day`; `readings`, `duration_s`; `device_k_per_s`
    at bench scale. Words: `verdict` (the most urgent), `words` (all) and `required`, joined by
    " + "; `right` (see `rightness`), `scenario`, `scale`. Deterministic from the arguments.
    UsageError for a name or a scale that does not exist.
    """
    told = scenario(name)
    if scale not in ("prk", "bench"):
        raise UsageError(f"scale '{scale}': expected prk or bench")
    stage = told.stage(scale)
    run = examined(told, scale, seed)
    found = run.outcome
    mean, last = external_rate(stage)
    steady = steady_rate(stage)
    conversion = conversion_of(stage)
    k, se = _number(found.k_per_s), _number(found.k_se_per_s)
    bounds = verdict.interval(k, se)
    low, high = found.interval95_lb_per_day or (math.nan, math.nan)
    figures: Figures = {
        "scenario": told.name,
        "scale": scale,
        "required": " + ".join(told.required(scale).verdicts),
        "verdict": found.words[0],
        "words": " + ".join(found.words),
        "right": rightness(found.words, told, scale),
        "true_lb_per_day": mean,
        "true_last_lb_per_day": last,
        "k_true_per_s": math.nan if steady is None else conversion.k_from_lb_per_day(steady),
        "k_per_s": k,
        "k_se_per_s": se,
        "k_low_per_s": bounds[0],
        "k_high_per_s": bounds[1],
        "rate_lb_per_day": _number(found.rate_lb_per_day),
        "low_lb_per_day": low,
        "high_lb_per_day": high,
        "upper95_lb_per_day": _number(found.upper_limit95_lb_per_day),
        "readings": float(found.blocks or found.samples),
        "duration_s": stage.duration_s,
    }
    if scale == "bench":
        figures["device_k_per_s"] = _number(run.device_k_per_s)
    return figures


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def rightness(words: Sequence[str], told: Scenario, scale: str) -> str:
    """Return how the words found stand to what must be concluded of a scenario.

    "yes": every word required is found, or one of those that are right, too, and none that is not
    true of it; "no": one is not true of it; else "open".
    """
    required = told.required(scale)
    leaks = external_rate(told.stage(scale))[1] > 0.0
    true = {*required.verdicts, *required.also, *_EVIDENT, *((LEAK,) if leaks else ())}
    if any(w in required.never or (w not in true and w not in _OPEN) for w in words):
        return "no"
    if set(required.verdicts) <= set(words) or set(words) & set(required.also):
        return "yes"
    return "open"

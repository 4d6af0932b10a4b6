"""Tables of the page beside the verdict: watching, standard methods, safety, risk matrix."""

import itertools
import math
from typing import Any

from prkbench.analysis.outcome import Outcome
from prkbench.report.wording import Fact, duration, known, number

_CENTURY_H = 876600.0
_METHODS = {
    "mass_point": "Mass point",
    "total_time": "Total time",
    "point_to_point": "Point to point",
    "two_point": "Two points, compensated",
}


def method_rows(outcome: Outcome) -> list[tuple[str, str, str, str, str]]:
    """Our figure and the standard methods: name, lb/day, %/day, UCL95 in lb/day, remark."""
    methods = outcome.standard_methods
    if methods is None:
        return []
    remark = "with the pressure outside and the residual's correlation"
    if outcome.stretches > 1:
        remark = "the last steady stretch; the others know one rate for the whole record"
    ours = (
        "This analysis", number(outcome.rate_lb_per_day), "",
        number(outcome.upper_limit95_lb_per_day), remark,
    )  # fmt: skip
    rows = [ours]
    for key, name in _METHODS.items():
        found = methods[key]
        rate, percent = number(found["rate_lb_per_day"]), number(found["leakage_percent_per_day"])
        bound = number(found.get("ucl95_lb_per_day")) if "ucl95_lb_per_day" in found else ""
        rows.append((name, rate, percent, bound, found["source"]))
        if key == "mass_point":
            tau = found["correlation_time_s"]
            remark = "residuals are not correlated" if not tau else (
                f"with the residual's correlation of {duration(tau)}"
            )  # fmt: skip
            rows.append(("", rate, percent, number(found["correlated_ucl95_lb_per_day"]), remark))
    return rows


def criterion_rows(outcome: Outcome) -> list[Fact]:
    """The standards' criteria: stabilisation by ours and by ANS, instrument selection."""
    methods = outcome.standard_methods
    if methods is None:
        return []
    rows = []
    for key, name in (("ours", "Stabilised, ours"), ("ans", "Stabilised, ANS-56.8")):
        found = methods["stabilisation"][key]
        if found is None:
            rows.append(Fact(name, "–", "no limit and no planned leak to hold it against"))
            continue
        word = "no" if not found["met"] else f"since {duration(found['since_s'])}"
        if found["value"] is None:
            word = "record too short"
        remark = (
            f"{found['criterion']}: {number(found['value'])}, allowed {number(found['allowed'])}"
        )
        rows.append(Fact(name, word, remark))
    imposed = methods["imposed_leak"]
    if imposed is not None:
        word = {True: "verified", False: "NOT verified", None: "cannot verify"}[imposed["passed"]]
        rows.append(Fact("Imposed leak", word, imposed["reason"]))
    isg = methods["instrument_selection"]
    remark = f"for {number(isg['e_p_pa'])} Pa and {number(isg['e_t_k'] * 1000)} mK a reading"
    if isg["met"] is not None:
        remark += (
            f"; {'at most' if isg['met'] else 'MORE than'} a quarter of "
            f"{number(isg['allowed_percent_per_day'])} %/day; shortest test "
            f"{duration(isg['shortest_test_s'])}"
        )
    rows.append(Fact("Instrument selection guide", f"{number(isg['isg_percent_per_day'])} %/day",
                     remark))  # fmt: skip
    return rows


def watch_rows(outcome: Outcome) -> list[Fact]:
    """What watching all along says: evidence against thresholds, the bound, declarations."""
    watch = outcome.watch
    if watch is None:
        return []
    rows = []
    if watch["log_e"] is not None:
        remark = f"LEAK from {number(watch['log_e_threshold'])} on, looked at as often as wanted"
        rows.append(Fact("Evidence for a leak", f"ln e = {number(watch['log_e'])}", remark))
        text = f"{number(watch['sealed_below_lb_per_day'])} lb/day"
        rows.append(Fact("Leak below", text, "95 %, at all times at once"))
    if watch["log_change"] is not None:
        remark = f"declared from {number(watch['log_change_threshold'])} on"
        rows.append(Fact("Evidence for a change", f"ln R = {number(watch['log_change'])}", remark))
    rows += [Fact("Declared", d["verdict"], _declared(d)) for d in watch["declared"]]
    return rows


def _declared(told: dict[str, Any]) -> str:
    """Return a declaration's sentence without the word that stands beside it."""
    return str(told["sentence"]).removeprefix(f"{told['verdict']} ").replace("+-", "±")


def safety_rows(outcome: Outcome) -> list[Fact]:
    """The safety view's figures, and why others are missing."""
    view = outcome.safety
    if view is None:
        return []
    rows = []
    if view["p_above_limit"] is not None:
        limit = number(view["limit_lb_per_day"])
        rows.append(
            Fact("Above the limit", f"{_percent(view['p_above_limit'])}",
                 f"probability that the rate is above the user's {limit} lb/day")
        )  # fmt: skip
    if view["time_to_limit"] is not None:
        text, remark = _time(view["time_to_limit"])
        rows.append(Fact("Limit reached", text, f"{remark}, if the rate goes on as it did"))
    if view["reserve"] is not None:
        left = view["reserve"]
        text, remark = _time(left)
        rows.append(
            Fact("Reserve time", text,
                 f"{remark}, from {number(left['from_pressure_pa'] / 100, 5)} to "
                 f"{number(left['minimum_pressure_pa'] / 100, 5)} hPa, {left['law']} law")
        )  # fmt: skip
    rows += [Fact("Not shown", "", reason) for reason in view["why"]]
    return rows


def risk_cells(outcome: Outcome) -> list[tuple[str, list[tuple[str, bool]]]]:
    """The 5 x 5 matrix, likeliest row first: its heading, and for each cell its text and mark."""
    risk = None if outcome.safety is None else outcome.safety["risk"]
    if risk is None:
        return []
    edges = [0.0, *risk["likelihood_edges"], 1.0]
    rows = []
    for level in range(5, 0, -1):
        heading = f"{level}: {_percent(edges[level - 1])} to {_percent(edges[level])}"
        cells = []
        for j, found in enumerate(risk["likelihood_class"]):
            here = found == level
            text = f"{_percent(risk['probability'][j])} {risk['rating'][j]}".strip() if here else ""
            cells.append((text, risk["worst"] == [level, j + 1]))
        rows.append((heading, cells))
    return rows


def risk_columns(outcome: Outcome) -> list[str]:
    """Headings of the matrix's columns: the user's consequence classes."""
    risk = None if outcome.safety is None else outcome.safety["risk"]
    if risk is None:
        return []
    edges = [number(edge) for edge in risk["consequence_edges_lb_per_day"]]
    pairs = itertools.pairwise(edges)
    middle = [f"{n}: {low} to {high}" for n, (low, high) in enumerate(pairs, 2)]
    return [f"1: under {edges[0]}", *middle, f"5: over {edges[-1]} lb/day"]


def _time(found: dict[str, Any]) -> tuple[str, str]:
    low, high = found["interval95_h"]
    return _hours(found["time_h"]), f"95 %: {_hours(low)} to {_hours(high)}"


def _hours(hours: float) -> str:
    if math.isinf(hours):
        return "never"
    if hours > _CENTURY_H:
        return "over 100 years"
    return duration(hours * 3600.0)


def _percent(p: float) -> str:
    if not known(p):
        return "–"
    if 0.0 < p < 1e-4:
        return "< 0.01 %"
    if 1.0 - 1e-4 < p < 1.0:
        return "> 99.99 %"
    return f"{number(100.0 * p, 3)} %"

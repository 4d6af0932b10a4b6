"""The three ways to run a rig, side by side: pressures, temperature penalty, hours."""

from __future__ import annotations

from dataclasses import dataclass, replace

from prkbench.errors import UsageError
from prkbench.planning.hours import hours_to_call_sealed, hours_to_detect
from prkbench.planning.precision import rmse_per_s
from prkbench.planning.setting import Mode, Setting

NOMINAL_PA: dict[Mode, tuple[float, float]] = {
    "A": (120000.0, 100000.0),
    "B": (30000.0, 100000.0),
    "C": (101325.0, 500.0),
}
"""Chamber and reference pressure of a mode that the rig is not in."""
NEEDS: dict[Mode, str] = {
    "A": "pressurised, leaking to ambient",
    "B": "evacuated, leaking in; needs a pump once",
    "C": "outlet pumped; needs a pump throughout",
}
COMPARED_HOURS = 24.0
_WORTH_IT = 0.8
"""Another mode is recommended where it takes less than this part of the hours, or of the error."""


@dataclass(frozen=True)
class ModeFigures:
    """What a mode can do for this rig and limit; hours are None where 90 days are too few.

    `refused` says why the mode cannot be run, and then there are no figures.
    """

    mode: Mode
    pressure_pa: float
    reference_pa: float
    penalty: float
    rmse_24h_per_s: float | None
    hours_to_detect: float | None
    hours_to_call_sealed: float | None
    refused: str | None
    note: str


def in_mode(setting: Setting, mode: Mode) -> Setting:
    """Return the setting in another mode, at its usual pressures; UsageError if that cannot be."""
    if mode == setting.mode:
        return setting
    pressure, reference = NOMINAL_PA[mode]
    return replace(setting, mode=mode, pressure_pa=pressure, reference_pa=reference).checked()


def figures_of(setting: Setting, mode: Mode, k_per_s: float, limit_k: float | None) -> ModeFigures:
    """Return the figures of one mode: RMSE at 24 h under k, and hours where there is a limit."""
    pressure, reference = NOMINAL_PA[mode]
    try:
        there = in_mode(setting, mode)
        there.require_slow(k_per_s, "this leak")
    except UsageError as error:
        penalty = pressure / abs(pressure - reference)
        return ModeFigures(
            mode, pressure, reference, penalty, None, None, None, str(error), NEEDS[mode]
        )
    note = NEEDS[mode]
    if there.constant_inflow:
        note += "; choked inflow is constant: no exponential analogue of the PrK"
    return ModeFigures(
        mode,
        there.pressure_pa,
        there.reference_pa,
        there.penalty,
        rmse_per_s(there, k_per_s, 3600.0 * COMPARED_HOURS),
        None if limit_k is None else hours_to_detect(there, limit_k),
        None if limit_k is None else hours_to_call_sealed(there, limit_k),
        None,
        note,
    )


def recommended(setting: Setting, table: list[ModeFigures], with_limit: bool) -> Mode:
    """Return the mode with the least hours (or error); the rig's own unless that is worth it.

    Mode B with a choked leak is never recommended: it measures something else.
    """
    usable = [
        m for m in table if m.refused is None and not (m.mode == "B" and setting.law == "choked")
    ]

    def cost(figures: ModeFigures) -> float:
        wanted = figures.hours_to_detect if with_limit else figures.rmse_24h_per_s
        return float("inf") if wanted is None else wanted

    own = next(m for m in table if m.mode == setting.mode)
    best = min(usable or [own], key=cost)
    return best.mode if cost(best) < _WORTH_IT * cost(own) else setting.mode

"""The whole plan of a rig: what it can know after how long, in which mode, what would help."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from prkbench.analysis.conversion import Conversion
from prkbench.analysis.prediction import predict
from prkbench.node_setup import node_config
from prkbench.planning.gains import Gain, gains
from prkbench.planning.hours import hours_to_call_leak, hours_to_call_sealed, hours_to_detect
from prkbench.planning.modes import COMPARED_HOURS, ModeFigures, figures_of, in_mode, recommended
from prkbench.planning.precision import PERCENT_PER_DAY, rmse_per_s
from prkbench.planning.selection import (
    guide_hours,
    guide_percent_per_day,
    instruments,
    with_residual,
)
from prkbench.planning.setting import Mode, Setting, setting_of
from prkbench.planning.tubes import Recommended, element_for
from prkbench.rig import Rig
from prkbench.sim.rig_element import element_of

HOURS = (0.25, 1.0, 4.0, 24.0, 72.0)
_MODES: tuple[Mode, ...] = ("A", "B", "C")


@dataclass(frozen=True)
class ErrorRow:
    """RMSE of k after `hours`: 1/s, per cent of the driving pressure a day, PrK-equivalent.

    `guide_percent_per_day` is the instrument selection guide with the residual, of the contained
    gas; `beyond` says that the pressure has left the sensor's range before.
    """

    hours: float
    rmse_per_s: float
    rmse_percent_per_day: float
    rmse_lb_per_day: float
    guide_percent_per_day: float
    beyond: bool


@dataclass(frozen=True)
class LimitFigures:
    """The user's limit: as the bench's k at the stated PrK volume and over its range, and hours.

    Hours are None where 90 days are too few. The guide's hours are those after which the
    instruments alone, and with the residual, satisfy the standard's criterion.
    """

    rate_lb_per_day: float
    k_prk_per_s: float
    k_bench_per_s: float
    k_bench_low_per_s: float
    k_bench_high_per_s: float
    hours_to_detect: float | None
    hours_to_detect_largest_volume: float | None
    hours_to_call_leak: float | None
    hours_to_call_sealed: float | None
    guide_hours_instruments: float
    guide_hours_with_residual: float


@dataclass(frozen=True)
class Plan:
    """A plan; `leak` figures are of the rig's own element, `limit` is None where none was given."""

    rig: str
    conditions: str
    mode: Mode
    law: str
    residual_k: float
    residual_tau_s: float
    null_pa: float
    k_element_per_s: float
    element_lb_per_day: float
    element_with_volume_lb_per_day: tuple[float, float]
    usable_hours: float | None
    errors: tuple[ErrorRow, ...]
    limit: LimitFigures | None
    modes: tuple[ModeFigures, ...]
    recommended_mode: Mode
    elements: dict[str, Recommended | None]
    gains_at_hours: float
    gains: tuple[Gain, ...]
    warnings: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the plan as plain objects."""
        return asdict(self)


def make_plan(rig: Rig, limit_kg_per_s: float | None = None) -> Plan:
    """Plan tests of a rig; the limit is the one given, else the rig file's, else there is none.

    UsageError names a pressure the sensors cannot read, a law that does not hold, a node that
    cannot be set so, and a leak too fast to be measured.
    """
    node_config(rig)
    setting = setting_of(rig)
    conversion = Conversion.from_rig(rig)
    limit = rig.limit.rate_kg_per_s if limit_kg_per_s is None else limit_kg_per_s
    k = predict(rig).k_per_s
    limit_k = None if limit is None else conversion.k_per_s(limit)
    setting.require_slow(k, "the rig's element")
    if limit_k is not None:
        setting.require_slow(limit_k, "a leak of the limit")
    return _planned(rig, setting, conversion, k, limit_k)


def _planned(
    rig: Rig, setting: Setting, conversion: Conversion, k: float, limit_k: float | None
) -> Plan:
    leak = k if limit_k is None else limit_k
    figures = None if limit_k is None else _limit_figures(setting, conversion, limit_k)
    modes = [figures_of(setting, mode, leak, limit_k) for mode in _MODES]
    at = COMPARED_HOURS
    if figures is not None and figures.hours_to_call_leak is not None:
        at = figures.hours_to_call_leak
    elements: dict[str, Recommended | None] = {}
    if limit_k is not None:
        elements = {
            m.mode: element_for(in_mode(setting, m.mode), limit_k, rig.chamber.volume_m3)
            for m in modes
            if m.refused is None
        }
    usable = setting.usable_s(k) / 3600.0
    return Plan(
        rig=rig.rig.name,
        conditions=(
            f"PrK-equivalent at {conversion.pressure_pa / 1000:.1f} kPa, "
            f"{conversion.temperature_k:.1f} K, V = {conversion.volume_m3:g} m3 "
            f"({conversion.volume_low_m3:g} to {conversion.volume_high_m3:g} m3), "
            f"time acceleration a = {conversion.acceleration:g}"
        ),
        mode=setting.mode,
        law=setting.law,
        residual_k=setting.noise.residual_k,
        residual_tau_s=setting.noise.residual_tau_s,
        null_pa=setting.null_pa,
        k_element_per_s=k,
        element_lb_per_day=conversion.rate_lb_per_day(k),
        element_with_volume_lb_per_day=conversion.interval_with_volume_lb_per_day((k, k)),
        usable_hours=usable if math.isfinite(usable) else None,
        errors=tuple(_error_row(setting, conversion, k, hours) for hours in HOURS),
        limit=figures,
        modes=tuple(modes),
        recommended_mode=recommended(setting, modes, limit_k is not None),
        elements=elements,
        gains_at_hours=at,
        gains=tuple(gains(setting, leak, at)),
        warnings=tuple(_warnings(rig)),
    )


def _error_row(setting: Setting, conversion: Conversion, k: float, hours: float) -> ErrorRow:
    error = rmse_per_s(setting, k, 3600.0 * hours)
    return ErrorRow(
        hours,
        error,
        error * PERCENT_PER_DAY,
        conversion.rate_lb_per_day(error),
        guide_percent_per_day(setting, with_residual(setting), hours),
        3600.0 * hours > setting.usable_s(k),
    )


def _limit_figures(setting: Setting, conversion: Conversion, limit_k: float) -> LimitFigures:
    smallest = limit_k * conversion.volume_m3 / conversion.volume_high_m3
    return LimitFigures(
        rate_lb_per_day=conversion.rate_lb_per_day(limit_k),
        k_prk_per_s=limit_k / conversion.acceleration,
        k_bench_per_s=limit_k,
        k_bench_low_per_s=smallest,
        k_bench_high_per_s=limit_k * conversion.volume_m3 / conversion.volume_low_m3,
        hours_to_detect=hours_to_detect(setting, limit_k),
        hours_to_detect_largest_volume=hours_to_detect(setting, smallest),
        hours_to_call_leak=hours_to_call_leak(setting, limit_k),
        hours_to_call_sealed=hours_to_call_sealed(setting, limit_k),
        guide_hours_instruments=guide_hours(setting, instruments(setting), limit_k),
        guide_hours_with_residual=guide_hours(setting, with_residual(setting), limit_k),
    )


def _warnings(rig: Rig) -> list[str]:
    chamber = rig.chamber
    upper = max(chamber.pressure_pa, chamber.reference_pressure_pa)
    lower = min(chamber.pressure_pa, chamber.reference_pressure_pa)
    return element_of(rig).validity(upper, lower, chamber.temperature_k)

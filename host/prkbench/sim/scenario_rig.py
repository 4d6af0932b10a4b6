"""The rig file of a scenario's bench: what the operator knows, and nothing of the truth."""

from __future__ import annotations

from typing import Any

from prkbench.rig import Rig
from prkbench.sim.elements import ViscousCapillary
from prkbench.sim.gas import R_AIR
from prkbench.sim.scenario import BenchStage, Scenario
from prkbench.sim.scenario_plant import TUBE_M, conversion_of
from prkbench.units import Dimension, from_lb_per_day, to_text

_PLANNED_LB_PER_DAY = 1.0
_UNCERTAINTY = 1.0
_REFERENCE_K = 295.0


def rig_of(scenario: Scenario, stage: BenchStage) -> Rig:
    """Return the rig that the operator would write down.

    Its leak element is the same in every scenario, a laminar one of 1 lb/day-equivalent that may
    as well be anything: the node needs a flow law and a planned rate, and no scenario gives its
    truth away.
    """
    conversion = conversion_of(stage)
    k = conversion.k_per_s(from_lb_per_day(_PLANNED_LB_PER_DAY))
    high, low = stage.rated_from_pa, stage.rated_to_pa
    flow = k * (high - low) * stage.tested_m3 / (R_AIR * _REFERENCE_K)
    tube = ViscousCapillary.for_flow(flow, high, low, _REFERENCE_K, TUBE_M)
    tables: dict[str, dict[str, Any]] = {
        "rig": {
            "name": f"{scenario.name}: {scenario.title}",
            "mode": stage.mode,
            "acceleration": stage.acceleration,
            "notes": "the leak element is assumed: a laminar one, for planning only",
        },
        "chamber": {
            "volume": to_text(stage.tested_m3, Dimension.VOLUME),
            "temperature": to_text(_REFERENCE_K, Dimension.TEMPERATURE),
            "pressure": to_text(high, Dimension.PRESSURE),
            "reference_pressure": to_text(low, Dimension.PRESSURE),
        },
        "prk": {
            "volume": to_text(conversion.volume_m3, Dimension.VOLUME),
            "volume_low": to_text(conversion.volume_low_m3, Dimension.VOLUME),
            "volume_high": to_text(conversion.volume_high_m3, Dimension.VOLUME),
        },
        "element": {
            "law": "viscous",
            "diameter": f"{tube.diameter_m * 1e3:.6g} mm",
            "length": f"{TUBE_M} m",
            "uncertainty": to_text(_UNCERTAINTY, Dimension.RELATIVE),
        },
        "node": {
            "rate": to_text(stage.rate_hz, Dimension.FREQUENCY),
            "roles": list(stage.sensors),
        },
        "sensors": {"null_uncertainty": to_text(stage.offsets_within_pa, Dimension.PRESSURE)},
    }
    if stage.limit_kg_per_s is not None:
        tables["limit"] = {"rate": to_text(stage.limit_kg_per_s, Dimension.MASS_RATE)}
    return Rig.model_validate(tables)

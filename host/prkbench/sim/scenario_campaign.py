"""A scenario run without the firmware child and examined, as `prk analyze` would examine it."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prkbench.analysis.campaign import Campaign
from prkbench.analysis.conclude import Earlier, conclude
from prkbench.analysis.conversion import Conversion
from prkbench.analysis.finding import Conclusion
from prkbench.analysis.outcome import SEALED, EventNote
from prkbench.analysis.several import campaign_of_readings, campaign_of_run
from prkbench.errors import UsageError
from prkbench.node_setup import correlation_time_s, node_config
from prkbench.sim.scenario import Scenario
from prkbench.sim.scenario_bench import bench_of
from prkbench.sim.scenario_library import scenario
from prkbench.sim.scenario_log import operators_log
from prkbench.sim.scenario_prk import imported, record_of
from prkbench.sim.scenario_quick import quick_run
from prkbench.units import to_lb_per_day
from prknode.settings import Settings

_PER_ATTO = 1e-18


@dataclass(frozen=True)
class Examined:
    """A scenario's test and what was concluded; device_k_per_s is the node's own, None if none."""

    campaign: Campaign
    conclusion: Conclusion
    device_k_per_s: float | None = None


def examined(told: Scenario, scale: str, seed: int) -> Examined:
    """Run and examine a scenario, after the one it follows; UsageError for a scale it has not."""
    stage = told.stage(scale)
    limit = getattr(stage, "limit_kg_per_s", None)
    device: float | None = None
    if scale == "prk":
        campaign = prk_campaign(told, seed)
    else:
        campaign, device = bench_campaign(told, seed)
    found = conclude(
        campaign,
        known_before(told, scale, seed),
        None if limit is None else to_lb_per_day(limit),
    )
    return Examined(campaign, found, device)


def known_before(told: Scenario, scale: str, seed: int) -> Earlier | None:
    """Return what the test before this one gave, None where it follows none or that bounds none."""
    before = told.stage(scale).after
    if before is None:
        return None
    earlier = scenario(before)
    if earlier.stage(scale).after == told.name:
        raise UsageError(f"{told.name} and {before} come after one another; take one `after` away")
    found = examined(earlier, scale, seed).conclusion
    if found.word == SEALED:
        return Earlier(0.0, found.upper_lb_per_day or 0.0)
    return Earlier(*found.rates_lb_per_day[-1][1:]) if found.rates_lb_per_day else None


def prk_campaign(told: Scenario, seed: int) -> Campaign:
    """Read the gauge of a scenario at PrK scale; what is told is what an import would know."""
    record = record_of(told, seed)
    with tempfile.TemporaryDirectory(prefix="prk-") as folder:
        source = Path(folder) / "readings.csv"
        source.write_text(record.csv, encoding="utf-8")
        log = imported(record, source)
    meta: dict[str, Any] = {
        "pressure_resolution_pa": log.pressure_resolution_pa,
        "temperature_resolution_k": log.temperature_resolution_k,
        "temperature_swing_k": record.stage.swing_k,
        "events": record.log,
    }
    conversion = Conversion.for_volume(record.stage.volume_m3)
    return campaign_of_readings(log.readings, meta, conversion, None)


def bench_campaign(told: Scenario, seed: int) -> tuple[Campaign, float | None]:
    """Run a scenario's bench without the firmware child; with the node's own k in 1/s."""
    bench = bench_of(told, seed)
    rig = bench.rig
    run = quick_run(rig, list(bench.sensors().values()), bench.stage.duration_s)
    setup = Settings(node_config(rig)).as_dict()
    marks = [EventNote(t_s / 3600.0, "MARK", text) for t_s, text in operators_log(bench.entries())]
    campaign = campaign_of_run(
        run.blocks, setup, marks, Conversion.from_rig(rig), run.law,
        rig.sensors.null_uncertainty_pa, rig.chamber.volume_m3,
        correlation_time_s(setup["rho1024"]),
    )  # fmt: skip
    device = run.estimator.estimate
    return campaign, None if device is None else device.k * _PER_ATTO

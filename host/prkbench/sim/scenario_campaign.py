"""A scenario run without the firmware child and examined, as `prk analyze` examines a run file."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from prkbench.analysis.campaign import Campaign
from prkbench.analysis.conclude import Earlier
from prkbench.analysis.conversion import Conversion
from prkbench.analysis.foreign import examine_readings
from prkbench.analysis.onedecay import decide_by_one, undecided
from prkbench.analysis.outcome import EventNote, Outcome
from prkbench.analysis.question import Question
from prkbench.analysis.several import by_procedure, campaign_of_run, earlier_of
from prkbench.errors import UsageError
from prkbench.node_setup import correlation_time_s
from prkbench.rig import Rig
from prkbench.runfile import RunFile
from prkbench.sim.scenario import Scenario
from prkbench.sim.scenario_bench import bench_of
from prkbench.sim.scenario_library import scenario
from prkbench.sim.scenario_log import operators_log
from prkbench.sim.scenario_prk import record_of, write_record
from prkbench.sim.scenario_quick import QuickRun, quick_run

_PER_ATTO = 1e-18


@dataclass(frozen=True)
class Examined:
    """What was concluded of a scenario's test; device_k_per_s is the node's own, None if none."""

    outcome: Outcome
    device_k_per_s: float | None = None


def examined(told: Scenario, scale: str, seed: int) -> Examined:
    """Run and examine a scenario, after the one it follows; UsageError for a scale it has not.

    At PrK scale the readings go into a run file, which is examined. At bench scale the minutes are
    the node's, but made without it: the checks of a run file and its replay are left out, what
    follows them is that of a run file.
    """
    stage = told.stage(scale)
    earlier = known_before(told, scale, seed)
    if scale == "prk":
        with tempfile.TemporaryDirectory(prefix="prk-") as folder:
            path = Path(folder) / "readings.prk"
            write_record(record_of(told, seed), path)
            with RunFile.open(path) as file:
                return Examined(examine_readings(file, None, earlier=earlier))
    run, rig, notes = bench_run(told, seed)
    question = question_of(rig, earlier)
    outcome = undecided(told.title, question, run.law)
    outcome.blocks, outcome.duration_s = len(run.blocks.slot), stage.duration_s
    campaign = bench_campaign(run, rig, notes)
    decided = by_procedure(outcome, campaign, question.earlier, question.limit_lb_per_day)
    if not decided and run.host is not None:
        decide_by_one(outcome, run.host, question, run.used, run.setup, run.law)
    device = run.estimator.estimate
    return Examined(outcome, None if device is None else device.k * _PER_ATTO)


def known_before(told: Scenario, scale: str, seed: int) -> Earlier | None:
    """Return what the test before this one gave, None where it follows none or that bounds none."""
    before = told.stage(scale).after
    if before is None:
        return None
    earlier = scenario(before)
    if earlier.stage(scale).after == told.name:
        raise UsageError(f"{told.name} and {before} come after one another; take one `after` away")
    return earlier_of(examined(earlier, scale, seed).outcome)


def question_of(rig: Rig, earlier: Earlier | None) -> Question:
    """A scenario's leak is what is looked for: there is nothing to be predicted."""
    return Question(rig, Conversion.from_rig(rig), False, rig.limit.rate_kg_per_s, earlier)


def bench_run(told: Scenario, seed: int) -> tuple[QuickRun, Rig, list[EventNote]]:
    """Run a scenario's bench without the firmware child; with its rig and the operator's marks."""
    bench = bench_of(told, seed)
    world = bench.world()
    run = quick_run(bench.rig, list(world.chips.values()), bench.stage.duration_s)
    log = operators_log(bench.entries(world.plant))
    return run, bench.rig, [EventNote(t_s / 3600.0, "MARK", text) for t_s, text in log]


def bench_campaign(run: QuickRun, rig: Rig, notes: list[EventNote]) -> Campaign:
    """Return the campaign of a bench run, as its run file would give it."""
    return campaign_of_run(
        run.blocks, run.setup, notes, Conversion.from_rig(rig), run.law,
        rig.sensors.null_uncertainty_pa, rig.chamber.volume_m3,
        correlation_time_s(run.setup["rho1024"]),
    )  # fmt: skip

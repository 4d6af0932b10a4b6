"""Which pressure levels a logged run has held already, as the analysis cuts it."""

from __future__ import annotations

from prkbench.analysis.campaign import Campaign
from prkbench.analysis.conversion import Conversion
from prkbench.analysis.examine import longest_run
from prkbench.analysis.independent import block_means, read_samples
from prkbench.analysis.segments import cut
from prkbench.analysis.several import campaign_of_run
from prkbench.analysis.shown import event_notes
from prkbench.errors import DataError
from prkbench.node_setup import correlation_time_s, settings_of
from prkbench.planning.levels import LevelRun
from prkbench.rig import Rig
from prkbench.runfile import Kind, RunFile


def levels_held(file: RunFile, rig: Rig) -> list[LevelRun]:
    """Pressure and settled hours of every segment with the hatch not known to be open.

    DataError where the file holds no run of a node.
    """
    if file.readings() is not None and not file.runs():
        raise DataError(
            f"{file.path}: holds imported readings, expected a node's run; give levels by hand "
            "with --level"
        )
    run = longest_run(file)
    settings, _ = settings_of(run.setup)
    setup = {**run.setup, **settings.as_dict()}
    payload = file.payload(run.run_id, Kind.SAMPLE)
    if not payload:
        return []
    blocks = block_means(read_samples(payload, len(settings.sensors)), setup)
    if len(blocks.slot) < 3:
        return []
    campaign = campaign_of_run(
        blocks, setup, event_notes(file, run), Conversion.from_rig(rig),
        rig.law, rig.sensors.null_uncertainty_pa, rig.chamber.volume_m3,
        correlation_time_s(setup["rho1024"]),
    )  # fmt: skip
    return held_in(campaign)


def held_in(campaign: Campaign) -> list[LevelRun]:
    """The same of a campaign."""
    whole = cut(campaign)
    found = []
    for segment in whole.segments:
        at = whole.of(segment)
        if segment.hatch_shut is False or not len(at):
            continue
        hours = len(at) * campaign.step_s / 3600.0
        found.append(LevelRun(float(campaign.pressure_pa[at[0]]), hours))
    return found

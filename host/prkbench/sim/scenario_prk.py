"""A scenario at PrK scale: a gauge is read every few hours, and the readings become a run file."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from prkbench.csvimport import Imported, import_csv, write_run
from prkbench.errors import UsageError
from prkbench.runfile import RunFile
from prkbench.sim.gauge import Gauge, quantised, reading_times, readings_csv
from prkbench.sim.plant.plant import Plant
from prkbench.sim.scenario import PrkStage, Scenario
from prkbench.sim.scenario_log import Entry, entries, operators_log
from prkbench.sim.scenario_plant import plant_of


@dataclass(frozen=True)
class PrkRecord:
    """What came of one run: the plant, the readings as CSV text, everything that happened."""

    scenario: Scenario
    stage: PrkStage
    seed: int
    plant: Plant
    csv: str
    entries: list[Entry]

    @property
    def log(self) -> list[tuple[float, str]]:
        """What the operator wrote down: (time in s, words)."""
        return operators_log(self.entries)


def record_of(scenario: Scenario, seed: int) -> PrkRecord:
    """Run a scenario at PrK scale and read its instruments."""
    stage = scenario.stage("prk")
    assert isinstance(stage, PrkStage)
    plant = Plant(plant_of(stage), seed)
    view = stage.gauge
    t_s = reading_times(stage.duration_s, view.every_s)
    truth = plant.series(t_s)
    gauge = Gauge(view.resolution_pa, view.offset_pa, view.drift_pa_per_year, view.sticks_from_s)
    shown = gauge.read(t_s, truth[view.vessel]["pressure_pa"])
    temperature: NDArray[np.float64] | None = None
    step_k = 0.1
    if stage.thermometer is not None:
        step_k = stage.thermometer.resolution_k
        temperature = quantised(truth[stage.thermometer.vessel]["air_k"], step_k)
    text = readings_csv(t_s, shown, view.resolution_pa, temperature, step_k)
    plant.at(stage.duration_s)
    told = entries(stage, plant.happenings())
    return PrkRecord(scenario, stage, seed, plant, text, told)


def imported(record: PrkRecord, csv: Path) -> Imported:
    """Return the readings as the import of this CSV gives them, with what the stage knows."""
    stage = record.stage
    log = import_csv(csv, volume_m3=stage.volume_m3, reference="vacuum")
    known = stage.thermometer is not None
    return replace(
        log,
        pressure_resolution_pa=stage.gauge.resolution_pa,
        temperature_resolution_k=stage.thermometer.resolution_k if stage.thermometer else None,
        notes=(*log.notes, *(() if known else (f"temperature swing stated: {stage.swing_k:g} K",))),
    )


def write_record(record: PrkRecord, out: Path, csv: Path | None = None) -> None:
    """Write the run file, and the CSV it is imported from if wanted; nothing is overwritten."""
    if csv is not None and csv.exists():
        raise UsageError(f"{csv}: exists already, choose another name or move it")
    with tempfile.TemporaryDirectory(prefix="prk-") as folder:
        source = Path(folder) / f"{record.scenario.name}-prk-seed{record.seed}.csv"
        source.write_text(record.csv, encoding="utf-8")
        write_run(imported(record, source), out)
    try:
        if csv is not None:
            csv.write_text(record.csv, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{csv}: cannot write the readings ({error.strerror})") from None
    with RunFile.open(out, readonly=False) as file, file.transaction():
        file.set_meta("title", f"{record.scenario.name}: {record.scenario.title}")
        file.set_meta("scenario", record.scenario.name)
        file.set_meta("scale", "prk")
        file.set_meta("seed", record.seed)
        file.set_meta("simulated", True)
        file.set_meta("temperature_swing_k", record.stage.swing_k)
        file.set_meta("events", [[t_s, text] for t_s, text in record.log])

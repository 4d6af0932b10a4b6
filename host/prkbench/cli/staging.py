"""A scenario played through: its run file, its analysis, its page. For `simulate` and `demo`."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prkbench.cli.logging import begin, capture_run, opened
from prkbench.cli.verifying import run_examination
from prkbench.client import NodeClient
from prkbench.errors import UsageError
from prkbench.runfile import RunFile

if TYPE_CHECKING:
    from prkbench.analysis.outcome import Outcome
    from prkbench.sim.scenario import Scenario
    from prkbench.sim.scenario_bench import BenchSetUp
    from prkbench.sim.scenario_log import Entry

_FOLDER = Path("prkbench-runs")
_ANSWER_S = 10.0


@dataclass(frozen=True)
class Played:
    """One run of a scenario: its file, what the analysis says of it, and what had happened."""

    scenario: Scenario
    scale: str
    seed: int
    path: Path
    outcome: Outcome
    entries: list[Entry]
    interpreter: str | None = None

    @property
    def after(self) -> str | None:
        """The scenario whose result the analysis was told, None for none."""
        return self.scenario.stage(self.scale).after

    def write_page(self, page: Path) -> Path:
        """Write the scenario's page: truth, what was seen, events, conclusions."""
        from prkbench.report.scenario_page import Seen, Told, write_scenario_page
        from prkbench.sim.plant.plant import Plant
        from prkbench.sim.scenario_plant import plant_of
        from prkbench.sim.scenario_truth import truth_series

        stage = self.scenario.stage(self.scale)
        series = self.outcome.series
        name = "gauge" if self.scale == "prk" else "chamber's sensor"
        told = Told(
            self.scenario,
            self.scale,
            self.seed,
            truth_series(stage, Plant(plant_of(stage), self.seed)),
            [] if series is None else [Seen(name, series.t_h, series.pressure_pa)],
            [] if series is None else [Seen(name, series.t_h, series.temperature_k)],
            self.entries,
            self.outcome,
        )
        return write_scenario_page(told, page)


def play_prk(told: Scenario, seed: int, out: Path, csv: Path | None = None) -> Played:
    """Read the gauge, write the run file (and the CSV), and analyse it as an imported log."""
    from prkbench.analysis.foreign import examine_readings
    from prkbench.sim.scenario_campaign import known_before
    from prkbench.sim.scenario_prk import record_of, write_record

    record = record_of(told, seed)
    write_record(record, out, csv)
    with RunFile.open(out) as file:
        outcome = examine_readings(file, None, earlier=known_before(told, "prk", seed))
    return Played(told, "prk", seed, out, outcome, record.entries)


def play_bench(
    told: Scenario, seed: int, out: Path, interpreter: str | None = None, *, quiet: bool = False
) -> Played:
    """Log the real firmware on the scenario's bench, and analyse its run."""
    from prkbench.node_setup import node_config
    from prkbench.sim.node_process import Scene, serving
    from prkbench.sim.scenario_bench import bench_of
    from prkbench.sim.scenario_campaign import known_before, question_of

    if interpreter not in (None, "micropython", "cpython"):
        raise UsageError(f"--interpreter {interpreter}: expected micropython or cpython")
    bench = bench_of(told, seed)
    # A node that cannot take these settings is said here, before one is started.
    node_config(bench.rig)
    scene = Scene(bench.rig.to_toml(), seed, interpreter=interpreter, scenario=told.name)
    more = {"seed": seed, "scenario": told.name, "scale": "bench"}
    with serving(scene) as node:
        found = node.interpreter
        _log(node.port, out, bench, more, quiet=quiet)
    with RunFile.open(out) as file:
        question = question_of(bench.rig, known_before(told, "bench", seed))
        outcome = run_examination(file, question, quiet)
    outcome.provenance["interpreter"] = found
    outcome.provenance["seed"] = str(seed)
    return Played(told, "bench", seed, out, outcome, bench.entries(), found)


def _log(port: str, out: Path, bench: BenchSetUp, more: dict[str, Any], *, quiet: bool) -> None:
    with (
        contextlib.closing(NodeClient.connect(port, timeout_s=_ANSWER_S)) as client,
        opened(out, client, bench.rig, more) as file,
    ):
        begin(client, bench.rig)
        capture_run(client, file, bench.stage.duration_s, bench.rig, quiet=quiet)
        client.write("ABORt")


def new_path(out: Path | None, stem: str) -> Path:
    """Return where the run file goes: as wished, else a fresh name in the folder for runs."""
    if out is not None:
        if out.exists():
            raise UsageError(f"{out}: exists already; choose another name with --out")
        if not out.parent.is_dir():
            raise UsageError(f"{out}: no such folder; name a file in an existing one with --out")
        return out
    try:
        _FOLDER.mkdir(exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"{_FOLDER}: cannot create the folder for runs ({error.strerror}); "
            "name a run file with --out"
        ) from None
    stem = f"{stem}-{datetime.now():%Y%m%d-%H%M%S}"
    path = _FOLDER / f"{stem}.prk"
    n = 1
    while path.exists():
        n += 1
        path = _FOLDER / f"{stem}-{n}.prk"
    return path

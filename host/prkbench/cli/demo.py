"""`prk demo`: the real firmware measures a simulated PrK leak, and the answer is checked."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from prkbench.analysis.conversion import Conversion
from prkbench.analysis.question import Question
from prkbench.cli.lines import Line
from prkbench.cli.logging import capture_run, opened
from prkbench.cli.present import page_beside, present
from prkbench.cli.staging import new_path, play_bench
from prkbench.cli.verifying import run_examination
from prkbench.client import NodeClient
from prkbench.errors import UsageError
from prkbench.node_setup import node_config
from prkbench.rig import Rig
from prkbench.runfile import Kind, RunFile
from prkbench.sim.elements import ViscousCapillary
from prkbench.sim.gas import R_AIR
from prkbench.units import Dimension, from_lb_per_day, parse, to_lb_per_day

if TYPE_CHECKING:
    from prkbench.sim.node_process import Served

_TUBE_M = 1.5
_MOST_LB_PER_DAY = 1000.0


@dataclass(frozen=True)
class Plan:
    """A demo: leak in lb/day PrK-equivalent, acceleration, hours, room's swing in K, rate in Hz."""

    leak_lb_per_day: float
    acceleration: float
    hours: float
    hvac_k: float
    rate_hz: float
    name: str


EASY = Plan(1.0, 10.0, 6.0, 0.3, 5.0, "demo")
HARD = Plan(0.2, 1.0, 24.0, 1.0, 1.0, "demo, hard: real time scale, the room swings 1 K")


def demo(
    name: Annotated[
        str | None, typer.Argument(metavar="SCENARIO", help="Such as E8; default: a plain leak.")
    ] = None,
    leak: Annotated[
        str | None, typer.Option("--leak", help="Leak, lb/day PrK-equivalent (0: sealed).")
    ] = None,
    hard: Annotated[
        bool, typer.Option("--hard", help="0.2 lb/day in real time scale, room swings 1 K, 24 h.")
    ] = False,
    duration: Annotated[
        str | None, typer.Option("--duration", help='Simulated time, such as "6 h".')
    ] = None,
    rate: Annotated[
        str | None, typer.Option("--rate", help='Such as "5 Hz"; default: 5 Hz, with --hard 1 Hz.')
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Repeats a demo to the bit.")] = 1,
    interpreter: Annotated[
        str | None, typer.Option("--interpreter", help="micropython or cpython; default: as found.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Run file to write.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> int:
    """No hardware needed: simulate a leaking chamber, measure it, verify the result.

    Examples: prk demo --leak 0.2; prk demo E8
    """
    if name is not None:
        if hard or leak or duration or rate:
            raise UsageError(
                f"{name}: a scenario has its own leak, rate and duration; leave them out"
            )
        return _scenario(name, seed, interpreter, out, as_json)
    from prkbench.sim.node_process import Scene, serving

    started = time.monotonic()
    plan = HARD if hard else EASY
    lb_per_day = plan.leak_lb_per_day if leak is None else leak_lb_per_day(leak)
    seconds = parse(duration, Dimension.DURATION, positive=True) if duration else plan.hours * 3600
    rate_hz = parse(rate, Dimension.FREQUENCY) if rate else plan.rate_hz
    if interpreter not in (None, "micropython", "cpython"):
        raise UsageError(f"--interpreter {interpreter}: expected micropython or cpython")
    rig = demo_rig(lb_per_day, plan, rate_hz)
    path = new_path(out, "demo")
    page = page_beside(path)
    # A node that cannot take these settings is said here, before one is started.
    node_config(rig)
    scene = Scene(rig.to_toml(), seed, plan.hvac_k, interpreter=interpreter)
    with serving(scene) as node:
        _log(node, path, rig, seconds, seed, quiet=as_json)
    with RunFile.open(path) as file:
        conversion = Conversion.from_rig(rig)
        outcome = run_examination(
            file, Question(rig, conversion, True, rig.limit.rate_kg_per_s), as_json
        )
        assert node.truth is not None
        outcome.rate_true_lb_per_day = conversion.rate_lb_per_day(node.truth.k_per_s)
        outcome.provenance["interpreter"] = node.interpreter
        outcome.provenance["seed"] = str(seed)
        more = {
            "rate_true_lb_per_day": outcome.rate_true_lb_per_day,
            "interpreter": node.interpreter,
            "samples_sha256": _samples_hash(file),
            "run_file": str(path),
        }
        if node.interpreter != "micropython":
            outcome.reasons.append(
                "the firmware ran under CPython: MicroPython's unix port is not installed here"
            )
        more["wall_s"] = time.monotonic() - started
        return present(outcome, page, as_json, more)


def _scenario(
    name: str, seed: int, interpreter: str | None, out: Path | None, as_json: bool
) -> int:
    """Play a scenario on the bench; the page of its analysis, and the one of its story beside."""
    from prkbench.sim.scenario_library import scenario

    started = time.monotonic()
    told = scenario(name)
    told.stage("bench")
    path = new_path(out, told.name)
    page = page_beside(path)
    played = play_bench(told, seed, path, interpreter, quiet=as_json)
    required = told.required("bench")
    story = played.write_page(path.with_suffix(".story.html"))
    outcome = played.outcome
    outcome.reasons.append(f"required of this scenario: {', '.join(required.verdicts)}")
    with RunFile.open(path) as file:
        samples = _samples_hash(file)
    more = {
        "scenario": told.name,
        "required": list(required.verdicts),
        "required_text": required.text,
        "story": str(story),
        "interpreter": played.interpreter,
        "samples_sha256": samples,
        "run_file": str(path),
        "wall_s": time.monotonic() - started,
    }
    if not as_json:
        typer.echo(f"{told.name}: {told.title}. Required: {required.text}")
    status = present(outcome, page, as_json, more)
    if not as_json:
        typer.echo(f"story: {story}")
    return status


def demo_rig(lb_per_day: float, plan: Plan, rate_hz: float) -> Rig:
    """A 5 L bench in mode A with the capillary that gives this leak, or none."""
    tables: dict[str, dict[str, object]] = {
        "rig": {"name": plan.name, "mode": "A", "acceleration": plan.acceleration},
        "chamber": {"volume": "5.0 L", "volume_uncertainty": "0.5 %"},
        "node": {"rate": f"{rate_hz:g} Hz"},
        "element": {"law": "sealed"},
    }
    blank = Rig.model_validate(tables)
    if lb_per_day > 0.0:
        chamber = blank.chamber
        k = Conversion.from_rig(blank).k_per_s(from_lb_per_day(lb_per_day))
        drop = chamber.pressure_pa - chamber.reference_pressure_pa
        flow = k * drop * chamber.volume_m3 / (R_AIR * chamber.temperature_k)
        tube = ViscousCapillary.for_flow(
            flow, chamber.pressure_pa, chamber.reference_pressure_pa, chamber.temperature_k, _TUBE_M
        )
        tables["element"] = {
            "law": "viscous",
            "diameter": f"{tube.diameter_m * 1e3:.9g} mm",
            "length": f"{_TUBE_M} m",
            "uncertainty": "2 %",
        }
    return Rig.model_validate(tables)


def leak_lb_per_day(text: str) -> float:
    """A leak as plain lb/day or with its unit."""
    try:
        value = float(text)
    except ValueError:
        value = to_lb_per_day(parse(text, Dimension.MASS_RATE))
    if not 0.0 <= value <= _MOST_LB_PER_DAY:
        raise UsageError(f"--leak {text}: expected 0 to {_MOST_LB_PER_DAY:g} lb/day")
    return value


def _log(served: Served, path: Path, rig: Rig, seconds: float, seed: int, *, quiet: bool) -> None:
    client = NodeClient.connect(served.port, timeout_s=10.0)
    try:
        with opened(path, client, rig, {"seed": seed}) as file:
            capture_run(Line(client), file, seconds, rig, quiet=quiet)
            client.write("ABORt")
    finally:
        client.close()


def _samples_hash(file: RunFile) -> str:
    """SHA-256 of all sample records: equal for equal seeds, whenever they were logged."""
    digest = hashlib.sha256()
    for run in file.runs():
        digest.update(file.payload(run.run_id, Kind.SAMPLE))
    return digest.hexdigest()

"""`prk simulate`: a scenario or a rig file as a run, or many runs of one as a study."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from prkbench.cli.staging import Played, new_path, play_bench, play_prk
from prkbench.errors import UsageError
from prkbench.units import Dimension, parse

if TYPE_CHECKING:
    from prkbench.sim.scenario import Scenario

_SCALES = ("prk", "bench")


def simulate(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME|RIG.toml", help="Scenario, or a rig file.")
    ] = None,
    show_list: Annotated[bool, typer.Option("--list", help="Show all scenarios.")] = False,
    scale: Annotated[
        str | None, typer.Option("--scale", help="prk: gauge readings; bench: the real firmware.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Repeats a run to the bit.")] = 1,
    out: Annotated[
        Path | None, typer.Option("--out", help="Run file; with --runs: Parquet file.")
    ] = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", help="Readings as CSV, too (prk scale, rig file).")
    ] = None,
    page: Annotated[
        Path | None, typer.Option("--page", help="Page of the scenario: truth, seen, events.")
    ] = None,
    duration: Annotated[
        str | None, typer.Option("--duration", help='For a rig file, such as "6 h".')
    ] = None,
    runs: Annotated[
        int | None, typer.Option("--runs", min=1, help="A study of so many runs.")
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option("--scheduler", help="Dask scheduler, such as tcp://host:8786.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Local processes of a study.")
    ] = None,
    interpreter: Annotated[
        str | None, typer.Option("--interpreter", help="micropython or cpython; default: as found.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> int:
    """Simulate a scenario of the PrK's story, or the bench of a rig file.

    Examples: prk simulate --list; prk simulate E5c --scale bench --seed 7 --page e5c.html

    prk simulate bench.toml --duration "6 h" --csv bench.csv; prk simulate C3 --runs 1000
    """
    if show_list:
        return _list(as_json)
    if name is None:
        raise UsageError("no scenario named; prk simulate --list shows all")
    if scale is not None and scale not in _SCALES:
        raise UsageError(f"--scale {scale}: expected prk or bench")
    if name.endswith(".toml"):
        if scale is not None or page is not None or runs is not None:
            raise UsageError(f"{name}: --scale, --page and --runs are for scenarios only")
        return _rig(Path(name), duration, seed, out, csv, as_json)
    if duration is not None:
        raise UsageError("--duration is for a rig file; a scenario has its own")
    from prkbench.sim.scenario_library import scenario

    told = scenario(name)
    chosen = scale or ("prk" if told.prk is not None else "bench")
    told.stage(chosen)
    if runs is not None:
        if csv is not None or page is not None:
            raise UsageError("--runs is a study: --csv and --page are for one run; leave them out")
        return _study(told, chosen, runs, seed, scheduler, workers, out, as_json)
    if scheduler is not None or workers is not None:
        raise UsageError("--scheduler and --workers are for a study; say how many with --runs")
    if chosen == "bench" and csv is not None:
        raise UsageError("--csv is for gauge readings; at bench scale use the run file")
    path = new_path(out, f"{told.name}-{chosen}")
    if page is not None and page.resolve() == path.resolve():
        raise UsageError(f"{page}: the page would replace the run file; name another")
    if chosen == "prk":
        played = play_prk(told, seed, path, csv)
    else:
        played = play_bench(told, seed, path, interpreter, quiet=as_json)
    written = None if page is None else played.write_page(page)
    _show(played, csv, written, as_json)
    return 0


def _list(as_json: bool) -> int:
    from prkbench.sim.scenario_library import scenario, scenario_names

    all_told = [scenario(name) for name in scenario_names()]
    if as_json:
        typer.echo(json.dumps([_about(told) for told in all_told]))
        return 0
    width = max(len(told.name) for told in all_told)
    for told in all_told:
        scales = " ".join(scale if getattr(told, scale) else " " * len(scale) for scale in _SCALES)
        typer.echo(f"{told.name:{width}}  {scales}  {told.title}")
        typer.echo(f"{'':{width}}  {'':{len(scales)}}  -> {', '.join(told.conclusion.verdicts)}")
    return 0


def _about(told: Scenario) -> dict[str, Any]:
    stages = {scale: told.stage(scale) for scale in _SCALES if getattr(told, scale) is not None}
    return {
        "name": told.name,
        "title": told.title,
        "scales": {
            scale: {
                "duration_s": stage.duration_s,
                "required": list(told.required(scale).verdicts),
                "required_text": told.required(scale).text,
            }
            for scale, stage in stages.items()
        },
    }


def _show(played: Played, csv: Path | None, page: Path | None, as_json: bool) -> None:
    from prkbench.sim.scenario_once import rightness
    from prkbench.sim.scenario_truth import external_rate

    told, outcome = played.scenario, played.outcome
    required = told.required(played.scale)
    mean, last = external_rate(told.stage(played.scale))
    if as_json:
        from prkbench.cli.present import plain

        found = {
            "scenario": told.name,
            "title": told.title,
            "scale": played.scale,
            "seed": played.seed,
            "required": list(required.verdicts),
            "required_text": required.text,
            "right": rightness(outcome.words, told, played.scale),
            "after": played.after,
            "true_lb_per_day": mean,
            "true_last_lb_per_day": last,
            "events": [
                {"t_s": entry.t_s, "truth": entry.truth, "log": entry.log}
                for entry in played.entries
            ],
            "interpreter": played.interpreter,
            "run_file": str(played.path),
            "csv": None if csv is None else str(csv),
            "page": None if page is None else str(page),
            **outcome.as_json(),
        }
        typer.echo(json.dumps(plain(found), allow_nan=False))
        return
    typer.echo(f"{told.name}: {told.title} ({played.scale} scale, seed {played.seed})")
    typer.echo(f"  truth     leaks {mean:.3g} lb/day on average, {last:.3g} at the end")
    typer.echo(f"  required  {', '.join(required.verdicts)}: {required.text}")
    if played.after is not None:
        typer.echo(f"  after     {played.after}")
    if not outcome.findings:
        typer.echo(f"  analysis  {outcome.verdict}: {outcome.sentence}")
    for finding in outcome.findings:
        typer.echo(f"  analysis  {finding['word']}: {finding['sentence']}")
    for what, path in (("readings", csv), ("page", page)):
        if path is not None:
            typer.echo(f"  {what:<9} {path}")
    typer.echo(f"  run file  {played.path}; next: prk analyze {played.path}")


def _study(
    told: Scenario,
    scale: str,
    runs: int,
    seed: int,
    scheduler: str | None,
    workers: int | None,
    out: Path | None,
    as_json: bool,
) -> int:
    import functools

    from prkbench.cli.studying import study_command
    from prkbench.sim.scenario_once import simulate_once
    from prkbench.sim.scenario_plant import conversion_of

    return study_command(
        functools.partial(simulate_once, told.name, scale),
        f"{told.name}, {scale} scale",
        runs,
        seed=seed,
        scheduler=scheduler,
        workers=workers,
        out=out,
        as_json=as_json,
        conversion=conversion_of(told.stage(scale)),
    )


def _rig(
    path: Path, duration: str | None, seed: int, out: Path | None, csv: Path | None, as_json: bool
) -> int:
    from prkbench.rig import load_rig
    from prkbench.sim.rig_record import write_rig_run

    rig = load_rig(path)
    if duration is None:
        raise UsageError(f'{path}: say how long with --duration, such as --duration "6 h"')
    seconds = parse(duration, Dimension.DURATION, positive=True)
    target = new_path(out, path.stem)
    record = write_rig_run(rig, seed, seconds, target, csv)
    if as_json:
        told = {
            "rig": rig.rig.name,
            "seed": seed,
            "minutes": record.minutes,
            "k_true_per_s": record.k_true_per_s,
            "run_file": str(target),
            "csv": None if csv is None else str(csv),
        }
        typer.echo(json.dumps(told))
        return 0
    typer.echo(f"{rig.rig.name}: {record.minutes} minutes, true k {record.k_true_per_s:.4g} 1/s")
    typer.echo(f"  run file  {target}; next: prk analyze {target}")
    return 0

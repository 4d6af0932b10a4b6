"""A study from the command line: progress, Parquet, and what it says as a whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.table import Table

from prkbench.analysis.conversion import Conversion
from prkbench.cli.present import bar
from prkbench.errors import UsageError

if TYPE_CHECKING:
    from prkbench.study.summary import Proportion, Summary
    from prkbench.study.work import Task

_MOST_RUNS = 1_000_000


def study_command(
    task: Task,
    name: str,
    runs: int,
    *,
    seed: int = 1,
    scheduler: str | None = None,
    workers: int | None = None,
    out: Path | None = None,
    as_json: bool = False,
    conversion: Conversion | None = None,
) -> int:
    """Run `task` for so many seeds made from one, print the summary, and return the exit status.

    `name` says what was simulated; `out` takes every run as Parquet; with `conversion` k is told
    in PrK-equivalent lb/day, too. The columns the summary reads are named in study.summary.
    """
    if not 1 <= runs <= _MOST_RUNS:
        raise UsageError(f"--runs {runs}: expected 1 to {_MOST_RUNS}")
    # Dask takes longer to load than most commands to run.
    from prkbench.study.run import run_study
    from prkbench.study.seeds import run_seeds
    from prkbench.study.summary import summarise

    with bar("simulating", float(runs), as_json) as (progress, shown):
        rows = run_study(
            task,
            run_seeds(seed, runs),
            scheduler=scheduler,
            workers=workers,
            out=out,
            progress=lambda done, note: progress.update(shown, completed=done, note=note),
            about={"study": name, "seed": str(seed), "runs": str(runs)},
        )
    summary = summarise(rows)
    if as_json:
        told = {
            "study": name,
            "seed": seed,
            **summary.as_json(),
            "out": None if out is None else str(out),
        }
        if conversion is not None:
            told |= {
                "median_lb_per_day": _lb(conversion, summary.median_k_per_s),
                "median_true_lb_per_day": _lb(conversion, summary.median_k_true_per_s),
                "rms_error_lb_per_day": _lb(conversion, summary.rms_error_per_s),
            }
        typer.echo(json.dumps(told, allow_nan=False))
    else:
        _print(name, seed, summary, conversion, out)
    return 0


def _lb(conversion: Conversion, k: float | None) -> float | None:
    return None if k is None else conversion.rate_lb_per_day(k)


def _print(
    name: str, seed: int, summary: Summary, conversion: Conversion | None, out: Path | None
) -> None:
    from prkbench.study.summary import wilson

    table = Table(title=f"{name}: {summary.runs} runs from seed {seed}", show_header=False)
    table.add_column(style="bold")
    table.add_column()

    def rate(k: float | None) -> str:
        if k is None:
            return "-"
        as_lb = (
            f"   {conversion.rate_lb_per_day(k):.4g} lb/day PrK-equivalent" if conversion else ""
        )
        return f"{k:.4g} 1/s{as_lb}"

    table.add_row("runs with an estimate", f"{summary.estimated} of {summary.runs}")
    table.add_row("median k", rate(summary.median_k_per_s))
    if summary.median_k_true_per_s is not None:
        table.add_row("median of the true k", rate(summary.median_k_true_per_s))
        table.add_row("mean error", rate(summary.mean_error_per_s))
        table.add_row("rms error", rate(summary.rms_error_per_s))
    if summary.coverage is not None:
        table.add_row("95 % interval holds the truth", _share(summary.coverage))
    for word, count in summary.verdicts.items():
        table.add_row(word, _share(wilson(count, summary.runs)))
    for word, count in summary.right.items():
        table.add_row(f"right: {word}", _share(wilson(count, summary.runs)))
    if out is not None:
        table.add_row("every run", str(out))
    Console().print(table)


def _share(share: Proportion) -> str:
    return (
        f"{share.count} of {share.of}: {100 * share.count / share.of:.1f} % "
        f"(95 %: {100 * share.low:.1f} to {100 * share.high:.1f} %)"
    )

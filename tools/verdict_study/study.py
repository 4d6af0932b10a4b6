"""The study from options to page."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from prkbench.cli.present import bar
from prkbench.errors import PrkError, UsageError
from verdict_study.page import Done, write_page
from verdict_study.part import Part
from verdict_study.parts import NAMES, parts
from verdict_study.running import Plan, run_part
from verdict_study.terminal import lines_of


def main(words: Sequence[str] | None = None) -> int:
    """Run what the options name; 1 where a requirement is not met, else 0 or an error's status."""
    options = _parser().parse_args(words)
    plan = Plan(
        options.out, options.seeds, options.seed, options.short, options.scheduler, options.workers
    )
    try:
        done = run(plan, options.part.split(","), options.only.split(",") if options.only else ())
    except PrkError as error:
        print(f"{error}", file=sys.stderr)
        return error.exit_code
    return 1 if any(r.met is False for one in done for r in one.findings.requirements) else 0


def run(
    plan: Plan, names: Sequence[str] = NAMES, only: Sequence[str] = (), *, quiet: bool = False
) -> list[Done]:
    """Run parts, print their tables and write `page.html` and `tables.md` into the folder."""
    chosen = _only(parts(names), only)
    plan.folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    done = [_run(part, plan, quiet=quiet) for part in chosen]
    kind = "short form" if plan.short else f"{plan.seeds} seeds a case"
    about = [
        f"{kind}, seed {plan.seed}; {sum(one.runs for one in done)} runs, "
        f"{sum(one.cpu_s for one in done) / 60.0:.0f} min of processor time, "
        f"{(time.monotonic() - began) / 60.0:.0f} min since this was started."
    ]
    text = "\n".join(line for one in done for line in lines_of(one))
    (plan.folder / "tables.md").write_text(f"{about[0]}\n\n{text}", encoding="utf-8")
    page = write_page(done, about, plan.folder / "page.html")
    if not quiet:
        print(f"{text}\n{about[0]}\npage: {page}")
    return done


def _run(part: Part, plan: Plan, *, quiet: bool) -> Done:
    with bar(part.name, 1.0, quiet) as (progress, shown):
        rows = run_part(
            part,
            plan,
            lambda done, of, note: progress.update(shown, completed=done, total=of, note=note),
        )
    every = [row for runs in rows.values() for row in runs]
    spent = sum(float(row.get("cpu_s") or 0.0) for row in every)
    return Done(part, part.findings(rows), len(every), spent)


def _only(chosen: Sequence[Part], only: Sequence[str]) -> list[Part]:
    """Narrow parts to the cases named; UsageError for a case that none has."""
    known = {case.name for part in chosen for case in part.cases}
    for name in only:
        if name not in known:
            raise UsageError(f"--only {name}: no such case, expected {', '.join(sorted(known))}")
    if not only:
        return list(chosen)
    narrowed = [
        replace(part, cases=[case for case in part.cases if case.name in only]) for part in chosen
    ]
    return [part for part in narrowed if part.cases]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="verdict_study", description="The study of what the bench promises."
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for rows, tables and page")
    parser.add_argument("--seeds", type=int, default=200, help="runs of every case")
    parser.add_argument("--seed", type=int, default=1, help="repeats all of them")
    parser.add_argument("--short", action="store_true", help="few runs of cheap cases")
    parser.add_argument("--part", default=",".join(NAMES), help="parts, separated by commas")
    parser.add_argument("--only", help="cases, separated by commas")
    parser.add_argument("--scheduler", help="Dask scheduler, such as tcp://host:8786")
    parser.add_argument("--workers", type=int, help="local processes; default: one a core")
    return parser

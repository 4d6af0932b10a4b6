"""`prk verify` and `prk analyze`: what a run says, against a rig or by itself."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from prkbench.analysis.conversion import Conversion
from prkbench.analysis.outcome import Check, Outcome
from prkbench.analysis.question import Question
from prkbench.cli.lines import rig_inside
from prkbench.cli.present import bar, page_beside, present
from prkbench.errors import UndecidedError, UsageError
from prkbench.rig import Rig, load_rig
from prkbench.runfile import Kind, RunFile
from prkbench.units import Dimension, parse, to_lb_per_day

if TYPE_CHECKING:
    from prkbench.analysis.conclude import Earlier

RunPath = Annotated[Path, typer.Argument(metavar="RUN", help="Run file.")]
RigPath = Annotated[Path | None, typer.Option("--rig", help="Rig file; default: the run's own.")]
PagePath = Annotated[Path | None, typer.Option("--page", help="Where the HTML page goes.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
_HEAD = re.compile(r"[0-9a-f]{8,64}")


def verify(
    run: RunPath,
    rig: RigPath = None,
    head: Annotated[
        str | None, typer.Option("--head", help="Hash noted when the run was logged.")
    ] = None,
    page: PagePath = None,
    as_json: AsJson = False,
) -> int:
    """Check a run: integrity, bit-exact replay, independent estimate, prediction, verdict.

    Example: prk verify run.prk --rig bench.toml
    """
    noted = _noted(head) if head is not None else None
    target = page_beside(run, page)
    with RunFile.open(run) as file:
        if file.readings() is not None and not file.runs():
            raise UndecidedError(
                f"{run}: cannot verify: imported readings hold no raw counts; use 'prk analyze'"
            )
        chosen = _rig(file, rig)
        if chosen is None:
            raise UndecidedError(
                f"{run}: cannot verify: the run carries no rig file and none was given: name one "
                "with --rig, or use 'prk analyze' for data without a prediction"
            )
        question = Question(chosen, Conversion.from_rig(chosen), True, chosen.limit.rate_kg_per_s)
        outcome = run_examination(file, question, as_json)
        if noted is not None:
            _check_head(outcome, noted)
        return present(outcome, target, as_json)


def analyze(
    run: RunPath,
    rig: RigPath = None,
    law: Annotated[
        str | None, typer.Option("--law", help="For imported readings: viscous, choked, linear.")
    ] = None,
    limit: Annotated[
        str | None, typer.Option("--limit", help='Your own limit, such as "1 lb/day".')
    ] = None,
    earlier: Annotated[
        Path | None, typer.Option("--earlier", help="Run of an earlier test, to compare with.")
    ] = None,
    page: PagePath = None,
    as_json: AsJson = False,
) -> int:
    """Analyse a run without a prediction: rate, interval, verdict, what would decide it.

    Example: prk analyze imported.prk
    """
    target = page_beside(run, page)
    most = parse(limit, Dimension.MASS_RATE, positive=True) if limit else None
    before = None
    if earlier is not None:
        # SciPy takes longer to load than most commands to run.
        from prkbench.analysis.several import earlier_of

        with RunFile.open(earlier) as file:
            before = earlier_of(_analysed(file, rig, law, None, None, as_json))
        if before is None:
            raise UsageError(
                f"--earlier {earlier}: that run bounds no leak, expected one that ended with a "
                "rate or SEALED"
            )
    with RunFile.open(run) as file:
        return present(_analysed(file, rig, law, most, before, as_json), target, as_json)


def _analysed(
    file: RunFile,
    rig: Path | None,
    law: str | None,
    most_kg_per_s: float | None,
    before: Earlier | None,
    quiet: bool,
) -> Outcome:
    if file.readings() is not None:
        if rig is not None:
            raise UsageError(
                f"--rig {rig}: imported readings come from no rig of ours; leave it out, "
                "--limit gives a limit"
            )
        from prkbench.analysis.foreign import examine_readings

        limit = None if most_kg_per_s is None else to_lb_per_day(most_kg_per_s)
        return examine_readings(file, law, limit, before)
    if law is not None:
        raise UsageError(
            f"--law {law}: a node's run carries its law; --law is for imported readings"
        )
    chosen = _rig(file, rig)
    conversion = Conversion.from_rig(chosen) if chosen else Conversion()
    if most_kg_per_s is None and chosen is not None:
        most_kg_per_s = chosen.limit.rate_kg_per_s
    return run_examination(file, Question(chosen, conversion, False, most_kg_per_s, before), quiet)


def run_examination(file: RunFile, question: Question, quiet: bool) -> Outcome:
    """Examine with a progress bar over the samples replayed."""
    # SciPy takes longer to load than most commands to run.
    from prkbench.analysis.examine import examine, longest_run

    total = file.next(longest_run(file).run_id, Kind.SAMPLE)
    with bar("verifying", float(total), quiet) as (progress, task):
        return examine(file, question, lambda done: progress.update(task, completed=done))


def _rig(file: RunFile, path: Path | None) -> Rig | None:
    if path is not None:
        return load_rig(path)
    return rig_inside(file)


def _noted(head: str) -> str:
    """The hash as the operator noted it, in full or its beginning; UsageError if it is none."""
    noted = head.strip().lower()
    if not _HEAD.fullmatch(noted):
        raise UsageError(
            f"--head {head}: expected the hash that 'prk log' printed, 8 to 64 hexadecimal digits"
        )
    return noted


def _check_head(outcome: Outcome, head: str) -> None:
    whole = str(outcome.head)
    same = whole.startswith(head)
    detail = (
        "the file is as it was when the hash was noted"
        if same
        else (
            f"the file's hash is {whole[:16]}..., not {head[:16]}: it was changed or goes on since"
        )
    )
    outcome.checks.append(Check("noted hash", same, detail))
    if not same:
        outcome.exit_code = 4
        outcome.reasons.append(f"noted hash FAILED: {detail}")

"""What a part of the study is: cases to run, and what their rows say against the requirements.

A part is a module of this folder with one function, `part() -> Part`, and its name among
`parts.NAMES`. The study runs the cases' tasks on all cores or a cluster, keeps their rows as they
come (one Parquet file a case, so that a study that was ended goes on where it was), and asks the
part for its findings when all are there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from prkbench.study.summary import Proportion, wilson
from prkbench.study.work import Row, Task

Rows: TypeAlias = Mapping[str, Sequence[Row]]
"""The rows of every case, by the case's name, in the order of their runs."""


@dataclass(frozen=True)
class Case:
    """One cell of a part: `task` makes the figures of a run from its seed, as in `run_study`.

    `task` is a function of a module or a `functools.partial` of one, and depends on nothing but
    the seed; one run may stand for many draws that a vectorised task makes at once, and then gives
    their counts as figures. `runs` are wanted of the whole study (None: as many as --seeds says),
    `short` of its short form (0: left out there). `name` is part of a file's name: letters,
    figures, `-`, `_` and `.`.
    """

    name: str
    task: Task
    runs: int | None = None
    short: int = 0


@dataclass(frozen=True)
class Requirement:
    """Something the bench promises, what was found, and whether that meets it.

    `met` is None where the runs at hand cannot tell: too few of them, or none.
    """

    text: str
    found: str
    met: bool | None


@dataclass(frozen=True)
class Table:
    """A table for terminal and page: cells as text, every row as long as `columns`."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


@dataclass(frozen=True)
class Findings:
    """What a part found: tables, requirements, and figures for the page (title -> plotly Figure).

    Figures are made with `prkbench.report` conventions (plotly, `template="plotly_white"`); they
    may be left empty.
    """

    tables: Sequence[Table] = ()
    requirements: Sequence[Requirement] = ()
    figures: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Part:
    """One part of the study. `findings` gets the rows of all cases run, short or whole."""

    name: str
    title: str
    about: str
    cases: Sequence[Case]
    findings: Callable[[Rows], Findings]


def percent(share: Proportion) -> str:
    """Return a share in per cent with Wilson's 95 % interval, as in "98.5 (95.7 to 99.5)"."""
    at = 100.0 * share.count / share.of
    return f"{at:.1f} ({100.0 * share.low:.1f} to {100.0 * share.high:.1f})"


def required_share(
    text: str, count: int, of: int, *, least: float = 0.0, most: float = 1.0, enough: int = 20
) -> Requirement:
    """Return a requirement of a share between `least` and `most`, open under `enough` draws."""
    if of < 1:
        return Requirement(text, "no runs", None)
    share = wilson(count, of)
    met = least <= count / of <= most
    return Requirement(text, f"{percent(share)} % of {of}", met if of >= enough else None)

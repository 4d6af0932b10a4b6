"""The study's tables and requirements as markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from verdict_study.page import Done
from verdict_study.part import Requirement

_WORDS = {True: "met", False: "NOT MET", None: "open"}


def lines_of(done: Done) -> Iterator[str]:
    """Yield a part's lines."""
    yield f"## {done.part.title}"
    yield ""
    yield f"{done.runs} runs, {done.cpu_s / 60.0:.1f} min of processor time."
    for table in done.findings.tables:
        yield ""
        yield from _grid(table.columns, table.rows)
        if table.note:
            yield ""
            yield table.note
    if done.findings.requirements:
        yield ""
        yield from _grid(
            ("required", "found", ""),
            [_told(requirement) for requirement in done.findings.requirements],
        )
    yield ""


def _told(requirement: Requirement) -> tuple[str, str, str]:
    return requirement.text, requirement.found, _WORDS[requirement.met]


def _grid(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield a table whose columns stand under one another."""
    widths = [max(len(row[n]) for row in [columns, *rows]) for n in range(len(columns))]
    for number, row in enumerate([columns, *rows]):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield f"| {' | '.join(cells)} |"
        if number == 0:
            yield f"|{'|'.join('-' * (width + 2) for width in widths)}|"

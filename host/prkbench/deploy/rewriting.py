"""Changes to a Python source that leave every line where it is, for tracebacks name lines."""

from __future__ import annotations

import ast
from bisect import bisect_right


class Rewriting:
    """A source, its syntax tree, and what is to stand in the place of some of its nodes."""

    def __init__(self, source: str) -> None:
        self.tree = ast.parse(source)
        self._data = source.encode()
        self._starts = [0]
        for line in self._data.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))
        self._edits: dict[int, tuple[int, bytes]] = {}

    def replace(self, node: ast.expr | ast.stmt, text: str) -> None:
        """Put one line of text in the place of a node; the lines that it had stay, empty."""
        if node.end_lineno is None or node.end_col_offset is None:
            raise ValueError("a node without an end")
        start = self._starts[node.lineno - 1] + node.col_offset
        end = self._starts[node.end_lineno - 1] + node.end_col_offset
        lines = self._line(end) - self._line(start)
        self._edits[start] = end, text.encode() + b"\n" * lines

    def _line(self, offset: int) -> int:
        return bisect_right(self._starts, offset)

    def result(self) -> str:
        """The source with all of it done."""
        parts = []
        at = 0
        for start, (end, text) in sorted(self._edits.items()):
            if start < at:
                continue  # inside a node that is replaced as a whole
            parts += [self._data[at:start], text]
            at = end
        return b"".join([*parts, self._data[at:]]).decode()


def keep_names(rewriting: Rewriting, statement: ast.ImportFrom, kept: list[ast.alias]) -> None:
    """Leave only these names of a `from ... import` statement."""
    if len(kept) == len(statement.names):
        return
    names = ", ".join(a.name if a.asname is None else f"{a.name} as {a.asname}" for a in kept)
    rewriting.replace(statement, f"from {statement.module} import {names}" if kept else "pass")

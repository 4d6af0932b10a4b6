"""The outcome in the terminal: verdict, figures, checks, two sparklines, and where the page is."""

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from prkbench.analysis.outcome import FloatArray, Outcome, Series
from prkbench.report import wording
from prkbench.report.nodeaccount import node_rows
from prkbench.report.sparkline import ASCII, BLOCKS, sparkline

PLAIN = str.maketrans(
    {"–": "-", "—": "-", "−": "-", "±": "+/-", "≤": "<=", "≥": ">=", "≈": "~", "×": "x",
     "³": "3", "²": "2", "°": " deg ", "µ": "u", "μ": "u", "…": "...", "’": "'", "\u202f": " ",
     "Δ": "delta ", "→": "->"}
)  # fmt: skip
"""What an encoding without these signs gets instead."""

STYLES = {True: "green", False: "bold red", None: "dim"}
VERDICT_STYLES = {0: "bold green", 1: "bold red"}


def print_summary(outcome: Outcome, console: Console) -> None:
    """Print an outcome for a person; plain text where the console is not a terminal.

    Text that a person typed is printed as it is, without control characters: it can neither style
    the output nor steer the terminal. Signs that the console's encoding lacks are replaced.
    """
    writer = _Writer(console)
    if outcome.title:
        console.print(writer.text(outcome.title, "dim"))
    verdict = writer.text(outcome.verdict, VERDICT_STYLES.get(outcome.exit_code, "bold yellow"))
    console.print(verdict.append(writer.text(f"  {outcome.sentence}", "not bold")))
    if outcome.simulated:
        console.print(writer.text(wording.SELF_CONSISTENCY, "dim"))
    console.print()
    console.print(_facts(outcome, writer))
    if outcome.checks:
        console.print()
        console.print(_checks(outcome, writer))
    if outcome.findings:
        console.print()
        console.print(_findings(outcome, writer))
    if outcome.reasons:
        console.print()
        for reason in outcome.reasons:
            console.print(Text("- ").append(writer.text(reason)))
    _sparklines(outcome, writer)
    if outcome.report:
        console.print()
        # Never wrapped: the path must survive being copied.
        console.print(writer.text(f"Page: {outcome.report}"), soft_wrap=True)


class _Writer:
    """Text that the console can show, whatever was typed."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.blocks = self._has(BLOCKS)

    def text(self, content: str, style: str = "") -> Text:
        """Return content on one line, printable, in the console's encoding."""
        line = "".join(c if c.isprintable() or c == "\u202f" else " " for c in content)
        if not self._has(line):
            line = line.translate(PLAIN)
            line = line.encode(self.console.encoding, "replace").decode(self.console.encoding)
        return Text(line, style=style)

    def _has(self, content: str) -> bool:
        try:
            content.encode(self.console.encoding)
        except (UnicodeEncodeError, LookupError):
            return False
        return True


def _facts(outcome: Outcome, writer: _Writer) -> Table:
    table = _grid()
    rows = [
        *wording.facts(outcome),
        *node_rows(outcome),
        wording.Fact("Record", wording.record(outcome)),
    ]
    for fact in rows:
        cells = writer.text(fact.value, "bold")
        if fact.remark:
            cells.append("  ").append(writer.text(fact.remark, "not bold dim"))
        table.add_row(writer.text(fact.name), cells)
    return table


def _findings(outcome: Outcome, writer: _Writer) -> Table:
    table = _grid()
    for found in wording.findings(outcome):
        cells = writer.text(found.sentence)
        if found.odds:
            cells.append(writer.text(f"; by chance in {found.odds}", "dim"))
        if found.decides:
            cells.append(writer.text(f"; what would decide: {found.decides}", "bold"))
        table.add_row(writer.text(found.word, "bold"), cells)
    return table


def _checks(outcome: Outcome, writer: _Writer) -> Table:
    table = _grid()
    for check in outcome.checks:
        result = writer.text(wording.check_word(check), STYLES[check.passed])
        if check.detail:
            result.append("  ").append(writer.text(check.detail, "not bold not dim default"))
        table.add_row(writer.text(check.name[:1].upper() + check.name[1:]), result)
    return table


def _grid() -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=False, max_width=24)
    table.add_column(ratio=1)
    return table


def _sparklines(outcome: Outcome, writer: _Writer) -> None:
    series = outcome.series
    if series is None:
        return
    lines = [_pressure_line(series, writer), _rate_line(outcome, series, writer)]
    for line in (line for line in lines if line is not None):
        writer.console.print()
        writer.console.print(line)


def _pressure_line(series: Series, writer: _Writer) -> Text | None:
    ends = _ends(series.p_t_pa / 1000.0)
    if ends is None:
        return None
    legend = f"Pressure at reference temperature, {ends[0]:.6g} to {ends[1]:.6g} kPa"
    return _drawn(legend, series.p_t_pa, writer)


def _rate_line(outcome: Outcome, series: Series, writer: _Writer) -> Text | None:
    factor = wording.lb_per_day_per_k(outcome)
    k = series.k_per_s * (1.0 if factor is None else factor)
    ends = _ends(k)
    if ends is None:
        return None
    unit = "1/s" if factor is None else "lb/day"
    legend = f"Node's estimate, last {wording.number(ends[1])} {unit}"
    # The first estimates swing beyond use: clipped, so that the later ones can be read.
    later = k[len(k) // 4 :]
    later = later[np.isfinite(later)]
    if later.size:
        k = np.clip(k, later.min(), later.max())
    return _drawn(legend, k, writer)


def _drawn(legend: str, values: FloatArray, writer: _Writer) -> Text:
    width = min(writer.console.width, 78)
    levels = BLOCKS if writer.blocks else ASCII
    return writer.text(legend, "dim").append("\n").append(
        sparkline(values, width, levels), style="not dim cyan"
    )  # fmt: skip


def _ends(values: FloatArray) -> tuple[float, float] | None:
    finite = values[np.isfinite(values)]
    return (float(finite[0]), float(finite[-1])) if finite.size else None

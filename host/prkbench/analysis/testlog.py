"""The operator's log of a test: what was opened, shut, filled, vented, and when.

An entry begins with one of the words in KINDS; a volume ("volume 4.0 m3", "+7.0 m3") and a target
pressure ("730 mmHg") are read from the rest where they stand.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from prkbench.errors import UsageError
from prkbench.units import Dimension, parse

HATCH_SHUT = "HATCH SHUT"
HATCH_OPENED = "HATCH OPENED"
REPRESS = "REPRESS"
VENT = "VENT"
VALVE = "VALVE"
STEP = "STEP"
NOTE = "NOTE"
KINDS = (HATCH_SHUT, HATCH_OPENED, REPRESS, VENT, VALVE, STEP, NOTE)
_FILLS = (REPRESS, STEP)
_QUANTITY = re.compile(r"([+-]?\d+(?:\.\d+)?) ?([A-Za-z]+3?)\b")


@dataclass(frozen=True)
class LogEntry:
    """One entry: seconds since the record began, its kind, and what it states in figures.

    volume_m3 is the whole volume under test from then on, added_m3 what came to it; target_pa the
    pressure filled or vented to. None where the entry does not say.
    """

    t_s: float
    kind: str
    text: str
    volume_m3: float | None = None
    added_m3: float | None = None
    target_pa: float | None = None

    @property
    def cuts(self) -> bool:
        """Whether a segment ends here: everything but a note does something to the gas."""
        return self.kind != NOTE

    @property
    def fills(self) -> bool:
        """Whether gas was let in, which warms it."""
        return self.kind in _FILLS


def read_entry(t_s: float, text: str) -> LogEntry:
    """Return an entry; words that name no kind make it a note."""
    plain = " ".join(text.split())
    kind = next((word for word in KINDS if plain.upper().startswith(word)), NOTE)
    volume = added = target = None
    for number, unit in _QUANTITY.findall(plain) if kind != NOTE else ():
        quantity = f"{number.lstrip('+')} {unit}"
        litres = _si(quantity, Dimension.VOLUME)
        if litres is not None:
            if number.startswith("+"):
                added = litres
            else:
                volume = litres
        elif kind in (REPRESS, VENT) and target is None:
            target = _si(quantity, Dimension.PRESSURE)
    return LogEntry(t_s, kind, plain, volume, added, target)


def read_log(entries: Iterable[tuple[float, str]]) -> tuple[LogEntry, ...]:
    """Return the entries in order of time."""
    return tuple(
        sorted((read_entry(t_s, text) for t_s, text in entries), key=lambda entry: entry.t_s)
    )


def _si(text: str, dimension: Dimension) -> float | None:
    try:
        return parse(text, dimension)
    except UsageError:
        return None

"""The parts of the study, in the order of its page."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

from prkbench.errors import UsageError
from verdict_study.part import Part

NAMES = ("verdicts", "micropython", "coverage", "precision", "delays", "laws")


def parts(names: Sequence[str] = NAMES) -> list[Part]:
    """Return the parts of those names; UsageError for one that does not exist."""
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        raise UsageError(f"--part {unknown[0]}: no such part, expected {', '.join(NAMES)}")
    return [importlib.import_module(f"verdict_study.{name}").part() for name in names]

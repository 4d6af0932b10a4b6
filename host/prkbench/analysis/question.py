"""What a run is examined against."""

from __future__ import annotations

from dataclasses import dataclass

from prkbench.analysis.conversion import Conversion
from prkbench.rig import Rig


@dataclass(frozen=True)
class Question:
    """The rig (None: no prediction), the conversion to the PrK, whether to verify or analyse."""

    rig: Rig | None
    conversion: Conversion
    verify: bool
    limit_kg_per_s: float | None = None

"""What a run is examined against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from prkbench.analysis.conversion import Conversion
from prkbench.rig import Rig
from prkbench.units import to_lb_per_day

if TYPE_CHECKING:
    from prkbench.analysis.conclude import Earlier


@dataclass(frozen=True)
class Question:
    """The rig (None: no prediction), the conversion to the PrK, whether to verify or analyse.

    earlier: what an earlier test of the same volume gave.
    """

    rig: Rig | None
    conversion: Conversion
    verify: bool
    limit_kg_per_s: float | None = None
    earlier: Earlier | None = None

    @property
    def limit_lb_per_day(self) -> float | None:
        """The user's limit as reports tell it, None for none."""
        return None if self.limit_kg_per_s is None else to_lb_per_day(self.limit_kg_per_s)

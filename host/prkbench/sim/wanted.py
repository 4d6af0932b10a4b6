"""From an equivalent rate of the PrK to the flow that a bench's element must pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from prkbench.analysis.conversion import Conversion
from prkbench.errors import UsageError
from prkbench.sim.elements import NEEDLE_BORES_MM, ViscousCapillary
from prkbench.sim.gas import CRITICAL_RATIO
from prkbench.sim.rig_element import flow_of_decay

Mode = Literal["A", "B", "C"]

NOMINAL_PA: dict[Mode, tuple[float, float]] = {
    "A": (120000.0, 100000.0),
    "B": (30000.0, 100000.0),
    "C": (101300.0, 500.0),
}
"""Chamber and reference pressure at the start: pressurised, evacuated, outlet pumped."""


@dataclass(frozen=True)
class BenchEnds:
    """A bench's chamber and what its element leads to, at the start."""

    volume_m3: float
    chamber_pa: float
    reference_pa: float
    temperature_k: float
    acceleration: float

    @property
    def upstream_pa(self) -> float:
        """The higher pressure."""
        return max(self.chamber_pa, self.reference_pa)

    @property
    def downstream_pa(self) -> float:
        """The lower pressure."""
        return min(self.chamber_pa, self.reference_pa)

    def flow_for(self, rate_kg_per_s: float, *, hole: bool = False) -> float:
        """Flow (kg/s, positive) whose decay constant is that of the PrK at this rate, times a.

        `hole`: the element is one whose flow is choked where it can be; its decay is counted from
        zero pressure, that of all others from the reference.
        """
        choked = hole and self.reference_pa <= CRITICAL_RATIO * self.chamber_pa
        k = Conversion(acceleration=self.acceleration).k_per_s(rate_kg_per_s)
        flow = flow_of_decay(
            k,
            "choked" if choked else "linear",
            self.volume_m3,
            self.chamber_pa,
            self.reference_pa,
            self.temperature_k,
        )
        return abs(flow)

    def rate_of(self, flow_kg_per_s: float, *, hole: bool = False) -> float:
        """PrK-equivalent rate, kg/s, of an element that passes this flow here."""
        return flow_kg_per_s / self.flow_for(1.0, hole=hole)


@dataclass(frozen=True)
class NeedleChoice:
    """One gauge: the needle that passes the flow, or why there is none."""

    gauge: str
    bore_m: float
    needle: ViscousCapillary | None
    warnings: tuple[str, ...]


def needles_for(
    flow_kg_per_s: float, upstream_pa: float, downstream_pa: float, temperature_k: float
) -> list[NeedleChoice]:
    """Return for every gauge the length that passes this flow, end losses included."""
    at = (upstream_pa, downstream_pa, temperature_k)
    choices = []
    for gauge, bore_mm in NEEDLE_BORES_MM.items():
        bore = bore_mm * 1e-3
        needle: ViscousCapillary | None = None
        try:
            needle = ViscousCapillary.for_flow(flow_kg_per_s, *at, diameter_m=bore, ends=True)
            needle.refuse_invalid(*at)
            warnings = needle.validity(*at)
        except UsageError as error:
            needle, warnings = None, [str(error)]
        choices.append(NeedleChoice(gauge, bore, needle, tuple(warnings)))
    return choices

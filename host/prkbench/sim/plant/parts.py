"""What a plant is made of: vessels, the ends outside, what joins them, controllers and sun."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from prkbench.errors import UsageError
from prkbench.sim.elements import Element
from prkbench.sim.plant.bounds import ANY, NOT_NEGATIVE, POSITIVE, POSITIVE_OR_INF, check


@dataclass(frozen=True)
class Vessel:
    """A volume of gas with its wall, as it is at time zero.

    `gas_tau_s` couples gas to wall at the initial mass (0 isothermal, infinity adiabatic),
    `wall_tau_s` the wall to the room (infinity: the wall keeps its temperature). `wall_k` is the
    wall's start, the gas's temperature unless given. The residual is an Ornstein-Uhlenbeck
    temperature that pressure follows and no sensor sees.

    `loss_kg_per_s` leaves whatever the pressure, such as a station's known loss. The volume is
    V (1 + creep_per_s t + compliance_per_pa (p - pressure_pa) + thermal_expansion_per_k (T_wall -
    temperature_k)). `sorption_kg` of vapour (as the air of the same pressure) comes off the walls
    with the time constant `sorption_tau_s`, or goes onto them where negative.
    """

    name: str
    volume_m3: float
    pressure_pa: float
    temperature_k: float = 295.0
    gas_tau_s: float = 150.0
    wall_tau_s: float = 1800.0
    residual_rms_k: float = 0.0
    residual_tau_s: float = 1800.0
    loss_kg_per_s: float = 0.0
    creep_per_s: float = 0.0
    compliance_per_pa: float = 0.0
    thermal_expansion_per_k: float = 0.0
    wall_k: float | None = None
    sorption_kg: float = 0.0
    sorption_tau_s: float = 86400.0

    def __post_init__(self) -> None:
        check(
            self,
            {
                "volume_m3": POSITIVE,
                "pressure_pa": POSITIVE,
                "temperature_k": POSITIVE,
                "gas_tau_s": (0.0, True, True),
                "wall_tau_s": POSITIVE_OR_INF,
                "residual_rms_k": NOT_NEGATIVE,
                "residual_tau_s": POSITIVE,
                "loss_kg_per_s": ANY,
                "creep_per_s": ANY,
                "compliance_per_pa": NOT_NEGATIVE,
                "thermal_expansion_per_k": ANY,
                "sorption_kg": ANY,
                "sorption_tau_s": POSITIVE,
            },
        )
        if self.wall_k is not None:
            check(self, {"wall_k": POSITIVE})


@dataclass(frozen=True)
class Reservoir:
    """An end that nothing on the bench can change.

    `pressure`: the weather's ("ambient"), none at all ("vacuum"), or a figure in Pa such as a
    pumped outlet's. `temperature_k` is that of gas that comes out of it, the room's if None.
    """

    name: str
    pressure: Literal["ambient", "vacuum"] | float = "ambient"
    temperature_k: float | None = None

    def __post_init__(self) -> None:
        if isinstance(self.pressure, str):
            if self.pressure not in ("ambient", "vacuum"):
                raise UsageError(
                    f"Reservoir {self.name!r}: pressure is {self.pressure!r}, "
                    "expected 'ambient', 'vacuum' or a figure in Pa"
                )
        else:
            check(self, {"pressure": NOT_NEGATIVE})
        if self.temperature_k is not None:
            check(self, {"temperature_k": POSITIVE})


@dataclass(frozen=True)
class Passage:
    """A leak or a valve between two vessels or reservoirs; flow counts from `a` to `b`."""

    name: str
    element: Element
    a: str
    b: str
    open: bool = True


@dataclass(frozen=True)
class Hold:
    """A controller: when the vessel's pressure falls to `low_pa`, it is filled to `high_pa`.

    It works from `from_s` until `to_s`; each fill is adiabatic and at once, as by `Fill`.
    """

    vessel: str
    low_pa: float
    high_pa: float
    from_s: float = 0.0
    to_s: float = math.inf
    supply_k: float = 295.0

    def __post_init__(self) -> None:
        check(
            self,
            {
                "low_pa": POSITIVE,
                "high_pa": (self.low_pa, False, False),
                "from_s": NOT_NEGATIVE,
                "to_s": (self.from_s, False, True),
                "supply_k": POSITIVE,
            },
        )


@dataclass(frozen=True)
class SunPatch:
    """Sun on one vessel's wall, or on the sensor in one place, at the same hour of every day.

    It begins `from_s` into each `every_s` and lasts `for_s`. The temperature that the wall is
    drawn to (or the air at the sensor) rises by `peak_k` in the middle, as a sine squared.
    """

    place: str
    peak_k: float
    from_s: float
    for_s: float
    on: Literal["wall", "sensor"] = "wall"
    every_s: float = 86400.0

    def __post_init__(self) -> None:
        if self.on not in ("wall", "sensor"):
            raise UsageError(
                f"SunPatch on {self.place!r}: on is {self.on!r}, expected 'wall' or 'sensor'"
            )
        check(
            self,
            {
                "peak_k": ANY,
                "from_s": NOT_NEGATIVE,
                "for_s": (60.0, True, False),
                "every_s": (self.from_s + self.for_s, True, False),
            },
        )

"""The `[[board.valves]]` and `[hold]` tables of a rig file: what the node opens, and why."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from prkbench.quantities import Length, PositiveDuration, PositivePressure, Table
from prkbench.sim.elements import Orifice
from prknode.settings import MAX_PA

_LEAST_HOLD_PA = 30000.0
_NARROWEST_PA = 20.0


class Valve(Table):
    """A valve on one of the board's pins: FILL lets gas in, VENT lets it out where the leak ends.

    diameter: of its opening, a sharp orifice with the discharge coefficient cd; supply: the
    regulated pressure before a FILL.
    """

    role: Literal["fill", "vent"]
    pin: int = Field(ge=0, le=63)
    diameter_m: Length = Field(5e-5, alias="diameter", gt=0.0)
    cd: float = Field(0.8, gt=0.0, le=1.0)
    supply_pa: PositivePressure | None = Field(None, alias="supply")

    @model_validator(mode="after")
    def _supplied(self) -> Self:
        if (self.supply_pa is None) != (self.role == "vent"):
            raise ValueError("a fill valve needs its supply pressure, a vent valve has none")
        return self

    def build(self) -> Orifice:
        """Return the simulator's element for the open valve."""
        return Orifice(self.diameter_m, self.cd)


class Board(Table):
    """The board's own part of a rig: its valves, in the order of their SCPI numbers."""

    valves: tuple[Valve, ...] = ()

    @model_validator(mode="after")
    def _pins_differ(self) -> Self:
        pins = [valve.pin for valve in self.valves]
        if len(set(pins)) != len(pins):
            raise ValueError("two valves have the same pin")
        return self

    @property
    def supply_pa(self) -> float | None:
        """Pressure before the first FILL, None where there is no such valve."""
        return next((v.supply_pa for v in self.valves if v.role == "fill"), None)


class Hold(Table):
    """The band that the node holds the chamber in, by small represses through its FILL.

    opening_limit: how long a FILL may be open at a time; represses_per_hour: more end the hold.
    """

    low_pa: PositivePressure = Field(alias="low")
    high_pa: PositivePressure = Field(alias="high")
    opening_limit_s: PositiveDuration = Field(10.0, alias="opening_limit", ge=0.1, le=600.0)
    represses_per_hour: int = Field(12, ge=1, le=60)

    @model_validator(mode="after")
    def _a_band(self) -> Self:
        low, high = self.low_pa, self.high_pa
        if low < _LEAST_HOLD_PA or high > MAX_PA or high - low < _NARROWEST_PA:
            raise ValueError(
                f"{low / 100:g} to {high / 100:g} hPa: expected {_LEAST_HOLD_PA / 100:g} to "
                f"{MAX_PA / 100:g} hPa, low below high by {_NARROWEST_PA:g} Pa at the least"
            )
        return self

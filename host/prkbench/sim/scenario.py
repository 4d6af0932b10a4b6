"""A scenario: what happened (the truth), what the operator could see, and what must follow.

A scenario is told at two scales, each a `Stage`: the PrK itself, seen by a gauge that is read every
few hours, and the bench, seen by the node's sensors. Everything is in SI units; the files and the
errors about them are `scenario_library`'s.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from prkbench.errors import UsageError
from prkbench.quantities import (
    Duration,
    Frequency,
    MassRate,
    PositiveDuration,
    PositivePressure,
    Pressure,
    PressureOffset,
    Table,
    Temperature,
    TemperatureDifference,
    TemperatureSpread,
    Volume,
)
from prkbench.rig import Role

Word = Literal[
    "NO VERDICT YET", "LEAK", "SEALED", "REDUCED", "UNCHANGED", "INCREASED", "RETURNED", "MASKED",
    "HATCH ONLY", "THERMAL", "VOLUME CHANGED", "SENSOR", "DISTURBED", "CANNOT TELL",
    "CANNOT VERIFY",
]  # fmt: skip
"""The whole vocabulary of conclusions."""

FlowLaw = Literal["viscous", "choked", "linear", "open"]
LOG_WORDS = ("HATCH SHUT", "HATCH OPENED", "REPRESS", "VENT", "VALVE", "STEP", "NOTE")
LONGEST_LOG = 52
"""Bytes of a note that the node's event record holds."""


def _log_entry(value: object) -> object:
    if not isinstance(value, str) or not value.startswith(LOG_WORDS):
        raise ValueError(f"{value!r}: expected text that begins with {', '.join(LOG_WORDS)}")
    if len(value.encode()) > LONGEST_LOG:
        raise ValueError(f"{value!r} is too long, expected at most {LONGEST_LOG} bytes")
    return value


LogEntry = Annotated[str, BeforeValidator(_log_entry)]


class Conclusion(Table):
    """What a correct analysis must say: verdict words that stand together, and in words.

    `also` are words that are right, too, alone; `never` those that are wrong beside any other.
    """

    verdicts: tuple[Word, ...] = Field(min_length=1)
    also: tuple[Word, ...] = ()
    never: tuple[Word, ...] = ()
    text: str = Field(min_length=1)


class VesselTruth(Table):
    """A volume of gas. `loss` is a steady loss that is no leak under test."""

    volume_m3: Volume = Field(alias="volume")
    pressure_pa: PositivePressure = Field(alias="pressure")
    temperature_k: Temperature = Field(295.0, alias="temperature")
    gas_tau_s: Duration | None = Field(None, alias="gas_tau")
    wall_tau_s: PositiveDuration | None = Field(None, alias="wall_tau")
    residual_k: TemperatureSpread | None = Field(None, alias="residual")
    loss_kg_per_s: MassRate | None = Field(None, alias="loss")


class ReservoirTruth(Table):
    """Gas that nothing on the stage can change; `vacuum` and `ambient` need no table."""

    pressure_pa: Pressure = Field(alias="pressure")


class PathTruth(Table):
    """A leak or a hatch. The rate is the PrK's at 101.3 kPa into vacuum; none for no leak.

    `open` as a law is an open hatch, which no rate describes.
    """

    source: str = Field(alias="from")
    to: str
    law: FlowLaw = "viscous"
    rate_kg_per_s: MassRate | None = Field(None, alias="rate")
    shut: bool = False

    @model_validator(mode="after")
    def _rated(self) -> Self:
        if self.law == "open" and self.rate_kg_per_s is not None:
            raise ValueError("an open hatch has no rate, leave it out or name a flow law")
        return self


class Room(Table):
    """Temperature and weather around the vessels; swings are peak to peak."""

    temperature_k: Temperature = Field(295.0, alias="temperature")
    hvac_k: TemperatureSpread = Field(0.0, alias="hvac")
    day_k: TemperatureSpread = Field(0.0, alias="day")
    ambient_pa: PositivePressure = Field(101325.0, alias="ambient")
    weather_pa_per_sqrt_h: float = Field(0.0, ge=0.0, alias="weather_pa_per_sqrt_h")


class _Event(Table):
    """Something that happens at a time; `log` is what the operator wrote down, if anything."""

    t_s: Duration = Field(alias="at")
    log: LogEntry | None = None


class NoteEvent(_Event):
    """Nothing happens, but the operator notes something."""

    do: Literal["note"]


class LevelEvent(_Event):
    """The vessel is filled or vented at once."""

    do: Literal["fill", "vent"]
    vessel: str
    to_pa: PositivePressure = Field(alias="to")


class ValveEvent(_Event):
    """A path is opened or shut."""

    do: Literal["open", "shut"]
    path: str


class RateEvent(_Event):
    """A leak changes; `until` makes it a ramp from the rate before, else it is a step."""

    do: Literal["rate"]
    path: str
    rate_kg_per_s: MassRate | None = Field(None, alias="rate")
    until_s: PositiveDuration | None = Field(None, alias="until")


class VolumeEvent(_Event):
    """A hatch to another volume is opened (or shut): the vessel's volume from here on.

    The added volume comes at the vessel's own pressure and temperature.
    """

    do: Literal["volume"]
    vessel: str
    volume_m3: Volume = Field(alias="to")


class RoomEvent(_Event):
    """The room's temperature changes: at once, or over a time; for good, or decaying with tau."""

    do: Literal["room"]
    change_k: TemperatureDifference = Field(alias="change")
    over_s: PositiveDuration | None = Field(None, alias="over")
    tau_s: PositiveDuration | None = Field(None, alias="tau")


class HoldEvent(_Event):
    """From here on the vessel is repressed to `high` whenever it has fallen to `low`."""

    do: Literal["hold"]
    vessel: str
    low_pa: PositivePressure = Field(alias="low")
    high_pa: PositivePressure = Field(alias="high")
    until_s: PositiveDuration | None = Field(None, alias="until")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.low_pa < self.high_pa:
            raise ValueError("low must be below high")
        return self


Event = Annotated[
    NoteEvent | LevelEvent | ValveEvent | RateEvent | VolumeEvent | RoomEvent | HoldEvent,
    Field(discriminator="do"),
]


class Stage(Table):
    """One scale of a scenario: the truth, and what of it the operator is told.

    `assumed` lists what the public record does not give; `logged` false loses the event log;
    `after` names the scenario whose result, at the same scale, the operator knows already;
    `told_volume` is that of the vessel which the rates are about, 4 m3 for the PrK.
    """

    duration_s: PositiveDuration = Field(alias="duration")
    vessels: dict[str, VesselTruth] = Field(min_length=1)
    reservoirs: dict[str, ReservoirTruth] = Field(default_factory=dict)
    paths: dict[str, PathTruth] = Field(default_factory=dict)
    room: Room = Room()
    events: tuple[Event, ...] = ()
    assumed: tuple[str, ...] = ()
    logged: bool = True
    conclusion: Conclusion | None = None
    after: str | None = None
    volume_m3: Volume = Field(4.0, alias="told_volume")

    @model_validator(mode="after")
    def _joined(self) -> Self:
        ends = {*self.vessels, *self.reservoirs, "vacuum", "ambient"}
        for name, path in self.paths.items():
            for end in (path.source, path.to):
                if end not in ends:
                    raise ValueError(f"path '{name}' ends in '{end}', expected {_listed(ends)}")
        for number, event in enumerate(self.events, 1):
            self._check_event(number, event)
        return self

    def _check_event(self, number: int, event: Any) -> None:
        where = f"event {number} ({event.do})"
        if event.t_s >= self.duration_s:
            raise ValueError(f"{where} is after the end, expected a time below the duration")
        for key, known in (("vessel", self.vessels), ("path", self.paths)):
            name = getattr(event, key, None)
            if name is not None and name not in known:
                raise ValueError(f"{where} names no {key} '{name}', expected {_listed(known)}")
        until = getattr(event, "until_s", None)
        if until is not None and until <= event.t_s:
            raise ValueError(f"{where} ends before it begins, expected until above at")


def _listed(names: Any) -> str:
    return "one of " + ", ".join(sorted(names)) if names else "none: there are none"


class GaugeView(Table):
    """The gauge somebody reads: where, how fine, how often, and what is wrong with it."""

    vessel: str
    resolution_pa: PositivePressure = Field(alias="resolution")
    every_s: PositiveDuration = Field(14400.0, alias="every")
    offset_pa: PressureOffset = Field(0.0, alias="offset")
    drift_pa_per_year: float = Field(0.0, allow_inf_nan=False)
    sticks_from_s: Duration | None = Field(None, alias="sticks_from")


class ThermometerView(Table):
    """Temperature readings taken with the gauge's; their resolution."""

    vessel: str
    resolution_k: TemperatureSpread = Field(alias="resolution")


class PrkStage(Stage):
    """PrK scale: readings of a gauge. `swing` is the temperature swing that nobody measured."""

    gauge: GaugeView
    thermometer: ThermometerView | None = None
    swing_k: TemperatureSpread = Field(1.0, alias="swing")

    @model_validator(mode="after")
    def _placed(self) -> Self:
        for view in (self.gauge, self.thermometer):
            if view is not None and view.vessel not in self.vessels:
                raise ValueError(
                    f"no vessel '{view.vessel}' to read, expected {_listed(self.vessels)}"
                )
        return self


class SensorFaultTruth(Table):
    """What is wrong with one sensor of the bench, from a time on."""

    sensor: Role
    kind: Literal["drift", "stick", "offset"]
    from_s: Duration = Field(0.0, alias="from")
    offset_pa: PressureOffset = Field(0.0, alias="offset")
    drift_pa_per_year: float = Field(0.0, allow_inf_nan=False)


class BenchStage(Stage):
    """Bench scale: the rig that is built for it, and the sensors on it.

    The chamber is the vessel called "chamber"; `sensors` are roles, each in the place of its name.
    Rates are brought to the bench by the acceleration and the volume under test: the same decay
    constant as in the vessel of `told_volume`, `acceleration` times as fast, between `rated_from`
    and `rated_to`.
    """

    mode: Literal["A", "B", "C"]
    acceleration: float = Field(gt=0.0, allow_inf_nan=False)
    rated_from_pa: PositivePressure = Field(alias="rated_from")
    rated_to_pa: Pressure = Field(alias="rated_to")
    sensors: tuple[Role, ...] = ("chamber", "ambient")
    rate_hz: Frequency = Field(1.0, alias="rate")
    offsets_within_pa: Pressure = Field(50.0, alias="offsets_within")
    limit_kg_per_s: MassRate | None = Field(None, alias="limit")
    faults: tuple[SensorFaultTruth, ...] = ()

    @model_validator(mode="after")
    def _placed(self) -> Self:
        if "chamber" not in self.vessels:
            raise ValueError("no vessel 'chamber', expected one: it is what the node tests")
        places = {*self.vessels, *self.reservoirs, "ambient"}
        for role in self.sensors:
            if role not in places:
                raise ValueError(f"no place for the sensor '{role}', expected {_listed(places)}")
        for fault in self.faults:
            if fault.sensor not in self.sensors:
                raise ValueError(
                    f"fault of a sensor '{fault.sensor}' that is not there, "
                    f"expected {_listed(self.sensors)}"
                )
        return self

    @property
    def tested_m3(self) -> float:
        """Volume under test: the chamber, and the vessels that open hatches join to it."""
        joined = {"chamber"}
        hatches = [
            {path.source, path.to}
            for path in self.paths.values()
            if path.law == "open" and not path.shut and {path.source, path.to} <= set(self.vessels)
        ]
        for _ in hatches:
            joined.update(*(ends for ends in hatches if ends & joined))
        return sum(self.vessels[name].volume_m3 for name in joined)


class Scenario(Table):
    """One variant of one scenario; `name` is how it is asked for, such as "E5c"."""

    name: str
    title: str = Field(min_length=1)
    story: str = Field(min_length=1)
    conclusion: Conclusion
    prk: PrkStage | None = None
    bench: BenchStage | None = None

    def stage(self, scale: str) -> PrkStage | BenchStage:
        """Return the scale "prk" or "bench"; UsageError where the scenario does not have it."""
        found = {"prk": self.prk, "bench": self.bench}.get(scale)
        if found is None:
            there = [name for name in ("prk", "bench") if getattr(self, name) is not None]
            raise UsageError(f"{self.name} has no scale '{scale}', expected {' or '.join(there)}")
        return found

    def required(self, scale: str) -> Conclusion:
        """Return what must be concluded at that scale."""
        return self.stage(scale).conclusion or self.conclusion

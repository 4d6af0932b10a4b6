"""The rig file: what stands on the bench, with units as text, and the PrK it stands for.

TOML in, one validated object in SI units out. Errors are UsageError and name the file, the dotted
key, its line, what was found and what was expected.
"""

import difflib
import itertools
import tomllib
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from prkbench import toml_text
from prkbench.calibration.table import SealedRun
from prkbench.element_tables import ELEMENT_TABLES, Element
from prkbench.errors import UsageError
from prkbench.law import Law, nearest_law
from prkbench.quantities import (
    Decay,
    Duration,
    Frequency,
    MassRate,
    PositiveDuration,
    PositivePressure,
    Pressure,
    PressureOffset,
    Relative,
    Table,
    Temperature,
    TemperatureSpread,
    Volume,
)
from prkbench.valve_tables import Board, Hold, Valve

Oversampling = Literal[1, 2, 4, 8, 16, 32]
Role = Literal["chamber", "ambient", "outlet", "twin", "station", "spare"]


class Chamber(Table):
    """The vessel: volume with its standard relative uncertainty, and the nominal start."""

    volume_m3: Volume = Field(5e-3, alias="volume")
    volume_uncertainty: Relative = 0.005
    temperature_k: Temperature = Field(295.0, alias="temperature")
    pressure_pa: PositivePressure = Field(120000.0, alias="pressure")
    reference_pressure_pa: Pressure = Field(100000.0, alias="reference_pressure")


class Prk(Table):
    """The compartment that the bench stands for; its volume is known as a range only."""

    volume_m3: Volume = Field(4.0, alias="volume")
    volume_low_m3: Volume = Field(2.1, alias="volume_low")
    volume_high_m3: Volume = Field(7.4, alias="volume_high")
    temperature_k: Temperature = Field(295.0, alias="temperature")
    pressure_pa: PositivePressure = Field(101325.0, alias="pressure")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.volume_low_m3 <= self.volume_m3 <= self.volume_high_m3:
            raise ValueError("volume must lie between volume_low and volume_high")
        return self


class Node(Table):
    """Settings of the node: sampling, the estimator's window and what is known of the sensors."""

    rate_hz: Frequency = Field(5.0, alias="rate")
    oversampling_pressure: Oversampling = 16
    oversampling_temperature: Oversampling = 2
    window_s: PositiveDuration = Field(21600.0, alias="window")
    correlation_time_s: Duration = Field(3600.0, alias="correlation_time")
    lag_s: Duration = Field(240.0, alias="lag")
    sealed_se_per_s: Decay | None = Field(None, alias="sealed_se")
    roles: tuple[Role, ...] = ("chamber", "ambient")
    offsets_pa: tuple[PressureOffset, ...] | None = Field(None, alias="offsets")

    @model_validator(mode="after")
    def _sensors(self) -> Self:
        if not 1 <= len(self.roles) <= 4:
            raise ValueError("roles names one to four sensors")
        if len(set(self.roles)) != len(self.roles):
            raise ValueError("roles names one sensor twice")
        if self.roles[0] != "chamber":
            raise ValueError("roles must begin with 'chamber'")
        if self.offsets_pa is not None and len(self.offsets_pa) != len(self.roles):
            raise ValueError(f"offsets must have one entry per role, {len(self.roles)} in all")
        return self


class Limit(Table):
    """The user's limit, if he has one; prkbench never invents it."""

    rate_kg_per_s: MassRate | None = Field(None, alias="rate")
    minimum_pressure_pa: PositivePressure | None = Field(None, alias="minimum_pressure")


class Risk(Table):
    """The user's own 5 x 5 risk matrix; prkbench fills it in and never makes one up.

    likelihood: four rising probabilities, consequence: four rising PrK-equivalent rates, each
    parting five classes; ratings: his word for each cell, a row per likelihood, lowest first.
    """

    likelihood: tuple[Relative, Relative, Relative, Relative]
    consequence_kg_per_s: tuple[MassRate, MassRate, MassRate, MassRate] = Field(alias="consequence")
    ratings: tuple[tuple[str, ...], ...] | None = None

    @model_validator(mode="after")
    def _rising(self) -> Self:
        for name, edges in (
            ("likelihood", self.likelihood),
            ("consequence", self.consequence_kg_per_s),
        ):
            if any(high <= low for low, high in itertools.pairwise(edges)):
                raise ValueError(f"{name} must rise from edge to edge")
        if self.likelihood[0] <= 0.0 or self.likelihood[-1] > 1.0:
            raise ValueError("likelihood must lie above 0 and not above 100 %")
        if self.ratings is not None and [len(row) for row in self.ratings] != [5] * 5:
            raise ValueError("ratings must be five rows of five words")
        return self


class Imposed(Table):
    """A leak of known size opened during the run, to verify the test by: PrK-equivalent rates.

    mark: the words of the MARK that the operator sent when it was opened.
    """

    rate_kg_per_s: MassRate = Field(alias="rate")
    allowed_kg_per_s: MassRate = Field(alias="allowed")
    mark: str = Field("imposed leak", min_length=1)


class Sensors(Table):
    """What is known of the sensors' agreement with one another."""

    null_uncertainty_pa: Pressure = Field(50.0, alias="null_uncertainty")


class Residual(Table):
    """The gas's mean temperature that no sensor sees: it, not the sensor, limits a bench."""

    rms_k: TemperatureSpread = Field(0.010, alias="rms")
    correlation_time_s: PositiveDuration = Field(1800.0, alias="correlation_time")


class RigHead(Table):
    """Name, mode (A pressurised, B evacuated, C outlet pumped) and time acceleration."""

    name: str = Field(min_length=1)
    mode: Literal["A", "B", "C"] = "A"
    acceleration: float = Field(10.0, gt=0.0, allow_inf_nan=False)
    notes: str | None = None


class Rig(Table):
    """A whole rig file in SI units; the attributes are its tables."""

    rig: RigHead
    chamber: Chamber = Chamber()
    element: Element
    prk: Prk = Prk()
    node: Node = Node()
    limit: Limit = Limit()
    risk: Risk | None = None
    imposed: Imposed | None = None
    sensors: Sensors = Sensors()
    residual: Residual = Residual()
    sealed_run: SealedRun | None = None
    board: Board | None = None
    hold: Hold | None = None

    @model_validator(mode="after")
    def _can_be_held(self) -> Self:
        if self.hold is None:
            return self
        supply = self.board.supply_pa if self.board else None
        if supply is None:
            raise ValueError("a hold needs a valve to let gas in: add [[board.valves]] role 'fill'")
        if supply <= self.hold.high_pa:
            raise ValueError(
                f"hold.high is {self.hold.high_pa / 100:g} hPa, the fill valve's supply "
                f"{supply / 100:g} hPa: expected a supply above it"
            )
        return self

    @model_validator(mode="after")
    def _mode_fits(self) -> Self:
        inside, outside = self.chamber.pressure_pa, self.chamber.reference_pressure_pa
        if self.rig.mode in ("A", "C") and inside <= outside:
            raise ValueError(
                f"mode {self.rig.mode} leaks out: chamber.pressure must be above "
                "chamber.reference_pressure"
            )
        if self.rig.mode == "B" and inside >= outside:
            raise ValueError(
                "mode B leaks in: chamber.pressure must be below chamber.reference_pressure"
            )
        if self.rig.mode == "B" and self.element.law == "choked":
            raise ValueError(
                "mode B: what chokes on its way in flows at a constant rate, there is no decay to "
                "measure: write law = 'orifice', or use mode A or C"
            )
        if self.rig.mode == "C" and outside > 1000.0:
            raise ValueError("mode C has a pumped outlet: chamber.reference_pressure <= 10 hPa")
        return self

    @model_validator(mode="after")
    def _element_reaches(self) -> Self:
        reach = self.element.build().largest_difference_pa
        difference = abs(self.chamber.pressure_pa - self.chamber.reference_pressure_pa)
        if difference > reach:
            raise ValueError(
                f"the element is calibrated to {reach:g} Pa, chamber.pressure and "
                f"chamber.reference_pressure are {difference:g} Pa apart: calibrate it up to there"
            )
        return self

    @property
    def law(self) -> Law:
        """The law that the node follows: the one the element states, else the nearest.

        Nearest at the rig's nominal pressures and on the first 70 % of the way to the reference;
        choked is one of them only where gas leaves the chamber and is choked at the start.
        """
        stated = self.element.stated_law
        if stated is not None:
            return stated
        element = self.element.build()
        start, end = self.chamber.pressure_pa, self.chamber.reference_pressure_pa
        at = [start + part * (end - start) for part in (0.0, 0.25, 0.5, 0.7)]
        kelvin = self.chamber.temperature_k
        flows = [element.mass_flow(p, end, kelvin) for p in at]
        choked = element.regime(start, end, kelvin) == "choked"
        return nearest_law(at, end, flows, self.norm_pressure_pa, choked=choked)

    @property
    def element_text(self) -> str:
        """The element on one line, without its uncertainty: the same text, the same element."""
        table = self.element.model_dump(by_alias=True, mode="json", exclude_none=True)
        return ", ".join(f"{key} {value}" for key, value in table.items() if key != "uncertainty")

    @property
    def acceleration(self) -> float:
        """How many times faster than the PrK the bench decays."""
        return self.rig.acceleration

    @property
    def norm_pressure_pa(self) -> float:
        """p_N = (p + p_ref)/2 at the nominal start, which normalises the viscous law."""
        return (self.chamber.pressure_pa + self.chamber.reference_pressure_pa) / 2.0

    def to_toml(self) -> str:
        """Return the rig as TOML text; reading it again gives an equal object."""
        tables: dict[str, dict[str, Any]] = self.model_dump(
            by_alias=True, mode="json", exclude_none=True
        )
        return toml_text.dump({name: table for name, table in tables.items() if table})


def default_rig() -> Rig:
    """Return the documented bench: 5 L at 1200 hPa, a = 10, an element of 1 lb/day-equivalent."""
    return Rig.model_validate(
        {
            "rig": {"name": "bench"},
            "element": {"law": "linear", "conductance": "5.484e-8 m3/s"},
        }
    )


def load_rig(path: Path) -> Rig:
    """Read and check a rig file; UsageError names the file, key, line and what was expected."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UsageError(f"{path}: no such rig file, name one that exists") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot read the rig file as UTF-8 text: {error}") from None
    return parse_rig(text, str(path))


def parse_rig(text: str, name: str) -> Rig:
    """Check the TOML ``text`` of a rig; ``name`` stands for the file in messages."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{name}: not valid TOML: {error}") from None
    try:
        return Rig.model_validate(document)
    except ValidationError as error:
        details = error.errors(include_url=False)
        raise UsageError(f"{name}: {_explain(details[0], text)}{_more(len(details))}") from None


def _more(count: int) -> str:
    return "" if count == 1 else f" (and {count - 1} more)"


def _keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or key for key, field in model.model_fields.items()]


_TABLES: dict[str, type[Table]] = {
    "rig": RigHead,
    "chamber": Chamber,
    "prk": Prk,
    "node": Node,
    "limit": Limit,
    "risk": Risk,
    "imposed": Imposed,
    "sensors": Sensors,
    "residual": Residual,
    "board": Board,
    "board.valves": Valve,
    "hold": Hold,
    "sealed_run": SealedRun,
}


def _without_laws(loc: list[str]) -> tuple[list[str], str | None]:
    """Take the laws out that pydantic puts behind each element table; return the last, too."""
    path: list[str] = []
    law = None
    for part in loc:
        in_element = path[:1] == ["element"] and (len(path) == 1 or path[-1].isdecimal())
        if in_element and part in ELEMENT_TABLES and part != law:
            law = part
        else:
            path.append(part)
    return path, law


def _explain(detail: ErrorDetails, text: str) -> str:
    """Return one line for one finding of the validation."""
    loc, law = _without_laws([str(part) for part in detail["loc"]])
    where = ".".join(loc)
    line = toml_text.line_of(text, loc)
    prefix = f"line {line}: {where}: " if line and where else f"{where}: " if where else ""
    kind, found = detail["type"], detail["input"]
    if kind == "extra_forbidden":
        if len(loc) == 1:
            known = list(Rig.model_fields)
        else:
            table = ".".join(loc[:2]) if ".".join(loc[:2]) in _TABLES else loc[0]
            known = _keys(ELEMENT_TABLES[law] if law else _TABLES[table])
        near = difflib.get_close_matches(loc[-1], known, 1)
        hint = f"did you mean '{near[0]}'?" if near else f"expected one of {', '.join(known)}"
        return f"{prefix}unknown key, {hint}"
    if kind == "missing":
        return f"{prefix}missing, add it"
    if kind == "union_tag_not_found":
        return f"{prefix}law is missing, expected one of {', '.join(ELEMENT_TABLES)}"
    if kind == "union_tag_invalid":
        found = detail["ctx"]["tag"]
        return f"{prefix}found {found!r}, expected one of {', '.join(ELEMENT_TABLES)}"
    if kind in ("model_type", "model_attributes_type"):
        return f"{prefix}found {found!r}, expected a table [{where}]"
    message = detail["msg"].removeprefix("Value error, ")
    if kind == "value_error":
        return prefix + message
    return f"{prefix}found {found!r}: {message[0].lower()}{message[1:]}"

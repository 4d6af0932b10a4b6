"""Fields of a rig file: quantities as text with units in the file, SI floats in the object."""

import functools
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from prkbench.errors import UsageError
from prkbench.units import Dimension, parse, to_text


def _read(value: object, dimension: Dimension, positive: bool) -> float:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} has no unit, write text such as '{dimension.example}'")
    try:
        return parse(value, dimension, positive=positive)
    except UsageError as error:
        raise ValueError(str(error)) from None


def _quantity(dimension: Dimension, *, positive: bool = False) -> tuple[Any, Any]:
    """Return the annotations that read text into SI and write SI back as text."""
    return (
        BeforeValidator(functools.partial(_read, dimension=dimension, positive=positive)),
        PlainSerializer(functools.partial(to_text, dimension=dimension), return_type=str),
    )


Pressure = Annotated[float, *_quantity(Dimension.PRESSURE)]
PositivePressure = Annotated[float, *_quantity(Dimension.PRESSURE, positive=True)]
PressureOffset = Annotated[float, *_quantity(Dimension.PRESSURE_DIFFERENCE)]
Temperature = Annotated[float, *_quantity(Dimension.TEMPERATURE)]
TemperatureDifference = Annotated[float, *_quantity(Dimension.TEMPERATURE_DIFFERENCE)]
TemperatureSpread = Annotated[float, *_quantity(Dimension.TEMPERATURE_DIFFERENCE), Field(ge=0.0)]
Volume = Annotated[float, *_quantity(Dimension.VOLUME)]
Duration = Annotated[float, *_quantity(Dimension.DURATION)]
PositiveDuration = Annotated[float, *_quantity(Dimension.DURATION, positive=True)]
Frequency = Annotated[float, *_quantity(Dimension.FREQUENCY)]
Decay = Annotated[float, *_quantity(Dimension.DECAY)]
MassRate = Annotated[float, *_quantity(Dimension.MASS_RATE, positive=True)]
Length = Annotated[float, *_quantity(Dimension.LENGTH)]
Conductance = Annotated[float, *_quantity(Dimension.CONDUCTANCE)]
Throughput = Annotated[float, *_quantity(Dimension.THROUGHPUT)]
Relative = Annotated[float, *_quantity(Dimension.RELATIVE)]


class Table(BaseModel):
    """A table of the rig file: unknown keys are errors, values never change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=False)

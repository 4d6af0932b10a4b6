"""The options that every kind of leak element has: pressures, gas, bench, and what is wanted."""

from __future__ import annotations

from typing import Annotated, get_args

import typer

from prkbench.cli.element_answer import Between
from prkbench.errors import UsageError
from prkbench.flowunits import parse_flow
from prkbench.sim.wanted import NOMINAL_PA, BenchEnds, Mode
from prkbench.units import Dimension, parse

Text = str | None


def conditions(
    upstream: Annotated[
        Text, typer.Option("--upstream", help="Higher pressure; default: the mode's.")
    ] = None,
    downstream: Annotated[
        Text, typer.Option("--downstream", help="Lower pressure; default: the mode's.")
    ] = None,
    temperature: Annotated[str, typer.Option("--temperature", help="Of the gas.")] = "295 K",
    wanted: Annotated[
        Text, typer.Option("--wanted", help='Flow to find the geometry for: "2 lb/day", "1 sccm".')
    ] = None,
    equivalent: Annotated[
        Text, typer.Option("--equivalent", help='The same as a rate of the PrK: "1 lb/day".')
    ] = None,
    acceleration: Annotated[
        float | None, typer.Option("--acceleration", help="Of the bench; default 10.")
    ] = None,
    volume: Annotated[Text, typer.Option("--volume", help="Of the chamber; default 5 L.")] = None,
    mode: Annotated[
        Text,
        typer.Option("--mode", help="A pressurised (default), B evacuated, C outlet pumped."),
    ] = None,
) -> Between:
    """Read the options that every kind of element has."""
    if wanted is not None and equivalent is not None:
        raise UsageError("--wanted is a flow, --equivalent a rate of the PrK: give one of them")
    kelvin = parse(temperature, Dimension.TEMPERATURE)
    chosen = mode_named(mode)
    inside, outside = NOMINAL_PA[chosen]
    high, low = max(inside, outside), min(inside, outside)
    high = high if upstream is None else parse(upstream, Dimension.PRESSURE)
    low = low if downstream is None else parse(downstream, Dimension.PRESSURE)
    if high < low:
        raise UsageError(
            f"--upstream {upstream or f'{high:g} Pa'} is below --downstream "
            f"{downstream or f'{low:g} Pa'}: gas flows from the higher pressure, give both"
        )
    bench = None
    if equivalent is not None or mode is not None or acceleration is not None or volume is not None:
        faster = 10.0 if acceleration is None else acceleration
        if not 0.0 < faster < float("inf"):
            raise UsageError(f"--acceleration {faster:g}: expected a number above zero")
        if high == low:
            raise UsageError(
                f"--upstream and --downstream are both {high:g} Pa: a bench leaks only with a "
                "difference"
            )
        m3 = parse(volume or "5 L", Dimension.VOLUME)
        ends = (low, high) if chosen == "B" else (high, low)
        bench = BenchEnds(m3, *ends, kelvin, faster)
    return Between(
        high,
        low,
        kelvin,
        bench,
        None if wanted is None else parse_flow(wanted),
        None if equivalent is None else parse_flow(equivalent),
    )


def mode_named(text: Text) -> Mode:
    """Return the mode of this name, A where none is given; UsageError names those there are."""
    for mode in get_args(Mode):
        if (text or "A").upper() == mode:
            return mode  # type: ignore[no-any-return]
    raise UsageError(f"--mode {text}: expected A (pressurised), B (evacuated) or C (outlet pumped)")

"""`prk element`: what a leak element passes, and the geometry for a wanted flow."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, get_args, get_type_hints

import typer

from prkbench.analysis.conversion import Conversion
from prkbench.cli.element_answer import Between, Kind, answer, element_asked, show
from prkbench.cli.element_needles import show_needles
from prkbench.cli.element_options import Text, conditions, mode_named
from prkbench.errors import UsageError
from prkbench.rig import load_rig
from prkbench.sim.elements import (
    CalibratedTable,
    Element,
    LaminarSlot,
    LinearConductance,
    MolecularTube,
    Orifice,
    TransitionTube,
    ViscousCapillary,
    needle_bore_m,
)
from prkbench.sim.rig_element import decay_constant, element_of
from prkbench.sim.wanted import BenchEnds, Mode
from prkbench.units import DAY_S, Dimension, parse

app = typer.Typer(
    help="Flow of a leak element between two pressures, or the geometry for a wanted flow.",
    no_args_is_help=False,
)

Diameter = Annotated[Text, typer.Option("--diameter", help='Bore, such as "0.25 mm".')]
Length = Annotated[Text, typer.Option("--length", help='Length, such as "1.06 m".')]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Ends = Annotated[bool, typer.Option("--ends/--no-ends", help="Take off entry and exit losses.")]


def _command(describe: Callable[..., Kind]) -> Callable[..., Kind]:
    """Make a command of a function that describes an element: it gets every common option."""
    own = inspect.signature(describe).parameters
    common = inspect.signature(conditions).parameters

    @functools.wraps(describe)
    def run(**options: Any) -> None:
        as_json = options.pop("as_json")
        kind = describe(**{name: options.pop(name) for name in own})
        if kind.every:
            show_needles(_needle_questions(options), as_json)
            return
        between = conditions(**options)
        show(answer(kind.name, element_asked(kind, between), between), as_json)

    hints = {
        **get_type_hints(conditions, include_extras=True),
        **get_type_hints(describe, include_extras=True),
        "as_json": AsJson,
        "return": None,
    }
    as_json = inspect.Parameter("as_json", inspect.Parameter.KEYWORD_ONLY, default=False)
    run.__annotations__ = hints
    run.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[parameter.name])
            for parameter in (*own.values(), *common.values(), as_json)
        ]
    )
    app.command(describe.__name__)(run)
    return describe


def _size(text: Text) -> float | None:
    return None if text is None else parse(text, Dimension.LENGTH)


def _needed(kind: str, **sizes: float | None) -> None:
    """Raise UsageError for the first dimension that nothing can find."""
    for name, value in sizes.items():
        if value is None:
            raise UsageError(f"{kind}: no --{name}: give it")


def _tube(
    name: str,
    make: Callable[[float, float], Element],
    find: Callable[..., Element],
    diameter: Text,
    length: Text,
) -> Kind:
    """Describe a round tube: whole, or with its bore or its length to be found."""
    d, long = _size(diameter), _size(length)
    if d is not None and long is not None:
        return Kind(name, lambda: make(d, long), None, "--diameter or --length")
    if d is None and long is None:
        _needed(name, diameter=d)
    return Kind(
        name,
        None,
        lambda flow, *at: find(flow, *at, diameter_m=d, length_m=long),
        "--length" if d is not None else "--diameter",
    )


@_command
def orifice(
    diameter: Diameter = None,
    cd: Annotated[float, typer.Option("--cd", help="Discharge coefficient.")] = 0.8,
) -> Kind:
    """A sharp hole, choked or not.

    Example: prk element orifice --diameter "1 mm" --upstream "101.3 kPa" --downstream "0 Pa"
    """
    d = _size(diameter)
    return Kind(
        "orifice",
        None if d is None else lambda: Orifice(d, cd),
        None if d is not None else functools.partial(Orifice.for_flow, cd=cd),
        "--diameter",
        hole=True,
    )


@_command
def capillary(diameter: Diameter = None, length: Length = None, ends: Ends = True) -> Kind:
    """A round tube in laminar flow.

    Example: prk element capillary --diameter "0.25 mm" --equivalent "1 lb/day" --acceleration 100
    """
    return _tube(
        "capillary",
        lambda d, long: ViscousCapillary(d, long, ends=ends),
        functools.partial(ViscousCapillary.for_flow, ends=ends),
        diameter,
        length,
    )


@_command
def slot(
    width: Annotated[Text, typer.Option("--width", help="Visible length of the crack.")] = None,
    gap: Annotated[Text, typer.Option("--gap", help="Its opening.")] = None,
    length: Annotated[Text, typer.Option("--length", help="The way through the wall.")] = None,
    ends: Ends = True,
) -> Kind:
    """A crack in laminar flow.

    Example: prk element slot --width "45 mm" --length "2 mm" --wanted "0.47 kg/day"
    """
    w, h, long = _size(width), _size(gap), _size(length)
    _needed("slot", width=w)
    assert w is not None
    if h is not None and long is not None:
        return Kind("slot", lambda: LaminarSlot(w, h, long, ends=ends), None, "--gap or --length")
    if h is None:
        _needed("slot", length=long)
    return Kind(
        "slot",
        None,
        lambda flow, *at: LaminarSlot.for_flow(
            flow, *at, width_m=w, gap_m=h, length_m=long, ends=ends
        ),
        "--gap" if h is None else "--length",
    )


@_command
def molecular(diameter: Diameter = None, length: Length = None) -> Kind:
    """A tube in free molecular flow: Kn above 1.

    Example: prk element molecular --diameter "1 um" --length "1 mm" --upstream "1 kPa"
    --downstream "0 Pa"
    """
    return _tube("molecular", MolecularTube, MolecularTube.for_flow, diameter, length)


@_command
def tube(diameter: Diameter = None, length: Length = None) -> Kind:
    """A long tube at any rarefaction, by Knudsen's interpolation.

    Example: prk element tube --diameter "5 um" --length "10 mm" --mode C
    """
    return _tube("tube", TransitionTube, TransitionTube.for_flow, diameter, length)


@_command
def conductance(
    value: Annotated[Text, typer.Option("--conductance", help='Such as "5.5e-8 m3/s".')] = None,
) -> Kind:
    """A linear conductance: Q = C (p1 - p2).

    Example: prk element conductance --wanted "2 lb/day" --upstream "101.3 kPa" --downstream "0 Pa"
    """
    if value is None:
        return Kind("conductance", None, LinearConductance.for_flow, "--conductance")
    c = parse(value, Dimension.CONDUCTANCE)
    return Kind("conductance", lambda: LinearConductance(c), None, "--conductance")


@_command
def table(
    point: Annotated[
        list[str] | None,
        typer.Option("--point", help='A calibrated point, "10 kPa: 1e-3 Pa m3/s"; repeat it.'),
    ] = None,
    calibrated_at: Annotated[
        str, typer.Option("--calibrated-at", help="Temperature of the calibration.")
    ] = "295 K",
) -> Kind:
    """A calibrated element: throughput at rising pressure differences.

    Example: prk element table --point "10 kPa: 1e-3 Pa m3/s" --point "20 kPa: 2.1e-3 Pa m3/s"
    """
    differences, throughputs = [], []
    for text in point or []:
        difference, colon, throughput = text.partition(":")
        if not colon:
            raise UsageError(f"--point '{text}': expected such as '10 kPa: 1e-3 Pa m3/s'")
        differences.append(parse(difference, Dimension.PRESSURE, positive=True))
        throughputs.append(parse(throughput, Dimension.THROUGHPUT))
    if not differences:
        raise UsageError("table: no --point: give at least one, '10 kPa: 1e-3 Pa m3/s'")
    made = CalibratedTable(
        tuple(differences),
        tuple(throughputs),
        reference_k=parse(calibrated_at, Dimension.TEMPERATURE),
    )
    return Kind("table", lambda: made, None, "--point")


@_command
def needle(
    gauge: Annotated[Text, typer.Option("--gauge", help="25G to 34G; default: all.")] = None,
    length: Length = None,
) -> Kind:
    """A dispensing needle, end losses taken off; without --gauge, every gauge that would do.

    Example: prk element needle --equivalent "1 lb/day" --acceleration 100 --volume "5 L"
    """
    if gauge is None:
        if length is not None:
            raise UsageError("needle: --length without --gauge: give the gauge, too")
        return Kind("needle", None, None, "--gauge", every=True)
    bore = needle_bore_m(gauge)
    long = _size(length)
    return Kind(
        f"needle {gauge}",
        None if long is None else lambda: ViscousCapillary(bore, long, ends=True),
        None
        if long is not None
        else lambda flow, *at: ViscousCapillary.for_flow(flow, *at, diameter_m=bore, ends=True),
        "--length",
    )


def _needle_questions(options: dict[str, Any]) -> dict[str, Between]:
    """Return the conditions to list needles for: one, or each mode's where none is named."""
    if options["wanted"] is None and options["equivalent"] is None:
        raise UsageError("needle: no --gauge: give it, or give --wanted or --equivalent")
    if options["mode"] or options["upstream"] or options["downstream"]:
        return {mode_named(options["mode"]): conditions(**options)}
    return {mode: conditions(**{**options, "mode": mode}) for mode in get_args(Mode)}


@app.callback(invoke_without_command=True)
def of_rig(
    context: typer.Context,
    rig: Annotated[Path | None, typer.Option("--rig", help="The element of this rig file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Flow of a leak element between two pressures, or the geometry for a wanted flow.

    Name a kind of element, or a rig file: prk element --rig bench.toml
    """
    if context.invoked_subcommand is not None:
        if rig is not None:
            raise UsageError(
                f"--rig {rig} and the kind {context.invoked_subcommand}: give one of them"
            )
        return
    if rig is None:
        raise UsageError(
            f"no element: name a kind ({', '.join(c.name or '' for c in app.registered_commands)}) "
            "or a rig file with --rig"
        )
    chosen = load_rig(rig)
    made, chamber = element_of(chosen), chosen.chamber
    bench = BenchEnds(
        chamber.volume_m3,
        chamber.pressure_pa,
        chamber.reference_pressure_pa,
        chamber.temperature_k,
        chosen.acceleration,
    )
    between = Between(bench.upstream_pa, bench.downstream_pa, chamber.temperature_k)
    k = decay_constant(made, chosen, chamber.volume_m3)
    prk = Conversion.from_rig(chosen)
    show(
        {
            **answer(f"the element of {chosen.rig.name}", made, between),
            "node_law": chosen.law,
            "k_per_s": k,
            "uncertainty": chosen.element.uncertainty,
            "volume_m3": chamber.volume_m3,
            "acceleration": chosen.acceleration,
            "equivalent_lb_per_day": prk.rate_lb_per_day(k),
            "equivalent_kg_per_day": prk.rate_kg_per_s(k) * DAY_S,
            "equivalent_reference": f"PrK of {prk.volume_m3:g} m3 at {prk.pressure_pa:g} Pa, "
            f"{prk.temperature_k:g} K",
        },
        as_json,
    )

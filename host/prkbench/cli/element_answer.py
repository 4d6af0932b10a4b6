"""What `prk element` answers: the flow of an element between two pressures, in every unit."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from prkbench.errors import UsageError
from prkbench.flowunits import figures
from prkbench.sim.elements import Element, LaminarSlot, Orifice, ViscousCapillary
from prkbench.sim.wanted import BenchEnds
from prkbench.units import DAY_S, Dimension, mass_rate_text, to_lb_per_day, to_text

_LENGTHS = ("diameter_m", "length_m", "width_m", "gap_m")


@dataclass(frozen=True)
class Between:
    """The pressures an element is asked about, the bench they belong to, and what is wanted.

    `bench` is None where no mode, volume or acceleration was given: a flow, and no equivalent.
    """

    upstream_pa: float
    downstream_pa: float
    temperature_k: float
    bench: BenchEnds | None = None
    wanted_kg_per_s: float | None = None
    equivalent_kg_per_s: float | None = None

    @property
    def at(self) -> tuple[float, float, float]:
        """Upstream and downstream pressure and temperature, as an element takes them."""
        return self.upstream_pa, self.downstream_pa, self.temperature_k

    @property
    def wants(self) -> bool:
        """Whether a geometry is to be found."""
        return self.wanted_kg_per_s is not None or self.equivalent_kg_per_s is not None

    def flow(self, *, hole: bool) -> float:
        """The mass flow wanted, kg/s."""
        if self.wanted_kg_per_s is not None:
            return self.wanted_kg_per_s
        assert self.equivalent_kg_per_s is not None
        assert self.bench is not None
        return self.bench.flow_for(self.equivalent_kg_per_s, hole=hole)


@dataclass(frozen=True)
class Kind:
    """One kind of element as the options describe it.

    `given` is None where the dimension named `missing` was left out; `find` finds it for a flow.
    `every`: the kind is a list to choose from.
    """

    name: str
    given: Callable[[], Element] | None
    find: Callable[[float, float, float, float], Element] | None
    missing: str
    hole: bool = False
    every: bool = False


def element_asked(kind: Kind, between: Between) -> Element:
    """Return the element given, or the one found for the wanted flow; UsageError if neither."""
    if between.wants:
        if kind.find is None:
            raise UsageError(
                f"{kind.name}: its geometry is given whole, nothing is left to be found: leave "
                f"{kind.missing} out, or --wanted and --equivalent"
            )
        return kind.find(between.flow(hole=kind.hole), *between.at)
    if kind.given is None:
        raise UsageError(
            f"{kind.name}: no {kind.missing}: give it, or give --wanted or --equivalent and it is "
            "found"
        )
    return kind.given()


def geometry(element: Element) -> dict[str, Any]:
    """Return an element's dimensions by the names of its fields, parts included."""
    shown: dict[str, Any] = {"law": element.law}
    for field in fields(element):  # type: ignore[arg-type]
        value = getattr(element, field.name)
        if not field.init or value is None:
            continue
        if field.name == "elements":
            value = [geometry(part) for part in value]
        shown[field.name] = list(value) if isinstance(value, tuple) else value
    return shown


def answer(name: str, element: Element, between: Between) -> dict[str, Any]:
    """Return everything about an element here; UsageError where its law does not hold at all."""
    at = between.at
    element.refuse_invalid(*at)
    flow = element.mass_flow(*at)
    result: dict[str, Any] = {
        "kind": name,
        "geometry": geometry(element),
        "gas": "dry air",
        "upstream_pa": between.upstream_pa,
        "downstream_pa": between.downstream_pa,
        "temperature_k": between.temperature_k,
        **figures(flow, between.temperature_k),
        "regime": element.regime(*at),
        "reynolds": element.reynolds(*at),
        "knudsen": element.knudsen(*at),
        "warnings": element.validity(*at),
    }
    if isinstance(element, ViscousCapillary | LaminarSlot):
        result["end_loss_share"] = element.end_share(*at)
    if between.bench is not None:
        bench = between.bench
        rate = bench.rate_of(flow, hole=isinstance(element, Orifice))
        result |= {
            "volume_m3": bench.volume_m3,
            "acceleration": bench.acceleration,
            "equivalent_lb_per_day": to_lb_per_day(rate),
            "equivalent_kg_per_day": rate * DAY_S,
            "equivalent_reference": "PrK of 4 m3 at 101325 Pa, 295 K",
        }
    return result


def show(result: dict[str, Any], as_json: bool) -> None:
    """Print an answer as one JSON object, or as a table with the warnings below."""
    if as_json:
        typer.echo(json.dumps(result, allow_nan=False))
        return
    table = Table(show_header=False)
    for label, text in _rows(result):
        table.add_row(label, text)
    console = Console()
    console.print(table)
    for warning in result["warnings"]:
        console.print(f"warning: {warning}", style="yellow", markup=False, highlight=False)


def _rows(result: dict[str, Any]) -> list[tuple[str, str]]:
    rows = [(result["kind"], dimensions(result["geometry"]))]
    rows.append(
        (
            "between",
            f"{result['upstream_pa']:g} Pa and {result['downstream_pa']:g} Pa, dry air at "
            f"{result['temperature_k']:g} K",
        )
    )
    rate = result["mass_rate_kg_per_s"]
    rows += [
        ("mass rate", f"{rate:.5g} kg/s"),
        ("", mass_rate_text(rate)),
        ("throughput", f"{result['throughput_pa_m3_per_s']:.5g} Pa m3/s at "
                       f"{result['throughput_reference']}"),
        ("volume rate", f"{result['sccm']:.5g} sccm ({result['sccm_reference']})"),
        ("", f"{result['cfm']:.5g} cfm ({result['cfm_reference']})"),
        ("regime", result["regime"]),
    ]  # fmt: skip
    for label, key in (("Reynolds number", "reynolds"), ("Knudsen number", "knudsen")):
        if result[key] is not None:
            rows.append((label, f"{result[key]:.3g}"))
    if "end_loss_share" in result:
        rows.append(("end losses", f"{result['end_loss_share']:.1%} of the plain law's flow"))
    if "node_law" in result:
        rows.append(("the node's law", result["node_law"]))
        rows.append(("decay constant", f"{result['k_per_s']:.4g} 1/s"))
    if "equivalent_lb_per_day" in result:
        rows.append(
            (
                "equivalent",
                f"{result['equivalent_lb_per_day']:.4g} lb/day "
                f"({result['equivalent_kg_per_day']:.4g} kg/day), "
                f"{to_text(result['volume_m3'], Dimension.VOLUME)} at a = "
                f"{result['acceleration']:g}, {result['equivalent_reference']}",
            )
        )
    return rows


def dimensions(shown: dict[str, Any]) -> str:
    """Return a geometry in words: "diameter 0.25 mm, length 1060 mm"."""
    if "elements" in shown:
        parts = "; ".join(f"{part['law']}: {dimensions(part)}" for part in shown["elements"])
        return f"({parts})"
    words = []
    for key, value in shown.items():
        if key in _LENGTHS:
            small = value < 1e-4
            text = f"{value * 1e6:.5g} um" if small else f"{value * 1e3:.5g} mm"
            words.append(f"{key.removesuffix('_m')} {text}")
        elif key == "conductance_m3_s":
            words.append(f"conductance {value:.5g} m3/s")
        elif key == "cd":
            words.append(f"Cd {value:g}")
        elif key == "ends" and value:
            words.append("end losses taken off")
        elif key == "difference_pa":
            words.append(f"calibrated at {', '.join(f'{x:g}' for x in value)} Pa")
    return ", ".join(words) or "-"

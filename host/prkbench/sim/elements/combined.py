"""Elements side by side, and elements one behind the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

from prkbench.errors import UsageError
from prkbench.sim.elements.base import Element, Law, Regime


class _Part(NamedTuple):
    """A part of a chain as the gas meets it: from its first end, or `turned` from its second."""

    element: Element
    turned: bool

    @property
    def passing(self) -> Callable[[float, float, float], float]:
        """The function of its flow in the direction of the gas, kg/s."""
        return self.flow if self.turned else self.element.mass_flow

    def flow(self, high_pa: float, low_pa: float, temperature_k: float) -> float:
        """Flow in the direction of the gas, kg/s."""
        if self.turned:
            return -self.element.mass_flow(low_pa, high_pa, temperature_k)
        return self.element.mass_flow(high_pa, low_pa, temperature_k)

    @property
    def reach_pa(self) -> float:
        """The largest difference it is known for."""
        return self.element.largest_difference_pa


class _Combined:
    """What both kinds have: parts, the leading one, and their findings."""

    elements: tuple[Element, ...]
    law: ClassVar[Law]

    def __post_init__(self) -> None:
        if len(self.elements) < 2:
            raise UsageError(
                f"{type(self).__name__}: {len(self.elements)} elements, expected at least two"
            )

    def mass_flow(self, upstream_pa: float, downstream_pa: float, temperature_k: float) -> float:
        raise NotImplementedError

    def parts(
        self, upstream_pa: float, downstream_pa: float, temperature_k: float
    ) -> list[tuple[Element, float, float]]:
        """Each part with the pressures before and behind it."""
        raise NotImplementedError

    def leading(
        self, upstream_pa: float, downstream_pa: float, temperature_k: float
    ) -> tuple[Element, float, float]:
        """The part that decides the flow, with its pressures."""
        raise NotImplementedError

    def regime(self, upstream_pa: float, downstream_pa: float, temperature_k: float) -> Regime:
        """Regime of the part that decides the flow."""
        element, a, b = self.leading(upstream_pa, downstream_pa, temperature_k)
        return element.regime(a, b, temperature_k)

    def reynolds(
        self, upstream_pa: float, downstream_pa: float, temperature_k: float
    ) -> float | None:
        """Reynolds number of the part that decides the flow."""
        element, a, b = self.leading(upstream_pa, downstream_pa, temperature_k)
        return element.reynolds(a, b, temperature_k)

    def knudsen(
        self, upstream_pa: float, downstream_pa: float, temperature_k: float
    ) -> float | None:
        """Knudsen number in the part that decides the flow."""
        element, a, b = self.leading(upstream_pa, downstream_pa, temperature_k)
        return element.knudsen(a, b, temperature_k)

    def validity(self, upstream_pa: float, downstream_pa: float, temperature_k: float) -> list[str]:
        """The parts' warnings, each with the part's number."""
        return [
            f"element {n}: {text}"
            for n, (element, a, b) in enumerate(
                self.parts(upstream_pa, downstream_pa, temperature_k), start=1
            )
            for text in element.validity(a, b, temperature_k)
        ]

    def refuse_invalid(
        self, upstream_pa: float, downstream_pa: float, temperature_k: float
    ) -> None:
        """As its parts do."""
        for element, a, b in self.parts(upstream_pa, downstream_pa, temperature_k):
            element.refuse_invalid(a, b, temperature_k)


@dataclass(frozen=True)
class Parallel(_Combined):
    """Passages between the same two places: their flows add."""

    elements: tuple[Element, ...]
    law: ClassVar[Law] = "parallel"

    @property
    def largest_difference_pa(self) -> float:
        """The smallest of the parts'."""
        return min(element.largest_difference_pa for element in self.elements)

    def mass_flow(self, upstream_pa: float, downstream_pa: float, temperature_k: float) -> float:
        """Sum of the parts' flows, kg/s."""
        flow = 0.0
        for element in self.elements:
            flow += element.mass_flow(upstream_pa, downstream_pa, temperature_k)
        return flow

    def parts(
        self, upstream_pa: float, downstream_pa: float, _temperature_k: float
    ) -> list[tuple[Element, float, float]]:
        """Each part between the two pressures."""
        return [(element, upstream_pa, downstream_pa) for element in self.elements]

    def leading(
        self, upstream_pa: float, downstream_pa: float, temperature_k: float
    ) -> tuple[Element, float, float]:
        """The part with the largest flow."""
        at = (upstream_pa, downstream_pa, temperature_k)
        most = max(self.elements, key=lambda element: abs(element.mass_flow(*at)))
        return most, upstream_pa, downstream_pa


@dataclass(frozen=True)
class Series(_Combined):
    """Passages one behind the other: one mass flow, and the pressure between them follows.

    Isothermal, and without storage: what lies between them is small. Gas that comes from the
    second end meets the parts in the opposite order, so unlike parts do not pass as much both
    ways: a tube before a hole is another leak than a hole before a tube.
    """

    elements: tuple[Element, ...]
    law: ClassVar[Law] = "series"
    _onward: Sequence[_Part] = field(init=False, repr=False, compare=False)
    _back: Sequence[_Part] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        onward = [_Part(element, False) for element in self.elements]
        back = [_Part(element, True) for element in reversed(self.elements)]
        object.__setattr__(self, "_onward", onward)
        object.__setattr__(self, "_back", back)

    @property
    def largest_difference_pa(self) -> float:
        """The sum of the parts'."""
        return sum(element.largest_difference_pa for element in self.elements)

    def mass_flow(self, upstream_pa: float, downstream_pa: float, temperature_k: float) -> float:
        """The one flow through all parts, kg/s; UsageError beyond a calibrated part."""
        if upstream_pa == downstream_pa:
            return 0.0
        if upstream_pa > downstream_pa:
            return _solve(self._onward, upstream_pa, downstream_pa, temperature_k)[0]
        return -_solve(self._back, downstream_pa, upstream_pa, temperature_k)[0]

    def between_pa(
        self, upstream_pa: float, downstream_pa: float, temperature_k: float
    ) -> list[float]:
        """Return the pressures between the parts, in the order of the parts."""
        if upstream_pa == downstream_pa:
            return [upstream_pa] * (len(self.elements) - 1)
        if upstream_pa > downstream_pa:
            return _solve(self._onward, upstream_pa, downstream_pa, temperature_k)[1]
        return _solve(self._back, downstream_pa, upstream_pa, temperature_k)[1][::-1]

    def parts(
        self, upstream_pa: float, downstream_pa: float, temperature_k: float
    ) -> list[tuple[Element, float, float]]:
        """Each part with the pressures before and behind it."""
        between = self.between_pa(upstream_pa, downstream_pa, temperature_k)
        before, behind = [upstream_pa, *between], [*between, downstream_pa]
        return list(zip(self.elements, before, behind, strict=True))

    def leading(
        self, upstream_pa: float, downstream_pa: float, temperature_k: float
    ) -> tuple[Element, float, float]:
        """The part with the largest pressure drop."""
        parts = self.parts(upstream_pa, downstream_pa, temperature_k)
        return max(parts, key=lambda part: abs(part[1] - part[2]))


def _solve(
    chain: Sequence[_Part], high_pa: float, low_pa: float, temperature_k: float
) -> tuple[float, list[float]]:
    """Return the flow through a chain in the direction of the gas, and the pressures between."""
    first, rest = chain[0], chain[1:]
    if not rest:
        return first.flow(high_pa, low_pa, temperature_k), []
    if high_pa == low_pa:
        return 0.0, [high_pa] * len(rest)
    # SciPy takes longer to load than most commands to run.
    from scipy.optimize import brentq

    into = first.passing
    if len(rest) == 1:
        last = rest[0].passing

        def behind(middle_pa: float) -> float:
            return last(middle_pa, low_pa, temperature_k)
    else:

        def behind(middle_pa: float) -> float:
            return _solve(rest, middle_pa, low_pa, temperature_k)[0]

    def excess(middle_pa: float) -> float:
        return into(high_pa, middle_pa, temperature_k) - behind(middle_pa)

    # A calibrated part bounds the pressure between: nothing is known beyond its table.
    lowest, highest = low_pa, high_pa
    reach, rest_reach = first.reach_pa, sum(part.reach_pa for part in rest)
    if reach < high_pa - low_pa or rest_reach < high_pa - low_pa:
        lowest, highest = max(low_pa, high_pa - reach), min(high_pa, low_pa + rest_reach)
        if lowest > highest or excess(lowest) < 0.0 or excess(highest) > 0.0:
            raise UsageError(
                f"Series: from {high_pa:g} Pa to {low_pa:g} Pa a calibrated part is driven beyond "
                "its table; calibrate it further"
            )
    middle = brentq(excess, lowest, highest, xtol=max(1e-13 * high_pa, 5e-324), rtol=1e-15)
    between = [middle, *_solve(rest, middle, low_pa, temperature_k)[1]]
    # Of the two the flow over the larger drop suffers less from rounding.
    if high_pa - middle > middle - low_pa:
        return into(high_pa, middle, temperature_k), between
    return behind(middle), between

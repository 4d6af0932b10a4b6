"""Which levels to run, what passes a hatch, and both conductances from them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from told_tests import P0

from prkbench.analysis.paths import LEVELS, enough_levels, hatch_driving_pa, levels_to_run


def test_levels_are_asked_for_until_two_paths_can_be_told_apart() -> None:
    assert levels_to_run(P0, []) == pytest.approx([share * P0 for share in LEVELS])
    assert levels_to_run(P0, [100e3]) == pytest.approx([0.9 * P0, 0.8 * P0, 0.7 * P0, 0.5 * P0])
    assert levels_to_run(P0, [100e3, 90e3, 70e3]) == []


@pytest.mark.parametrize(
    "run",
    [[100e3, 90e3], [90e3, 80e3, 50e3], [101e3, 100e3, 99e3], [101e3, 97e3, 93e3]],
    ids=["two levels", "none near the station's", "no span", "span under a fifth"],
)
def test_levels_that_decide_nothing_are_not_enough(run: list[float]) -> None:
    assert not enough_levels(P0, run)


def test_a_hatch_passes_by_its_law() -> None:
    p = np.array([0.0, 0.4, 0.6, 1.0, 1.2]) * P0
    station = np.full(len(p), P0)
    assert hatch_driving_pa(p, station, "laminar") / P0 == pytest.approx([1, 0.84, 0.64, 0, -0.44])
    # Saint-Venant at r = 0.6 against choked flow, gamma = 1.4, by hand.
    critical = (2 / 2.4) ** 3.5
    flow = [math.sqrt(r ** (2 / 1.4) - r ** (2.4 / 1.4)) for r in (0.6, critical)]
    orifice = hatch_driving_pa(p, station, "orifice") / P0
    assert orifice[:2] == pytest.approx([1.0, 1.0])
    assert orifice[2] == pytest.approx(flow[0] / flow[1])
    assert orifice[3] == 0.0
    assert orifice[4] < 0.0


@given(st.floats(1e3, 2e5), st.floats(1e3, 2e5), st.sampled_from(["laminar", "orifice"]))
def test_gas_goes_from_the_higher_pressure_to_the_lower(p: float, station: float, law: str) -> None:
    flow = hatch_driving_pa(np.array([p]), np.array([station]), law)  # type: ignore[arg-type]
    assert float(flow[0]) * (station - p) >= 0.0

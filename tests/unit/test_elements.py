import math
import pickle
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prkbench.errors import UsageError
from prkbench.sim.elements import (
    CalibratedTable,
    Element,
    LaminarSlot,
    LinearConductance,
    MolecularTube,
    Orifice,
    Parallel,
    Scaled,
    Sealed,
    Series,
    TransitionTube,
    ViscousCapillary,
    needle,
    scaled,
)
from prkbench.sim.elements.base import Law, Regime
from prkbench.sim.gas import CRITICAL_RATIO, GAMMA, R_AIR, viscosity_pa_s

LEAKS = [
    LinearConductance(1e-7),
    ViscousCapillary(1e-4, 0.05),
    needle("34G", 12.7e-3),
    LaminarSlot(0.045, 1e-5, 2e-3),
    LaminarSlot(0.01, 5e-5, 2e-3, ends=True),
    Orifice(5e-5),
    MolecularTube(1e-6, 1e-3),
    TransitionTube(5e-6, 1e-3),
    CalibratedTable((1e3, 1e5, 3e5), (1e-4, 8e-3, 3e-2)),
    Parallel((ViscousCapillary(1e-4, 0.05), Orifice(5e-5))),
    Scaled(needle("30G", 12.7e-3), 1.1),
]
ELEMENTS = [*LEAKS, Sealed()]
PRESSURES = st.floats(0.0, 2e5)
TEMPERATURES = st.floats(200.0, 400.0)


@pytest.mark.parametrize("element", ELEMENTS)
def test_every_element_is_an_element_and_names_its_law(element):
    assert isinstance(element, Element)
    assert element.law in get_args(Law)
    assert element.regime(1.2e5, 1e5, 295.0) in get_args(Regime)
    assert element.regime(1e5, 1e5, 295.0) == "no flow"


@pytest.mark.parametrize("element", ELEMENTS)
@settings(deadline=None)
@given(a=PRESSURES, b=PRESSURES, t=TEMPERATURES)
def test_reversing_the_ends_reverses_the_flow_exactly(element, a, b, t):
    assert element.mass_flow(a, b, t) == -element.mass_flow(b, a, t)


@pytest.mark.parametrize("element", ELEMENTS)
@settings(deadline=None)
@given(p=PRESSURES, t=TEMPERATURES)
def test_equal_pressures_give_no_flow(element, p, t):
    assert element.mass_flow(p, p, t) == 0.0


@pytest.mark.parametrize("element", LEAKS)
@settings(deadline=None)
@given(low=st.floats(0.0, 1.9e5), rise=st.floats(1.0, 1e4), t=TEMPERATURES)
def test_gas_flows_from_the_higher_pressure(element, low, rise, t):
    assert element.mass_flow(low + rise, low, t) > 0.0


def test_linear_throughput_is_conductance_times_difference():
    flow = LinearConductance(2e-7).mass_flow(1.2e5, 1e5, 295.0)
    assert flow * R_AIR * 295.0 == pytest.approx(2e-7 * 2e4, rel=1e-14)


def test_viscous_throughput_is_poiseuille_in_the_squares():
    element = ViscousCapillary(1e-4, 0.05, viscosity_pa_s=1.82e-5)
    expected = math.pi * 1e-16 * (1.2e5**2 - 1e5**2) / (256.0 * 1.82e-5 * 0.05)
    assert element.mass_flow(1.2e5, 1e5, 295.0) * R_AIR * 295.0 == pytest.approx(expected)


def test_viscous_flow_takes_sutherlands_viscosity_unless_fixed():
    free = ViscousCapillary(1e-4, 0.05)
    fixed = ViscousCapillary(1e-4, 0.05, viscosity_pa_s=1.82e-5)
    assert free.mass_flow(1.2e5, 1e5, 293.0) == pytest.approx(fixed.mass_flow(1.2e5, 1e5, 293.0))
    assert free.mass_flow(1.2e5, 1e5, 330.0) < fixed.mass_flow(1.2e5, 1e5, 330.0)


def test_choked_orifice_ignores_the_downstream_pressure():
    element = Orifice(1e-4, cd=0.8)
    expected = 0.040415 * 0.8 * math.pi * 0.25e-8 * 1e5 / math.sqrt(295.0)
    # The constant is quoted to five digits.
    assert element.mass_flow(1e5, 0.0, 295.0) == pytest.approx(expected, rel=2e-5)
    assert element.mass_flow(1e5, 5e4, 295.0) == element.mass_flow(1e5, 0.0, 295.0)


def test_subsonic_orifice_follows_the_isentropic_law():
    r = 0.8
    shape = r ** (2 / GAMMA) - r ** ((GAMMA + 1) / GAMMA)
    factor = math.sqrt(2 * GAMMA / ((GAMMA - 1) * R_AIR * 295.0) * shape)
    expected = 0.8 * math.pi * 0.25e-8 * 1e5 * factor
    assert Orifice(1e-4).mass_flow(1e5, 8e4, 295.0) == pytest.approx(expected, rel=1e-12)


def test_orifice_is_continuous_where_it_begins_to_choke():
    element = Orifice(1e-4)
    at = element.mass_flow(1e5, CRITICAL_RATIO * 1e5, 295.0)
    # The subsonic law is flat there: a relative step of 1e-6 changes it by parts in 1e12.
    just_above = element.mass_flow(1e5, CRITICAL_RATIO * (1.0 + 1e-6) * 1e5, 295.0)
    assert just_above == pytest.approx(at, rel=1e-10)
    assert element.mass_flow(1e5, 0.6e5, 295.0) < at


@settings(deadline=None)
@given(flow=st.floats(1e-10, 1e-5), low=st.floats(0.0, 1e5), rise=st.floats(100.0, 1e5))
def test_an_element_made_for_a_flow_passes_that_flow(flow, low, rise):
    high = low + rise
    for element in (
        LinearConductance.for_flow(flow, high, low, 295.0),
        ViscousCapillary.for_flow(flow, high, low, 295.0, length_m=1.0),
        Orifice.for_flow(flow, high, low, 295.0, cd=0.7),
    ):
        assert element.mass_flow(high, low, 295.0) == pytest.approx(flow, rel=1e-12)


@pytest.mark.parametrize(
    ("flow", "high", "low"), [(0.0, 2e5, 1e5), (1e-7, 1e5, 1e5), (1e-7, 1e5, 2e5)]
)
def test_no_element_is_made_for_an_impossible_flow(flow, high, low):
    with pytest.raises(UsageError, match="expected a positive flow"):
        Orifice.for_flow(flow, high, low, 295.0)


@pytest.mark.parametrize("bad", [0.0, -1e-4, math.nan, math.inf])
@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda x: LinearConductance(x), "conductance_m3_s"),
        (lambda x: ViscousCapillary(x, 0.05), "diameter_m"),
        (lambda x: ViscousCapillary(1e-4, x), "length_m"),
        (lambda x: ViscousCapillary(1e-4, 0.05, x), "viscosity_pa_s"),
        (lambda x: Orifice(x), "diameter_m"),
        (lambda x: Orifice(1e-4, x), "cd"),
    ],
)
def test_bad_geometry_is_refused_by_name(make, name, bad):
    with pytest.raises(UsageError, match=name):
        make(bad)


def test_long_fine_tubing_is_inside_the_viscous_law():
    # The documented 1 lb/day-equivalent tube: Re d/L = 0.009.
    tube = ViscousCapillary(0.25e-3, 1.06)
    assert tube.validity(1.2e5, 1e5, 295.0) == []
    reynolds = tube.reynolds(1.2e5, 1e5, 295.0)
    assert reynolds * 0.25e-3 / 1.06 == pytest.approx(0.009, abs=0.001)


def test_a_short_needle_is_flagged_for_its_end_losses():
    # 34 gauge by 12.7 mm, the documented bad example.
    warnings = ViscousCapillary(0.0826e-3, 12.7e-3).validity(101300.0, 500.0, 295.0)
    assert any("end losses" in text for text in warnings)


@pytest.mark.parametrize(
    ("element", "high", "low", "word"),
    [
        (ViscousCapillary(1e-6, 0.01), 1000.0, 0.0, "too thin"),
        (ViscousCapillary(1e-3, 0.06), 1.2e5, 1e5, "laminar"),
        (ViscousCapillary(1e-4, 1e-3), 1.2e5, 1e5, "short"),
        (Orifice(1e-7), 1e5, 0.0, "too thin"),
        (Orifice(1e-4, 1.2), 1e5, 0.0, "above 1"),
    ],
)
def test_geometry_outside_its_law_is_flagged(element, high, low, word):
    assert any(word in text for text in element.validity(high, low, 295.0))
    # The check does not care which way the gas flows.
    assert element.validity(high, low, 295.0) == element.validity(low, high, 295.0)


def test_laws_without_geometry_hold_everywhere():
    assert LinearConductance(1e-7).validity(1e5, 0.0, 295.0) == []
    assert Sealed().validity(1e5, 0.0, 295.0) == []


@pytest.mark.parametrize("element", LEAKS)
@settings(deadline=None)
@given(
    low=st.floats(0.0, 1e5),
    rise=st.floats(10.0, 1e5),
    more=st.floats(1.001, 1.5),
    t=TEMPERATURES,
)
def test_more_pressure_drives_more_gas(element, low, rise, more, t):
    assert element.mass_flow(low + more * rise, low, t) > element.mass_flow(low + rise, low, t)


@pytest.mark.parametrize("element", LEAKS)
@settings(deadline=None)
@given(factor=st.floats(0.5, 2.0), high=st.floats(2e4, 1.5e5), part=st.floats(0.0, 0.99))
def test_a_scaled_element_passes_that_much_more(element, factor, high, part):
    at = (high, part * high, 295.0)
    # A dimension that is a fourth root of the factor carries its rounding four times.
    assert scaled(element, factor).mass_flow(*at) == pytest.approx(
        factor * element.mass_flow(*at), rel=1e-13
    )


def test_scaling_keeps_the_kind_where_a_dimension_can_carry_it():
    assert scaled(Orifice(1e-4), 4.0) == Orifice(2e-4)
    assert scaled(LinearConductance(1e-7), 2.0) == LinearConductance(2e-7)
    assert scaled(ViscousCapillary(1e-4, 0.5), 16.0) == ViscousCapillary(2e-4, 0.5)
    assert scaled(scaled(needle("34G", 0.01), 2.0), 3.0) == Scaled(needle("34G", 0.01), 6.0)
    assert scaled(Sealed(), 2.0) == Sealed()
    with pytest.raises(UsageError, match="factor"):
        Scaled(Orifice(1e-4), 0.0)


@pytest.mark.parametrize(
    ("element", "high", "low", "regime"),
    [
        (Orifice(1e-3), 1e5, 0.5 * 1e5, "choked"),
        (Orifice(1e-3), 1e5, 0.6 * 1e5, "subsonic"),
        (Orifice(1e-6), 1e5, 0.0, "slip-transition"),
        (Orifice(1e-6), 1e3, 0.0, "molecular"),
        (ViscousCapillary(2.5e-4, 1.06), 1.2e5, 1e5, "viscous"),
        (ViscousCapillary(2.5e-4, 1.06), 1e4, 0.0, "viscous"),
        (ViscousCapillary(2.5e-4, 1.06), 1e3, 0.0, "slip-transition"),
        (ViscousCapillary(2.5e-4, 1.06), 10.0, 0.0, "molecular"),
        # Hardly longer than wide: the tube is nearly all ends, and they choke.
        (ViscousCapillary(1e-4, 5e-4, ends=True), 1.2e5, 0.0, "choked"),
        (LaminarSlot(0.045, 1e-4, 0.1), 1.2e5, 1e5, "viscous"),
        (TransitionTube(1e-6, 1e-3), 1e5, 9e4, "slip-transition"),
        (TransitionTube(1e-4, 1.0), 1e5, 9e4, "viscous"),
        (MolecularTube(1e-6, 1e-3), 1e3, 0.0, "molecular"),
        (LinearConductance(1e-7), 1e3, 0.0, "linear"),
    ],
)
def test_the_regime_is_named(element, high, low, regime):
    assert element.regime(high, low, 295.0) == regime
    assert element.regime(low, high, 295.0) == regime


@pytest.mark.parametrize(
    ("element", "high", "low", "says"),
    [
        (ViscousCapillary(1e-7, 0.01), 1000.0, 0.0, "molecular"),
        (ViscousCapillary(2e-3, 0.5), 1.2e5, 1e5, "not laminar"),
        (ViscousCapillary(1e-4, 5e-5, ends=True), 1.01e5, 1e5, "too short"),
        (LaminarSlot(0.01, 1e-3, 1e-2), 1.2e5, 1e5, "not laminar"),
        (Orifice(1e-9), 1e5, 0.0, "molecular"),
        (Orifice(1e-4, 1.2), 1e5, 0.0, "coefficient"),
        (MolecularTube(1e-4, 0.1), 1e5, 0.0, "continuum"),
        (TransitionTube(2e-3, 0.5), 1.2e5, 1e5, "not laminar"),
        (CalibratedTable((1e3,), (1e-4,)), 1.2e5, 1e5, "beyond its last point"),
        (Parallel((Orifice(1e-4), Orifice(1e-9))), 1e5, 0.0, "molecular"),
        (Scaled(Orifice(1e-9), 1.1), 1e5, 0.0, "molecular"),
    ],
)
def test_where_a_law_is_not_even_roughly_right_it_is_refused(element, high, low, says):
    with pytest.raises(UsageError, match=says):
        element.refuse_invalid(high, low, 295.0)


@pytest.mark.parametrize("element", LEAKS)
def test_a_law_is_not_refused_where_it_holds(element):
    high = 1e3 if isinstance(element, MolecularTube) else 1.2e5
    element.refuse_invalid(high, 0.9 * high, 295.0)


@pytest.mark.parametrize("element", [*ELEMENTS, Series((Orifice(5e-5), needle("34G", 0.01)))])
def test_an_element_can_be_sent_to_a_worker(element):
    sent = pickle.loads(pickle.dumps(element))
    assert sent == element
    assert sent.mass_flow(1.2e5, 1e5, 295.0) == element.mass_flow(1.2e5, 1e5, 295.0)


def test_similarity_numbers_are_there_where_there_is_a_geometry():
    at = (1.2e5, 1e5, 295.0)
    for element in (Orifice(1e-4), needle("34G", 0.01), MolecularTube(1e-4, 1.0)):
        flow = element.mass_flow(*at)
        mu = viscosity_pa_s(295.0)
        expected = 4.0 * flow / (math.pi * element.diameter_m * mu)
        assert element.reynolds(*at) == pytest.approx(expected)
    assert LinearConductance(1e-7).reynolds(*at) is None
    assert LinearConductance(1e-7).knudsen(*at) is None
    # Mean free path 68 nm at 1 atm and 295 K: 62 nm at the mean of 110 kPa.
    assert needle("34G", 0.01).knudsen(*at) == pytest.approx(62e-9 / 0.0826e-3, rel=0.03)

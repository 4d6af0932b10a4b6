"""Calibrated elements, and elements side by side and behind one another."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prkbench.errors import UsageError
from prkbench.sim.elements import (
    CalibratedTable,
    LaminarSlot,
    LinearConductance,
    Orifice,
    Parallel,
    Series,
    TransitionTube,
    ViscousCapillary,
    needle,
)
from prkbench.sim.gas import R_AIR

T = 295.0
TUBE, HOLE = ViscousCapillary(1e-4, 0.05), Orifice(5e-5)
POINTS = st.lists(
    st.tuples(st.floats(1.0, 1e4), st.floats(1e-6, 1e-3)), min_size=1, max_size=6
).map(lambda steps: tuple(tuple(math.fsum(c[: i + 1]) for i in range(len(c)))
                          for c in zip(*steps, strict=True)))  # fmt: skip


@settings(deadline=None)
@given(POINTS)
def test_a_table_gives_its_points_back(points):
    differences, throughputs = points
    table = CalibratedTable(differences, throughputs, reference_k=T)
    for difference, throughput in zip(differences, throughputs, strict=True):
        found = table.mass_flow(difference, 0.0, T) * R_AIR * T
        assert found == pytest.approx(throughput, rel=1e-12)
    assert table.largest_difference_pa == differences[-1]


@settings(deadline=None)
@given(POINTS, st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_between_the_points_a_table_never_turns_back(points, a, b):
    table = CalibratedTable(*points)
    last = points[0][-1]
    low, high = sorted((a * last, b * last))
    # A piece's last value and the next one's first agree to rounding.
    assert table.mass_flow(low, 0.0, T) <= table.mass_flow(high, 0.0, T) * (1.0 + 1e-12)


def test_a_straight_table_is_a_conductance():
    table = CalibratedTable((1e3, 2e3, 5e3), (1e-4, 2e-4, 5e-4), reference_k=T)
    linear = LinearConductance(1e-7)
    for difference in (0.0, 10.0, 1500.0, 4999.0):
        found = table.mass_flow(1e5 + difference, 1e5, T)
        assert found == pytest.approx(linear.mass_flow(1e5 + difference, 1e5, T), rel=1e-10)


def test_beyond_the_table_nothing_is_known():
    table = CalibratedTable((1e3, 2e4), (1e-4, 2e-3), downstream_pa=1e5)
    with pytest.raises(UsageError, match=r"20001 Pa is beyond its last point, 20000 Pa"):
        table.mass_flow(120001.0, 1e5, T)
    assert any("beyond" in text for text in table.validity(130000.0, 1e5, T))
    assert any("below the table's first" in text for text in table.validity(100500.0, 1e5, T))
    assert any("made at 295 K" in text for text in table.validity(1.1e5, 1e5, 310.0))
    assert any("made into 100000 Pa" in text for text in table.validity(2e4, 1e4, T))
    assert table.validity(1.1e5, 1e5, T) == []


def test_a_tables_uncertainty_runs_straight_between_its_points():
    table = CalibratedTable((1e3, 2e3), (1e-4, 2e-4), (0.04, 0.02))
    assert table.uncertainty_at(500.0) == 0.04
    assert table.uncertainty_at(-1500.0) == pytest.approx(0.03)
    assert table.uncertainty_at(2000.0) == 0.02
    assert CalibratedTable((1e3,), (1e-4,), 0.05).uncertainty_at(200.0) == 0.05


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (((), ()), "at least one"),
        (((1e3, 2e3), (1e-4,)), "2 differences and 1 throughputs"),
        (((2e3, 1e3), (1e-4, 2e-4)), "difference_pa"),
        (((0.0, 1e3), (1e-5, 2e-4)), "difference_pa"),
        (((1e3, 2e3), (2e-4, 1e-4)), "throughput_pa_m3_s"),
        (((1e3, math.nan), (1e-4, 2e-4)), "difference_pa"),
        (((1e3,), (1e-4,), (0.1, 0.2)), "uncertainty"),
        (((1e3,), (1e-4,), -0.1), "uncertainty"),
        (((1e3,), (1e-4,), 0.1, 0.0), "reference_k"),
    ],
)
def test_a_table_that_is_none_is_refused_by_name(arguments, says):
    with pytest.raises(UsageError, match=says):
        CalibratedTable(*arguments)


def test_flows_side_by_side_add():
    both = Parallel((TUBE, HOLE))
    at = (1.2e5, 1e5, T)
    assert both.mass_flow(*at) == TUBE.mass_flow(*at) + HOLE.mass_flow(*at)
    # The hole passes five times as much: it names the regime.
    assert both.regime(*at) == "subsonic"
    assert both.reynolds(*at) == HOLE.reynolds(*at)


def test_conductances_in_series_add_as_resistances():
    chain = Series((LinearConductance(1e-7), LinearConductance(3e-7), LinearConductance(6e-7)))
    whole = LinearConductance(1.0 / (1.0 / 1e-7 + 1.0 / 3e-7 + 1.0 / 6e-7))
    # The pressures between are found to 1e-14 of the higher, of a drop of a sixth of it or more.
    expected = whole.mass_flow(1.2e5, 1e5, T)
    assert chain.mass_flow(1.2e5, 1e5, T) == pytest.approx(expected, rel=1e-11)
    assert chain.mass_flow(1e5, 1.2e5, T) == pytest.approx(-expected, rel=1e-11)
    assert chain.between_pa(1.2e5, 1e5, T) == pytest.approx(
        [1.2e5 - 2e4 * 2 / 3, 1.2e5 - 2e4 * 8 / 9]
    )


def test_two_halves_of_a_tube_are_the_tube():
    half, whole = ViscousCapillary(1e-4, 0.05), ViscousCapillary(1e-4, 0.1)
    for low in (1e5, 0.0):
        assert Series((half, half)).mass_flow(1.2e5, low, T) == pytest.approx(
            whole.mass_flow(1.2e5, low, T), rel=1e-11
        )


@settings(deadline=None)
@given(st.floats(0.0, 1.5e5), st.floats(0.0, 1.5e5))
def test_all_parts_in_series_pass_the_same(a, b):
    chain = Series((HOLE, needle("34G", 0.0127), TUBE))
    flow = chain.mass_flow(a, b, T)
    for element, before, behind in chain.parts(a, b, T):
        # An error of 1e-14 of the pressure in a drop that may be a small part of it; near rest an
        # orifice's flow goes with the root of its drop, which is the worst of all.
        expected = element.mass_flow(before, behind, T)
        assert expected == pytest.approx(flow, rel=1e-5, abs=1e-15)


@settings(deadline=None)
@given(st.floats(0.0, 1.5e5), st.floats(0.0, 1.5e5))
def test_a_chain_turned_round_passes_the_opposite_exactly(a, b):
    assert Series((HOLE, TUBE)).mass_flow(a, b, T) == -Series((TUBE, HOLE)).mass_flow(b, a, T)


def test_a_tube_before_a_hole_is_another_leak_than_a_hole_before_a_tube():
    at = (1e5, 0.0, T)
    hole = Orifice(3e-5)
    # Into a vacuum, with the squares c and the choked line s: c (1 - p^2) = s p, or s = c p^2.
    c = TUBE.mass_flow(*at)
    s = hole.mass_flow(*at)
    p = (-s + math.sqrt(s * s + 4.0 * c * c)) / (2.0 * c)
    assert Series((TUBE, hole)).mass_flow(*at) == pytest.approx(s * p, rel=1e-10)
    forward, back = Series((hole, TUBE)), Series((TUBE, hole))
    assert forward.mass_flow(*at) != pytest.approx(back.mass_flow(*at), rel=0.01)
    assert forward.mass_flow(0.0, 1e5, T) == -back.mass_flow(*at)


def test_the_tightest_part_of_a_chain_names_its_regime_and_warnings_name_the_part():
    chain = Series((Orifice(1e-3), LaminarSlot(1e-3, 5e-6, 2e-3)))
    assert chain.regime(1.2e5, 0.0, T) == "slip-transition"
    assert any(text.startswith("element 2: ") for text in chain.validity(1.2e5, 0.0, T))


def test_a_calibrated_part_in_a_chain_is_never_driven_beyond_its_table():
    table = CalibratedTable((1e3, 1e4), (1e-4, 1e-3), reference_k=T)
    loose, tight = LinearConductance(1e-6), LinearConductance(1e-9)
    for order in ((table, tight), (tight, table)):
        chain = Series(order)
        # The tight part takes 99 % of the drop, so the table sees a part that it knows.
        whole = LinearConductance(1.0 / (1e7 + 1e9)).mass_flow(1.2e5, 1e5, T)
        assert chain.mass_flow(1.2e5, 1e5, T) == pytest.approx(whole, rel=1e-9)
    for order in ((table, loose), (loose, table)):
        with pytest.raises(UsageError, match="beyond its table"):
            Series(order).mass_flow(1.2e5, 1e5, T)
    assert Series((table, table)).largest_difference_pa == 2e4
    assert Parallel((table, loose)).largest_difference_pa == 1e4


@pytest.mark.parametrize("kind", [Parallel, Series])
def test_one_element_is_no_combination(kind):
    with pytest.raises(UsageError, match="expected at least two"):
        kind((TUBE,))


def test_combinations_nest():
    inner = Series((TUBE, TransitionTube(5e-5, 0.05)))
    both = Parallel((inner, HOLE))
    outer = Series((both, TUBE))
    flow = outer.mass_flow(1.2e5, 1e5, T)
    between = outer.between_pa(1.2e5, 1e5, T)[0]
    assert both.mass_flow(1.2e5, between, T) == pytest.approx(flow, rel=1e-9)
    assert inner.mass_flow(1.2e5, between, T) < flow

"""Molecular and transition flow: known figures, and both limits of Knudsen's formula."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prkbench.errors import UsageError
from prkbench.sim.elements import MolecularTube, TransitionTube, ViscousCapillary
from prkbench.sim.gas import R_AIR, mean_free_path_m

T = 293.0


def test_molecular_conductance_of_air_is_12_1_d_cubed_over_l():
    # The textbook figure, C = 12.1 d^3/L in L/s and cm, for air at 20 degC.
    tube = MolecularTube(0.01, 1.0)
    throughput = tube.mass_flow(1.0, 0.0, 293.15) * R_AIR * 293.15
    assert throughput == pytest.approx(12.1e-3 / 100.0, rel=5e-3)
    speed = math.sqrt(8.0 * R_AIR * 293.15 / math.pi)
    assert throughput == pytest.approx(math.pi / 12.0 * 1e-6 * speed, rel=1e-12)


def test_molecular_flow_is_linear_in_the_difference():
    tube = MolecularTube(1e-6, 1e-3)
    one = tube.mass_flow(100.0, 0.0, T)
    assert tube.mass_flow(1100.0, 1000.0, T) == pytest.approx(one, rel=1e-13)
    assert tube.mass_flow(300.0, 0.0, T) == pytest.approx(3.0 * one, rel=1e-13)


@settings(deadline=None)
@given(st.floats(1e2, 1e6))
def test_thin_gas_passes_a_transition_tube_as_molecules(knudsen):
    # Z falls from 1 by (3.095 - 2.507) a/lambda, the viscous part is 0.147 a/lambda; a = d/2.
    d = 1e-6
    mean_pa = mean_free_path_m(1.0, T) / (knudsen * d)
    at = (1.5 * mean_pa, 0.5 * mean_pa, T)
    expected = MolecularTube(d, 1e-3).mass_flow(*at)
    error = 0.5 / knudsen * (0.588 + 0.148)
    assert TransitionTube(d, 1e-3).mass_flow(*at) == pytest.approx(expected, rel=error)


@settings(deadline=None)
@given(st.floats(1e-7, 1e-2))
def test_dense_gas_passes_a_transition_tube_as_the_viscous_law_with_slip(knudsen):
    # At a/lambda >> 1, Z is 0.81: it adds 0.81/0.1473 lambda/a = 11 Kn to the viscous flow.
    d = 1e-4
    mean_pa = mean_free_path_m(1.0, T) / (knudsen * d)
    at = (1.1 * mean_pa, 0.9 * mean_pa, T)
    ratio = TransitionTube(d, 1.0).mass_flow(*at) / ViscousCapillary(d, 1.0).mass_flow(*at)
    assert ratio - 1.0 == pytest.approx(11.0 * knudsen, rel=0.02, abs=1e-9)


def test_the_conductance_has_knudsens_minimum():
    # 4 % to 5 % below the molecular value, where the radius is about a third of the path.
    d = 1e-4
    shape = []
    for knudsen in (100.0, 10.0, 3.0, 1.6, 1.0, 0.5, 0.1):
        p = mean_free_path_m(1.0, T) / (knudsen * d)
        at = (1.001 * p, 0.999 * p, T)
        shape.append(TransitionTube(d, 1.0).mass_flow(*at) / MolecularTube(d, 1.0).mass_flow(*at))
    lowest = min(shape)
    assert 0.94 < lowest < 0.97
    assert shape.index(lowest) in (3, 4)
    assert shape[-1] > 1.2


def test_between_far_pressures_the_flow_is_the_sum_of_small_steps():
    # A long tube is many short ones behind each other, each at its own pressure.
    d, length, high = 1e-4, 1.0, 500.0
    tube = TransitionTube(d, length)
    n = 2000
    small = [TransitionTube(d, length).mass_flow(high * (i + 1) / n, high * i / n, T)
             for i in range(n)]  # fmt: skip
    assert tube.mass_flow(high, 0.0, T) == pytest.approx(math.fsum(small), rel=1e-10)


@settings(deadline=None)
@given(
    flow=st.floats(1e-14, 1e-9),
    high=st.floats(1e3, 1.2e5),
    part=st.floats(0.0, 0.9),
)
def test_a_fine_tube_made_for_a_flow_passes_it(flow, high, part):
    at = (high, part * high, T)
    for kind in (MolecularTube, TransitionTube):
        for given_size in ({"length_m": 0.01}, {"diameter_m": 1e-5}):
            element = kind.for_flow(flow, *at, **given_size)
            assert element.mass_flow(*at) == pytest.approx(flow, rel=1e-11)


def test_what_lies_outside_the_law_is_flagged():
    assert any("too dense" in text for text in MolecularTube(1e-5, 0.1).validity(1e4, 0.0, T))
    assert any("short" in text for text in MolecularTube(1e-5, 1e-4).validity(10.0, 0.0, T))
    assert any("laminar" in text for text in TransitionTube(2e-3, 0.5).validity(1.2e5, 1e5, T))
    assert MolecularTube(1e-5, 0.1).validity(10.0, 0.0, T) == []
    assert TransitionTube(1e-5, 0.1).validity(1.2e5, 0.0, T) == []


@pytest.mark.parametrize("kind", [MolecularTube, TransitionTube])
@pytest.mark.parametrize("bad", [0.0, -1e-6, math.nan])
def test_bad_fine_tubes_are_refused_by_name(kind, bad):
    with pytest.raises(UsageError, match="diameter_m"):
        kind(bad, 0.1)
    with pytest.raises(UsageError, match="length_m"):
        kind(1e-5, bad)

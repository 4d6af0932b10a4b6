"""From a rate of the tunnel to an element on the bench."""

import math

import pytest

from prkbench.analysis.conversion import Conversion
from prkbench.rig import Rig
from prkbench.sim.elements import NEEDLE_BORES_MM, Orifice, ViscousCapillary
from prkbench.sim.rig_element import decay_constant, element_of, flow_of_decay
from prkbench.sim.wanted import NOMINAL_PA, BenchEnds, needles_for
from prkbench.units import MMHG_PA, from_lb_per_day, to_kg_per_day

ONE = from_lb_per_day(1.0)
PRK = Conversion()


# The table's figures are rounded to two or three digits: half a unit of the last beside each.
@pytest.mark.parametrize(
    ("lb", "kg_per_day", "mmhg_per_day", "tau_days", "hole_mm"),
    [
        (0.2, 0.091, 14.4, 52.8, 0.084),
        (1.0, 0.454, 72.0, 10.6, 0.187),
        (2.0, 0.907, 144.0, 5.3, 0.265),
        (2.4, 1.089, 173.0, 4.4, 0.290),
        (3.7, 1.678, 266.0, 2.9, 0.360),
    ],
)
def test_the_table_of_the_tunnel(lb, kg_per_day, mmhg_per_day, tau_days, hole_mm):
    rate = from_lb_per_day(lb)
    k = PRK.k_per_s(rate)
    assert to_kg_per_day(rate) == pytest.approx(kg_per_day, abs=5e-4)
    assert k * 101325.0 / MMHG_PA * 86400.0 == pytest.approx(mmhg_per_day, rel=5e-3)
    assert 1.0 / k / 86400.0 == pytest.approx(tau_days, abs=0.06)
    hole = Orifice.for_flow(rate, 101325.0, 0.0, 295.0, cd=0.8)
    assert hole.diameter_m * 1e3 == pytest.approx(hole_mm, abs=6e-4)


@pytest.mark.parametrize("mode", ["A", "B", "C"])
@pytest.mark.parametrize("hole", [False, True])
def test_flow_and_equivalent_rate_are_inverse(mode, hole):
    bench = BenchEnds(5e-3, *NOMINAL_PA[mode], 295.0, 100.0)
    flow = bench.flow_for(ONE, hole=hole)
    assert flow > 0.0
    assert bench.rate_of(flow, hole=hole) == pytest.approx(ONE, rel=1e-12)
    # Ten times the acceleration or the volume takes ten times the flow.
    faster = BenchEnds(5e-2, *NOMINAL_PA[mode], 295.0, 1000.0)
    assert faster.flow_for(ONE, hole=hole) == pytest.approx(100.0 * flow)


@pytest.mark.parametrize("mode", ["A", "C"])
def test_a_hole_for_an_equivalent_makes_a_rig_of_that_rate(mode):
    chamber, reference = NOMINAL_PA[mode]
    bench = BenchEnds(5e-3, chamber, reference, 295.0, 100.0)
    hole = Orifice.for_flow(bench.flow_for(ONE, hole=True), chamber, reference, 295.0)
    rig = Rig.model_validate(
        {
            "rig": {"name": "x", "mode": mode, "acceleration": 100.0},
            "chamber": {"pressure": f"{chamber} Pa", "reference_pressure": f"{reference} Pa"},
            "element": {"law": "orifice", "diameter": f"{hole.diameter_m!r} m"},
        }
    )
    k = decay_constant(element_of(rig), rig, 5e-3)
    assert rig.law == ("choked" if mode == "C" else "linear")
    assert Conversion.from_rig(rig).rate_lb_per_day(k) == pytest.approx(1.0, rel=1e-9)
    flow = flow_of_decay(k, rig.law, 5e-3, chamber, reference, 295.0)
    assert flow == pytest.approx(hole.mass_flow(chamber, reference, 295.0), rel=1e-12)


@pytest.mark.parametrize("mode", ["A", "B", "C"])
def test_every_gauge_gets_the_length_that_passes_the_flow_or_a_reason(mode):
    bench = BenchEnds(5e-3, *NOMINAL_PA[mode], 295.0, 100.0)
    at = (bench.upstream_pa, bench.downstream_pa, 295.0)
    flow = bench.flow_for(ONE)
    choices = needles_for(flow, *at)
    assert [choice.gauge for choice in choices] == list(NEEDLE_BORES_MM)
    for choice in choices:
        if choice.needle is None:
            # Only the finest, pumped: it would be all ends.
            assert (mode, choice.gauge) == ("C", "34G")
            assert "too short" in choice.warnings[0]
        else:
            assert choice.needle.ends
            assert choice.needle.mass_flow(*at) == pytest.approx(flow, rel=1e-9)


def test_a_finer_needle_is_a_shorter_one():
    lengths = [c.needle.length_m for c in needles_for(1.3e-7, 1.2e5, 1e5, 295.0) if c.needle]
    assert len(lengths) == len(NEEDLE_BORES_MM)
    assert lengths == sorted(lengths, reverse=True)
    # 25 gauge, less its ends, is the plain tube of its bore.
    plain = ViscousCapillary.for_flow(1.3e-7, 1.2e5, 1e5, 295.0, diameter_m=0.26e-3)
    assert lengths[0] == pytest.approx(plain.length_m, rel=1e-3)
    assert math.isfinite(lengths[-1])

"""A scenario that holds a pressure, around a node that does it itself."""

import pytest

from prkbench.sim.child.virtual_board import VALVE_BLOCK
from prkbench.sim.scenario_bench import bench_of
from prkbench.sim.scenario_library import scenario
from prkbench.sim.valve_block import ValveBlock


def test_the_node_is_given_a_fill_valve_and_told_to_hold_at_the_scenarios_time() -> None:
    bench = bench_of(scenario("E9laminar"), 3)
    assert bench.config()["board"]["valves"] == [{"pin": 0, "role": "FILL"}]
    block = bench.devices()[VALVE_BLOCK]
    assert isinstance(block, ValveBlock)
    typed = bench.typed()
    lines = []
    while (left := typed.left_us(0)) is not None:
        lines.append((left / 1e6, typed.next()))
        typed.done()
    assert lines == [
        (57.0, b'MARK "HATCH SHUT"\n'),
        (7200.0, b"SOURce:PRESsure:HOLD 58000,60000\n"),
    ]
    # The valve fills at some 100 Pa/s, half as much again while the gas warms.
    at_s = 40 * 3600.0
    truth = bench.plant([(at_s, True), (at_s + 10.0, False)])
    before, after = (truth.at(t)["chamber"].pressure_pa for t in (at_s, at_s + 10.0))
    assert 900.0 < after - before < 1500.0
    represses = [entry for entry in bench.entries(truth) if "repressed" in entry.truth]
    assert [entry.t_s for entry in represses] == [at_s]


def test_a_scenario_without_a_hold_has_no_valve() -> None:
    bench = bench_of(scenario("E6short"), 3)
    assert "board" not in bench.config()
    block = bench.devices()[VALVE_BLOCK]
    assert isinstance(block, ValveBlock)
    block.advance(1_000_000)
    block.write(0, 1)
    assert block.moves == []
    assert bench.plant([]).at(60.0)["chamber"].pressure_pa == pytest.approx(120000.0, abs=100.0)

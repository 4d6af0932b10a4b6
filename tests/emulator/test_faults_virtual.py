"""Sensor faults on the virtual node, each at a moment that hurts: named, bounded, mended."""

import os
from pathlib import Path

import pytest
from fault_cases import (
    AT_BRING_UP,
    CASES,
    FIFO_MHZ,
    FORCED_MHZ,
    TOUR_S,
    TOURS,
    Case,
    check_run,
    log_run,
)
from plain_host import PlainHost, bench, config, serving

from prkbench.sim.child_process import Interpreter, default_interpreter
from prkbench.sim.faults import inject
from prkbench.sim.unix_node import VirtualNode

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals are POSIX's")
ONE_SLOT_S, TWO_SLOTS_S = 62.0, 122.0


def node_with(faults: tuple[str, ...], rate_mhz: int, interpreter: Interpreter) -> VirtualNode:
    osr_p = 16 if rate_mhz == FORCED_MHZ else 8
    node = VirtualNode(bench().chips, config(rate_mhz, osr_p), interpreter=interpreter)
    inject(node.bridge.devices, faults)
    return node


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_fault_is_named_leaves_a_gap_and_is_mended_and_the_run_replays(
    case: Case, tmp_path: Path
) -> None:
    with serving(node_with(case.faults, case.rate_mhz, default_interpreter())) as node:
        log_run(node.port, tmp_path / "run.prk", ONE_SLOT_S)
    check_run(case, tmp_path / "run.prk", blocks=1)


@pytest.mark.parametrize("interpreter", ["micropython", "cpython"])
@pytest.mark.parametrize("case", TOURS, ids=str)
def test_one_fault_after_the_other_under_either_interpreter(
    case: Case, interpreter: Interpreter, tmp_path: Path
) -> None:
    if interpreter == "micropython" and default_interpreter() != "micropython":
        pytest.skip("MicroPython's unix port is not installed")
    with serving(node_with(case.faults, case.rate_mhz, interpreter)) as node:
        log_run(node.port, tmp_path / "run.prk", TWO_SLOTS_S)
    check_run(case, tmp_path / "run.prk", blocks=2)


@pytest.mark.parametrize("case", TOURS, ids=str)
def test_a_tour_is_over_in_its_time(case: Case, tmp_path: Path) -> None:
    with serving(node_with(case.faults, case.rate_mhz, default_interpreter())) as node:
        log_run(node.port, tmp_path / "run.prk", TOUR_S[case.rate_mhz])
    check_run(case, tmp_path / "run.prk", blocks=0)


@pytest.mark.parametrize("fault", AT_BRING_UP)
def test_a_fault_at_bring_up_is_named_and_the_sensor_comes_up_after_it(fault: str) -> None:
    with serving(node_with((f"0x77:{fault}",), FIFO_MHZ, default_interpreter())) as node:
        host = PlainHost(node.port)
        good, bad = host.ask("MEAS:PRES? (@1,2)").split(",")
        assert float(good) == pytest.approx(1.2e5, abs=500)
        assert bad == "9.91E37"
        assert host.ask("*TST?") == "2"
        assert AT_BRING_UP[fault] in host.ask("SYST:ERR?")
        host.tell("INIT")
        assert host.ask("SYST:ERR?").startswith("-241,")
        for _ in range(80):
            # Simulated time passes only while the node has something to do.
            host.ask("MEAS:PRES? (@1,2)")
            if host.ask("*TST?") == "0":
                break
        assert host.ask("*TST?") == "0"
        host.tell("*CLS;:INIT")
        assert host.ask("SYST:ERR?").startswith("0,")
        host.line.close()

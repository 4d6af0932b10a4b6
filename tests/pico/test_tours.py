"""Sensor faults on the emulated Pico: each named, bounded, mended."""

from pathlib import Path

import pytest
from fault_cases import FORCED_MHZ, TOUR_S, TOURS, Case, check_run
from pico_bench import PicoBench

LOOK_S = 2.0


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(TOURS[0], marks=[pytest.mark.xdist_group("pico-a"), pytest.mark.slow]),
        pytest.param(TOURS[1], marks=pytest.mark.xdist_group("pico-a")),
    ],
    ids=str,
)
def test_one_fault_after_the_other_is_named_leaves_a_gap_and_is_mended(
    case: Case, bench: PicoBench, tmp_path: Path
) -> None:
    osr_p, osr_t = (16, 2) if case.rate_mhz == FORCED_MHZ else (8, 1)
    bench.start(case.rate_mhz / 1000, osr_p, osr_t, faults=case.faults)
    # The node holds few events: the host has to look now and then.
    bench.log(tmp_path / "run.prk", TOUR_S[case.rate_mhz], LOOK_S)
    check_run(case, tmp_path / "run.prk", blocks=0)

"""A rig with a sealed twin, from the simulated node's samples to what the analysis says of it."""

from pathlib import Path

import pytest
from inprocess_node import Bench, bench_rig, meta_of

from prkbench.analysis.conversion import Conversion
from prkbench.analysis.examine import examine
from prkbench.analysis.question import Question
from prkbench.rig import Rig
from prkbench.runfile import RunFile


def with_twin(rig: Rig) -> Rig:
    roles = ("chamber", "ambient", "twin")
    return rig.model_copy(update={"node": rig.node.model_copy(update={"roles": roles})})


def reasons(path: Path, rig: Rig) -> tuple[list[str], float, float, float]:
    bench = Bench(rig)
    with RunFile.create(path, meta_of(bench)) as file:
        bench.log(file, 5400.0)
        outcome = examine(file, Question(rig, Conversion.from_rig(rig), verify=False))
    assert outcome.k_per_s is not None
    assert outcome.k_se_per_s is not None
    return outcome.reasons, outcome.k_per_s, outcome.k_se_per_s, bench.truth.k_per_s


def test_a_twin_is_used_and_the_reasons_say_so(tmp_path: Path) -> None:
    told, k, se, true = reasons(tmp_path / "twin.prk", with_twin(bench_rig(rate_hz=0.2)))
    assert len([line for line in told if line.startswith("sealed twin as reference:")]) == 1
    # Four standard errors, the seed being fixed.
    assert k == pytest.approx(true, abs=4.0 * se)


def test_without_a_twin_none_is_spoken_of(tmp_path: Path) -> None:
    told, *_ = reasons(tmp_path / "plain.prk", bench_rig(rate_hz=0.2))
    assert not any("twin" in line for line in told)

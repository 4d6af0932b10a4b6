"""One to four sensors, every mode and flow law: the node's run is whole, and the rate is right."""

from pathlib import Path
from typing import Any

import pytest
from inprocess_node import Bench, meta_of

from prkbench.analysis.conversion import Conversion
from prkbench.analysis.examine import examine
from prkbench.analysis.question import Question
from prkbench.rig import Rig
from prkbench.runfile import RunFile

LINEAR = {"law": "linear", "conductance": "5.484e-8 m3/s"}
TUBE = {"law": "viscous", "diameter": "0.13 mm", "length": "1.55 m"}
HOLE = {"law": "choked", "diameter": "0.02 mm", "cd": 0.8}
PUMPED = {"pressure": "1013 hPa", "reference_pressure": "5 hPa"}
EVACUATED = {"pressure": "400 hPa", "reference_pressure": "1000 hPa"}
FOUR = ["chamber", "ambient", "twin", "station"]


@pytest.mark.parametrize(
    ("mode", "chamber", "element", "roles"),
    [
        pytest.param("A", {}, LINEAR, FOUR, id="four sensors on two buses"),
        pytest.param("A", {}, TUBE, FOUR[:3], id="three sensors, viscous"),
        pytest.param("C", PUMPED, TUBE, FOUR[:1], id="one sensor, pumped outlet, viscous"),
        pytest.param("C", PUMPED, HOLE, FOUR[:1], id="one sensor, pumped outlet, choked"),
        pytest.param("B", EVACUATED, LINEAR, FOUR[:2], id="evacuated"),
    ],
)
def test_the_run_is_whole_and_its_rate_true(
    tmp_path: Path, mode: str, chamber: dict[str, Any], element: dict[str, Any], roles: list[str]
) -> None:
    rig = Rig.model_validate(
        {
            "rig": {"name": "modes", "mode": mode, "acceleration": 5.0},
            "chamber": chamber,
            "element": element,
            "node": {"rate": "1 Hz", "roles": roles},
        }
    )
    bench = Bench(rig, 3)
    with RunFile.create(tmp_path / "run.prk", meta_of(bench)) as file:
        bench.log(file, 3600.0)
    with RunFile.open(tmp_path / "run.prk") as file:
        outcome = examine(file, Question(rig, Conversion.from_rig(rig), True))
    assert {check.name: check.passed for check in outcome.checks} == dict.fromkeys(
        ("integrity", "sequence and time", "replay", "independent estimate", "prediction"), True
    )
    assert outcome.samples == 3600
    assert outcome.k_per_s is not None
    assert outcome.k_se_per_s is not None
    truth = bench.truth.k_per_s
    assert abs(outcome.k_per_s - truth) < 4.0 * outcome.k_se_per_s
    # An hour tells these leaks to a tenth, else four standard errors would prove nothing.
    assert outcome.k_se_per_s < 0.1 * truth

"""Thirty simulated days through the real firmware: the replay must not differ in one bit."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("micropython_unix", reason="MicroPython's unix port is not installed here")


@pytest.mark.slow
def test_a_month_replays_to_the_bit(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "prkbench.cli.app", "demo", "--json", "--duration", "30 d"]
    command += ["--rate", "1 Hz", "--out", str(tmp_path / "month.prk")]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    outcome = json.loads(ended.stdout)
    assert outcome["blocks"] == 30 * 24 * 60
    assert outcome["samples"] == 30 * 86400
    assert outcome["replay_exact"] is True
    checks = {check["name"]: check["passed"] for check in outcome["checks"]}
    assert checks["independent estimate"] is True

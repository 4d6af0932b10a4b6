"""Every bench scenario through the real firmware under MicroPython, beside the quick run."""

from __future__ import annotations

import functools
import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prkbench.errors import DeviceError
from prkbench.sim.scenario_library import scenario, scenario_names
from prkbench.sim.scenario_once import simulate_once
from prkbench.study.work import Value
from verdict_study.part import Case, Findings, Part, Requirement, Rows, Table

RUNS = 5
MOST_APART = 0.02
"""Standard errors between the rates of firmware and quick run: the same plant, weather and
offsets, other draws of white noise and minutes half a second apart."""


def part() -> Part:
    """Return the part."""
    return Part(
        "micropython",
        "The real firmware",
        "Every bench scenario logged from the firmware under MicroPython, sample by sample, and "
        "examined from its run file, beside the quick run of the same seed. Where both say the "
        "same of equal seeds, what is said above of many seeds is said of the firmware, too.",
        [
            Case(name, functools.partial(both, name), runs=RUNS)
            for name in scenario_names()
            if scenario(name).bench is not None
        ],
        findings,
    )


def both(name: str, seed: int) -> Mapping[str, Value]:
    """Return words and rate of a scenario by the firmware and by the quick run."""
    played = _played(name, seed)
    quick = simulate_once(name, "bench", seed)
    found = [finding["word"] for finding in played["findings"]]
    words = dict.fromkeys(found or [played["verdict"].partition(" (")[0]])
    k = math.nan if played["k_per_s"] is None else float(played["k_per_s"])
    k_quick, se = float(quick["k_per_s"]), float(quick["k_se_per_s"])
    return {
        "words": " + ".join(words),
        "words_quick": quick["words"],
        "right": played["right"],
        "k_per_s": k,
        "k_quick_per_s": k_quick,
        "k_se_per_s": se,
        "apart_se": abs(k - k_quick) / se if se > 0.0 else math.nan,
        "replay_exact": bool(played["replay_exact"]),
        "interpreter": played["interpreter"],
        "samples": float(played["samples"]),
    }


def _played(name: str, seed: int) -> dict[str, Any]:
    """What `prk simulate` tells of one run; a study's workers may have no children but by it."""
    with tempfile.TemporaryDirectory(prefix="prk-") as folder:
        words = ["simulate", name, "--scale", "bench", "--seed", str(seed), "--json", "--out"]
        ended = subprocess.run(
            [sys.executable, "-m", "prkbench.cli.app", *words, str(Path(folder) / "run.prk")],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    if not ended.stdout.startswith("{"):
        last = (ended.stderr.strip().splitlines() or ["nothing was said"])[-1]
        raise DeviceError(f"{name} on the virtual node, seed {seed}: {last}")
    told: dict[str, Any] = json.loads(ended.stdout)
    return told


def findings(rows: Rows) -> Findings:
    """Return the table and what is required of it."""
    every = [row for runs in rows.values() for row in runs]
    if not every:
        return Findings(requirements=[Requirement("the firmware's verdicts", "no runs", None)])
    apart = {
        case: max((float(row["apart_se"] or 0.0) for row in runs if not _none(row["apart_se"])),
                  default=math.nan)
        for case, runs in rows.items()
    }  # fmt: skip
    same = sum(row["words"] == row["words_quick"] for row in every)
    exact = sum(bool(row["replay_exact"]) for row in every)
    real = sum(row["interpreter"] == "micropython" for row in every)
    most = max((value for value in apart.values() if not math.isnan(value)), default=math.nan)
    table = Table(
        ("case", "runs", "same words", "right", "rates apart, s.e.", "words"),
        [
            [
                case,
                str(len(runs)),
                str(sum(row["words"] == row["words_quick"] for row in runs)),
                str(sum(row["right"] == "yes" for row in runs)),
                "-" if math.isnan(apart[case]) else f"{apart[case]:.3f}",
                "; ".join(dict.fromkeys(str(row["words"]) for row in runs)),
            ]
            for case, runs in rows.items()
            if runs
        ],
    )
    of = f"of {len(every)}"
    return Findings(
        [table],
        [
            Requirement("firmware and quick run say the same", f"{same} {of}", same == len(every)),
            Requirement(
                f"their rates within {MOST_APART:g} standard errors",
                f"largest {most:.3f}",
                None if math.isnan(most) else most <= MOST_APART,
            ),
            Requirement("the replay is exact to the bit", f"{exact} {of}", exact == len(every)),
            Requirement("it ran under MicroPython", f"{real} {of}", real == len(every)),
        ],
    )


def _none(value: Value) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))

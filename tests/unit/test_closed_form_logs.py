"""Logs from plain closed forms and made-up recorder noise, with no code of the simulator in them.

What a foreign logger would write: a clock that is not even, readings in steps of the gauge, a
temperature that wanders and is read in steps; imported and analysed by the commands.
"""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prk_command import prk

K = 1.2e-6
"""1/s: 1.1 lb/day of 4 m3."""
LB_KG, R_AIR, T_REF = 0.45359237, 287.05, 295.0
KG_S = K * 4.0 * 101325.0 / (R_AIR * T_REF)
LB_DAY = KG_S * 86400.0 / LB_KG
"""What K is at 101.325 kPa and 295 K into vacuum; a linear leak's own reference is 20 kPa."""


def pressure_pa(law: str, t_s: np.ndarray) -> np.ndarray:
    """p_T of a leak at constant temperature; k is the same at the nominal pressure for all."""
    if law == "choked":
        return np.asarray(101325.0 * np.exp(-K * t_s))
    if law == "viscous":
        # dp/dt = -K p^2/p0 into vacuum.
        return np.asarray(101325.0 / (1.0 + K * t_s))
    if law == "linear":
        return np.asarray(100000.0 + 20000.0 * np.exp(-K * t_s))
    return np.full(len(t_s), 101325.0)


def write_log(path: Path, law: str, seed: int, days: float) -> None:
    """A log of a reading every half hour or so, to 10 Pa and 0.01 K."""
    rng = np.random.default_rng(seed)
    count = round(days * 48)
    t = 1800.0 * np.arange(count) + rng.uniform(-400.0, 400.0, count)
    t[0] = 0.0
    wander = [0.0]
    for step in np.diff(t):
        keep = math.exp(-step / 10800.0)
        wander.append(keep * wander[-1] + 0.05 * math.sqrt(1.0 - keep**2) * rng.standard_normal())
    kelvin = T_REF + np.array(wander)
    # What the thermometer does not see.
    hidden = [0.0]
    for step in np.diff(t):
        keep = math.exp(-step / 3600.0)
        hidden.append(keep * hidden[-1] + 0.01 * math.sqrt(1.0 - keep**2) * rng.standard_normal())
    p = pressure_pa(law, t) * (kelvin + np.array(hidden)) / T_REF
    lines = ["time (s),pressure (Pa),temperature (K)"]
    lines += [
        f"{at:.1f},{10.0 * round(value / 10.0):.0f},{warm:.2f}"
        for at, value, warm in zip(t, p, kelvin, strict=True)
    ]
    path.write_text("\n".join(lines) + "\n")


def analysed(folder: Path, law: str, seed: int, days: float) -> dict[str, Any]:
    csv, run = folder / "log.csv", folder / "log.prk"
    write_log(csv, law, seed, days)
    reference = "100 kPa" if law == "linear" else "vacuum"
    imported = prk("import", csv, "--volume", "4.0 m3", "--reference", reference, "--out", run)
    assert imported.status == 0, imported
    ended = prk("analyze", run, "--json")
    found: dict[str, Any] = json.loads(ended.out)
    return found


@pytest.mark.parametrize(("law", "exponent"), [("choked", 1.0), ("viscous", 2.0)])
@pytest.mark.parametrize("seed", [11, 12, 13])
def test_a_leak_into_vacuum_is_told_with_rate_and_law(
    tmp_path: Path, law: str, exponent: float, seed: int
) -> None:
    found = analysed(tmp_path, law, seed, 5.0)
    assert found["verdict"] == "LEAK"
    low, high = found["law"]["interval95"]
    # Two seeds in forty may miss at 95 %: of three the interval is let out by as much again.
    half = 0.5 * (high - low)
    assert low - half <= exponent <= high + half
    assert half < 0.45
    assert not low <= 3.0 - exponent <= high
    low, high = found["interval95_lb_per_day"]
    half = 0.5 * (high - low)
    assert low - half <= LB_DAY <= high + half
    assert half < 0.1 * LB_DAY


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_a_leak_into_a_room_is_told_with_rate_and_law(tmp_path: Path, seed: int) -> None:
    found = analysed(tmp_path, "linear", seed, 5.0)
    assert found["verdict"] == "LEAK"
    assert found["law"]["name"] == "linear"
    low, high = found["law"]["interval95"]
    half = 0.5 * (high - low)
    assert low - half <= 1.0 <= high + half
    assert half < 0.45
    low, high = found["interval95_lb_per_day"]
    half = 0.5 * (high - low)
    assert low - half <= LB_DAY <= high + half
    assert half < 0.1 * LB_DAY


def test_no_leak_is_no_leak(tmp_path: Path) -> None:
    assert analysed(tmp_path, "none", 14, 5.0)["verdict"].startswith("SEALED")

"""`prk import` and `prk analyze` on readings that others published or measured."""

import json
import os
from pathlib import Path
from typing import Any

import published
import pytest
from prk_command import prk

DATA = Path(__file__).parents[1] / "data"
SHARED = Path(
    os.environ.get("PRKBENCH_SHARED_DATA", Path(__file__).parents[2].parent / "shared" / "data")
)


def analysed(folder: Path, csv: Path, *options: str) -> dict[str, Any]:
    run = folder / "run.prk"
    imported = prk("import", csv, "--out", run, *options)
    assert imported.status == 0, imported
    ended = prk("analyze", run, "--json")
    assert ended.err == ""
    result: dict[str, Any] = json.loads(ended.out)
    result["status"] = ended.status
    return result


@published.PAIRS
def test_the_published_pairs_give_the_figures_of_the_data_page(
    tmp_path: Path, name: str, choked: float, viscous: float
) -> None:
    result = analysed(tmp_path, DATA / f"{name}.csv", "--volume", "4.0 m3", "--reference", "vacuum")
    assert result["verdict"] == "LEAK"
    assert result["status"] == 0
    # The page gives two decimals.
    by_law = result["law"]["by_law_lb_per_day"]
    assert by_law == pytest.approx({"choked": choked, "viscous": viscous}, abs=0.006)
    low, high = result["interval95_lb_per_day"]
    assert 0.0 < low <= choked < viscous <= high
    wide_low, wide_high = result["interval95_with_volume_lb_per_day"]
    # The volume is known as 2.1 to 7.4 m3 only.
    assert wide_low == pytest.approx(low * 2.1 / 4.0)
    assert wide_high == pytest.approx(high * 7.4 / 4.0)
    # Two readings fix one number.
    assert result["k_se_per_s"] is None
    assert result["law"]["exponent"] is None
    assert result["law"]["interval95"] is None
    assert result["en"] is None
    assert result["replay_exact"] is None
    assert Path(result["report"]).is_file()


def test_february_spans_what_its_unpublished_hours_allow(tmp_path: Path) -> None:
    result = analysed(tmp_path, DATA / "prk_2021_feb.csv", "--volume", "4.0 m3")
    low, high = result["interval95_lb_per_day"]
    # Twelve hours either way of either day, by themselves, give 1.35 to 2.49 lb/day.
    assert low <= 1.36
    assert high >= 2.48


def test_a_measured_vessel_is_not_called_leaking_while_cooling_explains_it(tmp_path: Path) -> None:
    csv = SHARED / "real_decay_formlabs.csv"
    if not csv.exists():
        pytest.skip(f"{csv.name} is not here; name its folder in PRKBENCH_SHARED_DATA")
    result = analysed(tmp_path, csv)
    assert result["verdict"] == "CANNOT TELL"
    assert result["status"] == 5
    assert result["interval95_lb_per_day"][0] <= 0.0
    assert any("without a leak" in reason for reason in result["reasons"])


def test_the_users_limit_decides_the_status(tmp_path: Path) -> None:
    analysed(tmp_path, DATA / "prk_2020_dec.csv", "--volume", "4.0 m3")
    statuses = {
        limit: prk("analyze", tmp_path / "run.prk", "--limit", limit).status
        for limit in ("0.5 lb/day", "5 lb/day", "2.4 lb/day")
    }
    assert statuses == {"0.5 lb/day": 1, "5 lb/day": 0, "2.4 lb/day": 5}
    nonsense = prk("analyze", tmp_path / "run.prk", "--limit", "0 lb/day")
    assert nonsense.status == 2
    assert "above zero" in nonsense.err


def test_a_record_over_before_it_settled_cannot_tell_cooling_from_a_leak(tmp_path: Path) -> None:
    csv = tmp_path / "filled.csv"
    rows = [f"{t},{round(800.0 - 3.0 * (1.0 - 2.0 ** (-t / 60.0)), 1)}" for t in range(200)]
    csv.write_text("time_s,pressure_kpa\n" + "\n".join(rows) + "\n")
    result = analysed(tmp_path, csv)
    assert result["verdict"] == "CANNOT TELL"
    assert result["status"] == 5
    low, high = result["interval95_lb_per_day"]
    assert low <= 0.0 < high

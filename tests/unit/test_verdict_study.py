"""The study of verdicts: its short form, what it keeps, and what it holds against what."""

import functools
import math
from pathlib import Path

import pytest
import study_tasks
from threadpoolctl import threadpool_limits
from verdict_study import study, verdicts
from verdict_study.part import Case, Findings, Part, Requirement, Rows, required_share
from verdict_study.parts import NAMES, parts
from verdict_study.running import Plan, run_part

from prkbench.errors import UsageError
from prkbench.study.work import Row

SEED = 20_301
WHOLE = Path("prkbench-runs/study")


def plan(folder: Path, **changes: object) -> Plan:
    values = {"seeds": 3, "seed": SEED, "short": False, "workers": 0, **changes}
    return Plan(folder, **values)  # type: ignore[arg-type]


def requirements(done: list[study.Done]) -> dict[str, Requirement]:
    return {r.text: r for one in done for r in one.findings.requirements}


def test_the_short_form_reaches_the_verdicts_that_few_runs_can_tell(tmp_path: Path) -> None:
    with threadpool_limits(1):
        (done,) = study.run(plan(tmp_path, short=True), ["verdicts"], quiet=True)
    found = requirements([done])
    # 32 runs of cases that are right in all but one of a hundred: under 95 % once in 300 studies.
    for text in ("required conclusion in 95 %", "a wrong conclusion in 1 %"):
        (one,) = (r for name, r in found.items() if name.startswith(text))
        assert one.met, one.found
    (table,) = done.findings.tables
    assert {row[0].rpartition("-")[2] for row in table.rows} == {"prk", "bench", "all"}
    assert {"Verdicts, PrK scale", "Verdicts, bench scale"} < set(done.findings.figures)
    page = (tmp_path / "page.html").read_text()
    assert "C3-prk" in page
    assert "INCREASED + LEAK" in page
    assert "http://" not in page.split("<script>")[0], "the page needs no network"
    assert "| C3-prk" in (tmp_path / "tables.md").read_text()


@pytest.mark.study
def test_the_whole_study_meets_every_requirement() -> None:
    """Two hours on two cores; rows stay in WHOLE, so that it goes on where it was ended."""
    done = study.run(Plan(WHOLE, 200, 2, False), NAMES)
    missed = [r for r in requirements(done).values() if r.met is not True]
    assert not missed, "; ".join(f"{r.text}: {r.found}" for r in missed)


def counting(log: str) -> Part:
    task = functools.partial(study_tasks.slow, log)
    return Part("few", "Few", ".", [Case("a", task), Case("b", task, runs=2)], lambda _: Findings())


def test_a_study_that_was_ended_goes_on_where_it_was(tmp_path: Path) -> None:
    log = tmp_path / "log"
    part = counting(str(log))
    rows = run_part(part, plan(tmp_path, seeds=2))
    assert [len(rows[case]) for case in ("a", "b")] == [2, 2]
    again = run_part(part, plan(tmp_path, seeds=5))
    assert again["a"][:2] == rows["a"]
    assert again["b"] == rows["b"]
    assert len(again["a"]) == 5
    seeds = log.read_text().split()
    assert len(seeds) == len(set(seeds)) == 7, "a run was done twice, or two share their noise"


def test_what_was_done_outlives_a_run_that_fails(tmp_path: Path) -> None:
    good, bad = (functools.partial(study_tasks.failing, seed) for seed in (-1, -1))
    part = Part("few", "Few", ".", [Case("a", good), Case("b", bad)], lambda _: Findings())
    first = run_part(part, plan(tmp_path, seeds=1))
    failing = functools.partial(study_tasks.failing, _seed_of(part, tmp_path, "b", 1))
    broken = Part("few", "Few", ".", [Case("a", good), Case("b", failing)], lambda _: Findings())
    with pytest.raises(Exception, match="no such leak"):
        run_part(broken, plan(tmp_path, seeds=3))
    rows = run_part(part, plan(tmp_path, seeds=3))
    assert rows["b"][0] == first["b"][0]
    assert len(list((tmp_path / "few").glob("*.parquet"))) == 2


def _seed_of(part: Part, folder: Path, case: str, run: int) -> int:
    rows = run_part(part, plan(folder / "aside", seeds=run + 1))
    return int(rows[case][run]["seed"] or 0)


def test_a_folder_with_runs_of_another_seed_is_refused(tmp_path: Path) -> None:
    part = counting(str(tmp_path / "log"))
    run_part(part, plan(tmp_path, seeds=1))
    with pytest.raises(UsageError, match=r"runs of seed 20301, expected 5; name another folder"):
        run_part(part, plan(tmp_path, seeds=1, seed=5))


def test_a_part_or_case_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--part moon: no such part, expected verdicts"):
        parts(["moon"])
    with pytest.raises(UsageError, match="--only E99: no such case"):
        study.run(plan(tmp_path), ["verdicts"], ["E99"], quiet=True)


def row(right: str, low: float = 1.0, high: float = 3.0, upper: float = 3.0) -> Row:
    return {
        "right": right, "words": "LEAK", "k_low_per_s": low, "k_true_per_s": 2.0,
        "k_high_per_s": high, "true_last_lb_per_day": 2.0, "upper95_lb_per_day": upper,
    }  # fmt: skip


def held_against(rows: Rows) -> list[bool | None]:
    return [requirement.met for requirement in verdicts.findings(rows).requirements]


def test_shares_are_held_against_what_is_required_of_all_and_of_each() -> None:
    good = [row("yes")] * 200
    assert held_against({"A-prk": good, "B-bench": good}) == [True, True, True, True]
    # 21 of 400 open are 5.25 %, 10.5 % of their case.
    open_ = [row("open")] * 21 + [row("yes")] * 179
    assert held_against({"A-prk": good, "B-bench": open_}) == [False, True, False, True]
    # 7 of 400 wrong are 1.75 %, 3.5 % of their case.
    wrong = [row("no")] * 7 + [row("yes")] * 193
    assert held_against({"A-prk": good, "B-bench": wrong}) == [True, False, True, False]
    few = [row("yes")] * 5
    assert held_against({"A-prk": few}) == [True, True, None, None]


def test_intervals_and_bounds_are_held_against_the_truth_where_there_is_one() -> None:
    rows = [row("yes"), row("yes", high=1.9, upper=1.9), row("yes", low=math.nan, upper=math.nan)]
    assert verdicts.holding(rows) == [True, False]
    assert verdicts.bounding(rows) == [True, False]


def test_a_share_of_few_draws_is_left_open() -> None:
    assert required_share("x", 19, 20, least=0.9).met is True
    assert required_share("x", 17, 20, least=0.9).met is False
    assert required_share("x", 3, 3, least=0.9).met is None
    assert required_share("x", 0, 0, least=0.9).found == "no runs"

"""The firmware keeps its budgets of time and memory; `pytest -s` shows them."""

import pytest
from budget_limits import CEILINGS
from budgets import DERATING, SECTIONS, Figure, table
from pico_bench import PicoBench


def test_a_time_is_held_against_its_limit_as_a_real_board_may_need_it() -> None:
    assert Figure("a time", 10.0 / DERATING, "ms", limit=10.0).kept
    assert not Figure("a time", 10.1 / DERATING, "ms", limit=10.0).kept
    assert Figure("bytes", 10.0, "byte", False, limit=10.0).kept
    assert not Figure("free bytes", 9.0, "byte", False, 10.0, "", True).kept
    assert "EXCEEDED" in table([Figure("a time", 10.0, "ms", limit=10.0)])


def test_a_figure_beyond_its_ceiling_has_regressed() -> None:
    name, ceiling = next(iter(CEILINGS.items()))
    assert not Figure(name, ceiling, "").regressed
    assert "REGRESSED" in table([Figure(name, 1.001 * ceiling, "")])
    assert not Figure("unknown", 1e9, "").regressed


@pytest.mark.xdist_group("pico-a")
@pytest.mark.parametrize("section", SECTIONS)
def test_what_it_costs_is_within_budget(section: str, bench: PicoBench) -> None:
    figures = SECTIONS[section](bench)
    text = table(figures)
    print("\n" + text)
    assert all(figure.kept for figure in figures), "\n" + text
    assert not any(figure.regressed for figure in figures), "\n" + text

"""The firmware keeps its budgets of time and memory; `pytest -s` shows them."""

import pytest
from budgets import SECTIONS, table
from pico_bench import PicoBench

pytestmark = pytest.mark.xdist_group("pico-a")


@pytest.mark.parametrize("section", SECTIONS)
def test_what_it_costs_is_within_budget(section: str, bench: PicoBench) -> None:
    figures = SECTIONS[section](bench)
    text = table(figures)
    print("\n" + text)
    assert all(figure.kept for figure in figures), "\n" + text
    assert not any(figure.regressed for figure in figures), "\n" + text

"""What a study says as a whole."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prkbench.study.summary import summarise, wilson
from prkbench.study.work import Row


def run(k: float | None, half: float = 1.0, word: str | None = "LEAK") -> Row:
    low = None if k is None else k - half
    high = None if k is None else k + half
    return {"k_per_s": k, "k_true_per_s": 10.0, "k_low_per_s": low, "k_high_per_s": high,
            "verdict": word}  # fmt: skip


def test_spread_coverage_and_verdicts_of_known_rows():
    found = summarise([run(9.0), run(10.5), run(12.0), run(None, word=None)])
    assert (found.runs, found.estimated) == (4, 3)
    assert found.median_k_per_s == 10.5
    assert found.mean_error_per_s == pytest.approx((-1.0 + 0.5 + 2.0) / 3.0)
    assert found.rms_error_per_s == pytest.approx(math.sqrt((1.0 + 0.25 + 4.0) / 3.0))
    assert found.coverage is not None
    # 9 +- 1 reaches 10, 12 +- 1 does not.
    assert (found.coverage.count, found.coverage.of) == (2, 3)
    assert found.verdicts == {"LEAK": 3}


def test_wilsons_interval_is_the_published_one():
    # Wilson 1927 with z = 1.95996: (285 + z2/2)/(300 + z2) -+ z/(300 + z2) sqrt(285 15/300 + z2/4).
    found = wilson(285, 300)
    assert found.low == pytest.approx(0.944313 - 0.025158, abs=5e-6)
    assert found.high == pytest.approx(0.944313 + 0.025158, abs=5e-6)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_an_interval_of_a_share_holds_the_share_and_stays_between_none_and_all(given_: tuple):
    count, of = given_
    found = wilson(count, of)
    assert 0.0 <= found.low <= count / of <= found.high <= 1.0


def test_a_task_without_truth_or_verdict_leaves_those_out():
    found = summarise([{"run": 0, "k_per_s": 1.0}])
    assert found.coverage is None
    assert found.rms_error_per_s is None
    assert found.median_k_true_per_s is None
    assert (found.verdicts, found.right) == ({}, {})


def test_verdicts_come_most_frequent_first():
    rows = [run(1.0, word=word) for word in ("SEALED", "LEAK", "LEAK", "ANY")]
    assert list(summarise(rows).verdicts) == ["LEAK", "ANY", "SEALED"]


def test_a_bound_in_brackets_makes_no_other_verdict_and_right_is_counted():
    rows = [run(1.0, word="SEALED (< 0.1 lb/day)"), run(1.0, word="SEALED (< 0.2 lb/day)")]
    found = summarise([{**rows[0], "right": "yes"}, {**rows[1], "right": "no"}])
    assert found.verdicts == {"SEALED": 2}
    assert found.right == {"no": 1, "yes": 1}

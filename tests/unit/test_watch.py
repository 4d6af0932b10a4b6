import json

import numpy as np
import pytest
from block_streams import LAG_S, P_PA, PERCENT_DAY, RHO, T_K, Minutes, minutes

from prkbench.analysis.conversion import Conversion
from prkbench.analysis.watch import Watch, watch_json


def pushed(data: Minutes, watch: Watch | None = None, *, repress_at: int | None = None) -> Watch:
    watch = watch or Watch(RHO, 1.0, LAG_S, T_K)
    for slot, (x, t, y) in enumerate(
        zip(data.x.tolist(), data.t.tolist(), data.y.tolist(), strict=True)
    ):
        later = repress_at is not None and slot >= repress_at
        # A repress lifts p_T by what it likes; the intercept is the segment's own.
        watch.push(int(later), slot, x, t, y + (5000.0 if later else 0.0))
    return watch


def test_a_leak_from_the_beginning_is_a_leak_and_has_not_returned() -> None:
    watch = pushed(minutes(np.random.default_rng(1), 300, 5.4))
    assert [d.word for d in watch.declared] == ["LEAK"]
    found = watch.declared[0]
    assert found.onset is None
    # Called as soon as it is sure: within four of its own standard errors of the truth.
    assert abs(found.k_per_s - 5.4 * PERCENT_DAY) < 4.0 * found.k_se_per_s
    assert watch.fit is not None


def test_a_leak_after_hours_of_none_has_returned_and_says_when() -> None:
    watch = pushed(minutes(np.random.default_rng(2), 480, 5.4, onset=300))
    assert watch.declared[0].word == "RETURNED"
    onset = watch.declared[0].onset
    assert onset is not None
    assert onset.low_slot <= 300 <= onset.high_slot
    text = watch.declared[0].sentence(Conversion())
    assert text.startswith("RETURNED at ")
    assert "lb/day" in text
    assert "95 %" in text
    assert "\n" not in text


@pytest.mark.parametrize(("after", "word"), [(21.6, "INCREASED"), (0.0, "REDUCED")])
def test_a_leak_that_changes_is_told_with_its_direction(after: float, word: str) -> None:
    watch = pushed(minutes(np.random.default_rng(3), 900, after, onset=400, before=10.8))
    assert [d.word for d in watch.declared][:2] == ["LEAK", word]
    onset = watch.declared[1].onset
    assert onset is not None
    assert onset.low_slot <= 400 <= onset.high_slot


def test_a_repress_is_no_change_and_does_not_end_the_evidence() -> None:
    data = minutes(np.random.default_rng(4), 400)
    watch = pushed(data, repress_at=200)
    assert watch.declared == []
    assert watch.evidence is not None
    halves = pushed(minutes(np.random.default_rng(4), 200)).evidence
    assert halves is not None
    assert watch.evidence.se_per_s < halves.se_per_s


def test_a_sealed_chamber_is_bounded_and_nothing_is_declared() -> None:
    watch = pushed(minutes(np.random.default_rng(5), 720))
    assert watch.declared == []
    assert watch.evidence is not None
    assert 0.0 < watch.evidence.upper_per_s < 0.54 * PERCENT_DAY
    found = watch_json(watch, Conversion())
    assert found["declared"] == []
    assert found["log_e"] < found["log_e_threshold"]
    assert found["log_change"] < found["log_change_threshold"]
    json.dumps(found, allow_nan=False)


def test_a_faster_bench_looks_for_faster_leaks() -> None:
    slow = pushed(minutes(np.random.default_rng(6), 240)).evidence
    fast = pushed(minutes(np.random.default_rng(6), 240), Watch(RHO, 10.0, LAG_S, T_K)).evidence
    assert slow is not None
    assert fast is not None
    assert fast.k_per_s == slow.k_per_s
    assert fast.log_e < slow.log_e


def test_the_series_for_the_plot_stays_short_and_reaches_the_end() -> None:
    watch = pushed(minutes(np.random.default_rng(7), 2600))
    series = watch.series
    lengths = {len(series.t_h), len(series.log_e), len(series.log_r), len(series.upper_per_s)}
    assert len(lengths) == 1
    assert 500 < lengths.pop() <= 2000
    assert series.t_h == sorted(series.t_h)
    assert series.t_h[-1] == pytest.approx(2598.5 / 60.0, abs=0.1)


def test_pressures_are_taken_as_they_are() -> None:
    # A chamber at exactly constant pressure and temperature has no variance but the expected one.
    watch = Watch(RHO, 1.0, LAG_S, T_K)
    for slot in range(60):
        watch.push(0, slot, 2e4, T_K, P_PA)
    assert watch.declared == []
    assert watch.evidence is not None
    assert watch.evidence.k_per_s == pytest.approx(0.0, abs=1e-15)

import dataclasses
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from inprocess_node import Bench, bench_rig, meta_of, recorded_file
from tampering import change_payload, execute, flip, rechain

from prkbench.analysis import correlated
from prkbench.analysis.conversion import Conversion
from prkbench.analysis.examine import _settle_exit, examine
from prkbench.analysis.outcome import CANNOT_VERIFY, LEAK, NO_VERDICT, SEALED, Check, Outcome
from prkbench.analysis.question import Question
from prkbench.errors import DataError
from prkbench.rig import Rig, parse_rig
from prkbench.runfile import Kind, RunFile


def examined(path: Path, rig: Rig | None = None, verify: bool = True) -> Outcome:
    with RunFile.open(path) as file:
        if rig is None:
            rig = parse_rig(file.meta["rig"], "inside")
        question = Question(rig, Conversion.from_rig(rig), verify, rig.limit.rate_kg_per_s)
        return examine(file, question)


def verdict_of(outcome: Outcome, name: str) -> bool | None:
    (check,) = [check for check in outcome.checks if check.name == name]
    return check.passed


def element_changed(rig: Rig, scale: float, uncertainty: str) -> Rig:
    """The rig with an element that lets `scale` times as much through."""
    text = rig.to_toml()
    # A capillary's flow goes with the fourth power of its bore.
    text = re.sub(
        r'diameter = "([0-9.]+) mm"',
        lambda m: f'diameter = "{float(m[1]) * scale**0.25:.12g} mm"',
        text,
    )
    return parse_rig(re.sub(r'(law = "viscous"[^\[]*uncertainty = )"2 %"', rf'\1"{uncertainty}"',
                            text), "changed")  # fmt: skip


def test_a_whole_run_passes_every_check_and_finds_the_leak(tmp_path: Path) -> None:
    outcome = examined(recorded_file(tmp_path))
    assert {check.name: check.passed for check in outcome.checks} == {
        "integrity": True,
        "sequence and time": True,
        "replay": True,
        "independent estimate": True,
        "prediction": True,
    }
    assert outcome.verdict == LEAK
    assert outcome.exit_code == 0
    assert outcome.replay_exact is True
    assert outcome.samples == 45 * 30
    assert outcome.blocks == 45
    assert outcome.gaps == 0
    assert outcome.duration_s == pytest.approx(45 * 60 - 2.0, abs=1e-3)
    assert outcome.en is not None
    assert abs(outcome.en) <= 1.0
    # Four standard errors: 1 of 15000 runs would fail by chance, and the seed is fixed.
    truth = Bench(bench_rig()).truth.k_per_s
    assert outcome.k_per_s == pytest.approx(truth, abs=4.0 * (outcome.k_se_per_s or 0.0))


def test_simulated_data_is_called_self_consistency_never_validation(tmp_path: Path) -> None:
    outcome = examined(recorded_file(tmp_path))
    assert outcome.simulated
    (detail,) = [check.detail for check in outcome.checks if check.name == "prediction"]
    assert "self-consistency" in detail
    assert "validation" not in detail


def test_the_arrays_for_the_plots_hold_every_block_and_a_fit_where_it_counts(
    tmp_path: Path,
) -> None:
    series = examined(recorded_file(tmp_path)).series
    assert series is not None
    assert len(series.t_h) == len(series.p_t_pa) == len(series.fit_pa) == 45
    # Ten minutes settle; the first and the last block that count lack a neighbour.
    assert series.used.sum() == 35
    fitted = ~(series.fit_pa != series.fit_pa)
    assert fitted.sum() == 33
    # The mean gas temperature nobody sees wanders by 10 mK, which is 4 Pa at 120 kPa; a fit that
    # did not go through the points would be off by hundreds.
    assert abs(series.residual_pa[fitted]).max() < 30.0


def test_an_element_30_percent_off_is_caught(tmp_path: Path) -> None:
    path = recorded_file(tmp_path)
    wrong = element_changed(bench_rig(), 1.3, "2 %")
    outcome = examined(path, wrong)
    assert outcome.en is not None
    assert outcome.en < -1.0
    assert verdict_of(outcome, "prediction") is False
    assert outcome.exit_code == 1
    assert any("prediction FAILED" in reason for reason in outcome.reasons)


def test_too_few_minutes_judge_no_prediction(tmp_path: Path) -> None:
    wrong = element_changed(bench_rig(), 1.3, "2 %")
    outcome = examined(recorded_file(tmp_path, minutes=20.0), wrong)
    assert outcome.en is None
    assert verdict_of(outcome, "prediction") is None
    assert outcome.verdict == NO_VERDICT
    assert outcome.exit_code == 5


def test_a_prediction_too_uncertain_to_fail_verifies_nothing(tmp_path: Path) -> None:
    vague = element_changed(bench_rig(), 1.0, "40 %")
    outcome = examined(recorded_file(tmp_path), vague)
    assert outcome.u_over_x is not None
    assert outcome.u_over_x > 0.3
    assert outcome.verdict == CANNOT_VERIFY
    assert verdict_of(outcome, "prediction") is None
    assert outcome.exit_code == 5


def test_without_verification_there_is_no_prediction(tmp_path: Path) -> None:
    outcome = examined(recorded_file(tmp_path), verify=False)
    assert outcome.en is None
    assert "prediction" not in {check.name for check in outcome.checks}
    assert outcome.verdict == LEAK


def test_a_run_with_the_operators_marks_is_examined_by_its_segments(tmp_path: Path) -> None:
    path = tmp_path / "marked.prk"
    bench = Bench(bench_rig(), 3)
    with RunFile.create(path, meta_of(bench)) as file:
        bench.log(file, 45 * 60.0)
        bench.client().command('MARK "HATCH SHUT: volume 5.0 L"')
        bench.log(file, 90 * 60.0)
    outcome = examined(path, verify=False)
    assert "HATCH SHUT: volume 5.0 L" in [event.text for event in outcome.events]
    words = [finding["word"] for finding in outcome.findings]
    assert "LEAK" in words, outcome.reasons
    assert not {"INCREASED", "REDUCED", "RETURNED", "SENSOR"} & set(words)
    truth = bench.truth.k_per_s
    assert outcome.k_per_s == pytest.approx(truth, abs=4.0 * (outcome.k_se_per_s or 0.0))
    assert not examined(path).findings, "verify holds one rate against a prediction"


def test_no_leak_is_never_called_one_and_gets_an_upper_limit(tmp_path: Path) -> None:
    outcome = examined(recorded_file(tmp_path, lb_per_day=0.0))
    assert LEAK not in outcome.verdict
    assert outcome.verdict.startswith((SEALED, NO_VERDICT))
    assert outcome.upper_limit95_lb_per_day is not None
    assert outcome.upper_limit95_lb_per_day > 0.0
    assert outcome.u_over_x is None


def test_a_run_too_short_to_count_gives_no_verdict_yet(tmp_path: Path) -> None:
    outcome = examined(recorded_file(tmp_path, minutes=12.0))
    assert outcome.verdict == NO_VERDICT
    assert outcome.k_per_s is None
    assert outcome.exit_code == 5
    assert outcome.replay_exact is True


def test_a_run_of_less_than_a_minute_has_nothing_to_replay_and_says_so(tmp_path: Path) -> None:
    outcome = examined(recorded_file(tmp_path, minutes=0.5))
    assert verdict_of(outcome, "replay") is None
    assert outcome.replay_exact is False
    assert outcome.exit_code == 5


@pytest.mark.parametrize("kind", ["sample", "block", "result", "event"])
@pytest.mark.parametrize("bit", [0, 77, -1])
def test_a_flipped_bit_in_any_payload_is_corrupt_data(tmp_path: Path, kind: str, bit: int) -> None:
    path = recorded_file(tmp_path)
    change_payload(path, kind, flip(bit))
    outcome = examined(path)
    assert verdict_of(outcome, "integrity") is False
    assert outcome.exit_code == 4


@pytest.mark.parametrize("kind", ["block", "result"])
def test_a_forged_record_with_the_chain_made_to_fit_fails_the_replay(
    tmp_path: Path, kind: str
) -> None:
    path = recorded_file(tmp_path)
    # Byte 20 of a result is the lowest of k: the smallest lie there is.
    change_payload(path, kind, flip(8 * 20), cover=True)
    outcome = examined(path)
    assert verdict_of(outcome, "integrity") is True
    assert verdict_of(outcome, "replay") is False
    assert outcome.replay_exact is False
    assert outcome.exit_code == 4
    assert any("1 bits differ" in reason for reason in outcome.reasons)


def test_a_forged_sample_with_the_chain_made_to_fit_fails_the_replay(tmp_path: Path) -> None:
    path = recorded_file(tmp_path)
    change_payload(path, "sample", flip(8 * 10), cover=True)
    outcome = examined(path)
    assert verdict_of(outcome, "integrity") is True
    assert verdict_of(outcome, "replay") is False
    assert outcome.exit_code == 4


def test_samples_cut_off_the_end_leave_blocks_that_nothing_explains(tmp_path: Path) -> None:
    path = recorded_file(tmp_path)
    execute(path, "DELETE FROM chunk WHERE kind = 'sample' AND first > 900")
    rechain(path)
    outcome = examined(path)
    assert verdict_of(outcome, "integrity") is True
    assert verdict_of(outcome, "replay") is False
    assert outcome.replay_exact is False
    assert outcome.exit_code == 4
    assert any("no samples behind them" in reason for reason in outcome.reasons)


def test_time_that_goes_back_is_found(tmp_path: Path) -> None:
    path = recorded_file(tmp_path)

    def swap(data: bytearray) -> None:
        first, second = bytes(data[:20]), bytes(data[20:40])
        data[:40] = second + first

    change_payload(path, "sample", swap, cover=True)
    outcome = examined(path)
    assert verdict_of(outcome, "sequence and time") is False
    assert outcome.exit_code == 4


def test_lost_samples_are_said_with_how_many_and_why_and_fail_the_check(tmp_path: Path) -> None:
    path = tmp_path / "lossy.prk"
    # A ring of ten minutes, looked at every quarter of an hour: five minutes are overwritten.
    bench = Bench(bench_rig(), ring_records=300)
    with RunFile.create(path, meta_of(bench)) as file:
        capture = bench.log(file, 2700.0, turn_s=900.0)
    assert capture.lost > 0
    outcome = examined(path)
    assert outcome.gaps > 0
    assert verdict_of(outcome, "sequence and time") is False
    assert verdict_of(outcome, "replay") is False
    assert outcome.exit_code == 4
    (reason,) = [r for r in outcome.reasons if r.startswith("sequence and time FAILED")]
    assert f"{capture.lost} samples lost" in reason
    assert "ring" in reason


def test_pressure_out_of_the_sensors_range_is_left_out_and_said(tmp_path: Path) -> None:
    path = tmp_path / "high.prk"
    bench = Bench(bench_rig())
    chamber = bench.board.chips[0, 0x76].transducer
    truth = chamber.measure

    def surge(t_s: float, osr_p: int, osr_t: int) -> tuple[float, float]:
        pressure, celsius = truth(t_s, osr_p, osr_t)
        # The sensor shows up to 1250 hPa.
        return (pressure + 20000.0 if 1200.0 <= t_s < 1320.0 else pressure), celsius

    bench.board.chips[0, 0x76]._measure = surge
    with RunFile.create(path, meta_of(bench)) as file:
        bench.log(file, 2700.0)
    outcome = examined(path)
    (reason,) = [reason for reason in outcome.reasons if "outside the sensor's range" in reason]
    # Two minutes, which need not begin with a slot of the node's.
    assert re.match(r"[123] minutes left out", reason)
    assert "1250 hPa" in reason
    assert outcome.replay_exact is True


def test_a_sensor_that_falls_out_ends_a_segment_and_is_said(tmp_path: Path) -> None:
    path = tmp_path / "fault.prk"
    bench = Bench(bench_rig())
    with RunFile.create(path, meta_of(bench)) as file:
        bench.log(file, 900.0)
        bench.board.absent.add((0, 0x77))
        bench.pass_s(90.0)
        bench.board.absent.clear()
        bench.log(file, 3600.0)
    outcome = examined(path)
    assert outcome.replay_exact is True
    assert any("fault or restart" in reason for reason in outcome.reasons)
    assert any(event.name.startswith("FAULT, sensor 2") for event in outcome.events)
    assert any(event.name.startswith("RECOVERED, sensor 2") for event in outcome.events)


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("UPDATE run SET setup = CAST('{}' AS BLOB)", "set-up"),
        ("UPDATE run SET setup = CAST(replace(setup, 'trims', 'trimz') AS BLOB)", "trims"),
        ("UPDATE run SET setup = CAST(replace(setup, 'VISCOUS', 'VISCOSE') AS BLOB)", "law"),
        ("UPDATE run SET setup = 'nonsense'", "JSON"),
        ("UPDATE run SET setup = CAST(setup AS TEXT)", "no longer bytes"),
        ("UPDATE chunk SET payload = CAST('ab' AS TEXT)", "no longer bytes"),
        ("UPDATE chunk SET payload = substr(payload, 1, 33) WHERE kind = 'sample'", "bytes"),
        ("UPDATE chunk SET payload = substr(payload, 1, 33) WHERE kind = 'event'", "bytes"),
        ("DELETE FROM chunk WHERE kind = 'sample'", "no samples"),
        ("DELETE FROM run", "no run"),
    ],
)
def test_a_file_too_damaged_to_examine_is_one_line(
    tmp_path: Path, statement: str, says: str
) -> None:
    path = recorded_file(tmp_path)
    execute(path, statement)
    with pytest.raises(DataError, match=says) as caught:
        examined(path)
    assert "\n" not in str(caught.value)


def test_the_limit_of_the_user_decides_the_exit_code(tmp_path: Path) -> None:
    path = recorded_file(tmp_path)
    conversion = Conversion.from_rig(bench_rig())
    codes = {}
    for limit in (0.5, 2.0):
        with RunFile.open(path) as file:
            question = Question(bench_rig(), conversion, False, limit * 5.2499e-6)
            codes[limit] = examine(file, question).exit_code
    assert codes == {0.5: 1, 2.0: 0}


def test_the_longest_of_several_runs_is_examined(tmp_path: Path) -> None:
    path = tmp_path / "two.prk"
    bench = Bench(bench_rig())
    with RunFile.create(path, meta_of(bench)) as file:
        first = bench.log(file, 300.0)
        bench.client().command("ABORt")
        second = bench.log(file, 1200.0)
        assert first.run_id != second.run_id
        assert [run.run_id for run in file.runs()] == [first.run_id, second.run_id]
    assert examined(path).samples == 1200 // 2


def test_progress_is_told_up_to_the_last_sample(tmp_path: Path) -> None:
    seen: list[int] = []
    with RunFile.open(recorded_file(tmp_path, minutes=12.0)) as file:
        examine(file, Question(None, Conversion(), False), seen.append)
        assert seen[-1] == file.next(file.runs()[0].run_id, Kind.SAMPLE)
    assert seen == sorted(seen)


def test_a_failed_check_is_said_in_the_sentence_itself() -> None:
    outcome = Outcome(
        "t", "LEAK", "leaks 1 lb/day", 1.0, 0.1, 1.0, 0.5, None, None, None, {}, "", 1, 1, 0, 1.0,
        checks=[Check("prediction", False, "off"), Check("integrity", True, "whole")],
    )  # fmt: skip
    _settle_exit(outcome)
    assert outcome.sentence == "leaks 1 lb/day; NOT verified: prediction failed"
    assert outcome.exit_code == 1


def drawn_slope_pa_per_h(path: Path) -> float:
    """Slope of the residual as the page draws it."""
    with RunFile.open(path) as file:
        rig = parse_rig(file.meta["rig"], "inside")
        outcome = examine(file, Question(rig, Conversion.from_rig(rig), True))
    assert outcome.series is not None
    residual = outcome.series.residual_pa[np.isfinite(outcome.series.residual_pa)]
    # 10 mK of unseen gas temperature are 4 Pa.
    return float(np.polyfit(np.arange(len(residual)) / 60.0, residual, 1)[0])


def test_the_fit_drawn_is_the_fit_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = recorded_file(tmp_path, minutes=120.0)
    plain = drawn_slope_pa_per_h(path)
    assert abs(plain) < 5.0
    made = correlated.estimate

    def with_drift(*arguments: Any) -> correlated.HostEstimate | None:
        found = made(*arguments)
        assert found is not None
        return dataclasses.replace(found, drift_pa_per_s=found.drift_pa_per_s + 0.01)

    monkeypatch.setattr(correlated, "estimate", with_drift)
    assert drawn_slope_pa_per_h(path) == pytest.approx(plain - 36.0, abs=0.01)

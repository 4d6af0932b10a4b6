import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inprocess_node import Bench, bench_rig, meta_of

from prkbench.logger import Logger
from prkbench.runfile import RunFile
from prkbench.timebase import ClockPair, fit

EPOCH_NS = 1_800_000_000_000_000_000


def looks(drift_ppm: float, seed: int = 1, hours: float = 24.0, n: int = 300) -> list[ClockPair]:
    """Looks at both clocks, each answered somewhere within a span of 1 to 30 ms."""
    rng = np.random.default_rng(seed)
    pairs = []
    for node_us in np.sort(rng.integers(0, round(hours * 3.6e9), n)):
        span = int(rng.integers(1_000_000, 30_000_000))
        within = int(rng.integers(-span // 2, span // 2 + 1))
        host = EPOCH_NS + round(int(node_us) * 1000 * (1.0 + drift_ppm * 1e-6)) + within
        pairs.append(ClockPair(int(node_us), host, span))
    return pairs


@given(drift_ppm=st.floats(-100.0, 100.0), seed=st.integers(0, 1000))
def test_a_clock_100_ppm_off_is_recovered(drift_ppm: float, seed: int) -> None:
    base = fit(looks(drift_ppm, seed))
    assert base is not None
    # 30 ms at either end of 24 h are 0.35 ppm; 300 looks average it to a tenth.
    assert base.drift_ppm == pytest.approx(drift_ppm, abs=0.1)
    true = EPOCH_NS + 12 * 3600 * 1_000_000_000 * (1.0 + drift_ppm * 1e-6)
    # Of a mean span of 15 ms, within which an answer is anywhere, 300 looks leave under 3 ms.
    assert base.host_ns(12 * 3600 * 1_000_000) == pytest.approx(true, abs=3e6)


def test_a_look_that_took_long_counts_less() -> None:
    pairs = looks(0.0)
    # A host that was suspended for a minute in the middle of a question.
    pairs.append(ClockPair(43_200_000_000, pairs[-1].host_ns, 60_000_000_000))
    base = fit(pairs)
    assert base is not None
    true = EPOCH_NS + 12 * 3600 * 1_000_000_000
    assert base.host_ns(12 * 3600 * 1_000_000) == pytest.approx(true, abs=3e6)


def test_fewer_than_two_different_looks_give_no_time_base() -> None:
    assert fit([]) is None
    assert fit([ClockPair(5, EPOCH_NS, 1000)]) is None
    assert fit([ClockPair(5, EPOCH_NS, 1000), ClockPair(5, EPOCH_NS + 7, 1000)]) is None


def test_two_looks_are_a_straight_line() -> None:
    base = fit([ClockPair(0, EPOCH_NS, 1000), ClockPair(1_000_000, EPOCH_NS + 10**9, 1000)])
    assert base is not None
    assert base.rate == pytest.approx(1000.0)
    assert base.pairs == 2


def test_setting_the_hosts_clock_while_logging_makes_no_difference(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wall clock jumps by an hour in the middle; node time against host time stays a line."""
    from pathlib import Path

    assert isinstance(tmp_path, Path)
    bench = Bench(bench_rig())
    bench.plug_in(monkeypatch)
    start_us = bench.board.now_us

    def monotonic_ns() -> int:
        # 50 ppm fast against the node.
        return round((bench.board.now_us - start_us) * 1000 * 1.00005)

    def time_ns() -> int:
        jump = 3_600_000_000_000 if bench.board.now_us - start_us > 900e6 else 0
        return EPOCH_NS + monotonic_ns() + jump

    monkeypatch.setattr("prkbench.hostclock._steady_ns", monotonic_ns)
    monkeypatch.setattr("prkbench.hostclock.time.time_ns", time_ns)
    path = tmp_path / "run.prk"
    with RunFile.create(path, meta_of(bench)) as file:
        client = bench.client()
        client.command("INITiate")
        logger = Logger(client, file, 1800.0)
        monkeypatch.setattr("prkbench.logger.time.sleep", lambda s: bench.pass_s(60.0))
        capture = logger.run()
        kept = file.meta[f"timebase.{capture.run_id}"]
    # The looks themselves are exact here.
    assert kept["rate_ns_per_us"] == pytest.approx(1000.05, abs=1e-4)
    assert kept["origin_ns"] == pytest.approx(EPOCH_NS, abs=1e6)
    assert kept["pairs"] == len(capture.pairs)

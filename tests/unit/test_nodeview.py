"""What a run file and a page tell of the node: states over time, alarms, hold, reserve."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from inprocess_node import Bench, bench_rig, meta_of

from prkbench.analysis.conversion import Conversion
from prkbench.analysis.nodeview import node_view, states_at
from prkbench.analysis.outcome import Outcome
from prkbench.analysis.shown import event_notes
from prkbench.cli.logging import _note
from prkbench.logger import Logger, Progress
from prkbench.nodeevents import alarms_in, told
from prkbench.report.nodeaccount import node_rows
from prkbench.runfile import RunFile
from prknode.decay import Reduced
from prknode.records import (
    ALARM,
    EV_ALARM,
    EV_CLEARED,
    EV_HOLD,
    EV_MARK,
    EV_STATE,
    EVENT_SIZE,
    HOLDING,
    MEASURING,
    SETTLING,
    pack_event,
)
from prknode.regression import Estimate
from prknode.teeth import Teeth

HOUR_US = 3_600_000_000
CONVERSION = Conversion.for_volume(4.0)
K = CONVERSION.k_from_lb_per_day(1.0)


def event(t_h, code, value, text):
    return round(t_h * HOUR_US), code, None, value, text


STORY = [
    event(0.0, EV_STATE, SETTLING, "SETTLING"),
    event(0.5, EV_STATE, MEASURING, "MEASURING"),
    event(2.0, EV_HOLD, 1, "58000,60000 Pa"),
    event(2.0, EV_STATE, HOLDING, "HOLDING"),
    event(5.0, EV_ALARM, -5123, "fast fall"),
    event(5.0, EV_STATE, ALARM, "ALARM"),
]


def estimator(teeth=(), estimate=True):
    """An estimator as a replay leaves it: teeth of these relative rates, a k at 60 kPa."""
    made = Teeth()
    made.count = len(teeth) + 1 if teeth else 0
    for rate in teeth:
        k = round(rate * K * 1e18)
        made.number += 1
        made._sum += k
        made._squares += k * k
    last = Reduced(60000 << 12, 500 << 12, 295 << 20, 59500 << 12, 60000 << 12)
    found = Estimate(round(K * 1e18), round(0.01 * K * 1e18), 1, 300) if estimate else None
    return SimpleNamespace(teeth=made, estimate=found, last=last)


def view(teeth=(), minimum_pa=None, estimate=True):
    return node_view(
        STORY, 6.0, estimator(teeth, estimate), CONVERSION, "viscous", 50000.0, minimum_pa
    )


def test_the_state_is_known_at_every_hour_and_not_before_it_was_told():
    found = states_at(STORY[1:], np.array([0.1, 0.5, 1.9, 2.0, 9.0]))
    assert math.isnan(found[0])
    assert found[1:].tolist() == [MEASURING, MEASURING, HOLDING, ALARM]
    assert np.isnan(states_at([], np.array([1.0]))).all()


def test_the_account_has_states_hours_hold_and_alarms():
    told_ = view((0.99, 1.01, 1.00))
    assert [s["state"] for s in told_["states"]] == ["SETTLING", "MEASURING", "HOLDING", "ALARM"]
    assert told_["hours"] == pytest.approx(
        {"SETTLING": 0.5, "MEASURING": 1.5, "HOLDING": 3.0, "ALARM": 1.0}
    )
    hold = told_["hold"]
    assert (hold["represses"], hold["teeth"], hold["band"]) == (4, 3, "58000,60000 Pa")
    assert hold["rate_lb_per_day"] == pytest.approx(1.0, rel=1e-9)
    # 1 % spread over three: 0.58 %, times t(2) / 1.96.
    assert hold["se_lb_per_day"] == pytest.approx(0.01 / 3**0.5 * 4.3027 / 1.96, rel=1e-3)
    assert told_["alarms"] == [{"t_h": 5.0, "what": "fast fall", "value": -5123}]
    assert told_["reserve"] is None
    assert view()["hold"] is None
    assert view((1.0,))["hold"]["se_lb_per_day"] is None


def test_the_reserve_is_that_of_the_nodes_own_law_and_k():
    left = view(minimum_pa=50000.0)["reserve"]
    # Viscous into r = 500 Pa, p_N 50 kPa: p_N/(k r) ln[(p - r)(m + r)/((m - r)(p + r))].
    wanted = 50000.0 / (K * 500.0) * math.log(59500 * 50500 / (49500 * 60500)) / 3600.0
    assert left["time_h"] == pytest.approx(wanted, rel=1e-3)
    assert left["interval95_h"][0] < left["time_h"] < left["interval95_h"][1]
    assert view(minimum_pa=50000.0, estimate=False)["reserve"] is None
    assert math.isinf(view(minimum_pa=400.0)["reserve"]["time_h"])


def test_the_page_and_the_terminal_say_it_in_rows():
    outcome = SimpleNamespace(node=view((0.99, 1.01, 1.00), 50000.0))
    rows = {row.name: row for row in node_rows(outcome)}
    assert rows["State"].value == "ALARM"
    assert "HOLDING 3.00 h" in rows["State"].remark
    assert rows["Alarm"].value == "fast fall"
    assert rows["Represses"].value == "4"
    assert rows["Leak from their cadence"].value.startswith("1.000 ± 0.013")
    assert "to 500.00 hPa" in rows["Node's reserve time"].remark
    assert node_rows(SimpleNamespace(node=None)) == []
    assert Outcome.__dataclass_fields__["node"].default is None


def test_events_are_told_in_words():
    data = bytearray(2 * EVENT_SIZE)
    pack_event(data, 0, 5_400_300_000, EV_ALARM, 255, -5123, "fast fall")
    pack_event(data, EVENT_SIZE, 1, EV_MARK, 255, 0, "hello")
    assert alarms_in(bytes(data)) == ["ALARM at 5400.3 s: fast fall, -5.12 Pa/s"]
    assert told(EV_ALARM, 89999, "low pressure") == "low pressure, 89999 Pa"
    assert told(EV_CLEARED, 1, "") == "acknowledged"
    assert told(EV_HOLD, 1, "58000,60000 Pa") == "held at 58000,60000 Pa"
    assert told(EV_HOLD, 0, "too many represses") == "held no more: too many represses"
    assert told(EV_MARK, 0, "hello") == "hello"


def test_the_live_line_has_state_represses_their_leak_and_the_reserve():
    now = Progress(state="HOLDING", represses=3, held_k_per_s=K, held_se_per_s=0.02 * K)
    now.reserve_s = 7200.0
    assert _note(now, CONVERSION) == "HOLDING  3 represses: 1 +- 0.02 lb/day  reserve 2 h"
    now.reserve_s = math.inf
    assert "reserve: no end" in _note(now, None)
    assert "2e-" not in _note(Progress(state="ALARM"), None)
    assert "CALCulate:ALARm:CLEar" in _note(Progress(state="ALARM"), None)


def test_a_logger_tells_each_alarm_once_and_asks_for_the_reserve(tmp_path):
    bench = Bench(bench_rig())
    seen, rung = [], []

    def look(now):
        seen.append((now.state, now.reserve_s))
        if len(seen) == 8:
            bench.node.alarms.value, bench.node.alarms.name = -5000, "fast fall"
            bench.node.alarms.ringing |= 1
            bench.node._rang()

    with RunFile.create(tmp_path / "run.prk", meta_of(bench)) as file:
        with pytest.MonkeyPatch.context() as patch:
            bench.plug_in(patch, 300.0)
            client = bench.client()
            client.command("INITiate")
            capture = Logger(client, file, 3600.0, look, None, rung.append, 110000.0).run()
        texts = [note.text for note in event_notes(file, file.runs()[0]) if note.name == "ALARM"]
    assert texts == ["fast fall, -5.00 Pa/s"]
    assert len(rung) == 1
    assert capture.alarms == rung
    assert rung[0].endswith("fast fall, -5.00 Pa/s")
    assert seen[0] == ("SETTLING", None)
    assert seen[-1][0] == "ALARM"
    # From 120 to 110 kPa against 100 at some 1.1e-5 1/s: ln 2 / k and a little, 17 h.
    assert 14 * 3600 < seen[-1][1] < 21 * 3600

"""An operator's words must say what they say, and a volume or a pressure in them must count."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prkbench.analysis.testlog import KINDS, NOTE, read_entry, read_log


@pytest.mark.parametrize(
    ("text", "kind", "volume", "added", "target"),
    [
        ("HATCH SHUT", "HATCH SHUT", None, None, None),
        ("HATCH SHUT: volume 4.0 m3", "HATCH SHUT", 4.0, None, None),
        ("HATCH OPENED: freighter, +7.0 m3", "HATCH OPENED", None, 7.0, None),
        ("HATCH OPENED: second vessel, +8.75 L", "HATCH OPENED", None, 0.00875, None),
        ("REPRESS: 730 mmHg", "REPRESS", None, None, 730 * 133.322387415),
        ("repress: 1200 hPa", "REPRESS", None, None, 120000.0),
        ("VENT: 90 kPa", "VENT", None, None, 90000.0),
        ("STEP: repress by 5 counts, proof of life", "STEP", None, None, None),
        ("NOTE: 4.0 m3 of cargo moved", "NOTE", None, None, None),
        ("the crew had lunch", "NOTE", None, None, None),
    ],
)
def test_an_entry_gives_its_kind_and_its_figures(
    text: str, kind: str, volume: float | None, added: float | None, target: float | None
) -> None:
    entry = read_entry(60.0, text)
    assert entry.kind == kind
    assert entry.volume_m3 == (None if volume is None else pytest.approx(volume))
    assert entry.added_m3 == (None if added is None else pytest.approx(added))
    assert entry.target_pa == (None if target is None else pytest.approx(target))
    assert entry.cuts == (kind != NOTE)


@given(st.text(max_size=52))
def test_any_text_at_all_is_an_entry(text: str) -> None:
    assert read_entry(0.0, text).kind in KINDS


def test_entries_come_in_order_of_time() -> None:
    log = read_log([(7200.0, "VENT: 90 kPa"), (0.0, "HATCH SHUT")])
    assert [entry.t_s for entry in log] == [0.0, 7200.0]

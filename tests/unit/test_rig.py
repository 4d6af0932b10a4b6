"""The rig file: read into SI, every mistake located, written back without loss."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prkbench.element_tables import ViscousElement
from prkbench.errors import UsageError
from prkbench.rig import Rig, default_rig, load_rig, parse_rig

FULL = """
[rig]
name = "bench 1"
mode = "A"
acceleration = 5
notes = \"\"\"
[chamber]
volume = "not a key, a note"
\"\"\"

[chamber]
volume = "5.0 L"
volume_uncertainty = "0.5 %"
temperature = "22 degC"
pressure = "1200 hPa"
reference_pressure = "1000 hPa"

[element]
law = "viscous"
diameter = "0.13 mm"
length = "1.55 m"
uncertainty = "2 %"

[prk]
volume = "4.0 m3"

[node]
rate = "5 Hz"
window = "6 h"
sealed_se = "2e-9 1/s"
offsets = ["3.5 Pa", "-1 Pa"]

[limit]
rate = "1 lb/day"
"""
SMALL = "[rig]\nname = 'x'\n[element]\nlaw = 'sealed'\n"


def test_a_full_rig_is_read_into_si() -> None:
    rig = parse_rig(FULL, "rig.toml")
    assert rig.rig.name == "bench 1"
    assert rig.acceleration == 5.0
    assert rig.chamber.volume_m3 == 5e-3
    assert rig.chamber.temperature_k == pytest.approx(295.15)
    assert isinstance(rig.element, ViscousElement)
    assert rig.element.diameter_m == pytest.approx(1.3e-4)
    assert rig.law == "viscous"
    assert rig.norm_pressure_pa == 110000.0
    assert rig.node.offsets_pa == (3.5, -1.0)
    assert rig.node.sealed_se_per_s == 2e-9
    assert rig.limit.rate_kg_per_s == pytest.approx(5.2499e-6, rel=1e-5)


def test_an_unstated_limit_stays_unstated() -> None:
    assert parse_rig(SMALL, "x").limit.rate_kg_per_s is None


def test_what_is_not_stated_has_the_documented_defaults() -> None:
    rig = parse_rig(SMALL, "x")
    assert (rig.acceleration, rig.rig.mode) == (10.0, "A")
    assert (rig.prk.volume_low_m3, rig.prk.volume_m3, rig.prk.volume_high_m3) == (2.1, 4.0, 7.4)
    assert (rig.node.window_s, rig.node.correlation_time_s, rig.node.lag_s) == (21600, 3600, 240)
    assert rig.node.roles == ("chamber", "ambient")
    assert rig.sensors.null_uncertainty_pa == 50.0


@pytest.mark.parametrize("rig", [default_rig(), parse_rig(FULL, "x"), parse_rig(SMALL, "x")])
def test_a_rig_written_as_toml_reads_back_equal(rig: Rig) -> None:
    assert parse_rig(rig.to_toml(), "again") == rig


@given(
    volume=st.floats(1e-6, 10.0),
    notes=st.text(max_size=30) | st.none(),
    name=st.text(min_size=1, max_size=10),
    acceleration=st.floats(1e-3, 1e3),
)
def test_any_name_note_and_number_survives_the_round_trip(
    volume: float, notes: str | None, name: str, acceleration: float
) -> None:
    rig = default_rig()
    rig = rig.model_copy(
        update={
            "rig": rig.rig.model_copy(
                update={"name": name, "notes": notes, "acceleration": acceleration}
            ),
            "chamber": rig.chamber.model_copy(update={"volume_m3": volume}),
        }
    )
    assert parse_rig(rig.to_toml(), "again") == rig


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            SMALL + "[chamber]\nvolum = '5 L'\n",
            ["line 6", "chamber.volum", "did you mean 'volume'"],
        ),
        (SMALL + "[chamberr]\n", ["line 5", "chamberr", "did you mean 'chamber'"]),
        (
            SMALL + "[chamber]\nvolume = '5 lightyears'\n",
            ["line 6", "chamber.volume", "'5 lightyears' is a length, expected a volume"],
        ),
        (
            SMALL + "[chamber]\nvolume = 5\n",
            ["line 6", "chamber.volume", "5 has no unit", "'5.0 L'"],
        ),
        (SMALL.replace("sealed", "viscuos"), ["line 3", "element", "'viscuos'", "viscous"]),
        (SMALL.replace("sealed", "linear"), ["line 3", "element.conductance", "missing"]),
        (
            SMALL.replace("'sealed'", "'sealed'\ndiametre = '1 mm'"),
            ["line 5", "element.diametre", "unknown key"],
        ),
        (
            SMALL + "[node]\noversampling_pressure = 3\n",
            ["line 6", "node.oversampling_pressure", "found 3", "1, 2, 4, 8, 16 or 32"],
        ),
        (SMALL + "[node]\noffsets = ['1 Pa']\n", ["node", "offsets", "2 in all"]),
        (SMALL + "[prk]\nvolume = '9 m3'\n", ["line 5", "prk", "between volume_low"]),
        (SMALL.replace("'x'", "'x'\nmode = 'B'"), ["mode B", "below chamber.reference_pressure"]),
        (SMALL.replace("'x'", "'x'\nmode = 'C'"), ["mode C", "10 hPa"]),
        (
            SMALL.replace("'x'", "'x'\nacceleration = -1"),
            ["line 3", "rig.acceleration", "found -1"],
        ),
        ("[rig]\nname = 'x'\n", ["element", "missing"]),
        ("rig = 3\n[element]\nlaw = 'sealed'\n", ["line 1", "rig", "found 3", "expected a table"]),
        ("[rig\n", ["not valid TOML", "line 1"]),
    ],
)
def test_a_mistake_is_named_with_file_key_line_and_expectation(text: str, parts: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        parse_rig(text, "rig.toml")
    message = str(caught.value)
    assert message.startswith("rig.toml: ")
    assert "\n" not in message
    for part in parts:
        assert part in message


def test_a_missing_rig_file_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such rig file"):
        load_rig(tmp_path / "none.toml")


def test_a_rig_file_that_is_not_text_is_a_usage_error(tmp_path: Path) -> None:
    path = tmp_path / "rig.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="UTF-8"):
        load_rig(path)
    path.write_text(FULL, encoding="utf-8")
    assert load_rig(path).rig.name == "bench 1"

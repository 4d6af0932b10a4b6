"""`prk element`: flow, geometry, rig file, and bad input in one line."""

import json

import pytest
from prk_command import prk, refused

from prkbench.sim.elements import Orifice, ViscousCapillary
from prkbench.units import from_lb_per_day

PRESSURES = ("--upstream", "101.3 kPa", "--downstream", "0 Pa")
RIG = """
[rig]
name = "two holes"
mode = "C"
[chamber]
pressure = "1013 hPa"
reference_pressure = "5 hPa"
[element]
law = "series"
[[element.elements]]
law = "orifice"
diameter = "0.02 mm"
[[element.elements]]
law = "slot"
width = "1 mm"
gap = "20 um"
length = "2 mm"
"""


def asked(*arguments):
    ended = prk("element", *arguments, "--json")
    assert ended.status == 0, ended
    return json.loads(ended.out)


def test_the_flow_of_a_choked_hole_in_every_unit():
    found = asked("orifice", "--diameter", "1 mm", "--cd", "0.8", *PRESSURES)
    # 0.040415 Cd A p/sqrt(T), a constant of five digits.
    expected = 0.040415 * 0.8 * 0.25e-6 * 3.14159265 * 101300.0 / 295.0**0.5
    assert found["mass_rate_kg_per_s"] == pytest.approx(expected, rel=2e-5)
    assert found["lb_per_day"] == pytest.approx(expected * 86400.0 / 0.45359237, rel=2e-5)
    assert found["kg_per_day"] == pytest.approx(expected * 86400.0, rel=2e-5)
    assert found["throughput_pa_m3_per_s"] == pytest.approx(expected * 287.05 * 295.0, rel=2e-5)
    assert found["throughput_reference"] == "295 K"
    assert found["sccm"] == pytest.approx(found["lb_per_day"] / 0.0041025, rel=3e-5)
    assert found["sccm_reference"] == "0 degC, 101325 Pa"
    assert found["cfm_reference"] == "20 degC, 101325 Pa"
    assert found["regime"] == "choked"
    assert found["reynolds"] > 1000.0
    assert found["knudsen"] < 1e-3
    assert found["warnings"] == []


def test_without_pressures_the_mode_gives_them():
    found = asked("orifice", "--diameter", "0.1 mm")
    assert (found["upstream_pa"], found["downstream_pa"]) == (120000.0, 100000.0)
    assert found["regime"] == "subsonic"
    found = asked("orifice", "--diameter", "0.1 mm", "--mode", "B")
    assert (found["upstream_pa"], found["downstream_pa"]) == (100000.0, 30000.0)


@pytest.mark.parametrize(
    ("arguments", "size"),
    [
        (("orifice",), "diameter_m"),
        (("capillary", "--length", "1 m"), "diameter_m"),
        (("capillary", "--diameter", "1 mm"), "length_m"),
        (("capillary", "--diameter", "1 mm", "--no-ends"), "length_m"),
        (("slot", "--width", "45 mm", "--length", "2 mm"), "gap_m"),
        (("slot", "--width", "45 mm", "--gap", "10 um"), "length_m"),
        (("conductance",), "conductance_m3_s"),
        (("needle", "--gauge", "25G"), "length_m"),
    ],
)
def test_a_wanted_flow_gives_the_geometry(arguments, size):
    # What a 25 gauge needle can still pass through its mouths.
    found = asked(*arguments, *PRESSURES, "--wanted", "0.3 lb/day")
    assert found["geometry"][size] > 0.0
    assert found["lb_per_day"] == pytest.approx(0.3, rel=1e-9)


@pytest.mark.parametrize("kind", ["molecular", "tube"])
def test_a_fine_tube_for_a_wanted_flow(kind):
    found = asked(kind, "--length", "1 mm", "--upstream", "1 kPa", "--downstream", "0 Pa",
                  "--wanted", "1e-9 sccm")  # fmt: skip
    assert found["sccm"] == pytest.approx(1e-9, rel=1e-9)
    assert found["regime"] == "molecular"


def test_an_equivalent_gives_the_documented_tube():
    found = asked("capillary", "--diameter", "0.25 mm", "--equivalent", "1 lb/day",
                  "--acceleration", "100", "--volume", "5 L")  # fmt: skip
    # Documented with 1.06 m, to three digits and with viscosity at 293 K.
    assert found["geometry"]["length_m"] == pytest.approx(1.06, abs=0.015)
    assert found["equivalent_lb_per_day"] == pytest.approx(1.0, rel=1e-9)
    tube = ViscousCapillary(0.25e-3, found["geometry"]["length_m"], ends=True)
    assert found["mass_rate_kg_per_s"] == pytest.approx(tube.mass_flow(1.2e5, 1e5, 295.0))


def test_needles_are_listed_for_every_mode():
    found = asked("needle", "--equivalent", "1 lb/day", "--acceleration", "100")["needles"]
    assert {entry["mode"] for entry in found} == {"A", "B", "C"}
    assert len(found) == 21
    by = {(entry["mode"], entry["gauge"]): entry for entry in found}
    # A 34 gauge needle of 12.7 mm gives 0.955: one of 12.1 mm gives 1.
    assert by["A", "34G"]["length_m"] == pytest.approx(12.1e-3, abs=0.1e-3)
    assert by["C", "34G"]["length_m"] is None
    assert by["C", "34G"]["warnings"]
    one = asked("needle", "--wanted", "0.02 lb/day", "--mode", "A")["needles"]
    assert {entry["mode"] for entry in one} == {"A"}
    shown = prk("element", "needle", "--equivalent", "1 lb/day", "--acceleration", "100")
    assert shown.status == 0
    for words in ("mode A", "mode B", "mode C", "34G", "0.0826 mm", "calibrate the needle"):
        assert words in shown.out


def test_the_printed_table_names_references_and_warnings():
    ended = prk("element", "needle", "--gauge", "34G", "--length", "12.7 mm",
                "--acceleration", "100", "--mode", "C")  # fmt: skip
    assert ended.status == 0
    for words in ("lb/day", "kg/day", "sccm (0 degC, 101325 Pa)", "cfm (20 degC, 101325 Pa)",
                  "at 295 K", "viscous", "5 L at a = 100", "warning: end losses"):  # fmt: skip
        assert words in ended.out


def test_a_calibrated_table_is_read_point_by_point():
    found = asked("table", "--point", "10 kPa: 1e-3 Pa m3/s", "--point", "20 kPa: 2e-3 Pa m3/s")
    assert found["throughput_pa_m3_per_s"] == pytest.approx(2e-3, rel=1e-9)
    assert found["regime"] == "calibrated"
    assert found["reynolds"] is None


def test_the_element_of_a_rig_file(tmp_path):
    path = tmp_path / "rig.toml"
    path.write_text(RIG)
    found = asked("--rig", path)
    assert found["node_law"] == "choked"
    # The hole decides: it passes what it would alone.
    alone = Orifice(2e-5).mass_flow(101300.0, 500.0, 295.0)
    assert found["mass_rate_kg_per_s"] == pytest.approx(alone, rel=1e-9)
    assert found["k_per_s"] == pytest.approx(alone * 287.05 * 295.0 / (5e-3 * 101300.0), rel=1e-9)
    expected = found["k_per_s"] / 10.0 * 101325.0 * 4.0 / (287.05 * 295.0)
    assert found["equivalent_lb_per_day"] == pytest.approx(expected / from_lb_per_day(1.0))
    assert [part["law"] for part in found["geometry"]["elements"]] == ["orifice", "viscous"]
    shown = prk("element", "--rig", path)
    assert "the element of two holes" in shown.out
    assert "element 2: the gas is too thin" in shown.out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "name a kind (orifice, capillary"),
        (("orifice",), "no --diameter"),
        (("orifice", "--diameter", "-1 mm"), "'-1 mm' is not possible"),
        (("orifice", "--diameter", "1 kg"), "expected a length"),
        (("orifice", "--diameter", "1 nm"), "molecular"),
        (("orifice", "--diameter", "1 mm", "--cd", "1.3"), "coefficient of 1.3"),
        (("orifice", "--diameter", "1 mm", "--cd", "0"), "cd is 0.0"),
        (("orifice", "--diameter", "1 mm", "--wanted", "1 lb/day"), "leave --diameter out"),
        (("orifice", "--diameter", "1 mm", "--upstream", "900 hPa"), "900 hPa is below"),
        (("orifice", "--wanted", "1 lb/day", "--equivalent", "1 lb/day"), "give one of them"),
        (("orifice", "--wanted", "0 lb/day"), "above zero"),
        (("orifice", "--wanted", "1 lb/day", "--upstream", "1 bar", "--downstream", "1 bar"),
         "expected a positive flow"),
        (("orifice", "--equivalent", "1 lb/day", "--mode", "Q"), "--mode Q"),
        (("orifice", "--equivalent", "1 lb/day", "--acceleration", "-1"), "--acceleration -1"),
        (("orifice", "--equivalent", "1 lb/day", "--upstream", "1 bar", "--downstream", "1 bar"),
         "both 100000 Pa"),
        (("capillary", "--diameter", "2 mm", "--length", "0.5 m"), "not laminar"),
        (("capillary", "--diameter", "0.05 mm", "--wanted", "20 lb/day"), "mouths alone"),
        (("capillary", "--length", "1 m", "--wanted", "1e12 lb/day"), "no bore from"),
        (("capillary", "--wanted", "1 lb/day"), "no --diameter"),
        (("slot", "--gap", "1 um", "--length", "1 mm"), "no --width"),
        (("slot", "--width", "1 mm"), "no --length"),
        (("molecular", "--diameter", "1 mm", "--length", "1 m"), "continuum"),
        (("table",), "no --point"),
        (("table", "--point", "10 kPa"), "expected such as"),
        (("table", "--point", "10 kPa: 1e-3 Pa m3/s"), "beyond its last point"),
        (("table", "--point", "10 kPa: 1e-3 Pa m3/s", "--wanted", "1 lb/day"), "leave --point"),
        (("needle",), "no --gauge"),
        (("needle", "--length", "1 cm"), "give the gauge"),
        (("needle", "--gauge", "12G", "--length", "1 cm"), "expected one of 25G"),
        (("--rig", "nowhere.toml"), "no such rig file"),
        (("--rig", "nowhere.toml", "orifice"), "give one of them"),
    ],
)  # fmt: skip
def test_bad_input_is_named_in_one_line(arguments, says):
    refused(prk("element", *arguments), 2, says)

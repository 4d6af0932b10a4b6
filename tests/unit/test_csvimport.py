"""Foreign logs: read in SI with every assumption said, or refused with row and column."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prkbench import csvimport
from prkbench.csvimport import Imported, import_csv, write_run
from prkbench.errors import PrkError, UsageError
from prkbench.runfile import RunFile

DATA = Path(__file__).parents[1] / "data"
MMHG = 133.322387415


def load(tmp_path: Path, text: str | bytes, **options: object) -> Imported:
    path = tmp_path / "log.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return import_csv(path, **options)  # type: ignore[arg-type]


def test_a_published_file_is_read_with_its_uncertainties() -> None:
    log = import_csv(DATA / "prk_2020_dec.csv")
    assert log.readings["t_s"].tolist() == [0.0, 18 * 3600.0]
    assert log.readings["pressure_pa"] == pytest.approx([730 * MMHG, 620 * MMHG])
    assert log.readings["u_t_s"].tolist() == [1800.0, 1800.0]
    assert log.readings["u_pressure_pa"] == pytest.approx([MMHG, MMHG])
    assert np.isnan(log.readings["temperature_k"]).all()
    assert log.pressure_resolution_pa == pytest.approx(MMHG)
    assert log.start_utc is not None
    assert log.start_utc.isoformat() == "2020-12-01T00:00:00+00:00"


@pytest.mark.parametrize(
    ("header", "value", "pascal"),
    [
        ("pressure_pa", "101325", 101325),
        ("pressure_hpa", "1013.25", 101325),
        ("pressure_kpa", "101.325", 101325),
        ("pressure_mbar", "1013.25", 101325),
        ("pressure_bar", "1.01325", 101325),
        ("pressure_mmhg", "760", 101325),
        ("pressure_psi", "14.6959488", 101325),
        ("gauge_pressure_bar", "1", 201325),
        ("Pressure (hPa)", "1013.25", 101325),
        ("P [mbar]", "1013.25", 101325),
        ("p_psig", "0", 101325),
    ],
)
def test_units_of_pressure_come_from_the_header(
    tmp_path: Path, header: str, value: str, pascal: float
) -> None:
    log = load(tmp_path, f"time_s,{header}\n0,{value}\n1,{value}\n")
    # 1 mmHg is conventional, 1.3e-7 away from 1/760 atm; the psi is given to nine digits.
    assert log.readings["pressure_pa"] == pytest.approx([pascal, pascal], rel=1e-6)
    assert any("ASSUMED" in note for note in log.notes) == header.startswith(("gauge", "p_psig"))


@pytest.mark.parametrize(
    ("header", "cells", "seconds"),
    [
        ("time_s", ("5", "65"), 60),
        ("t", ("0", "60"), 60),
        ("time_min", ("0", "1.5"), 90),
        ("Time (h)", ("1", "2"), 3600),
        ("time_utc", ("2021-03-12T21:00:00Z", "2021-03-13T08:30:00Z"), 41400),
        ("time", ("2021-03-12 21:00:00", "2021-03-12 21:00:01"), 1),
        ("time_utc", ("2021-03-12T21:00:00+03:00", "2021-03-12T21:00:00+00:00"), 10800),
    ],
)
def test_times_are_seconds_from_the_first_reading(
    tmp_path: Path, header: str, cells: tuple[str, str], seconds: float
) -> None:
    log = load(tmp_path, f"{header},pressure_pa\n{cells[0]},1e5\n{cells[1]},1e5\n")
    assert log.readings["t_s"].tolist() == [0.0, seconds]


@pytest.mark.parametrize(
    "text",
    [
        "time_s,pressure_hpa,temperature_c\n0,1013.25,21.5\n60,1013.00,21.5\n",
        "time_s;pressure_hpa;temperature_c\n0;1013,25;21,5\n60;1013,00;21,5\n",
        "time_s\tpressure_hpa\ttemperature_degC\n0\t1013.25\t21.5\n60\t1013.00\t21.5\n",
        "# x\n\ntime_s,pressure_hpa,temperature_c,\r\n0,1013.25,21.5,\r\n#\r\n60,1013.00,21.5,",
        "\ufefftime_s,pressure_hpa,temperature_k\n0,1013.25,294.65\n60,1013.00,294.65\n",
        "time_s,pressure_hpa,temperature (°C)\n0,1013.25,21.5\n60,1013.00,21.5\n".encode("cp1252"),
        "time_s,pressure_hpa,temperature_c\n0,1013.25,21.5\n60,1013.00,21.5\n".encode("utf-16"),
        'time_s,"pressure_hpa",temperature_c\n"0","1013.25","21.5"\n60,1013.00,21.5\n',
    ],
)
def test_delimiters_comments_marks_and_decimal_commas_make_no_difference(
    tmp_path: Path, text: str | bytes
) -> None:
    log = load(tmp_path, text)
    assert log.readings["t_s"].tolist() == [0.0, 60.0]
    assert log.readings["pressure_pa"] == pytest.approx([101325.0, 101300.0])
    assert log.readings["temperature_k"] == pytest.approx([294.65, 294.65])
    assert log.pressure_resolution_pa == pytest.approx(1.0)


GOOD = "time_s,pressure_hpa,temperature_c\n0,1013,20\n60,1012,20\n"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ["no rows", "header"]),
        ("0,1013\n60,1012\n", ["line 1", "no header"]),
        ("pressure_hpa\n1\n2\n", ["no time column", "time_s"]),
        ("time_s,volts\n1,2\n2,3\n", ["no pressure column", "pressure_hpa", "volts"]),
        ("time_s,pressure\n0,1\n1,1\n", ["'pressure'", "names no unit", "pressure_"]),
        ("time_s,pressure_furlong\n0,1\n1,1\n", ["'pressure_furlong'", "'furlong' is not a unit"]),
        ("time_s,pressure_hpa\n0,1\n", ["1 readings", "two or more"]),
        ("time_s,pressure_hpa,p_pa\n0,1,1\n1,1,1\n", ["both hold the pressure", "rename"]),
        ("time_s,time_s,pressure_hpa\n", ["'time_s' appears twice"]),
        (GOOD.replace("1012", "low"), ["line 3", "'pressure_hpa'", "found 'low'", "a number"]),
        (GOOD.replace("1012", "nan"), ["line 3", "'pressure_hpa'", "finite", "drop the row"]),
        (GOOD.replace("1012", "-inf"), ["line 3", "'pressure_hpa'", "finite"]),
        (GOOD.replace("1012", "1e999"), ["line 3", "'pressure_hpa'", "finite"]),
        (GOOD.replace("1012", ""), ["line 3", "'pressure_hpa'", "empty"]),
        (GOOD.replace("1012", "0"), ["line 3", "above zero", "gauge_pressure_"]),
        (GOOD.replace("1012", "-3"), ["line 3", "above zero"]),
        (GOOD.replace("60", "0"), ["line 3", "'time_s'", "the same time again"]),
        (GOOD.replace("60", "-1"), ["line 3", "'time_s'", "time goes back", "'-1' after '0'"]),
        ("time_s,pressure_hpa\n0,1" + "0" * 140000 + "\n", ["line 2", "too long"]),
        (GOOD.replace("1012,20", "1012"), ["line 3", "2 values, expected 3"]),
        (GOOD.replace("temperature_c", "temperature_k"), ["line 2", "20 K", "check the unit"]),
        (GOOD.replace("time_s", "time_utc"), ["line 2", "'time_utc'", "2021-03-12T21:00:00Z"]),
        (GOOD.replace("temperature_c", "pressure_unc_hpa").replace("1012,20", "1012,-1"),
         ["line 3", "'pressure_unc_hpa'", "not below zero"]),
        ("time_s,pressure_hpa\n0,\x00\n", ["binary"]),
    ],
)  # fmt: skip
def test_bad_input_is_named_with_row_column_and_how_to_mend_it(
    tmp_path: Path, text: str, parts: list[str]
) -> None:
    with pytest.raises(UsageError) as caught:
        load(tmp_path, text)
    assert len(str(caught.value).splitlines()) == 1
    for part in parts:
        assert part in str(caught.value)


def test_a_missing_file_is_the_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        import_csv(tmp_path / "none.csv")


def test_holes_in_the_clock_are_allowed_and_said(tmp_path: Path) -> None:
    rows = "".join(f"{t},1000\n" for t in (0, 10, 20, 31, 40, 90, 100))
    log = load(tmp_path, "time_s,pressure_hpa\n" + rows)
    assert log.gaps == 1
    assert any("longest 50 s" in note for note in log.notes)


@pytest.mark.parametrize(
    ("reference", "pascal"),
    [("vacuum", 0.0), (99000.0, 99000.0), ("101.3 kPa", 101300.0), ("outside_hpa", 95000.0)],
)
def test_the_reference_is_vacuum_a_pressure_or_a_column(
    tmp_path: Path, reference: str | float, pascal: float
) -> None:
    text = "time_s,pressure_hpa,outside_hpa\n0,1200,950\n1,1199,950\n"
    log = load(tmp_path, text, reference=reference)
    assert log.readings["reference_pa"] == pytest.approx([pascal, pascal])
    assert log.reference is not None


def test_a_reference_column_is_found_by_its_name(tmp_path: Path) -> None:
    log = load(tmp_path, "time_s,pressure_hpa,ambient_pressure_hpa\n0,1200,950\n1,1199,951\n")
    assert log.readings["reference_pa"].tolist() == pytest.approx([95000.0, 95100.0])
    assert log.reference == "column ambient_pressure_hpa"


@pytest.mark.parametrize("reference", ["vacum", "3 L", -1.0, float("nan")])
def test_a_reference_that_is_none_is_refused(tmp_path: Path, reference: str | float) -> None:
    with pytest.raises(UsageError, match="expected"):
        load(tmp_path, GOOD, reference=reference)


def test_gauge_pressure_adds_what_is_known_of_the_outside(tmp_path: Path) -> None:
    text = "time_s,gauge_pressure_bar,ambient_hpa\n0,1,950\n1,1,950\n"
    assert load(tmp_path, text).readings["pressure_pa"] == pytest.approx([195000.0, 195000.0])


def test_columns_can_be_named_by_hand(tmp_path: Path) -> None:
    text = "clock,PT-101,foo\n0,1013,1\n2,1012,1\n"
    log = load(tmp_path, text, columns={"time": "clock:min", "pressure": "PT-101:hPa"})
    assert log.readings["t_s"].tolist() == [0.0, 120.0]
    assert log.readings["pressure_pa"] == pytest.approx([101300.0, 101200.0])
    assert any("foo" in note for note in log.notes)
    with pytest.raises(UsageError, match="no column 'PT-1'"):
        load(tmp_path, text, columns={"time": "clock:min", "pressure": "PT-1:hPa"})
    with pytest.raises(UsageError, match="'volume' is no quantity"):
        load(tmp_path, text, columns={"volume": "foo"})


def test_an_imported_log_becomes_a_whole_run_file(tmp_path: Path) -> None:
    log = import_csv(DATA / "prk_2021_feb.csv", volume_m3=4.0, reference="vacuum")
    write_run(log, tmp_path / "feb.prk")
    with RunFile.open(tmp_path / "feb.prk") as file:
        readings = file.readings()
        assert readings is not None
        assert readings.tobytes() == log.readings.tobytes()
        assert file.meta["volume_m3"] == 4.0
        assert file.meta["reference"] == "vacuum"
        assert file.check() == []
    assert [path.name for path in tmp_path.iterdir()] == ["feb.prk"]


def test_an_existing_run_file_is_kept(tmp_path: Path) -> None:
    log = import_csv(DATA / "prk_2021_feb.csv")
    (tmp_path / "feb.prk").write_text("mine")
    with pytest.raises(UsageError, match="exists already"):
        write_run(log, tmp_path / "feb.prk")
    assert (tmp_path / "feb.prk").read_text() == "mine"


def test_a_failure_while_writing_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise UsageError("the disk is full")

    monkeypatch.setattr(csvimport.RunFile, "add_readings", fail)
    with pytest.raises(UsageError, match="full"):
        write_run(import_csv(DATA / "prk_2021_feb.csv"), tmp_path / "feb.prk")
    assert list(tmp_path.iterdir()) == []


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=60)
    | st.text(alphabet="time_s,;\tpressure_hpa\n0123456789.-e\"'", max_size=80).map(str.encode)
    | st.text(alphabet='0123456789.,;\n-einfa"', max_size=60).map(
        lambda rows: b"time_s,pressure_hpa\n" + rows.encode()
    )
)
def test_no_input_whatever_ends_in_anything_but_readings_or_one_line(
    tmp_path: Path, data: bytes
) -> None:
    message = ""
    try:
        log = load(tmp_path, data)
        assert (np.diff(log.readings["t_s"]) > 0).all()
        assert (log.readings["pressure_pa"] > 0).all()
        assert np.isfinite(log.readings["pressure_pa"]).all()
    except PrkError as error:
        message = str(error)
    assert len(message.splitlines()) <= 1

import json
import math

import pytest
from inprocess_node import Bench, bench_rig

from prkbench.client import ScpiRefusal
from prkbench.errors import DataError, UsageError
from prkbench.node_setup import (
    apply_rig,
    correlation,
    node_config,
    node_values,
    planned_k,
    settings_of,
)
from prkbench.rig import Rig
from prknode.settings import Settings


def rig(**tables: dict[str, object]) -> Rig:
    return Rig.model_validate(
        {
            "rig": {"name": "test"},
            "element": {"law": "linear", "conductance": "5e-8 m3/s"},
            **tables,
        }
    )


def test_the_correlation_of_rows_a_minute_apart_is_the_exponentials() -> None:
    # e^(-60/3600) = 0.98347, times 1024.
    assert correlation(3600.0) == 1007
    assert correlation(60.0) == round(1024 / math.e)
    assert correlation(0.0) == 0
    # The window's moments need a correlation below one.
    assert correlation(1e12) == 1020


def test_a_rig_becomes_the_nodes_settings_in_its_own_units() -> None:
    values = node_values(
        rig(
            chamber={"pressure": "1200 hPa", "reference_pressure": "1000 hPa",
                     "temperature": "22 degC"},
            node={"rate": "2.5 Hz", "oversampling_pressure": 8, "window": "3 h",
                  "correlation_time": "20 min", "lag": "3 min", "sealed_se": "1e-8 1/s"},
            limit={"rate": "1 lb/day"},
        )
    )  # fmt: skip
    assert values["rate_mhz"] == 2500
    assert values["osr_p"] == 8
    assert values["law"] == "LINEAR"
    assert values["norm_pa"] == 110000
    assert values["reference_pa"] == 100000
    assert values["t_ref_mk"] == 295150
    assert values["window_min"] == 180
    assert values["lag_s"] == 180
    assert values["rho1024"] == round(1024 * math.exp(-60.0 / 1200.0))
    assert values["sealed_se"] == 10**10
    # 1 lb/day at ten times the PrK's pace: 1.0955e-5 1/s at 295 K.
    assert values["planned"] == pytest.approx(1.0955e13, rel=2e-3)


def test_without_a_limit_the_plan_is_the_elements_leak() -> None:
    assert planned_k(rig()) == pytest.approx(1e-5, rel=1e-9)
    assert planned_k(rig(element={"law": "sealed"})) == 0.0


@pytest.mark.parametrize("law", ["viscous", "choked", "sealed"])
def test_every_law_of_a_rig_is_one_the_node_knows(law: str) -> None:
    elements: dict[str, dict[str, object]] = {
        "viscous": {"law": "viscous", "diameter": "0.2 mm", "length": "1.5 m"},
        "choked": {"law": "choked", "diameter": "0.05 mm"},
        "sealed": {"law": "sealed"},
    }
    config = node_config(rig(element=elements[law]))
    assert Settings(config)["law"] == {"sealed": "LINEAR"}.get(law, law.upper())


def test_sensors_get_their_addresses_roles_and_offsets_in_order() -> None:
    config = node_config(
        rig(node={"roles": ["chamber", "ambient", "twin"], "offsets": ["1.5 Pa", "-2 Pa", "0 Pa"]})
    )
    assert config["sensors"] == [
        {"bus": 0, "address": 0x76, "role": "CHAMBER", "offset_mpa": 1500},
        {"bus": 0, "address": 0x77, "role": "AMBIENT", "offset_mpa": -2000},
        {"bus": 1, "address": 0x76, "role": "TWIN", "offset_mpa": 0},
    ]


@pytest.mark.parametrize(
    ("node", "says"),
    [
        ({"rate": "1000 Hz"}, "rate_mhz"),
        ({"window": "10 min"}, "window_min"),
        ({"window": "30 d"}, "window_min"),
        ({"lag": "3 h"}, "lag_s"),
        ({"roles": ["chamber", "ambient", "outlet"]}, "reference"),
        ({"offsets": ["1 Pa", "99999 Pa"]}, "offset_mpa"),
    ],
)
def test_a_rig_that_fits_no_node_is_the_users_mistake(node: dict[str, object], says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        node_config(rig(node=node))
    assert "\n" not in str(caught.value)
    with pytest.raises(UsageError, match=says):
        apply_rig(Bench(bench_rig()).client(), rig(node=node))


def test_a_rig_put_on_a_node_comes_back_in_the_runs_set_up() -> None:
    bench = Bench(bench_rig())
    client = bench.client()
    wanted = rig(
        chamber={"temperature": "22 degC"},
        node={"rate": "4 Hz", "roles": ["chamber", "outlet"], "offsets": ["1.234 Pa", "-0.5 Pa"],
              "sealed_se": "2.5e-8 1/s"},
    )  # fmt: skip
    apply_rig(client, wanted)
    client.command("INITiate")
    setup = json.loads(client.setup())
    expected = node_config(wanted)
    assert {key: setup[key] for key in expected} == expected
    settings, trims = settings_of(setup)
    assert settings.as_dict() == {**Settings(expected).as_dict()}
    assert trims == [chip.trim for chip in bench.node.chips]


def test_roles_can_be_swapped() -> None:
    bench = Bench(bench_rig())
    client = bench.client()
    assert [client.query(f"SENSe:ROLE{n}?") for n in (1, 2)] == ["CHAMBER", "AMBIENT"]
    client.command("SENSe:ROLE1 SPARE")
    client.command("SENSe:ROLE2 CHAMBER")
    apply_rig(client, rig())
    assert [client.query(f"SENSe:ROLE{n}?") for n in (1, 2)] == ["CHAMBER", "AMBIENT"]


def test_a_node_with_other_sensors_than_the_rigs_is_refused() -> None:
    client = Bench(bench_rig()).client()
    with pytest.raises(DataError, match=r"has 2 sensors, the rig file names 1 roles; make"):
        apply_rig(client, rig(node={"roles": ["chamber"]}))


def test_a_node_that_is_measuring_keeps_its_settings() -> None:
    client = Bench(bench_rig()).client()
    client.command("INITiate")
    with pytest.raises(ScpiRefusal, match="-221"):
        apply_rig(client, rig())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"sensors": []}, "21 trim bytes a sensor"),
        ({"sensors": [], "trims": []}, "sensors"),
        ({"sensors": None}, "set-up cannot be read"),
        ({"trims": ["00", "00"]}, "21 trim bytes"),
        ({"trims": ["zz" * 21, "00" * 21]}, "set-up cannot be read"),
        ({"trims": None}, "set-up cannot be read"),
        ({"trims": ["00" * 21]}, "21 trim bytes"),
        ({"law": "SQUARE"}, "law"),
        ({"rate_mhz": "fast"}, "rate_mhz"),
    ],
)
def test_a_set_up_that_is_none_is_named(change: dict[str, object], says: str) -> None:
    setup = {**node_config(rig()), "trims": ["00" * 21] * 2, "version": "1", "run": 5}
    settings_of(setup)
    with pytest.raises(DataError, match=says):
        settings_of({**setup, **change})


def test_a_set_up_without_trims_says_which_key_is_missing() -> None:
    with pytest.raises(DataError, match="no 'trims'"):
        settings_of(node_config(rig()))

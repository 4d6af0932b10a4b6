"""What a plant may be made of: every refusal names the part and the field."""

import math

import pytest

from prkbench.errors import UsageError
from prkbench.sim.elements import LinearConductance
from prkbench.sim.plant import (
    Fill,
    Hold,
    Passage,
    PlantSpec,
    Reservoir,
    SetOpen,
    SetSurroundings,
    SetVolume,
    SunPatch,
    Vessel,
)

CHAMBER = Vessel("chamber", 5e-3, 1e5)
LEAK = Passage("leak", LinearConductance(1e-9), "chamber", "room")
ROOM = Reservoir("room")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("volume_m3", 0.0),
        ("volume_m3", math.inf),
        ("pressure_pa", 0.0),
        ("temperature_k", math.nan),
        ("gas_tau_s", -1.0),
        ("wall_tau_s", 0.0),
        ("residual_rms_k", -0.1),
        ("residual_tau_s", 0.0),
        ("loss_kg_per_s", math.inf),
        ("compliance_per_pa", -1e-9),
        ("sorption_tau_s", 0.0),
        ("wall_k", 0.0),
    ],
)
def test_impossible_vessels_are_refused_by_name(field, value):
    with pytest.raises(UsageError, match=f"Vessel 'tank': {field}"):
        Vessel(**{"name": "tank", "volume_m3": 5e-3, "pressure_pa": 1e5, field: value})


@pytest.mark.parametrize(
    ("made", "named"),
    [
        (lambda: Reservoir("space", "nowhere"), "'nowhere'"),
        (lambda: Reservoir("pump", -5.0), "pressure"),
        (lambda: Hold("chamber", 1e5, 1e5), "high_pa"),
        (lambda: Hold("chamber", 1e5, 2e5, 50.0, 50.0), "to_s"),
        (lambda: SunPatch("chamber", 2.0, 0.0, 10.0), "for_s"),
        (lambda: SunPatch("chamber", 2.0, 80000.0, 9000.0), "every_s"),
        (lambda: SunPatch("chamber", 2.0, 0.0, 600.0, on="roof"), "roof"),
        (lambda: SetSurroundings(0.0, room_step_k=math.nan), "room_step_k"),
        (lambda: SetSurroundings(0.0, room_tau_s=-1.0), "room_tau_s"),
        (lambda: SetSurroundings(0.0, 1.0, room_tau_s=5.0, over_s=5.0), "one only"),
    ],
)
def test_impossible_parts_are_refused_by_name(made, named):
    with pytest.raises(UsageError, match=named):
        made()


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"vessels": ()}, "no vessel"),
        ({"vessels": (CHAMBER, CHAMBER)}, "'chamber' is there twice"),
        ({"reservoirs": (Reservoir("chamber"),)}, "'chamber' is there twice"),
        ({"vessels": (Vessel("ambient", 1.0, 1e5),)}, "'ambient'"),
        ({"passages": (LEAK,)}, "'room', expected one of chamber"),
        ({"passages": (Passage("loop", LEAK.element, "chamber", "chamber"),)}, "begins and ends"),
        ({"events": (SetOpen(5.0, "hatch", True),)}, "SetOpen names 'hatch'"),
        ({"events": (Fill(5.0, "tank", 1e5),)}, "Fill names 'tank'"),
        ({"events": (Fill(-5.0, "chamber", 1e5),)}, "t_s"),
        ({"events": (Fill(math.nan, "chamber", 1e5),)}, "t_s"),
        ({"events": (Fill(5.0, "chamber", 0.0),)}, "to_pa"),
        ({"events": (Fill(5.0, "chamber", 1e5, supply_k=0.0),)}, "supply_k"),
        ({"events": (SetVolume(5.0, "chamber", 0.0),)}, "volume_m3"),
        ({"events": (SetVolume(5.0, "chamber", 1.0, added_pa=0.0),)}, "added_pa"),
        ({"holds": (Hold("tank", 1e5, 2e5),)}, "'tank'"),
        ({"sun": (SunPatch("room", 2.0, 0.0, 600.0),)}, "'room'"),
    ],
)
def test_plants_that_do_not_fit_together_are_refused_by_name(given, named):
    with pytest.raises(UsageError, match=named):
        PlantSpec(**{"vessels": (CHAMBER,), **given})


def test_a_plant_of_all_its_parts_is_taken():
    spec = PlantSpec(
        (CHAMBER,),
        (LEAK,),
        (ROOM,),
        sun=(SunPatch("ambient", 2.0, 0.0, 600.0, on="sensor"),),
        events=(SetVolume(5.0, "chamber", 1.0), SetOpen(3.0, "leak", False)),
    )
    assert spec.events[0].t_s == 5.0

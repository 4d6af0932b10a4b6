"""A node's valves on the simulated plant: moved at their moment, felt by sensors, taken back."""

import math
from itertools import pairwise

import numpy as np
import pytest

from prkbench.errors import UsageError
from prkbench.rig import Rig, parse_rig
from prkbench.sim.child.virtual_board import VALVE_BLOCK
from prkbench.sim.elements import Orifice
from prkbench.sim.gas import R_AIR
from prkbench.sim.plant.events import SetOpen
from prkbench.sim.plant.plant import Plant
from prkbench.sim.plant.spec import Passage, PlantSpec, Reservoir, Vessel
from prkbench.sim.rig_world import surroundings_of, world_for
from prkbench.sim.surroundings import Surroundings
from prkbench.sim.transducer import Transducer, TransducerSpec
from prkbench.sim.valve_block import ValveBlock
from prkbench.sim.world import World

FILL = Orifice(100e-6)
SUPPLY_PA = 400000.0
OPEN_S, SHUT_S = 1234.567, 1239.321


def spec(gas_tau_s: float = 0.0) -> PlantSpec:
    """A still 5 L chamber at 100 kPa that only its fill valve can change."""
    return PlantSpec(
        (Vessel("chamber", 5e-3, 1e5, gas_tau_s=gas_tau_s, wall_tau_s=math.inf),),
        (Passage("fill", FILL, "bottle", "chamber", open=False),),
        (Reservoir("bottle", SUPPLY_PA, 295.0),),
        Surroundings(room_swing=False),
    )


def moves(*times: float) -> list[SetOpen]:
    return [SetOpen(t, "fill", n % 2 == 0) for n, t in enumerate(times)]


def rig(**tables: object) -> Rig:
    return Rig.model_validate(
        {
            "rig": {"name": "held"},
            "element": {"law": "linear", "conductance": "5.484e-8 m3/s"},
            "board": {
                "valves": [
                    {"role": "fill", "pin": 10, "diameter": "100 um", "supply": "4000 hPa"},
                    {"role": "vent", "pin": 11, "diameter": "100 um"},
                ]
            },
            **tables,
        }
    )


def test_a_valve_lets_in_what_its_law_says_from_its_moment_to_its_moment() -> None:
    plant = Plant(spec(), 1)
    # Somebody looks far ahead first, as the sensors' hours do.
    assert plant.at(7200.0)["chamber"].pressure_pa == pytest.approx(1e5, abs=1e-6)
    assert plant.steer(moves(OPEN_S, SHUT_S)) == OPEN_S
    # Choked all the time, so constant: 4 bar, 100 kPa. Isothermal: dp = m R T / V.
    slope = FILL.mass_flow(SUPPLY_PA, 1e5, 295.0) * R_AIR * 295.0 / 5e-3
    rise = slope * (SHUT_S - OPEN_S)
    for t, wanted in (
        (OPEN_S, 0.0), (OPEN_S + 1.0, slope), (SHUT_S, rise), (7200.0, rise), (90000.0, rise),
    ):  # fmt: skip
        assert plant.at(t)["chamber"].pressure_pa - 1e5 == pytest.approx(wanted, abs=1e-3), t
    assert plant.flow_kg_per_s("fill", 1236.0) > 0.0
    assert plant.flow_kg_per_s("fill", 1240.0) == 0.0
    assert [(h.t_s, h.kind) for h in plant.happenings()] == [(OPEN_S, "open"), (SHUT_S, "shut")]


def test_moves_given_as_they_come_are_the_same_as_events_known_before() -> None:
    known = Plant(
        PlantSpec(**{**spec(150.0).__dict__, "events": tuple(moves(50.5, 51.0, 3700.2, 3703.0))}),
        1,
    )
    steered = Plant(spec(150.0), 1)
    given: list[SetOpen] = []
    for move in moves(50.5, 51.0, 3700.2, 3703.0):
        steered.at(move.t_s + 600.0)
        given.append(move)
        assert steered.steer(given) == move.t_s
    times = np.arange(0.0, 9000.0, 7.7)
    mine, theirs = (plant.series(times)["chamber"]["pressure_pa"] for plant in (steered, known))
    # Relative 1e-9 a step, some hundred steps: well under a hundredth of a pascal.
    assert np.abs(mine - theirs).max() < 0.01


def test_moves_taken_back_leave_the_plant_as_it_was_to_the_bit() -> None:
    plant, untouched = Plant(spec(150.0), 3), Plant(spec(150.0), 3)
    times = np.arange(0.0, 9000.0, 3.3)
    plant.steer(moves(1000.5))
    plant.series(times)
    assert plant.steer([]) == 1000.5
    for name, values in plant.series(times)["chamber"].items():
        assert np.array_equal(values, untouched.series(times)["chamber"][name]), name
    assert plant.happenings() == []


def test_a_move_of_what_is_not_there_or_forgotten_is_refused() -> None:
    plant = Plant(spec(), 1, history_s=3600.0)
    with pytest.raises(UsageError, match="'drain', expected one of fill"):
        plant.steer([SetOpen(1.0, "drain", True)])
    for t in range(0, 40000, 1800):
        plant.at(float(t))
    with pytest.raises(UsageError, match="forgotten: expected a time from"):
        plant.steer(moves(100.0))


def sensor(plant: Plant, given: TransducerSpec | None = None) -> Transducer:
    return Transducer(plant.source("chamber"), 5, given or TransducerSpec.ideal(), 3600.0)


@pytest.mark.parametrize("opened_s", [1234.567, 3599.75, 3600.0, 7199.999])
def test_a_sensor_feels_a_valve_from_its_moment_on_and_not_before(opened_s: float) -> None:
    plant = Plant(spec(), 1)
    element = sensor(plant)
    block = ValveBlock(plant, ["fill"], [element])
    # It has been asked well into the next hour already, as a rehearsal does.
    before = [element.measure(opened_s + s, 16, 2) for s in (-0.4, -1e-6, 0.3, 300.0)]
    block.advance(round(opened_s * 1e6))
    block.write(0, 1)
    slope = FILL.mass_flow(SUPPLY_PA, 1e5, 295.0) * R_AIR * 295.0 / 5e-3
    assert [element.measure(opened_s + s, 16, 2) for s in (-0.4, -1e-6)] == before[:2]
    for s in (0.0, 0.1, 0.3, 0.9, 1.5, 10.0, 100.0):
        pressure, _ = element.measure(opened_s + s, 16, 2)
        assert pressure - 1e5 == pytest.approx(slope * s, abs=1e-3), s
    one_by_one = [element.measure(opened_s + s, 16, 2)[0] for s in (0.0, 0.2, 5.0)]
    at_once = element.measure_series(opened_s + np.array([0.0, 0.2, 5.0]), 16, 2)[0]
    assert at_once.tolist() == one_by_one


def test_a_second_move_in_the_same_second_bends_it_again() -> None:
    plant = Plant(spec(), 1)
    element = sensor(plant)
    block = ValveBlock(plant, ["fill"], [element])
    element.measure(1000.0, 16, 2)
    for us, state in ((1000_200_000, 1), (1000_500_000, 0), (1000_900_000, 1)):
        block.advance(us)
        block.write(0, state)
    slope = FILL.mass_flow(SUPPLY_PA, 1e5, 295.0) * R_AIR * 295.0 / 5e-3
    for s, open_s in ((0.1, 0.0), (0.3, 0.1), (0.5, 0.3), (0.8, 0.3), (1.0, 0.4), (3.0, 2.4)):
        pressure, _ = element.measure(1000.0 + s, 16, 2)
        assert pressure - 1e5 == pytest.approx(slope * open_s, abs=1e-3), s


def test_what_is_taken_back_leaves_every_reading_as_it_was_to_the_bit() -> None:
    world, untouched = (
        World(spec(150.0), 4, {(0, 0x76): "chamber"}, valves=("fill",)) for _ in range(2)
    )
    block = world.devices[VALVE_BLOCK]
    assert isinstance(block, ValveBlock)
    element, same = (w.chips[0, 0x76].transducer for w in (world, untouched))
    times = [3500.0 + 0.2 * n for n in range(1500)]
    readings = [same.measure(t, 16, 2) for t in times]
    drawn = element.save()
    [element.measure(t, 16, 2) for t in times]
    kept = block.save()
    for us in (3555_500_000, 3590_250_000, 3600_750_000):
        block.advance(us)
        block.write(0, 1 - block.peek_burst(0, 1)[0])
        element.measure(3700.0, 16, 2)
    assert block.read_burst(0, 2) == b"\1\0"
    block.restore(kept)
    assert block.peek_burst(0, 1) == b"\0"
    element.restore(drawn)
    assert [element.measure(t, 16, 2) for t in times] == readings


def test_a_board_that_loses_its_power_lets_the_valves_fall_shut() -> None:
    world = World(spec(), 4, {(0, 0x76): "chamber"}, valves=("fill",))
    block = world.devices[VALVE_BLOCK]
    block.advance(5_000_000)
    block.write(0, 1)
    block.advance(9_000_000)
    block.power_on_reset()
    level = world.plant.at(9.0)["chamber"].pressure_pa
    assert level > 1e5
    assert world.plant.at(600.0)["chamber"].pressure_pa == pytest.approx(level, abs=1e-3)


def test_a_rigs_fill_lets_gas_in_and_its_vent_lets_it_out() -> None:
    held = rig()
    world, _ = world_for(held, 1, surroundings=surroundings_of(held, hvac_k=0.0))
    block = world.devices[VALVE_BLOCK]
    levels = []
    for us, valve, state in (
        (600_000_000, 0, 1), (620_000_000, 0, 0), (700_000_000, 1, 1), (720_000_000, 1, 0),
    ):  # fmt: skip
        block.advance(us)
        block.write(valve, state)
        levels.append(world.plant.at(us * 1e-6)["chamber"].pressure_pa)
    # 100 um at 4 bar let some 60 mg/s in: hundreds of pascals a second; out at 1.2 bar a third.
    steps = [later - earlier for earlier, later in pairwise(levels)]
    assert steps[0] > 500.0
    assert steps[2] < -100.0


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ({"hold": {"low": "1190 hPa", "high": "1200 hPa"}, "board": {"valves": []}}, "fill"),
        ({"hold": {"low": "1190 hPa", "high": "4100 hPa"}}, "300 to 1250 hPa"),
        ({"hold": {"low": "1200 hPa", "high": "1200.1 hPa"}}, "20 Pa"),
        (
            {
                "hold": {"low": "1190 hPa", "high": "1200 hPa"},
                "board": {"valves": [{"role": "fill", "pin": 1, "supply": "1100 hPa"}]},
            },
            "expected a supply above it",
        ),
        ({"board": {"valves": [{"role": "fill", "pin": 1}]}}, "needs its supply"),
        ({"board": {"valves": [{"role": "vent", "pin": 1}, {"role": "vent", "pin": 1}]}}, "pin"),
    ],
)
def test_valves_and_bands_that_cannot_be_are_refused(tables: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        rig(**tables)


def test_a_rig_with_valves_reads_back_as_it_was_written() -> None:
    held = rig(hold={"low": "1190 hPa", "high": "1200 hPa"})
    assert parse_rig(held.to_toml(), "again") == held
    with pytest.raises(UsageError, match=r"line 6: board\.valves\.0\.dia: unknown key, expected"):
        parse_rig('[rig]\nname = "x"\n[[board.valves]]\nrole = "vent"\npin = 1\ndia = "1 mm"\n'
                  '[element]\nlaw = "sealed"\n', "bad")  # fmt: skip

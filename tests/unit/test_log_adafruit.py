"""`prk log --sensor adafruit`: the node in this process, over sensors on a bridge."""

import json
import sys
import types
from pathlib import Path

import pytest
from inprocess_node import bench_rig
from model_i2c import FastClock, ModelI2C, WallClock
from prk_command import prk, refused

from prkbench.errors import DeviceError, UsageError
from prkbench.local import sensors, session, usb_bridge
from prkbench.local.register_bus import RegisterBus
from prkbench.rig import Rig
from prkbench.runfile import Kind, RunFile
from prkbench.sim.rig_world import surroundings_of, world_for
from prknode.records import EV_FAULT, EV_RECOVERED
from prknode.unpack import unpack_event

RIG = bench_rig()
LOG = ("log", "--sensor", "adafruit", "--json", "--out")


def on_the_bench(clock: FastClock | WallClock, rig: Rig = RIG) -> ModelI2C:
    world, _ = world_for(rig, 1, surroundings=surroundings_of(rig))
    return ModelI2C({address: chip for (_, address), chip in world.chips.items()}, clock)


@pytest.fixture
def rig_path(tmp_path: Path) -> Path:
    path = tmp_path / "bench.toml"
    path.write_text(RIG.to_toml())
    return path


@pytest.fixture
def bridge(monkeypatch: pytest.MonkeyPatch) -> ModelI2C:
    """What --i2c opens: the bench's two sensors, in simulated time."""
    clock = FastClock()
    i2c = on_the_bench(clock)
    monkeypatch.setattr(usb_bridge, "open_i2c", lambda name: i2c)
    monkeypatch.setattr(session, "HostClock", lambda: clock)
    return i2c


def records_of(run: Path, kind: Kind) -> list[bytes]:
    with RunFile.open(run) as file:
        (only,) = file.runs()
        payload = file.payload(only.run_id, kind)
        size = len(payload) // file.next(only.run_id, kind)
    return [payload[i : i + size] for i in range(0, len(payload), size)]


def valid_of(run: Path) -> list[int]:
    """Which sensors delivered, as a bit mask, of every sample."""
    return [sample[6] & 3 for sample in records_of(run, Kind.SAMPLE)]


def events_of(run: Path) -> list[tuple[int, int | None, str]]:
    """Code, sensor and text of every event."""
    found = []
    for record in records_of(run, Kind.EVENT):
        _, code, sensor, _, text = unpack_event(record)
        found.append((code, sensor, text))
    return found


def test_a_leak_is_measured_and_the_run_file_verified(
    tmp_path: Path, rig_path: Path, bridge: ModelI2C
) -> None:
    run = tmp_path / "run.prk"
    ended = prk(*LOG, run, "--rig", rig_path, "--duration", "44 min")
    assert ended.status == 0, ended
    assert json.loads(ended.out)["samples"] == 44 * 30
    assert json.loads(ended.out)["lost"] == 0

    verified = prk("verify", run, "--json", "--head", json.loads(ended.out)["head"][:16])
    assert verified.status == 0, verified
    found = json.loads(verified.out)
    assert found["replay_exact"] is True
    assert found["gaps"] == 0
    assert abs(found["en"]) <= 1.0
    with RunFile.open(run) as file:
        (only,) = file.runs()
        assert only.setup["driver"] == "ADAFRUIT"
        assert str(file.meta["node"]).startswith("i2c-")


def test_a_run_file_is_continued_with_the_same_sensors_only(
    tmp_path: Path, rig_path: Path, bridge: ModelI2C
) -> None:
    run = tmp_path / "run.prk"
    assert prk(*LOG, run, "--rig", rig_path, "--duration", "3 min").status == 0
    assert prk(*LOG, run, "--duration", "2 min").status == 0
    with RunFile.open(run) as file:
        assert [file.next(r.run_id, Kind.SAMPLE) for r in file.runs()] == [90, 60]
    other, _ = world_for(RIG, 2)
    bridge.chips[0x77] = other.chips[0, 0x77]
    bridge.chips[0x77].advance(bridge.clock.now_us)
    refused(prk(*LOG, run, "--duration", "2 min"), 2, "was begun with node i2c-", "new file")


def test_a_run_file_is_continued_with_as_many_sensors_as_its_rig_has(
    tmp_path: Path, bridge: ModelI2C
) -> None:
    run, single = tmp_path / "run.prk", tmp_path / "single.toml"
    node = RIG.node.model_copy(update={"roles": ("chamber",)})
    single.write_text(RIG.model_copy(update={"node": node}).to_toml())
    assert prk(*LOG, run, "--rig", single, "--duration", "2 min").status == 0
    assert prk(*LOG, run, "--duration", "2 min").status == 0


# A reading takes 4 transfers; bring-up and the look for sensors under 100.
@pytest.mark.parametrize(
    ("how", "fault"),
    [("pulled", "NACK"), ("hung", "LATE")],
)
def test_a_sensor_that_fails_in_mid_run_is_named_leaves_a_gap_and_comes_back(
    tmp_path: Path, rig_path: Path, bridge: ModelI2C, how: str, fault: str
) -> None:
    run = tmp_path / "run.prk"
    getattr(bridge, how)[0x77] = range(800, 1000)
    ended = prk(*LOG, run, "--rig", rig_path, "--duration", "40 min")
    assert ended.status == 0, ended
    # No tick is missed: each ends in a sample, of the sensor that works.
    valid = valid_of(run)
    assert len(valid) == 40 * 30
    assert set(valid) == {1, 3}
    assert valid[:150] == [3] * 150
    assert valid[-300:] == [3] * 300
    events = events_of(run)
    assert (EV_FAULT, 1, fault) in events
    assert events.index((EV_FAULT, 1, fault)) < events.index((EV_RECOVERED, 1, "OK"))
    assert not [e for e in events if e[0] == EV_FAULT and e[1] == 0]
    assert json.loads(prk("verify", run, "--json").out)["replay_exact"] is True


def test_a_bridge_that_is_unplugged_ends_no_run_and_its_gap_is_recorded(
    tmp_path: Path, rig_path: Path, bridge: ModelI2C
) -> None:
    """Its driver then raises what it likes; MCP2221's says ValueError."""
    run = tmp_path / "run.prk"
    bridge.error = ValueError("not open")  # type: ignore[assignment]
    for address in bridge.chips:
        bridge.pulled[address] = range(800, 900)
    assert prk(*LOG, run, "--rig", rig_path, "--duration", "40 min").status == 0
    valid = valid_of(run)
    assert len(valid) == 40 * 30
    assert 0 in valid
    assert valid[-300:] == [3] * 300
    assert {(EV_FAULT, 0, "NACK"), (EV_FAULT, 1, "NACK")} <= set(events_of(run))


def test_in_real_time_the_samples_follow_this_computers_clock(tmp_path: Path) -> None:
    clock = WallClock()
    i2c = on_the_bench(clock)
    with session.local_node(i2c, None, "test", clock) as client:
        assert client.query("SENSe:DRIVer?") == "ADAFRUIT"
        assert client.query("SENSe:RATE?") == "5.000"
        client.command("INITiate")
        before = clock.now_us
        while client.points().samples[1] < 4:
            assert clock.now_us - before < 3_000_000
        took = clock.now_us - before
        # Three periods of 200 ms, a conversion of 37 ms, and what a loaded machine adds.
        assert 600_000 < took < 2_500_000
        pascal = float(client.query("MEASure:PRESsure?"))
        assert abs(pascal - RIG.chamber.pressure_pa) < 500.0
    assert not [t for t in session.threading.enumerate() if t.name == "node"]


def test_the_sensors_are_waited_for_before_the_first_command() -> None:
    """One answers only half a second after the look for it, and is asked every 100 ms."""
    clock = WallClock()
    i2c = on_the_bench(clock)
    # The look takes 7 transfers, a try without an answer 2.
    i2c.pulled[0x77] = range(7, 17)
    with session.local_node(i2c, None, "test", clock) as client:
        client.command("INITiate")


def test_a_restart_asked_for_over_the_line_brings_a_new_node(bridge: ModelI2C) -> None:
    with session.local_node(bridge, RIG, "test", bridge.clock) as client:
        client.command("INITiate")
        assert client.points().run_id
        client.write("SYSTem:REBoot")
        # What the old node had taken in is gone with it.
        client._line.drain()
        assert client.points().run_id == 0


def test_a_node_that_fails_is_told_with_its_reason(bridge: ModelI2C) -> None:
    def broken(address: int, register: bytes, buffer: bytearray) -> None:
        raise KeyError("a driver's bug")

    def measured() -> None:
        with session.local_node(bridge, RIG, "test", bridge.clock) as client:
            bridge.writeto_then_readfrom = broken  # type: ignore[method-assign, assignment]
            client.query("MEASure:PRESsure?")

    with pytest.raises(DeviceError, match=r"test: the node in this process failed: KeyError"):
        measured()


# What is refused -----------------------------------------------------------------------------


def test_a_rig_with_more_sensors_than_the_bridge_is_refused(
    tmp_path: Path, rig_path: Path, bridge: ModelI2C
) -> None:
    del bridge.chips[0x76]
    ended = prk(*LOG, tmp_path / "run.prk", "--rig", rig_path)
    refused(ended, 3, "2 sensors", "has 1 (0x77)", "node.roles")
    bridge.chips.clear()
    refused(prk(*LOG, tmp_path / "run.prk"), 3, "no BMP390", "0x76 or 0x77", "wiring")


def test_one_sensor_at_either_address_makes_a_node(bridge: ModelI2C) -> None:
    del bridge.chips[0x76]
    with session.local_node(bridge, None, "test", bridge.clock) as client:
        assert client.query("SENSe:COUNt?;ROLE1?") == "1;CHAMBER"
        client.command("INITiate")


def test_a_rate_that_the_bridge_cannot_keep_is_refused_with_its_figures() -> None:
    # 10 ms a transfer: 37 ms of conversion with its margin, two readings of 40 ms and a quarter.
    slow = sensors.Found({0x76: bytes(21), 0x77: bytes([1] * 21)}, 0.010)
    fastest = slow.fastest_mhz(2, 16, 2)
    assert fastest == int(1e9 / (1.0625 * 37149 + 1200 + 1.25 * 80e3))
    quick = RIG.model_copy(update={"node": RIG.node.model_copy(update={"rate_hz": 8.0})})
    with pytest.raises(UsageError, match=r"node.rate is 8 Hz; .*10\.0 ms.*7\.1. Hz at the most"):
        sensors.config_for(slow, quick)
    fast = sensors.Found(slow.trims, 0.0001)
    assert sensors.config_for(fast, quick)["rate_mhz"] == 8000
    assert sensors.config_for(sensors.Found(slow.trims, 0.05), None)["rate_mhz"] < 2000
    above = RIG.model_copy(update={"node": RIG.node.model_copy(update={"rate_hz": 25.0})})
    with pytest.raises(UsageError, match=r"25 Hz.*12.50 Hz at the most"):
        sensors.config_for(sensors.Found(slow.trims, 0.0), above)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--out", "r.prk", "--i2c", "mcp2221"), "--sensor adafruit"),
        (("--out", "r.prk", "--sensor", "bosch"), "expected adafruit"),
        (("--out", "r.prk", "--sensor", "adafruit", "--port", "x"), "leave one out"),
        (("--out", "r.prk", "--sensor", "adafruit", "--i2c", "spi"), "mcp2221"),
    ],
)
def test_options_that_do_not_fit_together(options: tuple[str, ...], says: str) -> None:
    refused(prk("log", *options), 2, says)


def test_another_user_of_the_bus_is_a_fault_not_a_wait(bridge: ModelI2C) -> None:
    assert bridge.try_lock()
    with pytest.raises(OSError, match="another user"):
        RegisterBus(bridge).readfrom_mem_into(0x76, 0, bytearray(1))


# Blinka --------------------------------------------------------------------------------------


@pytest.fixture
def blinka(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    board = types.ModuleType("board")
    monkeypatch.setitem(sys.modules, "board", board)
    for variable in filter(None, usb_bridge.BRIDGES.values()):
        monkeypatch.delenv(variable, raising=False)
        # The test's own changes to the environment end with it.
        monkeypatch.setenv(variable, "")
    return board


def test_the_bridge_is_named_to_blinka_before_it_is_asked(blinka: types.ModuleType) -> None:
    def opened() -> object:
        return sensors.__dict__, usb_bridge.os.environ["BLINKA_FT232H"]

    blinka.I2C = opened  # type: ignore[attr-defined]
    assert usb_bridge.open_i2c("ft232h")[1] == "1"  # type: ignore[index]


def test_a_bridge_that_is_not_there_is_told_in_one_line(blinka: types.ModuleType) -> None:
    def missing() -> object:
        raise RuntimeError("BLINKA_MCP2221 environment variable set,\nbut no MCP2221 found")

    blinka.I2C = missing  # type: ignore[attr-defined]
    refused(prk(*LOG, "r.prk", "--i2c", "mcp2221"), 3, "but no MCP2221 found", "plugged in")


def test_a_computer_without_a_bus_is_told_to_name_a_bridge(blinka: types.ModuleType) -> None:
    refused(prk(*LOG, "r.prk"), 3, "--i2c auto", "no I2C bus", "mcp2221")


@pytest.mark.parametrize(
    ("module", "says"),
    [("board", "pip install 'prkbench[adafruit]'"), ("hid", "pip install hidapi")],
)
def test_a_missing_package_is_named_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch, blinka: types.ModuleType, module: str, says: str
) -> None:
    def absent(name: str) -> types.ModuleType:
        raise ModuleNotFoundError(f"No module named {module!r}", name=module)

    monkeypatch.setattr(usb_bridge.importlib, "import_module", absent)
    refused(prk(*LOG, "r.prk", "--i2c", "mcp2221"), 2, says)

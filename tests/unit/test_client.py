from collections.abc import Callable

import pytest
from inprocess_node import Bench, bench_rig

from prkbench.client import NodeClient, ScpiRefusal
from prkbench.errors import DataError, DeviceError
from prknode import __version__


@pytest.fixture
def bench() -> Bench:
    return Bench(bench_rig())


def measuring(bench: Bench, seconds: float = 120.0) -> NodeClient:
    client = bench.client()
    client.command("INITiate")
    bench.pass_s(seconds)
    return client


def spoil_first(bench: Bench, change: Callable[[bytes], bytes], times: int = 1) -> list[str]:
    """Change the first `times` answers to DATA:READ?; the list fills with what was spoilt."""
    spoilt: list[str] = []

    def spoil(command: str, answer: bytes) -> bytes:
        if command.startswith("DATA:READ?") and len(spoilt) < times:
            spoilt.append(command)
            return change(answer)
        return answer

    bench.spoil = spoil
    return spoilt


def test_a_node_says_who_it_is(bench: Bench) -> None:
    identity = bench.client().identity
    assert identity.maker == "prkbench"
    assert identity.unique_id == "virtual-0001"
    assert identity.version == __version__
    assert identity.simulated


def test_half_a_command_left_on_the_line_does_no_harm(bench: Bench) -> None:
    bench.board.incoming += b"SYST:ERR"
    client = bench.client()
    client.check("anything")
    assert client.query("SYSTem:ERRor?") == '0,"No error"'


@pytest.mark.parametrize(
    "owed",
    [
        pytest.param(b"prkbench,leak node,00,0.0.0\n", id="an identity"),
        pytest.param(b'prkbench,leak node,00,0.0.0\n1\n0,"No error"\n', id="several"),
        pytest.param(b"#15abcde\n", id="a block"),
    ],
)
def test_answers_a_slow_node_owes_to_somebody_else_are_not_taken_for_ours(
    bench: Bench, owed: bytes
) -> None:
    bench.spoil = lambda command, real: owed + real if command == "*IDN?" else real
    client = bench.client()
    assert client.identity.maker == "prkbench"
    assert client.query("SYSTem:ERRor?") == '0,"No error"'
    assert client.run_time_us() is None


def test_points_time_and_setup_are_read(bench: Bench) -> None:
    client = measuring(bench, 121.0)
    points = client.points()
    assert points.run_id == 4097
    assert points.samples == (0, 61)
    # The second slot closes with the sample that comes after it.
    assert points.blocks == (0, 2)
    assert points.results == (0, 2)
    assert client.run_time_us() == pytest.approx(121e6, abs=50_000)
    assert b'"trims"' in client.setup()


def test_an_idle_node_has_no_run_time(bench: Bench) -> None:
    assert bench.client().run_time_us() is None


def test_records_come_as_the_node_holds_them(bench: Bench) -> None:
    client = measuring(bench)
    records = client.records("DATA:READ?", 4097, 10, 20)
    assert (records.run_id, records.first, records.count, records.size) == (4097, 10, 20, 20)
    times = [int.from_bytes(records.payload[20 * n : 20 * n + 6], "little") for n in range(20)]
    assert [round(t / 1e6) for t in times] == [2 * n for n in range(10, 30)]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda a: a[:40] + bytes([a[40] ^ 4]) + a[41:], id="a flipped bit"),
        pytest.param(lambda a: b"?" + a[1:], id="no block at all"),
        pytest.param(lambda a: a[:2] + b"x" + a[3:], id="a length that is none"),
        pytest.param(lambda a: a[:-1] + b"xx\n", id="bytes too many"),
        pytest.param(lambda a: b"#19123456789\n", id="a block too short for a header"),
    ],
)
def test_a_spoilt_answer_is_asked_for_again_and_comes_whole(
    bench: Bench, change: Callable[[bytes], bytes]
) -> None:
    client = measuring(bench)
    whole = client.records("DATA:READ?", 4097, 0, 20)
    spoilt = spoil_first(bench, change)
    assert client.records("DATA:READ?", 4097, 0, 20) == whole
    assert len(spoilt) == 1


def test_a_line_that_spoils_everything_is_given_up_with_a_reason(bench: Bench) -> None:
    client = measuring(bench)
    spoilt = spoil_first(bench, lambda a: a[:40] + bytes([a[40] ^ 4]) + a[41:], times=99)
    with pytest.raises(DataError, match=r"CRC-32.*3 times in a row.*check the cable"):
        client.records("DATA:READ?", 4097, 0, 20)
    assert len(spoilt) == 3


def test_a_refused_command_names_the_nodes_error_and_clears_the_others(bench: Bench) -> None:
    client = bench.client()
    client.write("NONSense 1")
    client.write("NONSense 2")
    with pytest.raises(ScpiRefusal, match=r"refused NONSense 3: -113, Undefined header") as caught:
        client.command("NONSense 3")
    assert caught.value.number == -113
    assert caught.value.exit_code == 3
    client.check("nothing")


def test_a_command_the_node_takes_raises_nothing(bench: Bench) -> None:
    client = bench.client()
    client.command("SENSe:RATE 2")
    assert float(client.query("SENSe:RATE?")) == 2.0


@pytest.mark.parametrize(
    ("query", "answer", "says"),
    [
        ("*IDN?", b"ACME,Multimeter,7,1.0\n", "not a prkbench node"),
        ("*IDN?", b"\xff\xfe\x00rubbish\n", "not a prkbench node"),
        ("*IDN?", b"", "no answer"),
        ("*IDN?", b">>> *IDN?\r\n", "MicroPython prompt"),
        ("SYSTem:PROTocol?", b"99\n", "speaks protocol 99, this host .* install the firmware"),
        ("SYSTem:PROTocol?", b"\n", "speaks protocol"),
    ],
)
def test_whoever_is_not_our_node_is_named_with_what_to_do(
    bench: Bench, query: str, answer: bytes, says: str
) -> None:
    bench.spoil = lambda command, real: answer if command == query else real
    with pytest.raises(DeviceError, match=says) as caught:
        bench.client()
    assert caught.value.exit_code == 3
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("query", "call"),
    [
        ("DATA:POINts?", NodeClient.points),
        ("SYSTem:TIME?", NodeClient.run_time_us),
        ("SYSTem:ERRor?", lambda client: client.check("x")),
        ("DATA:SETup?", NodeClient.setup),
    ],
)
@pytest.mark.parametrize("answer", [b"\n", b"MPY: soft reboot\n", b"\xff,\xff,3\n"])
def test_an_answer_that_makes_no_sense_is_a_device_error(
    bench: Bench, query: str, call: Callable[[NodeClient], object], answer: bytes
) -> None:
    client = bench.client()
    bench.spoil = lambda command, real: answer if command == query else real
    with pytest.raises(DeviceError):
        call(client)


def test_a_port_that_turns_out_wrong_is_closed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(bench_rig())
    bench.plug_in(monkeypatch)
    bench.spoil = lambda command, real: b"rubbish\n"
    closed: list[bool] = []
    monkeypatch.setattr(bench, "close", lambda: closed.append(True))
    with pytest.raises(DeviceError):
        NodeClient.connect("in-process")
    assert closed == [True]

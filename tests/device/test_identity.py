"""Who the node is, that it answers every query it knows, and that it gets over every error."""

import itertools

import pytest
from device_target import Target, plain_ask, plain_block
from headers import patterns

from prkbench import __version__
from prkbench.client import NodeClient, ScpiRefusal
from prknode import PROTOCOL, valves

LOWEST_PA, HIGHEST_PA = 30e3, 125e3
LOWEST_K, HIGHEST_K = 233.15, 358.15
"""The chip's ranges (BMP390 datasheet, table 2): nothing more is known about a real room."""

PARAMETERS = {
    "CALIBRATION:TRIM?": " (@1)",
    "CALIBRATION:OFFSET?": " (@1)",
    "DATA:READ?": " 0,1",
    "DATA:BLOCKS?": " 0,1",
    "DATA:EVENTS?": " 0,1",
    "CALCULATE:DECAY:READ?": " 0,1",
    "CALCULATE:RESERVE?": " 50000",
}


def spellings(pattern: str) -> list[str]:
    """Long form with everything optional, and short form without it."""
    plain = pattern.replace("<n>", "1")
    long = plain.replace("[", "").replace("]", "")
    short = ""
    depth = 0
    for char in plain:
        depth += (char == "[") - (char == "]")
        if depth == 0 and char != "]" and not char.islower():
            short += char
    return [long, short] if long != short else [long]


OF_VALVES = valves.TABLE[::4]
"""Known to a node that has valves only."""
QUERIES = [p for p in patterns() if p.endswith("?") and p not in OF_VALVES]


def test_the_node_says_who_it_is_and_speaks_our_protocol(node: NodeClient) -> None:
    identity = node.identity
    assert (identity.maker, identity.model) == ("prkbench", "PRK-NODE")
    assert identity.version == __version__
    assert len(identity.unique_id) >= 5
    assert node.query("SYSTem:PROTocol?") == str(PROTOCOL)
    assert node.query("SYSTem:VERSion?") == "1999.0"


def test_the_self_test_finds_every_sensor_in_order(node: NodeClient) -> None:
    assert node.query("*TST?") == "0"
    assert int(node.query("SENSe:COUNt?")) in (1, 2, 3, 4)


def test_readings_are_ones_a_room_can_have(node: NodeClient) -> None:
    channels = f"(@1:{node.query('SENSe:COUNt?')})"
    pressures = [float(x) for x in node.query(f"MEASure:PRESsure? {channels}").split(",")]
    kelvins = [float(x) for x in node.query(f"MEASure:TEMPerature? {channels}").split(",")]
    node.check("a measurement")
    assert all(LOWEST_PA < pa < HIGHEST_PA for pa in pressures), pressures
    assert all(LOWEST_K < kelvin < HIGHEST_K for kelvin in kelvins), kelvins


def test_time_since_start_rises(node: NodeClient) -> None:
    before, running = (int(x) for x in node.query("SYSTem:TIME?").split(","))
    node.query("MEASure:PRESsure?")
    after, _ = (int(x) for x in node.query("SYSTem:TIME?").split(","))
    assert running == -1
    assert 0 < before < after


def test_every_query_of_the_command_table_answers_in_both_spellings(node: NodeClient) -> None:
    node.command("INITiate")
    node.command("ABORt")
    assert len(QUERIES) > 45
    for pattern in QUERIES:
        for header in spellings(pattern):
            long = pattern.replace("<n>", "1").replace("[", "").replace("]", "").upper()
            query = header.swapcase() + PARAMETERS.get(long, "")
            if pattern.startswith(("CALibration:TRIM", "DATA:SETup")) or ":READ?" in header.upper():
                answer: object = node.query_block(query)
            elif " 0,1" in query:
                answer = node.query_block(query)
            else:
                answer = node.query(query)
            assert answer, query
            # Reading the error queue is itself one of the queries.
            node.check(query)


def test_trim_bytes_are_those_of_a_chip(node: NodeClient) -> None:
    trim = node.query_block("CALibration:TRIM? (@1)")
    assert len(trim) == 21
    assert len(set(trim)) > 5, "all the same: nothing answered on the bus"


@pytest.mark.parametrize(
    ("line", "number"),
    [
        (b"NOSUch:COMMand 1", -113),
        (b"SENSe:RATE", -109),
        (b"SENSe:RATE 1,2", -108),
        (b"SENSe:RATE fast", -224),
        (b"SENSe:RATE 1e9", -222),
        (b'MARK "open', -151),
        (b"MEASure:PRESsure? (@9)", None),
        (b"INIT\xff", -101),
        (b"*IDN?" + b" " * 300, -363),
    ],
)
def test_a_wrong_line_gets_its_error_and_costs_nothing_else(
    node: NodeClient, target: Target, line: bytes, number: int | None
) -> None:
    node.close()
    with target.raw() as port:
        port.write(line + b"\n")
        answer = plain_ask(port, "SYSTem:ERRor?")
        told = int(answer.split(",")[0])
        assert told < 0 if number is None else told == number, answer
        assert plain_ask(port, "SYSTem:ERRor?").startswith("0,")
        assert plain_ask(port, "*IDN?").startswith("prkbench,")


def test_forty_errors_are_kept_and_the_overflow_is_told(node: NodeClient) -> None:
    for _ in range(45):
        node.write("NOSUch")
    count = int(node.query("SYSTem:ERRor:COUNt?"))
    numbers = [int(node.query("SYSTem:ERRor?").split(",")[0]) for _ in range(count)]
    assert count <= 41
    assert numbers[-1] == -350
    assert set(numbers[:-1]) == {-113}
    assert node.query("SYSTem:ERRor?").startswith("0,")


def test_settings_do_not_change_under_a_running_measurement(node: NodeClient) -> None:
    node.command("INITiate")
    with pytest.raises(ScpiRefusal) as refused:
        node.command("SENSe:RATE 1")
    assert refused.value.number == -221


def test_lines_as_instrument_software_sends_them(node: NodeClient, target: Target) -> None:
    node.close()
    with target.raw() as line:
        assert plain_ask(line, "*idn?\r").startswith("prkbench,")
        assert plain_ask(line, "*OPC?;*STB?") == "1;0"
        assert plain_ask(line, "SENS:RATE 2;RATE?") in ("2", "2.000")
        assert plain_ask(line, ":syst:vers?; :SENSe:COUNt?").split(";")[0] == "1999.0"
        assert len(plain_block(line, "INITiate;:DATA:EVENts? 0,1")) == 12 + 64 + 4
        line.write(b"\n\n\r\n")
        assert plain_ask(line, "*OPC?") == "1"


def test_both_spellings_of_a_pattern_are_tried() -> None:
    assert spellings("MEASure[:SCALar]:PRESsure?") == ["MEASure:SCALar:PRESsure?", "MEAS:PRES?"]
    assert list(itertools.chain(spellings("*IDN?"))) == ["*IDN?"]

"""Every command in the table, by its short and its long form, and what it refuses."""

from fake_board import FakeBoard, ask, crank, make_config, tell
from headers import patterns
from runner import raises, run

from prknode import PROTOCOL, app
from prknode.catalogue import Choice, all_settings
from prknode.node import Node

S = 1000000

# A line for each pattern that is no setting; None where there is an answer, else parameters.
PARAMETERS = {
    "*ESE": "1",
    "*SRE": "1",
    "SENSe:ROLE<n>": "AMBIENT",
    "CALibration:TRIM?": "(@2)",
    "CALibration:OFFSet": "-1.5 PA,(@1,2)",
    "CALibration:OFFSet?": "(@1:2)",
    "MEASure[:SCALar]:PRESsure?": "(@1)",
    "MEASure[:SCALar]:TEMPerature?": "(@2)",
    "DATA:READ?": "0,10",
    "DATA:BLOCks?": "0,10",
    "DATA:EVENts?": "0,10",
    "CALCulate:DECay:READ?": "0,10",
    "CALCulate:REServe?": "30000",
    "SOURce:PRESsure:HOLD": "OFF",
    "OUTPut:VALVe<n>[:STATe]": "ON",
    "MARK": "'seal'",
    "FORMat[:DATA]": "ASCii",
    "STATus:OPERation:ENABle": "18",
    "STATus:QUEStionable:ENABle": "1536",
}


VALVES = {"valves": [{"pin": 10, "role": "VENT"}, {"pin": 11, "role": "HATCH"}]}


def bench():
    board = FakeBoard(5, make_config(board=VALVES))
    node = Node(board, board.config(), 64)
    crank(node, board, S)
    return board, node


def short(pattern):
    text = ""
    skipped = False
    for c in pattern.replace("<n>", "1" if "?" in pattern else "2"):
        if c == "[":
            skipped = True
        elif c == "]":
            skipped = False
        elif not skipped and not "a" <= c <= "z":
            text += c
    return text


def long(pattern):
    text = pattern.replace("<n>", "1" if "?" in pattern else "2")
    return text.replace("[", "").replace("]", "").lower()


def test_every_command_works_in_its_short_and_long_form():
    setters = [item.header for item in all_settings()]
    for pattern in sorted(patterns()):
        for form in (short, long):
            board, node = bench()
            header = form(pattern)
            parameter = "DEF" if pattern in setters else PARAMETERS.get(pattern, "")
            answer = ask(node, board, header + " " + parameter)
            if pattern.endswith("?"):
                assert board.sent[-1:] == b"\n", header
            else:
                assert answer == b"", header
            node.ascii = False
            assert node.status.error_count() == 0, (header, node.status.next_error())


def test_every_setting_is_set_shown_and_limited():
    board, node = bench()
    for item in all_settings():
        header = short(item.header)
        if isinstance(item, Choice):
            values = [(word, word) for word in item.words]
            bad = ("NONSENSE", "-224")
        else:
            values = [("MIN", item.show(item.low)), ("MAX", item.show(item.high))]
            bad = (item.show(item.high + 1), "-222")
            assert ask(node, board, header + "? MAX").decode() == item.show(item.high)
            assert ask(node, board, header + "? DEF").decode() == item.show(item.default)
            assert tell(node, board, header + " high")[:4] == "-224"
        for text, shown in values + [("DEF", item.show(item.default))]:
            assert tell(node, board, "%s %s" % (header, text)) == ""
            assert ask(node, board, header + "?").decode() == shown
        assert tell(node, board, "%s %s" % (header, bad[0]))[:4] == bad[1]
        assert ask(node, board, header + "?").decode() == item.show(item.default)
        assert tell(node, board, header)[:4] == "-109"
        assert tell(node, board, header + " 1,2")[:4] == "-108"
        assert tell(node, board, header + "? NONSENSE")[:4] == "-224"


def test_common_commands():
    board, node = bench()
    assert ask(node, board, "*IDN?").decode().split(",")[:3] == [
        "prkbench", "PRK-NODE", "00c0ffee",
    ]  # fmt: skip
    assert ask(node, board, "*ESR?;*ESR?") == b"128;0"
    assert ask(node, board, "*ESE 33;*ESE?;*SRE 32;*SRE?") == b"33;32"
    assert ask(node, board, "*OPC;*WAI;*OPC?;*STB?") == b"1;96"
    assert ask(node, board, "*CLS;*STB?;*ESE?") == b"0;33"
    assert tell(node, board, "*ESE 256")[:4] == "-222"
    assert tell(node, board, "*ESE x")[:4] == "-104"
    assert tell(node, board, "*XYZ")[:4] == "-113"
    assert ask(node, board, "*TST?") == b"0"
    tell(node, board, "SENS:RATE 1;:FORM ASC;:INIT")
    assert ask(node, board, "SENS:RATE?;:FORM?;:STAT:OPER:COND?") == b"1.000;ASC;18"
    tell(node, board, "*RST")
    assert ask(node, board, "SENS:RATE?;:FORM?;:STAT:OPER:COND?") == b"5.000;INT;0"
    assert ask(node, board, "*ESE?") == b"33"


def test_system_commands():
    board, node = bench()
    assert ask(node, board, "SYST:VERS?;PROT?") == b"1999.0;%d" % PROTOCOL
    assert ask(node, board, "SYST:ERR?") == b'0,"No error"'
    ask(node, board, "FOO;BAR:BAZ?")
    assert ask(node, board, "SYST:ERR:COUN?") == b"2"
    assert ask(node, board, "SYST:ERR?") == b'-113,"Undefined header;FOO"'
    ask(node, board, "STAT:OPER:ENAB 18;:SYST:PRES")
    assert ask(node, board, "STAT:OPER:ENAB?") == b"0"
    tell(node, board, "INIT")
    tell(node, board, "SYST:REB")
    assert board.resets == 1
    assert not node.measuring
    assert ask(node, board, "SYST:MEM?").count(b",") == 1


def test_status_registers_keep_fifteen_bits():
    board, node = bench()
    assert ask(node, board, "STAT:QUES:ENAB 65535;ENAB?") == b"32767"
    assert tell(node, board, "STAT:QUES:ENAB 65536")[:4] == "-222"
    ask(node, board, "STAT:PRES")
    assert ask(node, board, "STAT:QUES:ENAB?") == b"0"


def test_roles_and_offsets():
    board, node = bench()
    assert ask(node, board, "SENS:COUN?;ROLE1?;ROLE2?;ROLE?") == b"2;CHAMBER;AMBIENT;CHAMBER"
    assert tell(node, board, "SENS:ROLE2 twin") == ""
    assert tell(node, board, "SENS:ROLE1 CHAMBER") == ""
    assert ask(node, board, "SENS:ROLE2?") == b"TWIN"
    assert tell(node, board, "SENS:ROLE2 LID")[:4] == "-224"
    for suffix in ("0", "3", "1234"):
        assert tell(node, board, "SENS:ROLE%s TWIN" % suffix)[:4] == "-114"
    assert tell(node, board, "CAL:OFFS 0.1234,(@1)") == ""
    assert ask(node, board, "CAL:OFFS?;:CAL:OFFS? (@1:2)") == b"0.123;0.123,0.000"
    assert tell(node, board, "CAL:OFFS 5001,(@1)")[:4] == "-222"
    assert tell(node, board, "CAL:OFFS x,(@1)")[:4] == "-224"
    assert tell(node, board, "CAL:OFFS 1,(@3)")[:4] == "-222"
    assert tell(node, board, "CAL:OFFS 1")[:4] == "-109"
    assert tell(node, board, "CAL:TRIM? (@1,2)")[:4] == "-171"
    assert ask(node, board, "CAL:TRIM?")[:4] == b"#221"
    assert tell(node, board, "SENS:ROLE1 SPARE;:MEAS:PRES?")[:4] == "-221"


def test_data_commands_before_a_run_say_that_there_is_nothing():
    board, node = bench()
    assert ask(node, board, "DATA:RUNS?", 100000) == b""
    assert board.sent == b"\n"
    assert ask(node, board, "DATA:POIN?") == b"0,0,0,0,0,0,0,0,3"
    assert ask(node, board, "FORM ASC;:DATA:READ? 0,5") == b"0,0,0,20"
    assert ask(node, board, "DATA:SET?")[:3] == b"#3" + ask(node, board, "DATA:SET?")[2:3]


def test_data_parameters_have_limits():
    board, node = bench()
    for parameters, number in (
        ("0,201", "-222"), ("-1,5", "-222"), ("4294967296,5", "-222"), ("0", "-109"),
        ("0,1,0,1", "-108"), ("a,1", "-104"), ("0,1,7", "-230"), ("0,1,4294967296", "-222"),
    ):  # fmt: skip
        assert tell(node, board, "DATA:READ? " + parameters)[:4] == number
    # Beyond the newest record: a header without records, and nothing to complain about.
    assert len(ask(node, board, "DATA:READ? 4294967295,1,0")) == 4 + 12 + 4
    assert ask(node, board, "SYST:ERR:COUN?") == b"0"


def test_records_as_text_are_the_bytes_of_the_block():
    board, node = bench()
    tell(node, board, "INIT")
    crank(node, board, 9 * S)
    binary = ask(node, board, "DATA:READ? 3,20")
    body = binary[2 + int(binary[1:2]) :]
    text = ask(node, board, "FORM ASC;:DATA:READ? 3,20").decode().split(",")
    assert text[:4] == ["1", "3", "20", "20"]
    assert bytes(int(v) for v in text[4:]) == body[12:-4]
    assert tell(node, board, "FORM REAL")[:4] == "-224"
    assert ask(node, board, "FORM INT;FORM?") == b"INT"


def test_one_data_answer_a_line_stays_whole():
    board, node = bench()
    tell(node, board, "INIT")
    crank(node, board, 9 * S)
    alone = ask(node, board, "DATA:READ? 3,20")
    for second in ("DATA:SET?", "DATA:EVEN? 0,5", "CAL:TRIM? (@1)", "FORM ASC;:DATA:READ? 0,5"):
        got = ask(node, board, "DATA:READ? 3,20;:" + second + ";:*OPC?")
        assert got == alone + b";1"
        node.ascii = False
        assert ask(node, board, "SYST:ERR?")[:4] == b"-221"


def test_marks_are_quoted_text():
    board, node = bench()
    assert tell(node, board, "MARK hello")[:4] == "-151"
    assert tell(node, board, "MARK 'hello; there, (you'") == ""


def test_an_error_of_the_node_itself_starts_it_again():
    class Stop(BaseException):
        pass

    class Board(FakeBoard):
        turns = 0
        collected = 0

        def collect(self):
            self.collected += 1

        def idle(self, us, node):
            FakeBoard.idle(self, us, node)
            self.turns += 1
            if self.turns == 20:
                raise ValueError("broken")
            if self.turns == 60:
                raise Stop()

    board = Board()
    raises(Stop, app.run, board)
    assert [str(e) for e in board.crashes] == ["broken"]
    # One for each of the two nodes, and one between them.
    assert board.collected == 3


if __name__ == "__main__":
    run(globals())

"""SCPI text, settings and status registers."""

from fake_board import make_config
from runner import raises, run

from prknode.catalogue import ROLE, Choice, all_settings
from prknode.scpi import ScpiError, channels, match, quoted, split_command, split_outside, whole
from prknode.settings import SettingError, Settings
from prknode.status import Register, Status


def number_of(call, *arguments):
    return raises(ScpiError, call, *arguments).args[0]


def test_headers_match_in_short_and_long_form_only():
    for header in ("SYST:ERR?", "SYSTEM:ERROR?", "SYST:ERROR:NEXT?", "SYSTEM:ERR:NEXT?"):
        assert match("SYSTem:ERRor[:NEXT]?", header) == ()
    for header in (
        "SYST:ERR", "SYSTE:ERR?", "SYS:ERR?", "SYST:ERR:NEX?", "SYST:ERR:NEXT:NEXT?", "SYST?", "?",
        "", ":", "SYST::ERR?", "SYST:ERR??",
    ):  # fmt: skip
        assert match("SYSTem:ERRor[:NEXT]?", header) is None


def test_an_optional_node_in_the_middle_may_be_left_out():
    for header in ("MEAS:PRES?", "MEAS:SCAL:PRES?", "MEASURE:SCALAR:PRESSURE?"):
        assert match("MEASure[:SCALar]:PRESsure?", header) == ()


def test_suffixes_are_numbers_and_one_by_default():
    assert match("SENSe:ROLE<n>", "SENS:ROLE") == (1,)
    assert match("SENSe:ROLE<n>", "SENS:ROLE3") == (3,)
    assert match("SENSe:ROLE<n>?", "SENSE:ROLE12?") == (12,)
    assert match("A[:B<n>]:C", "A:C") == (1,)
    assert number_of(match, "SENSe:ROLE<n>", "SENS:ROLE0") == -114
    assert number_of(match, "SENSe:ROLE<n>", "SENS:ROLE1234") == -114
    assert number_of(match, "SENSe:RATE", "SENS:RATE2") == -114
    assert match("SENSe:RATE:X", "SENS:RATE2") is None


def test_lines_split_outside_quotes_and_parentheses():
    assert split_outside("a;b", ";") == ["a", "b"]
    assert split_outside("a,(@1,2),'x,y',\"p'q,\"", ",") == ["a", "(@1,2)", "'x,y'", '"p\'q,"']
    assert split_outside("", ";") == [""]
    assert number_of(split_outside, "'a", ";") == -151
    assert number_of(split_outside, "(a", ";") == -171
    assert number_of(split_outside, "a)", ";") == -171


def test_commands_split_into_header_and_parameters():
    assert split_command(" SENS:RATE  5 ") == ("SENS:RATE", ["5"])
    assert split_command("DATA:READ?\t0 , 10") == ("DATA:READ?", ["0", "10"])
    assert split_command("*RST") == ("*RST", [])
    assert split_command('MARK "a, b"') == ("MARK", ['"a, b"'])
    assert number_of(split_command, "SENS=5") == -101
    assert number_of(split_command, "RATE 1,,2") == -109
    assert number_of(split_command, "RATE ,") == -109


def test_channel_lists_count_from_one():
    assert channels("(@1)", 2) == [0]
    assert channels("(@2,1)", 2) == [1, 0]
    assert channels("(@1:3)", 4) == [0, 1, 2]
    for text in ("", "1", "(1)", "(@)", "(@1", "(@a)", "(@1:)", "(@,1)"):
        assert number_of(channels, text, 4) == -171
    for text in ("(@0)", "(@5)", "(@2:1)", "(@1:2:3)", "(@-1)"):
        assert number_of(channels, text, 4) == -222


def test_quoted_text_may_hold_its_own_quote_twice():
    assert quoted('"a ""b"" c"') == 'a "b" c'
    assert quoted("'it''s'") == "it's"
    assert quoted('""') == ""
    for text in ("abc", '"', "\"a'", ""):
        assert number_of(quoted, text) == -151


def test_whole_numbers_have_limits():
    assert whole("7", 0, 7) == 7
    assert number_of(whole, "8", 0, 7) == -222
    assert number_of(whole, "-1", 0, 7) == -222
    for text in ("", "x", "1.5", "1e3", '"1"'):
        assert number_of(whole, text, 0, 9999) == -104


def item(key):
    for one in all_settings():
        if one.key == key:
            return one
    raise KeyError(key)


def test_every_setting_takes_its_limits_and_default_and_shows_them_so_that_they_read_back():
    for one in all_settings():
        if isinstance(one, Choice):
            values = list(one.words) + [one.default]
            assert one.parse("DEF") == one.default
        else:
            values = [one.low, one.high, one.default]
            assert [one.parse(w) for w in ("MIN", "maximum", "Default")] == values
            assert raises(SettingError, one.check, one.low - 1)
            assert raises(SettingError, one.check, one.high + 1)
        for value in values:
            assert one.check(value) == value
            assert one.parse(one.show(value)) == value


def test_numbers_may_carry_their_unit_and_no_other():
    rate = item("rate_mhz")
    assert rate.parse("12.5 Hz") == rate.parse("12.5HZ") == rate.parse("12.5") == 12500
    for text in ("5 kHz", "5 PA", "5 MHZ", "HZ", ""):
        raises(ValueError, rate.parse, text)


def test_words_may_be_cut_to_four_letters():
    assert ROLE.parse("cham") == "CHAMBER"
    assert ROLE.parse("Ambient") == "AMBIENT"
    for text in ("CHA", "CHAMBERS", "X", ""):
        raises(ValueError, ROLE.parse, text)
    raises(SettingError, ROLE.check, "LID")


def test_numbers_outside_a_list_of_values_are_refused():
    raises(SettingError, item("osr_p").check, 3)
    raises(SettingError, item("iir").check, 2)


def message(**settings):
    return raises(SettingError, Settings, make_config(**settings)).args[0]


def test_floats_in_the_configuration_are_refused_with_a_message():
    for one in all_settings():
        if not isinstance(one, Choice):
            text = message(**{one.key: one.default + 0.0})
            assert one.key in text
            assert "whole number" in text
    for key in ("bus", "address", "offset_mpa"):
        entry = {"bus": 0, "address": 118, "role": "CHAMBER", "offset_mpa": 0}
        entry[key] = float(entry[key])
        assert "whole number" in message(sensors=[entry])
    assert "whole number" in message(rate_mhz=True)
    assert "whole number" in message(rate_mhz="5")


def test_a_configuration_that_makes_no_sense_is_refused_with_a_message():
    chamber = {"bus": 0, "address": 118, "role": "CHAMBER"}
    other = {"bus": 0, "address": 119, "role": "CHAMBER"}
    assert "CHAMBER" in message(sensors=[chamber, other])
    assert "CHAMBER" in message(sensors=[{"bus": 0, "address": 118}])
    assert "same bus" in message(sensors=[chamber, {"bus": 0, "address": 118}])
    ambient = {"bus": 0, "address": 119, "role": "AMBIENT"}
    outlet = {"bus": 1, "address": 119, "role": "OUTLET"}
    assert "reference" in message(sensors=[chamber, ambient, outlet])
    assert "one to four" in message(sensors=[])
    assert "one to four" in message(sensors=5)
    assert "table" in message(sensors=[5])
    assert "no colour" in message(sensors=[{"colour": 1}])
    assert "address" in message(sensors=[{"address": 5}])
    assert "bus" in message(sensors=[{"bus": 2}])
    assert "role" in message(sensors=[{"role": 7}])
    assert "speed" in message(speed=5)
    assert "rate_mhz" in message(rate_mhz=0)


def test_a_configuration_comes_back_as_it_was():
    settings = Settings(make_config(rate_mhz=1000, law="VISCOUS"))
    again = Settings(settings.as_dict())
    assert again.as_dict() == settings.as_dict()
    assert again["rate_mhz"] == 1000
    assert (again.chamber(), again.reference()) == (0, 1)
    alone = {"bus": 0, "address": 118, "role": "chamber"}
    assert Settings(make_config(sensors=[alone])).reference() is None


def test_forty_errors_are_kept_and_the_next_one_says_that_more_are_lost():
    status = Status()
    for _ in range(50):
        status.error(-113, "x")
    assert status.error_count() == 41
    got = [status.next_error() for _ in range(42)]
    assert got[:40] == ['-113,"Undefined header;x"'] * 40
    assert got[40:] == ['-350,"Queue overflow"', '0,"No error"']
    status.error(-222)
    assert status.next_error() == '-222,"Data out of range"'


def test_an_errors_text_cannot_end_its_own_string():
    status = Status()
    status.error(-101, 'say "x"')
    assert status.next_error() == "-101,\"Invalid character;say 'x'\""
    status.error(-999)
    assert status.next_error() == '-999,"Error"'


def test_errors_set_their_class_in_the_event_status_register():
    for number, bit in ((-113, 0x20), (-222, 0x10), (-363, 0x08), (-430, 0x04)):
        status = Status()
        assert status.read_esr() == 0x80
        status.error(number)
        assert status.read_esr() == bit
        assert status.read_esr() == 0


def test_event_bits_latch_what_rises_until_they_are_read():
    register = Register()
    register.set(3)
    register.set(1)
    register.set(3)
    assert register.read_event() == 3
    assert register.read_event() == 0
    register.set(0)
    assert register.read_event() == 0


def test_the_status_byte_sums_up_what_is_enabled():
    status = Status()
    assert status.byte(False) == 0
    assert status.byte(True) == 0x10
    status.error(-113)
    assert status.byte(False) == 0x04
    status.ese = 0x20
    assert status.byte(False) == 0x24
    status.operation.set(0x10)
    status.questionable.set(0x200)
    assert status.byte(False) == 0x24
    status.operation.enable = 0x10
    status.questionable.enable = 0x200
    assert status.byte(False) == 0xAC
    status.sre = 0x40
    assert status.byte(False) == 0xAC
    status.sre = 0x04
    assert status.byte(False) == 0xEC
    status.preset()
    assert status.byte(False) == 0x64
    status.clear()
    assert status.byte(False) == 0
    assert (status.ese, status.sre) == (0x20, 4)


if __name__ == "__main__":
    run(globals())

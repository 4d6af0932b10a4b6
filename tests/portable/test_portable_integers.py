"""Exact integer arithmetic."""

from runner import raises, run

from prknode.integers import format_decimal, isqrt, parse_decimal, round_div


def test_isqrt_is_the_floor_of_the_root_for_small_and_very_large_numbers():
    for n in range(2000):
        r = isqrt(n)
        assert r * r <= n < (r + 1) * (r + 1)
    for bits in range(30, 1100, 37):
        for n in ((1 << bits) - 1, 1 << bits, (1 << bits) + 1, 3**bits):
            r = isqrt(n)
            assert r * r <= n < (r + 1) * (r + 1)
    for root in (1 << 16, 10**9, 10**40 + 7):
        assert isqrt(root * root) == root
        assert isqrt(root * root - 1) == root - 1


def test_isqrt_refuses_negative_numbers():
    raises(ValueError, isqrt, -1)


def test_round_div_rounds_to_the_nearest_and_halves_up():
    for a in range(-50, 51):
        for b in (1, 2, 3, 4, 7, 10):
            q = round_div(a, b)
            # |a/b - q| <= 1/2, and -1/2 only on the upper side.
            assert -b <= 2 * (a - q * b) < b
    assert round_div(10**60 + 5, 10) == 10**59 + 1


def test_decimal_numbers_are_read_exactly_beyond_single_and_double_precision():
    assert parse_decimal("101325.123456789", 9) == 101325123456789
    assert parse_decimal("12345678901234567890.123456789012345678", 18) == (
        12345678901234567890123456789012345678
    )
    assert parse_decimal("6.268e-7", 18) == 626800000000
    assert parse_decimal("-6.268E-07", 18) == -626800000000
    assert parse_decimal("1E3", 3) == 1000000
    assert parse_decimal("5.", 0) == 5
    assert parse_decimal(".5", 1) == 5
    assert parse_decimal(" +12 ", 0) == 12
    assert parse_decimal("0e60", 18) == 0


def test_decimal_numbers_round_halves_away_from_zero():
    assert parse_decimal("0.5", 0) == 1
    assert parse_decimal("-0.5", 0) == -1
    assert parse_decimal("1.49", 0) == 1
    assert parse_decimal("-2.5", 0) == -3
    assert parse_decimal("0.4999999999999999999999", 0) == 0


def test_what_is_no_decimal_number_is_refused():
    for text in (
        "", " ", ".", "+", "-", "e5", "1e", "1e+", "1e5e5", "1e5E3", "--1", "+-1", "1..2", "1.2.3",
        "0x10", "1_000", "1 2", "nan", "inf", "1e1000", "1e61", "1" * 41, "1,2", "½",
    ):  # fmt: skip
        raises(ValueError, parse_decimal, text, 3)


def test_decimal_text_is_exact_and_reads_back():
    assert format_decimal(-5, 3) == "-0.005"
    assert format_decimal(0, 3) == "0.000"
    assert format_decimal(1234567, 0) == "1234567"
    assert format_decimal(1234567, 6) == "1.234567"
    for value in (0, 1, -1, 999, -1000, 10**17, -(10**30) - 1, 101325123456789):
        for scale in (0, 1, 3, 9, 18):
            assert parse_decimal(format_decimal(value, scale), scale) == value


if __name__ == "__main__":
    run(globals())

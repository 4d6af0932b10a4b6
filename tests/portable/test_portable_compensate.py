"""Compensation against published values; the datasheet's formula is checked under CPython."""

from fake_board import TRIM
from runner import raises, run

from prknode.compensate import KELVIN_BITS, PASCAL_BITS, ZERO_CELSIUS, Compensation, trim_crc

RAW_P = 0x6D9F97
RAW_T = 0x85D873


def test_a_published_reading_is_met():
    c = Compensation(TRIM)
    t = c.celsius(1, RAW_T)
    p = c.pascal(1, RAW_P, t)
    # 30.499314453874284 degC and 100876.00634692199 Pa; one unit is 1e-6 K or 2.4e-4 Pa, and
    # the temperature's rounding may move the pressure by as much again.
    assert abs(t - 30499314453874284 * (1 << KELVIN_BITS) // 10**15) <= 1
    assert abs(p - 10087600634692199 * (1 << PASCAL_BITS) // 10**11) <= 2
    assert c.kelvin(1, RAW_T) == t + ZERO_CELSIUS


def test_sums_of_equal_counts_give_what_one_count_gives():
    c = Compensation(TRIM)
    t = c.celsius(1, RAW_T)
    p = c.pascal(1, RAW_P, t)
    for n in (2, 300, 12000, 1 << 18):
        assert c.celsius(n, n * RAW_T) == t
        assert c.pascal(n, n * RAW_P, t) == p


def test_a_mean_between_two_counts_lies_between_their_values():
    c = Compensation(TRIM)
    t = c.celsius(1, RAW_T)
    low = c.pascal(1, RAW_P + 1, t)
    high = c.pascal(1, RAW_P, t)
    assert low < c.pascal(2, 2 * RAW_P + 1, t) < high
    assert c.celsius(1, RAW_T) < c.celsius(2, 2 * RAW_T + 1) < c.celsius(1, RAW_T + 1)


def test_the_trim_checksum_is_the_chips():
    # Check value of this CRC-8 (poly 0x1D, start and end 0xFF) over the digits one to nine.
    assert trim_crc(b"123456789") == 0x4B


def test_a_trim_of_another_length_is_refused():
    raises(ValueError, Compensation, bytes(20))


if __name__ == "__main__":
    run(globals())

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prkbench.errors import UsageError
from prkbench.sim.trims import PUBLISHED_TRIMS, Trim, crc8, is_sensible, plausible_trim

SEEDS = st.integers(0, 2**32 - 1)


def test_a_published_chip_compensates_to_its_published_reading():
    # Raw bytes and result as published with this chip's trim for a sea level of 1019 hPa.
    pressure, temperature = PUBLISHED_TRIMS[0].compensate(float(0x6D9F97), float(0x85D873))
    assert pressure == pytest.approx(100876.00634692199, abs=1e-6)
    assert temperature == pytest.approx(30.499314453874284, abs=1e-9)


def test_a_published_chip_packs_to_its_published_bytes():
    packed = PUBLISHED_TRIMS[0].pack()
    assert packed.hex() == "236b5849f65cffcef42300ea636e79f3f6aa4312c4"
    assert Trim.unpack(packed) == PUBLISHED_TRIMS[0]


def test_crc_is_the_inverted_polynomial_0x1d_one():
    # Check value of CRC-8/SAE-J1850, which has these parameters, over "123456789".
    assert crc8(b"123456789") == 0x4B


@given(SEEDS, st.integers(0, 20), st.integers(1, 255))
def test_crc_finds_any_changed_byte(seed, position, change):
    trim = plausible_trim(np.random.default_rng(seed))
    data = bytearray(trim.pack())
    data[position] ^= change
    assert crc8(bytes(data)) != trim.crc


@given(SEEDS)
def test_packing_is_reversible(seed):
    trim = plausible_trim(np.random.default_rng(seed))
    assert Trim.unpack(trim.pack()) == trim


@given(SEEDS, st.floats(30000.0, 125000.0), st.floats(-40.0, 85.0))
def test_raw_counts_compensate_back_to_what_they_stand_for(seed, pressure_pa, temperature_c):
    trim = plausible_trim(np.random.default_rng(seed))
    raw_p, raw_t = trim.raw_for(pressure_pa, temperature_c)
    assert 0.0 < raw_p < 2**24
    assert 0.0 < raw_t < 2**24
    back = trim.compensate(raw_p, raw_t)
    # A count is 10 mPa and 15 uK or more: a millionth of a count, and the rounding of doubles.
    assert back == (pytest.approx(pressure_pa, abs=1e-8), pytest.approx(temperature_c, abs=1e-9))


@given(SEEDS)
def test_more_pressure_and_more_heat_move_the_raw_counts_one_way(seed):
    trim = plausible_trim(np.random.default_rng(seed))
    low, high = trim.raw_for(30000.0, 20.0), trim.raw_for(125000.0, 20.0)
    assert low[0] > high[0]
    assert trim.raw_for(1e5, 85.0)[1] > trim.raw_for(1e5, -40.0)[1]


def test_compensation_of_arrays_is_that_of_scalars():
    trim = PUBLISHED_TRIMS[1]
    raw_p, raw_t = np.array([6e6, 7e6, 8e6]), np.array([8.0e6, 8.5e6, 9.0e6])
    pressures, temperatures = trim.compensate(raw_p, raw_t)
    for n in range(3):
        single = trim.compensate(float(raw_p[n]), float(raw_t[n]))
        assert (pressures[n], temperatures[n]) == pytest.approx(single, rel=1e-15)


def test_thousands_of_different_sensible_chips_can_be_drawn():
    rng = np.random.default_rng(3)
    trims = {plausible_trim(rng) for _ in range(2000)}
    assert len(trims) == 2000
    assert all(is_sensible(trim) for trim in trims)


def test_a_chip_whose_pressure_rises_with_its_counts_is_not_sensible():
    words = [PUBLISHED_TRIMS[0].__dict__[name] for name in Trim.__dataclass_fields__]
    words[3] = 32767
    assert not is_sensible(Trim(*words))


def test_the_wrong_number_of_bytes_and_words_too_large_are_refused():
    with pytest.raises(UsageError, match="21 bytes"):
        Trim.unpack(bytes(20))
    with pytest.raises(UsageError, match="does not fit"):
        Trim(70000, *([0] * 13)).pack()


def test_a_reading_no_raw_count_can_give_is_refused():
    with pytest.raises(UsageError, match="no raw counts give"):
        PUBLISHED_TRIMS[0].raw_for(1e5, 1e5)

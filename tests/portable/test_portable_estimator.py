"""Window, regression and estimator: what can be known without another library."""

import struct

from fake_board import TRIM, make_config
from runner import run

from prknode.blocks import Block
from prknode.decay import Estimator
from prknode.records import (
    BASIS_BATCH,
    BASIS_GLS,
    BASIS_NONE,
    BASIS_SEALED,
    BLOCK_FAST,
    BLOCK_FAULT,
    BLOCK_RANGE,
    BLOCK_VALID,
    MEASURING,
    NO_SE,
    RESULT,
    RESULT_SIZE,
    SETTLING,
)
from prknode.regression import solve
from prknode.segments import CONTINUES, RESTART, Row
from prknode.settings import Settings
from prknode.window import Window

N = 300
RAW_P = 7184279
RAW_T = 8771699


class Noise:
    """Small whole numbers of no pattern."""

    def __init__(self):
        self._state = 1

    def next(self, span):
        self._state = (self._state * 1103515245 + 12345) & 0x7FFFFFFF
        return (self._state >> 8) % span


def rows(noise, count, slope=-3, lag=5):
    """Rows of y = c + slope I / 1024 + lag D and noise, in three segments with gaps."""
    result = []
    i = 0
    slot = 0
    segment = 1
    for _ in range(count):
        slot += 1
        if noise.next(20) == 0:
            slot += 1 + noise.next(4)
        if noise.next(60) == 0:
            segment += 1
            i = 0
        i += 10**8 + noise.next(10**6)
        d = noise.next(20001) - 10000
        y = 400 * 10**6 + slope * i // 1024 + lag * d + noise.next(1000)
        result.append(Row(segment, slot, i, d, y))
    return result


def state(window):
    return [(s[0], s[1], tuple(s[2])) for s in window.segments]


def test_a_sliding_window_is_the_same_as_a_new_one():
    for rho in (0, 1007):
        noise = Noise()
        sliding = Window(40, rho)
        history = []
        for row in rows(noise, 300):
            sliding.add(row)
            history.append(row)
            fresh = Window(40, rho)
            for one in history[-40:]:
                fresh.add(one)
            assert state(sliding) == state(fresh)
            assert sliding.rows == fresh.rows == min(40, len(history))


def test_a_cleared_window_is_empty():
    window = Window(5, 1007)
    for row in rows(Noise(), 9):
        window.add(row)
    window.clear(1007)
    assert (window.rows, window.segments) == (0, [])


def test_a_decay_without_noise_is_found_exactly():
    for rho in (0, 1007):
        window = Window(100, rho)
        for n in range(60):
            i = 1024 * (n * 1000000 + n * n)
            d = (n * n * 7919) % 1000 - 500
            window.add(Row(1, n, i, d, 5 * 10**8 - i // 1024 + 3 * d))
        estimate = solve(window, 60)
        # y falls by I / 1024, I counted in half slots: k = 2 / (60 * 1024) 1/s. Moments carry
        # 32 fractional bits, so both figures are exact to well under one unit of 1e-18 1/s.
        assert estimate.k == (2 * 10**18 + 60 * 512) // (60 * 1024)
        assert estimate.se <= 1
        assert estimate.basis == BASIS_GLS


def test_windows_that_say_nothing_give_no_value():
    def check(rows_, lag=None):
        window = Window(50, 1007)
        for row in rows_:
            window.add(row)
        estimate = solve(window, 60, lag, 0, 12)
        assert (estimate.basis, estimate.se) == (BASIS_NONE, NO_SE)

    check([])
    check([Row(1, 0, 5, 5, 5)])
    for lag in (None, (3, 7)):
        check([Row(1, n, 5, n * n, n) for n in range(40)], lag)
        check([Row(n, n, n, n * n, n) for n in range(40)], lag)
    check([Row(1, n, n, 7, n % 3) for n in range(40)])
    check([Row(1, n, n, 3 * n, n % 3) for n in range(40)])
    check([Row(1, n, n, 0, n) for n in range(4)], (3, 7))
    assert solve(Window(1, 0), 60).rows == 0


def test_a_rate_too_large_for_its_record_is_no_rate():
    window = Window(50, 0, sums=True)
    for n in range(40):
        window.add(Row(1, n, n, n * n % 7, n << 40))
    assert solve(window, 60).basis == BASIS_NONE


def test_the_largest_error_is_reported_and_named():
    def window(rho):
        result = Window(240, rho)
        noise = Noise()
        walk = 0
        for n in range(240):
            # A slow walk: its batch means scatter far more than independent rows would.
            walk += noise.next(2001) - 1000
            result.add(Row(1, n, n * 10**8, noise.next(2001) - 1000, 5 * 10**8 - n * 10**4 + walk))
        return result

    plain = solve(window(0), 60)
    batch = solve(window(0), 60, None, 0, 240)
    sealed = solve(window(0), 60, None, 10**16, 240)
    assert plain.basis == BASIS_GLS
    assert batch.basis == BASIS_BATCH
    assert batch.se > plain.se
    assert batch.k == plain.k == sealed.k
    assert (sealed.basis, sealed.se) == (BASIS_SEALED, 10**16)
    assert solve(window(0), 60, None, 0, 241).basis == BASIS_GLS
    assert solve(window(0), 60, None, 1, 240).basis == BASIS_BATCH


def settings(**values):
    return Settings(make_config(settle_min=0, **values))


def block(slot, p=RAW_P, t=RAW_T, flags=BLOCK_VALID, ref=RAW_P + 300000):
    return Block(slot, slot * N, flags, N, [N, N], [N * p, N * ref], [N * t, N * t])


def estimator(**values):
    return Estimator(settings(**values), [TRIM, TRIM])


def result_of(e, slot):
    data = bytearray(RESULT_SIZE)
    e.pack_result(data, 0, slot)
    return struct.unpack(RESULT, data)


def test_before_the_first_block_the_result_says_that_nothing_is_known():
    assert result_of(estimator(), 0) == (0, SETTLING, 0, 0, 0, 0, 0, NO_SE, 0, NO_SE, 0, 0, 0)


def test_a_result_carries_the_windows_and_the_last_pressures():
    e = estimator()
    for slot in range(60):
        e.step(block(slot, p=RAW_P + slot * 20 + slot * slot % 7, t=RAW_T + slot * slot % 50))
    values = result_of(e, 59)
    assert values[0] == 59
    assert values[1] == MEASURING == e.state
    assert values[3:6] == (58, e.windows()[1].rows, len(e.windows()[0].segments))
    assert values[6] == e.estimate.k
    assert values[6] > 0
    assert values[7] == e.estimate.se
    assert values[10:13] == (e.last.p, e.last.p_ref, e.last.t)
    assert e.last.p > e.last.p_ref > 0


def test_offsets_are_taken_off_each_sensor():
    plain = estimator()
    null = estimator()
    config = make_config()
    config["sensors"][0]["offset_mpa"] = 50000
    config["sensors"][1]["offset_mpa"] = -1000
    null = Estimator(Settings(config), [TRIM, TRIM])
    a = plain.reduce(block(0))
    b = null.reduce(block(0))
    assert a.p - b.p == 50 << 12
    assert a.p_ref - b.p_ref == -(1 << 12)


def test_without_a_reference_sensor_the_configured_pressure_counts():
    config = make_config(reference_pa=98000)
    config["sensors"] = config["sensors"][:1]
    e = Estimator(Settings(config), [TRIM])
    now = e.reduce(Block(0, 0, BLOCK_VALID, N, [N], [N * RAW_P], [N * RAW_T]))
    assert now.p_ref == 98000 << 12


def test_a_block_out_of_range_is_flagged_and_left_out():
    e = estimator()
    e.step(block(0))
    for i, bad in enumerate((
        block(1, p=0), block(2, p=0xFFFFFF), block(3, t=0), block(4, t=0xFFFFFF), block(5, ref=0),
    )):  # fmt: skip
        e.step(bad)
        assert bad.flags & BLOCK_RANGE, i
        assert e.event == CONTINUES
        result_of(e, i)
    good = block(6)
    e.step(good)
    assert not good.flags & BLOCK_RANGE
    assert e.event == CONTINUES


def test_any_trim_and_any_counts_are_survived():
    noise = Noise()
    for k in range(200):
        trim = bytes(noise.next(256) for _ in range(21))
        if k == 0:
            trim = bytes(21)
        e = Estimator(settings(law=("LINEAR", "VISCOUS", "CHOKED")[k % 3]), [trim, trim])
        for slot in range(3):
            e.step(block(slot, noise.next(1 << 24), noise.next(1 << 24), ref=noise.next(1 << 24)))
            result_of(e, slot)
        assert e.last is not None


def test_a_fast_change_is_flagged():
    e = estimator()
    first = e.reduce(block(0))
    count_pa = (first.p - e.reduce(block(0, p=RAW_P + 1000)).p) * 1000 >> 12
    step = 60 * 1000 * 1000 // count_pa  # raw counts of 60 Pa
    for slot, p, t, fast in (
        (0, RAW_P, RAW_T, False),
        (1, RAW_P + step, RAW_T, True),
        (2, RAW_P + step, RAW_T, False),
        (4, RAW_P, RAW_T, False),
        (5, RAW_P, RAW_T + 7000, True),
        (7, RAW_P, RAW_T, False),
    ):
        now = block(slot, p, t)
        e.step(now)
        assert bool(now.flags & BLOCK_FAST) == fast, slot


def test_a_fault_ends_the_segment_also_from_a_block_that_does_not_count():
    e = estimator()
    e.step(block(0))
    e.step(block(1))
    e.step(block(2, flags=BLOCK_VALID | BLOCK_FAULT))
    assert e.event == RESTART
    e.step(block(3))
    assert e.event == CONTINUES
    e.step(block(4, flags=BLOCK_FAULT))
    assert e.event == CONTINUES
    e.step(block(5))
    assert e.event == RESTART
    assert e.state == SETTLING


def test_settling_blocks_form_no_rows():
    e = Estimator(Settings(make_config(settle_min=5)), [TRIM, TRIM])
    for slot in range(20):
        e.step(block(slot))
    # Of 15 settled blocks the first and the last have one neighbour only.
    assert e.windows()[0].rows == 13


def test_the_long_window_takes_ten_minutes_a_row():
    e = estimator()
    for slot in range(100):
        e.step(block(slot, p=RAW_P + 20 * slot, t=RAW_T + slot * slot % 50))
    assert e.windows()[1].rows == 8
    assert e.long_estimate.rows == 8
    assert e.long_estimate.k > 0


def test_short_windows_take_the_lag_from_the_settings():
    def k(lag_s, count):
        e = estimator(lag_s=lag_s)
        for slot in range(count):
            e.step(block(slot, p=RAW_P + 20 * slot, t=RAW_T + 3 * slot * slot % 500))
        return e.estimate.k

    assert k(0, 20) != k(600, 20)
    assert k(0, 40) == k(600, 40)


if __name__ == "__main__":
    run(globals())

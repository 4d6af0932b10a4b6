"""The ring and the binary records."""

import struct
from array import array

from runner import run

from prknode.hotpath import clear_counts, copy_counts, copy_frame, pack_head
from prknode.records import (
    ANSWER_HEAD_SIZE,
    BLOCK_HEAD,
    BLOCK_HEAD_SIZE,
    EV_MARK,
    EVENT,
    EVENT_SIZE,
    NO_SE,
    RESULT,
    RESULT_SIZE,
    block_size,
    pack_block,
    pack_event,
    sample_size,
)
from prknode.ring import Ring
from prknode.unpack import unpack_block, unpack_event


def push(ring, value):
    for i in range(ring.size):
        ring.data[ring.at + i] = (value + i) & 0xFF
    ring.push()


def test_ring_keeps_the_newest_records_and_their_numbers():
    ring = Ring(3, 5)
    assert (ring.oldest, ring.next) == (0, 0)
    for value in range(23):
        push(ring, value)
        assert ring.next == value + 1
        assert ring.oldest == max(0, value - 4)
    for first in range(18, 23):
        for count in range(24 - first):
            out = bytearray(b"\xaa" * 20)
            ring.read_into(first, count, out, 2)
            want = bytearray(b"\xaa" * 20)
            for k in range(count):
                for i in range(3):
                    want[2 + 3 * k + i] = first + k + i
            assert out == want


def test_ring_tells_how_much_the_reader_has_not_taken():
    ring = Ring(1, 4)
    for value, percent in ((0, 25), (1, 50), (2, 75), (3, 100), (4, 100), (5, 100)):
        push(ring, value)
        assert ring.fill_percent() == percent
    ring.acknowledge(4)
    assert ring.fill_percent() == 50
    ring.acknowledge(2)
    assert ring.taken == 4
    ring.acknowledge(99)
    assert ring.taken == 4
    ring.acknowledge(6)
    assert ring.fill_percent() == 0


def test_ring_starts_again_at_zero_when_cleared():
    ring = Ring(2, 3)
    for value in range(4):
        push(ring, value)
    ring.acknowledge(2)
    ring.clear()
    assert (ring.oldest, ring.next, ring.taken, ring.at) == (0, 0, 0, 0)


def test_sample_heads_are_48_bits_of_time_and_16_of_flags_little_endian():
    data = bytearray(10)
    for t in (0, 1, 0xFFFFFF, 0x1000000, 0x123456789ABC, (1 << 48) - 1):
        for flags in (0, 0x8001, 0xFFFF):
            pack_head(data, 1, array("i", (7, 7, t >> 24, t & 0xFFFFFF)), flags)
            assert int.from_bytes(bytes(data[1:7]), "little") == t
            assert int.from_bytes(bytes(data[7:9]), "little") == flags
            assert data[0] == 0
            assert data[9] == 0


def test_counts_are_copied_cleared_and_put_in_the_order_of_the_registers():
    data = bytearray(b"........")
    copy_counts(b"xx123456x", 2, data, 1)
    assert data == b".123456."
    copy_frame(b"xHtttpppx", array("i", (0, 0, 1)), data, 1)
    assert data == b".pppttt."
    clear_counts(data, 1)
    assert data == b".\0\0\0\0\0\0."


def test_sizes_are_what_the_formats_say():
    assert struct.calcsize(BLOCK_HEAD) == BLOCK_HEAD_SIZE
    assert struct.calcsize(RESULT) == RESULT_SIZE
    assert struct.calcsize(EVENT) == EVENT_SIZE
    assert ANSWER_HEAD_SIZE == 12
    assert [sample_size(n) for n in (1, 2, 3, 4)] == [14, 20, 26, 32]
    assert [block_size(n) for n in (1, 2)] == [26, 40]


def test_blocks_come_back_as_they_went_in():
    data = bytearray(100)
    numbers = [12000, 1]
    pressures = [12000 * 0xFFFFFF, 0x123456]
    temperatures = [0, (1 << 48) - 1]
    pack_block(data, 7, 1 << 31, 0xFFFFFFFE, 15, 12000, numbers, pressures, temperatures)
    size = block_size(2)
    got = unpack_block(bytes(data[7 : 7 + size]), 2)
    assert got == (1 << 31, 0xFFFFFFFE, 15, 12000, numbers, pressures, temperatures)
    assert data[:7] == bytearray(7)
    assert data[7 + size :] == bytearray(93 - size)


def test_events_come_back_as_they_went_in():
    data = bytearray(EVENT_SIZE + 2)
    t_us = (1 << 47) + 0x123456789
    pack_event(data, 1, t_us, EV_MARK, 0xFF, -5, "hatch open")
    assert unpack_event(bytes(data[1:-1])) == (t_us, EV_MARK, None, -5, "hatch open")
    pack_event(data, 1, 5, EV_MARK, 3, 2147483647, "x" * 60)
    assert unpack_event(bytes(data[1:-1])) == (5, EV_MARK, 3, 2147483647, "x" * 52)
    pack_event(data, 1, 0, EV_MARK, 0, 0, "")
    assert unpack_event(bytes(data[1:-1])) == (0, EV_MARK, 0, 0, "")


def test_a_result_record_holds_the_mark_of_a_missing_error():
    data = bytearray(RESULT_SIZE)
    struct.pack_into(RESULT, data, 0, 5, 1, 0, 0, 0, 0, -(1 << 63), NO_SE, 0, NO_SE, 0, 0, 0)
    values = struct.unpack(RESULT, data)
    assert values[6] == -(1 << 63)
    assert values[7] == NO_SE


if __name__ == "__main__":
    run(globals())

"""Sums over slots of the node's clock."""

from runner import run

from prknode.blocks import BlockSums
from prknode.records import BLOCK_FAULT, BLOCK_VALID, FLAG_FAULT, FLAG_RESTART, sample_size

SLOT = 60000000


def sample(counts, flags=0, t_us=0):
    record = bytearray(3 + sample_size(len(counts) // 2))
    record[3:9] = t_us.to_bytes(6, "little")
    record[9:11] = flags.to_bytes(2, "little")
    at = 3 + 8
    for value in counts:
        record[at : at + 3] = value.to_bytes(3, "little")
        at += 3
    return record


def test_sums_are_exact_for_the_largest_counts():
    sums = BlockSums(2, 3, 300)
    counts = (0xFFFFFF, 0xFFF000, 0x000FFF, 0x800001)
    record = sample(counts, 3)
    for _ in range(300):
        assert sums.add(record, 3)
    block = sums.take()
    assert block.pressures == [300 * 0xFFFFFF, 300 * 0x000FFF]
    assert block.temperatures == [300 * 0xFFF000, 300 * 0x800001]
    assert block.numbers == [300, 300]
    assert (block.slot, block.first, block.count, block.flags) == (0, 0, 300, BLOCK_VALID)


def test_a_sample_counts_only_if_both_paired_sensors_delivered_it():
    sums = BlockSums(3, 3, 4)
    for flags in (7, 3, 5, 1, 0):
        sums.add(sample((1, 2, 3, 4, 5, 6), flags), 3)
    block = sums.take()
    assert block.numbers == [2, 2, 1]
    assert block.pressures == [2, 6, 5]
    assert block.temperatures == [4, 8, 6]
    assert block.count == 5
    # A sensor on a clock of its own has no fresh value now and then; that is no fault.
    assert not block.flags & BLOCK_FAULT


def test_a_block_is_valid_from_three_quarters_of_its_samples_on():
    record = sample((1, 2, 3, 4), 3)
    for expected, least in ((4, 3), (5, 4), (300, 225), (750, 563)):
        for n, valid in ((least - 1, 0), (least, BLOCK_VALID)):
            sums = BlockSums(2, 3, expected)
            for _ in range(n):
                sums.add(record, 3)
            assert sums.take().flags == valid


def test_a_spare_sensor_may_miss_without_a_fault():
    sums = BlockSums(2, 1, 4)
    for _ in range(4):
        sums.add(sample((1, 2, 3, 4), 1), 3)
    block = sums.take()
    assert block.flags == BLOCK_VALID
    assert block.numbers == [4, 0]


def test_a_sensors_fault_or_restart_marks_its_block_only():
    sums = BlockSums(2, 3, 1)
    for slot, flag in enumerate((FLAG_RESTART, FLAG_FAULT, 0)):
        assert sums.add(sample((1, 2, 3, 4), 3 | flag, slot * SLOT), 3)
        assert sums.take().flags == (BLOCK_VALID | BLOCK_FAULT if flag else BLOCK_VALID)


def test_slots_end_every_sixty_seconds_of_time_for_years():
    sums = BlockSums(1, 1, 1)
    for slot in (0, 1, 2, 3, 1000, 43200, 1 << 22):
        # Jump there: a slot's end is only ever moved on by take().
        while sums.slot < slot and slot < 5000:
            assert sums.take() is None
        if sums.slot != slot:
            break
        end = (slot + 1) * SLOT
        assert sums.add(sample((1, 2), 1, end - 1), 3)
        for t_us in (end, end + 17000000, end + SLOT):
            assert not sums.add(sample((1, 2), 1, t_us), 3)
        # What lies beyond was not added.
        assert sums.take().count == 1


def test_a_block_tells_its_first_sample_also_after_empty_slots():
    sums = BlockSums(1, 1, 1)
    record = sample((1, 2), 1)
    for _ in range(5):
        sums.add(record, 3)
    assert sums.take().first == 0
    assert sums.take() is None
    sums.add(record, 3)
    block = sums.take()
    assert (block.slot, block.first, block.count) == (2, 5, 1)


def test_starting_again_forgets_everything():
    sums = BlockSums(1, 1, 1)
    record = sample((1, 2), 1)
    sums.add(record, 3)
    sums.take()
    sums.add(record, 3)
    sums.start()
    assert sums.take() is None
    sums.start()
    sums.add(record, 3)
    block = sums.take()
    assert (block.slot, block.first, block.pressures) == (0, 0, [1])


if __name__ == "__main__":
    run(globals())

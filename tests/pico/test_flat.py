"""The heap stays as it is however long the node measures."""

import pytest
from pico_bench import PicoBench

FLAT_BYTES = 1024
"""Less than one object lost a minute, of 16 bytes and 60 times, beside numbers that grow."""

SHIFT = 4
STEADY_SLOT = 3


def used_after_each_slot(bench: PicoBench, slots: int, slot_s: float) -> list[int]:
    """Heap bytes used after the collection at the end of each slot; a host asks meanwhile."""
    used = []
    slot = 0
    while slot < slots:
        bench.run(slot_s)
        held = int(bench.ask("DATA:POIN?").split(",")[4])
        if held > slot:
            slot = held
            bench.exchange(f"DATA:BLOC? {slot - 1},1")
            bench.ask("CALC:DEC?")
            used.append(int(bench.ask("SYST:MEM?").split(",")[0]))
    return used


@pytest.mark.xdist_group("pico-a")
def test_the_heap_is_flat_over_seven_minutes(bench: PicoBench) -> None:
    # Six samples a minute: what is allocated is allocated by the slot and by the command.
    bench.hasten(SHIFT + 2)
    bench.start(0.1, settings=("CALC:SETT 0",))
    used = used_after_each_slot(bench, 7, 60 / (1 << SHIFT + 2))
    assert len(used) >= 6
    assert max(used[STEADY_SLOT:]) - min(used[STEADY_SLOT:]) < FLAT_BYTES, used


@pytest.mark.slow
@pytest.mark.xdist_group("pico-a")
def test_the_heap_is_flat_over_an_hour_at_1_hz(bench: PicoBench) -> None:
    bench.hasten(SHIFT)
    bench.start(1, settings=("CALC:SETT 0",))
    used = used_after_each_slot(bench, 60, 60 / (1 << SHIFT))
    assert len(used) >= 55
    assert max(used[STEADY_SLOT:]) - min(used[STEADY_SLOT:]) < FLAT_BYTES, used

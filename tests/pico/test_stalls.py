"""Whatever holds the board up for a moment costs no frame of a FIFO."""

from itertools import pairwise

import pytest
from pico_bench import PicoBench
from run_records import numbered, numbers_of, samples_of

from prkbench.errors import DeviceError
from prknode.records import EV_FAULT, EV_MISSED, FLAG_LATE

pytestmark = pytest.mark.xdist_group("pico-b")

ROUNDS = 2
BURST = b"SYST:ERR?\nDATA:READ? 0,200\nDATA:POIN?;:MEAS:PRES?\nNONSENSE\n" * ROUNDS


def begin(bench: PicoBench, rate_hz: float, osr_p: int) -> None:
    for chip in bench.chips:
        chip.play(numbered(2000))
    bench.start(rate_hz, osr_p, 1)
    bench.run(0.3)


def check_nothing_lost(bench: PicoBench, at_least: int, passed_over: int = 1) -> None:
    """No frame of the chamber's is missing, of the other's only what it has in excess.

    passed_over: at once at the most, which is what comes together while the node is held up.
    """
    bench.tell("*CLS;:ABOR")
    samples = samples_of(bench.samples())
    assert len(samples) >= at_least
    assert numbers_of(samples, 0) == list(range(len(samples)))
    ambient = numbers_of(samples, 1)
    # Its clock is 2 % faster than the chamber's.
    assert all(0 < b - a <= 1 + passed_over for a, b in pairwise(ambient))
    assert ambient[-1] - ambient[0] <= 1.06 * len(samples) + 2
    assert not any(s.flags & FLAG_LATE for s in samples)
    assert not [e for e in bench.events() if e[1] in (EV_MISSED, EV_FAULT)]


def test_a_stall_of_300_ms_at_200_hz_loses_no_frame(bench: PicoBench) -> None:
    begin(bench, 200, 1)
    bench.between("load('clocks').stall(300)")
    bench.run(0.25)
    check_nothing_lost(bench, 150)


def test_collections_of_garbage_at_200_hz_lose_no_frame(bench: PicoBench) -> None:
    begin(bench, 200, 1)
    for _ in range(3):
        bench.between("board.collect()")
    check_nothing_lost(bench, 80)


def test_a_burst_of_commands_at_200_hz_loses_no_frame(bench: PicoBench) -> None:
    begin(bench, 200, 1)
    bench.pico.line.send(BURST)
    answers = bench.rest_of_the_line()
    assert answers.count(b'"Undefined header') == ROUNDS - 1
    assert answers.count(b"\n") >= 3 * ROUNDS
    check_nothing_lost(bench, 100)


def test_a_host_that_asks_on_and_reads_nothing_costs_no_frame_at_200_hz(bench: PicoBench) -> None:
    begin(bench, 200, 1)
    bench.pico.line.full = True
    bench.pico.line.send(b"*IDN?\n" * 12)
    bench.pico.run(0.4e6)
    bench.pico.line.full = False
    read = bench.rest_of_the_line()
    assert read.count(b"prkbench,") >= 5
    check_nothing_lost(bench, 150, passed_over=2)


def test_more_than_the_fifo_holds_is_counted_as_missed(bench: PicoBench) -> None:
    begin(bench, 200, 1)
    bench.between("load('clocks').stall(600)")
    bench.run(0.2)
    samples = samples_of(bench.samples())
    numbers = numbers_of(samples, 0)
    gaps = [b - a - 1 for a, b in pairwise(numbers) if b > a + 1]
    missed = [e[3] for e in bench.events() if e[1] == EV_MISSED]
    assert len(gaps) == len(missed) == 1
    # The chip says only that it was full: how many it dropped is known to a frame or two.
    assert missed[0] == pytest.approx(gaps[0], abs=2)
    assert sum(bool(s.flags & FLAG_LATE) for s in samples) == 1


def test_erasing_flash_for_400_ms_at_25_hz_loses_no_frame(bench: PicoBench) -> None:
    begin(bench, 25, 8)
    took_us = bench.between("load('clocks').write_flash(8192)")
    # The emulator erases at once; a real chip takes 45 to 400 ms, with interrupts off.
    assert took_us < 400_000
    bench.between("load('clocks').stall_hard(400)")
    bench.run(0.5)
    assert bench.pico.files()["scratch"] == bytes(8192)
    check_nothing_lost(bench, 30)


def test_a_crash_inside_is_told(bench: PicoBench) -> None:
    with pytest.raises(DeviceError, match="ZeroDivisionError"):
        bench.inside("1//0")

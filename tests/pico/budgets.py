"""What the firmware costs on the emulated Pico, by its cycles, and what it may cost.

Cycles repeat bit for bit. A real board was found to take up to 1.7 times as long as the emulated
one, so a limit on a time or on a share of it holds for 1.7 times what is measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from budget_limits import CEILINGS
from pico_bench import PicoBench

from prkbench.sim.pico.emulated import CLOCK_HZ

DERATING = 1.7

COMMANDS = (
    "*IDN?",
    "DATA:POIN?",
    "DATA:READ? 0,200",
    "CALC:DEC?",
    "MEAS:PRES?",
    "SYST:ERR?",
    "SENS:RATE?",
    "NONSENSE 1,2,3;:SYST:ERR?",
)
WAITS = {"MEAS:PRES?"}
"""Answered with the next sample: how long that takes is the sampling's business."""

_IDLE_S, _FORCED_S, _FIFO_S = 1.0, 4.0, 0.6
_FILL_S = 1.2
_PHASES = 2
_PHASE_S = 0.0137
_HALF_OF = 0.5


@dataclass(frozen=True)
class Figure:
    """One measured figure, with its limit if there is one.

    derates: whether it is a time or a share of time, of which a real board may need more;
    at_least: whether the limit is the least there has to be, not the most.
    """

    name: str
    value: float
    unit: str
    derates: bool = True
    limit: float | None = None
    reason: str = ""
    at_least: bool = False

    @property
    def derated(self) -> float:
        return self.value * DERATING if self.derates else self.value

    @property
    def kept(self) -> bool:
        if self.limit is None:
            return True
        return self.derated >= self.limit if self.at_least else self.derated <= self.limit

    @property
    def regressed(self) -> bool:
        """Whether it is well beyond what it was when its ceiling was written down."""
        ceiling = CEILINGS.get(self.name)
        return ceiling is not None and self.value > ceiling


def ms(name: str, us: float, limit: float | None = None, reason: str = "") -> Figure:
    return Figure(name, us / 1000, "ms", True, limit, reason)


def heap(name: str, size: float, limit: float | None = None, reason: str = "") -> Figure:
    return Figure(name, size, "byte", False, limit, reason)


# Booting and sampling ---------------------------------------------------------------------


def booting(bench: PicoBench) -> list[Figure]:
    return [Figure("power-on to first sample", bench.boot_us / 1e6, "s", True, 2.0, "a user waits")]


def busy_percent(bench: PicoBench, seconds: float) -> float:
    """Share of that much emulated time in which the processor executes."""
    before, begun = bench.pico.cycles, bench.pico.now_us
    bench.run(seconds)
    return (bench.pico.cycles - before) / (CLOCK_HZ / 1e6 * (bench.pico.now_us - begun)) * 100


def forced_sampling(bench: PicoBench) -> list[Figure]:
    """5 Hz x 2, beside what the idle poll of MicroPython takes."""
    bench.pico.run(0.2e6)
    idle = busy_percent(bench, _IDLE_S)
    bench.start(5)
    bench.run(0.5)
    percent = busy_percent(bench, _FORCED_S)
    share = percent - idle
    return [
        Figure("idle: processor, waking every millisecond", idle, "%"),
        Figure("5 Hz x 2: processor", percent, "%"),
        Figure("5 Hz x 2: processor beside the idle poll", share, "%", True, 3.0, "set for 5 Hz"),
        _sample("5 Hz x 2", share, 5),
        _allocated(bench, "5 Hz x 2", 5, 2.0),
        *free_memory(bench, "5 Hz x 2", 40000),
    ]


def fifo_sampling(bench: PicoBench) -> list[Figure]:
    """200 Hz x 2; the idle poll is in it."""
    bench.start(200, 1, 1)
    bench.run(0.5)
    percent = busy_percent(bench, _FIFO_S)
    half = "half of the processor stays free for commands"
    return [
        Figure("200 Hz x 2: processor", percent, "%", True, 50.0, half),
        _sample("200 Hz x 2", percent, 200),
        _allocated(bench, "200 Hz x 2", 200, 0.5),
        *_latency(bench),
        *free_memory(bench, "200 Hz x 2", 40000),
    ]


def _sample(name: str, percent: float, rate_hz: float) -> Figure:
    return Figure(f"{name}: a sample", percent / 100 * CLOCK_HZ / rate_hz / 1000, "kcycle")


def _allocated(bench: PicoBench, name: str, rate_hz: float, seconds: float) -> Figure:
    count, size = bench.between(f"load('loop').heap_bytes(node,{seconds * 1000:.0f})")
    assert count >= _HALF_OF * rate_hz * seconds, "too few samples for a verdict"
    return heap(f"{name}: heap a sample", size / count, 0, "garbage has to be collected")


def _latency(bench: PicoBench) -> list[Figure]:
    """From a command's last byte to the answer's; the slowest of several moments of a poll."""
    first: dict[str, float] = {}
    last: dict[str, float] = {}
    for _ in range(_PHASES):
        for command in COMMANDS:
            bench.pico.run(_PHASE_S * 1e6)
            answer = bench.exchange(command)
            first[command] = max(first.get(command, 0.0), answer.first_us)
            last[command] = max(last.get(command, 0.0), answer.last_us)
    felt = "felt as at once"
    at_once = [command for command in COMMANDS if command not in WAITS]
    return [
        ms("200 Hz x 2: first byte of the slowest answer",
           max(first[c] for c in at_once), 50.0, felt),
        ms("200 Hz x 2: last byte of the slowest answer", max(last[c] for c in at_once)),
        *(ms(f"200 Hz x 2: {c} to the first byte", us) for c, us in first.items()),
    ]  # fmt: skip


def free_memory(bench: PicoBench, name: str, least: int) -> list[Figure]:
    """With the ring of 4096 samples and both windows full; what the test itself takes is out."""
    assert bench.inside("node.samples.capacity") == 4096
    free = "load('memory').free()"
    before = bench.between(free)
    bench.between("load('filled') and 1")
    loaded = bench.between(free)
    bench.between("load('filled').fill(node)")
    left = bench.between(free) + before - loaded + bench.names_bytes
    left += bench.between("load('memory').of_the_door()")
    bench.inside("forget('filled')")
    most = "what commands and blocks allocate"
    return [Figure(f"{name}: free heap, windows full", left, "byte", False, least, most, True)]


# Blocks and commands ----------------------------------------------------------------------


def block_step(bench: PicoBench) -> list[Figure]:
    """Windows of 360 and 432 rows in one segment, slots of 12000 samples.

    AssertionError when a result differs from the host's in a bit.
    """
    bench.tell("INIT")
    bench.between("load('filled').fill(node)")
    slots = [slot for slot, _ in bench.filled_results]
    tens = [slot for slot in slots if slot % 10 == 0]
    steps = bench.between(f"load('filled').steps(node,{(slots[0], tens[-1])})", 30.0)
    assert [(slot, result) for slot, _, _, result in steps] == bench.filled_results
    parts = bench.between("load('filled').parts(node)", 30.0)
    bench.inside("forget('filled')")
    times = sorted(took for _, took, _, _ in steps)
    holds = "the FIFO holds 73 frames, 365 ms at 200 Hz"
    return [
        *(ms(f"block: {name}", us) for name, us in parts.items()),
        ms("block: step", times[len(times) // 2]),
        ms("block: step with a row of ten minutes", times[-1]),
        ms("block: longest step and collection", times[-1] + parts["collection"], 365.0, holds),
        heap("block: heap of a step", max(size for _, _, size, _ in steps)),
    ]


def commands(bench: PicoBench) -> list[Figure]:
    """With the samples of a run that is over: time on the line, and heap without it."""
    bench.start(5)
    bench.run(_FILL_S)
    bench.tell("ABOR")
    sizes = bench.between(f"load('lines').heap_bytes(node,{list(COMMANDS)})", 60.0)
    bench.inside("forget('lines')")
    figures = []
    for command, size in zip(COMMANDS, sizes[1:], strict=True):
        figures += [
            ms(f"{command}: to the last byte", bench.exchange(command, step_us=100.0).last_us),
            heap(f"{command}: heap", size - sizes[0]),
        ]
    return figures


SECTIONS: dict[str, Callable[[PicoBench], list[Figure]]] = {
    "booting": booting,
    "sampling in forced mode": forced_sampling,
    "sampling by FIFO": fifo_sampling,
    "the block step": block_step,
    "commands": commands,
}
"""What is measured, each on a refreshed bench."""


def table(figures: Iterable[Figure]) -> str:
    """The figures as text, one a line."""
    figures = list(figures)
    wide = max(len(figure.name) for figure in figures)
    lines = [f"{'':{wide}}  {'measured':>10} {'derated':>9} {'limit':>7}"]
    for figure in figures:
        limit = "" if figure.limit is None else f"{figure.limit:.6g}"
        mark = "  EXCEEDED" if not figure.kept else "  REGRESSED" if figure.regressed else ""
        derated = f"{figure.derated:.4g}" if figure.derates else ""
        lines.append(
            f"{figure.name:{wide}}  {figure.value:10.5g} {derated:>9} {limit:>7} "
            f"{figure.unit:6}{figure.reason}{mark}"
        )
    return "\n".join(lines)

"""What the firmware costs on the emulated Pico, by its cycles, and what it may cost.

Cycles repeat bit for bit. A real board was found to take up to 1.7 times as long as the emulated
one, so a limit on time or share holds for 1.7 times what is measured.
"""

from __future__ import annotations

from dataclasses import dataclass

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
_IDLE_S, _FORCED_S, _FIFO_S = 2.0, 4.0, 1.0
_RINGFUL_S = 1.2
_PHASE_S = 0.0137


@dataclass(frozen=True)
class Figure:
    """One measured figure.

    limit: what `derated` may be at the most (free heap: at the least), None where none is set;
    derates: whether it is a time, or a share of time, of which a real board may need more.
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


def measure(bench: PicoBench) -> list[Figure]:
    """All figures; the bench is left measuring."""
    return [
        Figure("power-on to first sample", bench.boot_us / 1e6, "s", True, 2.0, "a user waits"),
        *_idle_and_forced(bench),
        *_fifo(bench),
        *_block_step(bench),
        *_commands(bench),
    ]


def busy_percent(bench: PicoBench, seconds: float) -> float:
    """Share of that much emulated time in which the processor executes."""
    before, begun = bench.pico.cycles, bench.pico.now_us
    bench.run(seconds)
    return (bench.pico.cycles - before) / (CLOCK_HZ / 1e6 * (bench.pico.now_us - begun)) * 100


def samples_taken(bench: PicoBench) -> int:
    return int(bench.inside("node.samples.next"))


def _per_sample(
    bench: PicoBench, name: str, seconds: float, most: float, reason: str
) -> tuple[float, list[Figure]]:
    """Share of time while measuring, and figures of one sample.

    Of the cycles of a sample the idle poll's are not taken off: they are in the share as well.
    """
    before = samples_taken(bench)
    percent = busy_percent(bench, seconds)
    # The two questions take as long as some samples at 200 Hz.
    taken = seconds * bench.inside("node.settings['rate_mhz']") / 1000
    assert samples_taken(bench) - before >= taken - 2
    cycles = percent / 100 * CLOCK_HZ * seconds / taken
    count, size = bench.between("load('loop').heap_bytes(node, %d)" % (seconds * 500))
    assert count >= taken / 2 - 2
    return percent, [
        Figure(f"{name}: processor", percent, "%", True, most, reason),
        Figure(f"{name}: a sample", cycles / 1000, "kcycles", True),
        Figure(
            f"{name}: heap of {count} samples", size, "byte", False, 0,
            "what is allocated has to be collected, which takes a pause",
        ),
    ]  # fmt: skip


def _idle_and_forced(bench: PicoBench) -> list[Figure]:
    bench.tell("*RST")
    bench.run(0.2)
    idle = busy_percent(bench, _IDLE_S)
    bench.start(5)
    bench.run(0.5)
    percent, figures = _per_sample(
        bench, "5 Hz x 2", _FORCED_S, 3.0 + DERATING * idle, "3 % beside the idle poll"
    )
    return [
        Figure("idle: processor, waking every millisecond", idle, "%"),
        *figures,
        Figure("5 Hz x 2: processor, less idle", percent - idle, "%", True, 3.0, "3 % at 5 Hz"),
        *_memory(bench, "5 Hz x 2"),
    ]


def _fifo(bench: PicoBench) -> list[Figure]:
    bench.start(200, 1, 1)
    bench.run(0.5)
    _, figures = _per_sample(
        bench, "200 Hz x 2", _FIFO_S, 50.0, "half of the processor stays free for commands"
    )
    return [*figures, *_latency(bench), *_memory(bench, "200 Hz x 2")]


def _memory(bench: PicoBench, name: str) -> list[Figure]:
    """With the ring of 4096 samples and both windows full; the code that fills them is in it."""
    assert bench.inside("node.samples.capacity") == 4096
    bench.between("load('filled').fill(node)")
    free = bench.between("load('filled').free()")
    return [
        Figure(f"{name}: free heap, windows full", free, "byte", False, 40960,
               "room for what commands and blocks allocate", True)
    ]  # fmt: skip


def _latency(bench: PicoBench) -> list[Figure]:
    """The slowest of the commands, each asked at several moments of the FIFOs' turn."""
    first: list[tuple[float, str]] = []
    last: list[tuple[float, str]] = []
    for _ in range(3):
        for command in COMMANDS:
            bench.pico.run(_PHASE_S * 1e6)
            answer = bench.exchange(command)
            first.append((answer.first_us / 1000, command))
            last.append((answer.last_us / 1000, command))
    slowest, end = max(first), max(last)
    return [
        Figure(f"200 Hz x 2: first byte of an answer ({slowest[1]})", slowest[0], "ms", True, 50.0,
               "what a user feels as at once"),
        Figure(f"200 Hz x 2: last byte of an answer ({end[1]})", end[0], "ms"),
    ]  # fmt: skip


def _block_step(bench: PicoBench) -> list[Figure]:
    """Windows of 360 and 432 rows in one segment, slots of 12000 samples."""
    bench.tell("*RST;:INIT")
    bench.between("load('filled').fill(node)")
    slots = [slot for slot, _ in bench.filled_results]
    ten = next(slot for slot in slots if slot % 10 == 9) + 10
    weighed = (slots[0], ten % 10 + slots[-1] - slots[-1] % 10)
    steps = bench.between("load('filled').steps(node, %s)" % (weighed,), 30.0)
    parts = bench.between("load('filled').parts(node)", 30.0)
    times = [took / 1000 for _, took, _, _ in steps]
    pause = parts["collection"] / 1000
    sizes = [size for _, _, size, _ in steps if size >= 0]
    return [
        *(Figure(f"block: {name}", us / 1000, "ms") for name, us in parts.items()),
        Figure("block: step", sorted(times)[len(times) // 2], "ms"),
        Figure("block: step with a row of ten minutes", max(times), "ms"),
        Figure("block: step and collection, the longest", max(times) + pause, "ms", True, 365.0,
               "the FIFO holds 73 frames, 365 ms at 200 Hz"),
        Figure("block: heap of a step", max(sizes), "byte", False),
    ]  # fmt: skip


def _commands(bench: PicoBench) -> list[Figure]:
    """While 5 Hz are measured: time on the line, and heap without it."""
    bench.start(5)
    bench.run(_RINGFUL_S)
    figures = []
    sizes = bench.between("load('lines').heap_bytes(node, %r)" % list(COMMANDS), 60.0)
    for command, size in zip(COMMANDS, sizes[1:], strict=True):
        answer = bench.exchange(command)
        figures += [
            Figure(f"{command}: to the last byte", answer.last_us / 1000, "ms"),
            Figure(f"{command}: heap", size - sizes[0], "byte", False),
        ]
    return figures


def table(figures: list[Figure]) -> str:
    """The figures as text, one a line."""
    wide = max(len(figure.name) for figure in figures)
    lines = [f"{'':{wide}}  {'measured':>10} {'derated':>10} {'limit':>9}"]
    for figure in figures:
        limit = "" if figure.limit is None else f"{figure.limit:.6g}"
        mark = "" if figure.kept else "  EXCEEDED"
        derated = f"{figure.derated:.4g}" if figure.derates else ""
        lines.append(
            f"{figure.name:{wide}}  {figure.value:10.6g} {derated:>10} {limit:>9} "
            f"{figure.unit}{mark}"
        )
    return "\n".join(lines)

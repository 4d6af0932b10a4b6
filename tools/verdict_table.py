"""The scenarios against the verdicts that the analysis reaches: right, open, wrong.

    python tools/verdict_table.py --seeds 20
    python tools/verdict_table.py --scale bench --seeds 8 --only E5b,E5c

Every scenario is run without the firmware child, with its own log, and examined as `prk analyze`
does it, after the one it follows. A run is right where every word required is found and none that
is not true of it; open where the question is left open; else wrong.
"""

from __future__ import annotations

import argparse
import functools
import time
from collections import Counter
from collections.abc import Sequence

from prkbench.sim.scenario_library import scenario, scenario_names
from prkbench.sim.scenario_once import simulate_once
from prkbench.study.run import run_study
from prkbench.study.seeds import run_seeds
from prkbench.study.summary import wilson
from prkbench.study.work import Row

_SCALES = ("prk", "bench")
_MOST_WORDS = 3


def table(names: Sequence[str], scale: str, seeds: Sequence[int], scheduler: str | None) -> None:
    """Print a line for every scenario that is told at this scale, and one for all of them."""
    print(f"{scale:11s} {'yes/open/no %':>14s}  right, 95 %   wrong, 95 %  s/run  words")
    every: list[Row] = []
    for name in names:
        if getattr(scenario(name), scale) is None:
            continue
        begin = time.monotonic()
        task = functools.partial(simulate_once, scenario(name).name, scale)
        rows = run_study(task, seeds, scheduler=scheduler)
        every += rows
        print(line(name, rows, (time.monotonic() - begin) / len(rows)), flush=True)
    if every:
        print(line("all", every))


def line(name: str, rows: Sequence[Row], seconds: float | None = None) -> str:
    """Return shares with Wilson's 95 % interval, wall time a run, and the most frequent words."""
    runs = len(rows)
    right = Counter(str(row["right"]) for row in rows)
    shares = "/".join(f"{100 * right[key] / runs:.0f}" for key in ("yes", "open", "no"))
    bounds = "  ".join(
        f"{100 * share.low:4.0f} to {100 * share.high:3.0f} "
        for share in (wilson(right["yes"], runs), wilson(right["no"], runs))
    )
    text = f"{name:11s} {shares:>14s}  {bounds}"
    if seconds is None:
        return text
    words = Counter(str(row["words"]) for row in rows)
    said = "; ".join(f"{found} x{n}" for found, n in words.most_common(_MOST_WORDS))
    return f"{text} {seconds:6.2f}  {said}"


def main() -> None:
    """Read the options and print the tables."""
    parser = argparse.ArgumentParser(description="Scenarios against verdicts.")
    parser.add_argument("--scale", choices=_SCALES, help="default: both")
    parser.add_argument("--seeds", type=int, default=20, help="runs of every scenario")
    parser.add_argument("--seed", type=int, default=1, help="repeats all of them")
    parser.add_argument("--only", help="names, separated by commas")
    parser.add_argument("--scheduler", help="Dask scheduler, such as tcp://host:8786")
    options = parser.parse_args()
    names = options.only.split(",") if options.only else scenario_names()
    for scale in (options.scale,) if options.scale else _SCALES:
        table(names, scale, run_seeds(options.seed, options.seeds), options.scheduler)


if __name__ == "__main__":
    main()

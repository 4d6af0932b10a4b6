"""What the firmware costs on the emulated Pico, as a table.

    uv run python tools/pico_budgets.py [IMAGE.uf2]

The image is the one in the user's cache unless named. --ceilings prints what tests/pico/
budget_limits.py is to hold instead: each figure and 15 % more.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

_TESTS = Path(__file__).parents[1] / "tests"
sys.path[:0] = [str(_TESTS / folder) for folder in ("pico", "unit", "emulator")]

from budgets import SECTIONS, Figure, table  # noqa: E402
from pico_bench import PicoBench  # noqa: E402

from prkbench.sim.pico.image import cached_image, missing_image  # noqa: E402

_MARGIN = 1.15


def ceilings(figures: list[Figure]) -> str:
    """The figures with their margin, as a dictionary in Python."""
    lines = ["CEILINGS: dict[str, float] = {"]
    for figure in figures:
        if figure.value:
            bound = figure.value / _MARGIN if figure.at_least else figure.value * _MARGIN
            lines.append(f'    "{figure.name}": {bound:.3g},')
    return "\n".join([*lines, "}"])


def main() -> None:
    """Print the table, or the ceilings."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("image", type=Path, nargs="?", help="MicroPython for RP2040, a .uf2 file")
    parser.add_argument("--ceilings", action="store_true", help="print limits for the tests")
    options = parser.parse_args()
    image = options.image or cached_image()
    if image is None:
        sys.exit(missing_image())
    bench = PicoBench(image)
    figures: list[Figure] = []
    for section in SECTIONS.values():
        bench.refresh()
        figures += section(bench)
    print(ceilings(figures) if options.ceilings else table(figures))


if __name__ == "__main__":
    main()

"""What the tests of the emulated Pico share: the MicroPython image, and a node booted from it."""

from pathlib import Path

import pytest
from pico_bench import PicoBench

from prkbench.sim.pico.image import cached_image, missing_image


@pytest.fixture(scope="session")
def image() -> Path:
    """The image in the user's cache; without one its tests are skipped."""
    path = cached_image()
    if path is None:
        pytest.skip(missing_image())
    return path


@pytest.fixture(scope="session")
def booted(image: Path) -> PicoBench:
    """One node for all tests of a process: booting takes half a minute."""
    return PicoBench(image)


@pytest.fixture
def bench(booted: PicoBench) -> PicoBench:
    """The booted node with sound sensors, on its own clock, measuring nothing."""
    booted.refresh()
    return booted

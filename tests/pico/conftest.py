"""The MicroPython image that the emulated Pico runs; without it these tests skip."""

from pathlib import Path

import pytest

from prkbench.sim.pico.image import cached_image, missing_image


@pytest.fixture(scope="session")
def image() -> Path:
    found = cached_image()
    if found is None:
        pytest.skip(missing_image())
    return found

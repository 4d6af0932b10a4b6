"""What the tests of the emulated Pico share: the MicroPython image they run."""

from pathlib import Path

import pytest

from prkbench.sim.pico.image import cached_image, missing_image


@pytest.fixture(scope="session")
def image() -> Path:
    """The image in the user's cache; without one its tests are skipped."""
    path = cached_image()
    if path is None:
        pytest.skip(missing_image())
    return path

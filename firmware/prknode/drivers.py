"""Which driver reads the chips: as the settings say, and only that one is held in memory."""

from prknode.bmp390 import Bmp390
from prknode.settings import ADAFRUIT


def fit(chips, board, settings):
    """Fill the list with a driver for each sensor, unless it holds them already; returns it."""
    driver = Bmp390
    if settings["driver"] == ADAFRUIT:
        from prknode.adafruit import AdafruitBmp3xx as driver
    if chips and type(chips[0]) is driver:
        return chips
    fitted = [driver(board.bus(s.bus), s.address) for s in settings.sensors]
    for old, new in zip(chips, fitted):  # noqa: B905
        # The chips are the same ones: a run may begin before they have been identified again.
        new.chip_id = old.chip_id
        new.trim = old.trim
    chips[:] = fitted
    return chips

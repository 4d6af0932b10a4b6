"""A chip that plays given counts, and whose time may run faster than the bus's."""

from __future__ import annotations

import random
from collections.abc import Sequence

from prkbench.sim.bmp390_model import Bmp390
from prkbench.sim.surroundings import spawn
from prkbench.sim.trims import Trim, plausible_trim

Counts = tuple[int, int]

_NOISE_PA, _NOISE_K = 1.0, 0.002


class PlayedChip(Bmp390):
    """A register model whose n-th conversion gives the n-th of a list of counts.

    Without a list it measures pascal and 20 degC, with some noise of its own.
    """

    def __init__(self, number: int, pascal: float, clock_error: float = 0.0) -> None:
        self._noise = random.Random(number)
        self._pascal = pascal
        self._counts: Sequence[Counts] | None = None
        self._played = 0
        self._pace = 1
        self._epoch = (0, 0)
        self._fall = (0.0, 0.0)
        super().__init__(_trim(number), self._sense, clock_error=clock_error)

    def _sense(self, t_s: float, osr_p: int, osr_t: int) -> tuple[float, float]:
        noise = self._noise
        begun, pa_per_s = self._fall
        lost = pa_per_s * max(0.0, t_s - begun)
        return self._pascal - lost + noise.gauss(0, _NOISE_PA), 20.0 + noise.gauss(0, _NOISE_K)

    def play(self, counts: Sequence[Counts] | None) -> None:
        """From the next conversion on give these pressure and temperature counts, over and over."""
        self._counts = counts
        self._played = 0
        if counts is None:
            self.freeze(False)

    def fall(self, us: int, pa_per_s: float) -> None:
        """From the bus's time `us` on the pressure falls; 0 for what it was before."""
        self._fall = self._own(us) / 1e6, pa_per_s

    def _convert(self, osr: int, press: int, temp: int, t_s: float) -> None:
        if self._counts is not None:
            self.freeze(True, self._counts[self._played % len(self._counts)])
            self._played += 1
        super()._convert(osr, press, temp, t_s)

    def hasten(self, us: int, pace: int) -> None:
        """From the bus's time `us` on the chip's own time runs `pace` times as fast."""
        self._epoch = us, self._own(us)
        self._pace = pace

    def _own(self, us: int) -> int:
        since, own = self._epoch
        return own + (us - since) * self._pace

    def advance(self, us: int) -> None:
        super().advance(self._own(us))


def _trim(number: int) -> Trim:
    return plausible_trim(spawn(7, number))

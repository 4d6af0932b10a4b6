"""The node's own figures of a made record: raw counts through the firmware's estimator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from prkbench.analysis.independent import FloatArray
from prkbench.node_setup import ADDRESSES
from prkbench.sim.trims import PUBLISHED_TRIMS
from prknode.blocks import Block
from prknode.decay import Estimator
from prknode.records import BASIS_NONE, BLOCK_VALID
from prknode.regression import solve
from prknode.settings import Settings
from verdict_study.made import P_PA, RATE_HZ, REF_PA

SHORT_HOURS = 6.0
"""Up to here the node's short window holds the whole record; then its long one."""
_FITTED_LAG_ROWS = 30
_ZERO_C_K = 273.15
_COUNT = round(60.0 * RATE_HZ)


@dataclass(frozen=True)
class Told:
    """What the node tells: k and standard error, 1/s."""

    k_per_s: float
    se_per_s: float


class _AtTheEnd(Estimator):
    """The node's estimator, which solves its windows once, when asked."""

    def _settled(self, segment: int, slot: int, now: Any) -> None:
        short = self._rows.step(segment, slot, now.x, now.t, now.y)
        if short is not None:
            self._short.add(short)
            tens = self._tens.step(short)
            if tens is not None:
                self._long.add(tens)

    def told(self, hours: float, lag: tuple[int, int] | None) -> Told | None:
        """Solve as the node does after that time."""
        if hours <= SHORT_HOURS:
            found = solve(self._short, 60, lag, 0, 240)
        else:
            found = solve(self._long, 60, None, 0, 24)
        if found.basis == BASIS_NONE:
            return None
        return Told(found.k * 1e-18, found.se * 1e-18)

    def fixed_lag(self) -> tuple[int, int] | None:
        """The lag's coefficient where the window is too short to fit it."""
        last = self.last
        if last is None or self._short.rows >= _FITTED_LAG_ROWS:
            return None
        return last.p * self._settings["lag_s"], last.t * 120


def told(
    pressure_pa: FloatArray, reference_pa: FloatArray, temperature_k: FloatArray, hours: float
) -> Told | None:
    """k as a node by default has it after these minutes, (minutes,) each."""
    sensors = [
        {"bus": bus, "address": address, "role": role, "offset_mpa": 0}
        for (bus, address), role in zip(ADDRESSES, ("CHAMBER", "AMBIENT"), strict=False)
    ]
    settings = Settings({
        "sensors": sensors, "t_ref_mk": 295000, "reference_pa": round(REF_PA),
        "norm_pa": round((P_PA + REF_PA) / 2.0), "settle_min": 0, "rate_mhz": round(1000 * RATE_HZ),
    })  # fmt: skip
    estimator = _AtTheEnd(settings, [trim.pack() for trim in PUBLISHED_TRIMS])  # type: ignore[no-untyped-call]
    celsius = temperature_k - _ZERO_C_K
    for slot in range(len(pressure_pa)):
        raw = [
            trim.raw_for(float(p[slot]), float(celsius[slot]))
            for trim, p in zip(PUBLISHED_TRIMS, (pressure_pa, reference_pa), strict=True)
        ]
        estimator.step(Block(  # type: ignore[no-untyped-call]
            slot, slot * _COUNT, BLOCK_VALID, _COUNT, [_COUNT] * 2,
            [round(p * _COUNT) for p, _ in raw], [round(t * _COUNT) for _, t in raw],
        ))  # fmt: skip
    return estimator.told(hours, estimator.fixed_lag())

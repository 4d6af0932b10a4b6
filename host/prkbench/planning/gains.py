"""What would help most: the same plan with one thing changed, ranked by what it brings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from prkbench.errors import UsageError
from prkbench.planning.modes import in_mode
from prkbench.planning.precision import rmse_per_s
from prkbench.planning.setting import Mode, Setting

NULLED_PA = 5.0
"""What is left of the sensors' disagreement after an hour with the hatch open."""


@dataclass(frozen=True)
class Gain:
    """One change, and the error of the PrK-equivalent rate with it over that without it."""

    what: str
    error_ratio: float


def gains(setting: Setting, k_per_s: float, hours: float) -> list[Gain]:
    """Return each change with its error ratio after so many hours, the best first.

    k_per_s is the leak at the rig's own acceleration. Ratios above 1 make it worse: they are told,
    too, for what is often recommended and does not help.
    """
    base = _error(setting, k_per_s, hours)
    noise = setting.noise
    changes: list[tuple[str, Callable[[], float]]] = [
        (
            "halve the residual (insulate, stir, put the chamber into water)",
            lambda: _error(replace(setting, noise=noise.scaled(residual=0.5)), k_per_s, hours),
        ),
        (
            f"null the sensors to {NULLED_PA:g} Pa",
            lambda: _error(
                replace(setting, null_pa=min(NULLED_PA, setting.null_pa)), k_per_s, hours
            ),
        ),
        ("test twice as long", lambda: _error(setting, k_per_s, 2.0 * hours)),
        (
            "double the acceleration",
            lambda: _error(
                replace(setting, acceleration=2.0 * setting.acceleration), 2.0 * k_per_s, hours
            ),
        ),
        (
            "a sealed twin in place of the thermometer",
            lambda: _error(replace(setting, twin=True), k_per_s, hours),
        ),
        (
            "halve the sensors' noise (slower, more oversampling)",
            lambda: _error(replace(setting, noise=noise.scaled(sensor=0.5)), k_per_s, hours),
        ),
    ]
    others: tuple[Mode, ...] = ("A", "B", "C")
    changes += [
        (f"mode {mode}", _in_other(setting, mode, k_per_s, hours))
        for mode in others
        if mode != setting.mode and not (mode == "B" and setting.law == "choked")
    ]
    found = []
    for what, error in changes:
        try:
            found.append(Gain(what, error() / base))
        except UsageError:
            continue
    return sorted(found, key=lambda gain: gain.error_ratio)


def _in_other(setting: Setting, mode: Mode, k_per_s: float, hours: float) -> Callable[[], float]:
    return lambda: _error(in_mode(setting, mode), k_per_s, hours)


def _error(setting: Setting, k_per_s: float, hours: float) -> float:
    """Error of the PrK's decay constant, 1/s: the bench's over the acceleration."""
    setting.require_slow(k_per_s, "this leak")
    return rmse_per_s(setting, k_per_s, 3600.0 * hours) / setting.acceleration

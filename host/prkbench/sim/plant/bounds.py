"""Checks of a part's figures: the message names the part, the field, what it is and should be."""

from __future__ import annotations

import math
from collections.abc import Iterable

from prkbench.errors import UsageError


def check(part: object, bounds: dict[str, tuple[float, bool, bool]]) -> None:
    """Raise UsageError unless each field is above its bound.

    `bounds`: field -> (lowest, whether the bound itself is allowed, whether infinity is).
    """
    for name, (lowest, closed, infinite) in bounds.items():
        value = getattr(part, name)
        good = value > lowest or (closed and value == lowest)
        if not (good and (infinite or math.isfinite(value))):
            label = getattr(part, "name", None) or getattr(part, "vessel", None) or ""
            said = "or above" if closed else "above it"
            raise UsageError(
                f"{type(part).__name__} {label!r}: {name} is {value!r}, expected {lowest:g} {said}"
                + ("" if infinite else ", finite")
            )


POSITIVE = (0.0, False, False)
POSITIVE_OR_INF = (0.0, False, True)
NOT_NEGATIVE = (0.0, True, False)
ANY = (-math.inf, False, False)


def known_name(what: str, name: str, known: Iterable[str]) -> None:
    """Raise UsageError, which begins with `what`, unless the name is among those known."""
    known = list(known)
    if name not in known:
        raise UsageError(f"{what} names {name!r}, expected one of {', '.join(sorted(known))}")

"""What a node's event records say to an operator: alarms and holds, in words."""

from __future__ import annotations

from prkbench.units import Dimension, to_text
from prknode.records import EV_ALARM, EV_CLEARED, EV_HOLD, EVENT_SIZE
from prknode.unpack import unpack_event

_FALL = "fast fall"


def alarms_in(payload: bytes) -> list[str]:
    """Return the alarms among event records, each as one sentence."""
    found = []
    for at in range(0, len(payload), EVENT_SIZE):
        t_us, code, _, value, text = unpack_event(payload[at : at + EVENT_SIZE])
        if code == EV_ALARM:
            found.append(f"ALARM at {_time(t_us)}: {text}, {_at(text, value)}")
    return found


def told(code: int, value: int, text: str) -> str:
    """Return an event's text for a page: what rang and where, what is held or no more."""
    if code == EV_ALARM:
        return f"{text}, {_at(text, value)}"
    if code == EV_CLEARED:
        return "acknowledged"
    if code == EV_HOLD:
        return f"held at {text}" if value else f"held no more: {text}"
    return text or str(value)


def _at(text: str, value: int) -> str:
    return f"{value / 1000:.2f} Pa/s" if text == _FALL else f"{value} Pa"


def _time(t_us: int) -> str:
    return to_text(t_us / 1e6, Dimension.DURATION)

"""A watch that what is not calm cannot make cry wolf, and that tells what it was sure of in time.

Minutes are looked at as they come. When the temperature shows that a door was opened some minutes
ago, the watch goes back to what it knew before and leaves the disturbed minutes out, as the
analysis does. What it would declare on the strength of the last ten minutes alone waits until a
door would have shown.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

from prkbench.analysis.calm import OVER, REACH, Calm, Span
from prkbench.analysis.sequential import LeakWatch
from prkbench.analysis.watch import Declaration, Watch

_SHARE_BEFORE = 0.3
"""So much of the evidence for a leak must be older than ten minutes for it to be told at once."""
_SAVE_EVERY = 6
"""Minutes between two states kept to go back to."""
_Minute = tuple[int, int, float, float, float]


@dataclass(frozen=True)
class Told:
    """What came of a minute: declarations to tell, a disturbance seen for the first time."""

    declared: tuple[Declaration, ...] = ()
    disturbed: Span | None = None


class GuardedWatch:
    """Push the minutes that the node lets count; `declared` are those told so far."""

    def __init__(self, watch: Watch, calm: Calm) -> None:
        self.watch, self.calm = watch, calm
        self._fresh = watch.save()
        self._saved: deque[tuple[int, Any]] = deque([(-1, self._fresh)])
        self._minutes: deque[_Minute] = deque()
        self._waiting: list[Declaration] = []
        self._undone: str | None = None
        self._spans_told = 0
        self._restarted = False
        self.declared: list[Declaration] = []

    def push(self, segment: int, slot: int, x: float, t: float, y: float) -> Told:
        """Take a minute (as `Watch.push`)."""
        counts, span = self.calm.push(segment, slot, t, y)
        self._restart_where_shut()
        seen = None
        if span is not None:
            self._go_back(span)
            if len(self.calm.spans) > self._spans_told:
                self._spans_told = len(self.calm.spans)
                seen = span
        now: list[Declaration] = []
        if counts:
            minute = (segment + self.calm.cuts, slot, x, t, y)
            self._minutes.append(minute)
            found = self.watch.push(*minute)
            if found is not None:
                if self._sure_before(found):
                    now.append(found)
                else:
                    self._waiting.append(found)
            self._save(slot)
        ripe = [d for d in self._waiting if slot >= d.slot + OVER]
        self._waiting = [d for d in self._waiting if slot < d.slot + OVER]
        told = tuple(d for d in [*ripe, *now] if self._is_news(d))
        self.declared += told
        return Told(told, seen)

    @property
    def disturbed_until(self) -> int | None:
        """The last slot of the disturbance found last, None where there was none."""
        return self.calm.spans[-1][1] if self.calm.spans else None

    def _sure_before(self, found: Declaration) -> bool:
        """Whether more than the last ten minutes speak for it."""
        if found.onset is not None:
            return found.onset.slot <= found.slot - OVER
        before = [state for slot, state in self._saved if slot <= found.slot - OVER]
        return bool(before) and Watch.log_e_in(before[-1]) >= _SHARE_BEFORE * LeakWatch.threshold

    def _is_news(self, found: Declaration) -> bool:
        """What was told before the watch went back and is found again is not told again."""
        again = found.word == self._undone
        self._undone = None
        return not again

    def _save(self, slot: int) -> None:
        if slot - self._saved[-1][0] >= _SAVE_EVERY:
            self._saved.append((slot, self.watch.save()))
        # One state older than any disturbance can reach back is enough.
        while len(self._saved) > 1 and self._saved[1][0] < slot - REACH:
            self._saved.popleft()
        while self._minutes and self._minutes[0][1] <= self._saved[0][0]:
            self._minutes.popleft()

    def _go_back(self, span: Span) -> None:
        """Forget what was taken from the disturbed minutes."""
        first = span[0]
        if not self._minutes or self._minutes[-1][1] < first:
            return
        while len(self._saved) > 1 and self._saved[-1][0] >= first:
            self._saved.pop()
        at, state = self._saved[-1]
        self.watch.restore(state)
        known = {(d.word, d.slot) for d in [*self.declared, *self._waiting]}
        self._minutes = deque(m for m in self._minutes if m[1] < first)
        for minute in self._minutes:
            if minute[1] > at:
                found = self.watch.push(*minute)
                if found is not None and (found.word, found.slot) not in known:
                    self._waiting.append(found)
        self._waiting = [d for d in self._waiting if d.slot < first]
        if self.declared and self.declared[-1].slot >= first:
            self._undone = self.declared[-1].word

    def _restart_where_shut(self) -> None:
        """Begin anew where the hatch was open from the start and is now shut."""
        if self.calm.begun_at is not None and not self._restarted:
            self._restarted = True
            self.watch.restore(self._fresh)
            self._saved = deque([(-1, self._fresh)])
            self._minutes.clear()
            self._waiting.clear()

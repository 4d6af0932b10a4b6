"""What an examination of several segments found: words with their odds, most urgent first."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from scipy.special import ndtr

from prkbench.analysis.backtrack import Onset
from prkbench.analysis.exponent import FlowLaw
from prkbench.analysis.outcome import (
    CANNOT_TELL,
    DISTURBED,
    HATCH_ONLY,
    INCREASED,
    LEAK,
    MASKED,
    NO_VERDICT,
    REDUCED,
    RETURNED,
    SEALED,
    SENSOR,
    THERMAL,
    UNCHANGED,
    VOLUME_CHANGED,
)
from prkbench.analysis.paths import Paths

_PRIORITY = (
    SENSOR, CANNOT_TELL, MASKED, HATCH_ONLY, THERMAL, RETURNED, INCREASED, REDUCED, UNCHANGED,
    LEAK, SEALED, NO_VERDICT, VOLUME_CHANGED, DISTURBED,
)  # fmt: skip
_ASIDE = (VOLUME_CHANGED, DISTURBED)
_LEAST_ODDS = 1e-6
UNDECIDED = (NO_VERDICT, CANNOT_TELL, SENSOR)


@dataclass(frozen=True)
class Finding:
    """One word, why, and how often chance alone would give it (None: no chance is involved).

    decides: what would decide, for words that leave the question open. aside: stands beside the
    others whatever its word, such as a place that cannot be told. onset_h: hours since the start
    between which it began, at 95 %, where the word is that something began.
    """

    word: str
    sentence: str
    odds: float | None = None
    decides: str | None = None
    aside: bool = False
    onset_h: tuple[float, float] | None = None

    def begun(self, onset: Onset | None) -> Finding:
        """The same finding with the time at which it began, as far as that is known."""
        if onset is None:
            return self
        low, high = onset.earliest_s / 3600.0, onset.latest_s / 3600.0
        told = f"{self.sentence}; it began between {low:.1f} and {high:.1f} h"
        return replace(self, sentence=told, onset_h=(low, high))

    def as_json(self) -> dict[str, Any]:
        """Plain values; the onset only where there is one."""
        told = {"word": self.word, "sentence": self.sentence, "odds": self.odds,
                "decides": self.decides}  # fmt: skip
        return told if self.onset_h is None else {**told, "onset_h": list(self.onset_h)}


def odds_of(z: float) -> float:
    """How often chance alone gives a score this far from zero, both ways."""
    return max(2.0 * float(ndtr(-abs(z))), _LEAST_ODDS)


def odds_text(odds: float) -> str:
    """Odds in words: under 1 in so many."""
    if odds >= 0.5:
        return "every other test"
    many = 1.0 / odds
    size = 10.0 ** math.floor(math.log10(many))
    grouped = f"{math.floor(many / size) * size:,.0f}".replace(",", "\u202f")
    return f"under 1 in {grouped}"


@dataclass(frozen=True)
class Conclusion:
    """All findings, most urgent first, and what they rest on; rates in lb/day, None where none.

    rates_lb_per_day: (value, low, high) at 95 % of every segment, `spans_s` its (from, to);
    last: those of the last stretch in which the leak was steady, upper its one-sided 95 % limit.
    """

    findings: tuple[Finding, ...]
    reasons: tuple[str, ...]
    law: FlowLaw | None = None
    paths: Paths | None = None
    onset: Onset | None = None
    spans_s: tuple[tuple[float, float], ...] = ()
    rates_lb_per_day: tuple[tuple[float, float, float], ...] = ()
    last_k_per_s: tuple[float, float] | None = None
    upper_lb_per_day: float | None = None

    @property
    def word(self) -> str:
        """The most urgent word."""
        return self.findings[0].word

    @property
    def words(self) -> tuple[str, ...]:
        """All words, most urgent first."""
        return tuple(dict.fromkeys(finding.word for finding in self.findings))


def in_order(findings: list[Finding]) -> tuple[Finding, ...]:
    """Findings by urgency; those aside come last."""
    return tuple(sorted(findings, key=lambda f: (f.aside or f.word in _ASIDE,
                                                 _PRIORITY.index(f.word))))  # fmt: skip

"""Watches a run while it is logged: the evidence for a leak, minute by minute.

It reads what the logger has stored, the node's block and result records, and forms the same rows
that the node regresses. Nothing depends on it: if it fails, it says so once and is silent, and the
capture goes on.
"""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Callable
from typing import Any

from prkbench.analysis.calm import Calm, Span
from prkbench.analysis.conversion import Conversion
from prkbench.analysis.guarded import GuardedWatch, Told
from prkbench.analysis.onset import LOG_THRESHOLD
from prkbench.analysis.sequential import Evidence, LeakWatch
from prkbench.analysis.shown import LOGGED
from prkbench.analysis.testlog import read_entry
from prkbench.analysis.verdict import show
from prkbench.analysis.watch import Watch, watch_json
from prkbench.errors import PrkError
from prkbench.law import Law, driving_pressure_pa
from prkbench.node_setup import settings_of
from prkbench.runfile import Kind, RunFile
from prknode.compensate import KELVIN_BITS, PASCAL_BITS
from prknode.records import (
    BLOCK_FAULT,
    BLOCK_FILL,
    BLOCK_HEAD,
    BLOCK_RANGE,
    BLOCK_VALID,
    BLOCK_VENT,
    EVENT_SIZE,
    RESULT,
    RESULT_SIZE,
    block_size,
)
from prknode.segments import CONTINUES, REPRESS, VENT, Segmenter
from prknode.unpack import EVENT_NAMES, unpack_event

_LAWS: dict[str, Law] = {"LINEAR": "linear", "VISCOUS": "viscous", "CHOKED": "choked"}
_MOST_LOOKS = 20
"""Looks at the evidence in one turn: a virtual node brings hours at once."""
_MOST_LOOKS_BACK = 3000


class RunWatch:
    """The watch over one run, fed with its block, result and event records in sequence.

    Segments, settling and what does not count are the node's own, by its own code; what the
    operator marks, and what a door disturbs, is left out besides.
    """

    def __init__(self, setup: dict[str, Any], acceleration: float) -> None:
        settings, _ = settings_of(setup)
        self._block_size = block_size(len(settings.sensors))
        self._segmenter = Segmenter(settings["jump_pa"] << PASCAL_BITS, settings["settle_min"])
        self._law = _LAWS[settings["law"]]
        self._norm_pa = float(settings["norm_pa"])
        self._t_ref_k = settings["t_ref_mk"] / 1000.0
        self._flags: dict[int, int] = {}
        self._faulted = False
        self._valve = CONTINUES
        self.watch = Watch(
            settings["rho1024"] / 1024.0, acceleration, float(settings["lag_s"]), self._t_ref_k
        )
        self.calm = Calm(float(settings["jump_pa"]), settings["settle_min"])
        self.guarded = GuardedWatch(self.watch, self.calm)
        self.slot = 0

    def take(self, kind: Kind, payload: bytes, looks: int) -> list[Told]:
        """Take stored records; blocks and events before the results of their slots.

        Returns what is to be told, in the order in which it was found.
        """
        if kind is Kind.EVENT:
            self._take_events(payload)
        if kind is Kind.BLOCK:
            for at in range(0, len(payload), self._block_size):
                slot, _, flags, _ = struct.unpack_from(BLOCK_HEAD, payload, at)
                self._flags[slot] = flags
        if kind is not Kind.RESULT:
            return []
        self.watch.stride = max(1, round(len(payload) // RESULT_SIZE / looks))
        found = []
        for at in range(0, len(payload), RESULT_SIZE):
            fields = struct.unpack_from(RESULT, payload, at)
            told = self._step(fields[0], *fields[-3:])
            if told is not None and (told.declared or told.disturbed):
                found.append(told)
        return found

    def _take_events(self, payload: bytes) -> None:
        for at in range(0, len(payload) - EVENT_SIZE + 1, EVENT_SIZE):
            t_us, code, _, _, text = unpack_event(payload[at : at + EVENT_SIZE])
            if EVENT_NAMES.get(code, "").startswith(LOGGED):
                self.calm.note(read_entry(t_us / 1e6, text))

    def _step(self, slot: int, p: int, p_ref: int, t: int) -> Told | None:
        flags = self._flags.pop(slot, 0)
        # Blocks whose results never came (a gap) must not gather.
        for old in [known for known in self._flags if known < slot]:
            del self._flags[old]
        self._faulted = self._faulted or bool(flags & BLOCK_FAULT)
        if flags & (BLOCK_FILL | BLOCK_VENT):
            self._valve = REPRESS if flags & BLOCK_FILL else VENT
        if not flags & BLOCK_VALID or flags & BLOCK_RANGE:
            return None
        self._segmenter.step(slot, p, self._faulted, self._valve)
        self._faulted, self._valve = False, CONTINUES
        self.slot = slot
        if not self._segmenter.settled(slot):
            return None
        pascal, outside = p / (1 << PASCAL_BITS), p_ref / (1 << PASCAL_BITS)
        kelvin = t / (1 << KELVIN_BITS)
        hot = self._t_ref_k / kelvin
        x = float(driving_pressure_pa(self._law, pascal, outside, self._norm_pa)) * hot
        return self.guarded.push(self._segmenter.number, slot, x, kelvin, pascal * hot)


class LiveWatch:
    """What the logger tells of stored records; it tells the operator and marks the run file.

    conversion: None where no rig is known (rates are then decay constants, and the bench is taken
    to decay at the tunnel's own pace); tell: is given each line for the operator.
    """

    def __init__(self, conversion: Conversion | None, tell: Callable[[str], None]) -> None:
        self._conversion = conversion
        self._tell = tell
        self._run: RunWatch | None = None
        self.sentences: list[str] = []
        self.failure: str | None = None

    def begin(self, file: RunFile, run_id: int, now_ns: int) -> None:
        """Begin with what the file holds of this run; what it declares was declared before."""
        self._guarded(file, now_ns, lambda: self._begin(file, run_id))

    def take(self, file: RunFile, stored: list[tuple[Kind, bytes]], now_ns: int) -> None:
        """Take what has just become durable; a declaration is marked in the file and told."""
        run = self._run
        if run is None or not stored:
            return

        def work() -> None:
            # What the operator marked comes before the minutes that it is about.
            for kind, payload in sorted(stored, key=lambda one: one[0] is not Kind.EVENT):
                for told in run.take(kind, payload, _MOST_LOOKS):
                    for sentence in self._sentences(told):
                        self._declare(file, sentence, now_ns)

        self._guarded(file, now_ns, work)

    @property
    def note(self) -> str:
        """State and evidence in a few words, for the progress line."""
        if self.failure is not None:
            return "not watched"
        if self._run is None:
            return ""
        watch = self._run.watch
        until = self._run.guarded.disturbed_until
        if until is not None and self._run.slot <= until:
            return f"DISTURBED, left out until {(until + 1) / 60.0:.2f} h"
        if watch.declared:
            text = watch.declared[-1].word
            if watch.log_r > 0.0:
                text += f"  ln R {watch.log_r:.1f}/{LOG_THRESHOLD:.1f}"
            return text
        evidence = watch.evidence
        if evidence is None:
            return ""
        return f"ln e {evidence.log_e:.1f}/{LeakWatch.threshold:.1f}  < {self._bound(evidence)}"

    @property
    def conclusion(self) -> str:
        """What the sequential bound says at the end, in a sentence; empty where there is none."""
        run = self._run
        if run is None or run.watch.evidence is None or run.watch.declared:
            return ""
        evidence = run.watch.evidence
        return (
            f"watched: no leak shown (ln e {evidence.log_e:.1f} of {LeakWatch.threshold:.1f}), any "
            f"is below {self._bound(evidence)} at 95 %, however often it was looked at"
        )

    def as_json(self) -> dict[str, Any] | None:
        """The same for scripts, as `prk analyze --json` has it; None where nothing was watched."""
        if self._run is None:
            return None
        return watch_json(self._run.watch, self._conversion or Conversion(), self._run.calm) | {
            "rates_known": self._conversion is not None
        }

    def _bound(self, evidence: Evidence) -> str:
        upper = max(0.0, evidence.upper_per_s)
        if self._conversion is None:
            return f"{upper:.2g} 1/s"
        return f"{show(self._conversion.rate_lb_per_day(upper))} lb/day"

    def _sentences(self, told: Told) -> list[str]:
        found = [] if told.disturbed is None else [_disturbance(told.disturbed)]
        return found + [d.sentence(self._conversion) for d in told.declared]

    def _begin(self, file: RunFile, run_id: int) -> None:
        setup = next(run.setup for run in file.runs() if run.run_id == run_id)
        acceleration = 1.0 if self._conversion is None else self._conversion.acceleration
        run = RunWatch(setup, acceleration)
        for kind in (Kind.EVENT, Kind.BLOCK, Kind.RESULT):
            payload = file.payload(run_id, kind)
            for told in run.take(kind, payload, _MOST_LOOKS_BACK):
                self.sentences += self._sentences(told)
        self._run = run

    def _declare(self, file: RunFile, sentence: str, now_ns: int) -> None:
        file.add_mark(sentence, now_ns)
        self.sentences.append(sentence)
        self._tell(sentence)

    def _guarded(self, file: RunFile, now_ns: int, work: Callable[[], None]) -> None:
        try:
            work()
        # Whatever goes wrong with the evidence, the data are stored and more are due.
        except Exception as error:  # noqa: BLE001
            self._run = None
            reason = " ".join(str(error).split()) or type(error).__name__
            self.failure = f"watching ended, the capture goes on: {reason}"
            with contextlib.suppress(PrkError):
                file.add_mark(self.failure, now_ns)
            self._tell(self.failure)


def _disturbance(span: Span) -> str:
    first, last = (slot / 60.0 for slot in span)
    return (
        f"DISTURBED from {max(first, 0.0):.2f} to {last:.2f} h: the temperature moved faster than "
        "a room's heating does; left out, and what follows for three quarters of an hour"
    )

"""Captures a node's run into a run file: pulls by sequence number, so nothing is lost or doubled.

Each turn asks what the node holds and fetches what the file lacks, kind by kind. Everything fetched
in a turn becomes durable together; a record that the node no longer held becomes a gap record.
What is durable goes to the watch, if there is one.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from prkbench.client import MOST_RECORDS, NodeClient, Points, Records
from prkbench.errors import DataError, PrkError, RunOver
from prkbench.hostclock import HostClock
from prkbench.nodeevents import alarms_in
from prkbench.runfile import Kind, RunFile
from prkbench.timebase import ClockPair, fit
from prknode.blocks import SLOT_US
from prknode.records import HOLDING, STATE_NAMES
from prknode.unpack import unpack_event

if TYPE_CHECKING:
    from prkbench.livewatch import LiveWatch

_COMMANDS = {
    Kind.SAMPLE: "DATA:READ?",
    Kind.BLOCK: "DATA:BLOCks?",
    Kind.RESULT: "CALCulate:DECay:READ?",
    Kind.EVENT: "DATA:EVENts?",
}
_TARGET_SAMPLES = 500
_SHORTEST_PAUSE_S, _LONGEST_PAUSE_S = 0.002, 1.0
_PAUSE_PER_TURN = 3.0
"""A node that is slow to answer, such as an emulated one, has to get round to measuring, too."""
_CLOCK_PAIRS = 512
_HEAP_TURNS = 60
"""A board loads the answer's code for the question, which takes it some milliseconds."""


@dataclass
class Progress:
    """How far a capture is: node time in seconds, samples in the file, samples lost, k and se.

    represses, held_k_per_s, held_se_per_s: while the node holds a pressure; reserve_s: its reserve
    time to the minimum pressure asked for, infinity where that never comes, None where unknown.
    lag_s: node time not in the file yet; outages: times the line was lost; retries: answers asked
    for again; free_heap: bytes, of some minutes ago at the most.
    """

    node_s: float = 0.0
    samples: int = 0
    lost: int = 0
    state: str = ""
    k_per_s: float | None = None
    se_per_s: float | None = None
    watched: str = ""
    represses: int = 0
    held_k_per_s: float | None = None
    held_se_per_s: float | None = None
    reserve_s: float | None = None
    lag_s: float = 0.0
    outages: int = 0
    retries: int = 0
    free_heap: int | None = None


@dataclass
class Capture:
    """A finished capture: the run, what was stored and lost, what watch and node declared."""

    run_id: int
    samples: int
    lost: int
    node_s: float
    complete: bool
    pairs: list[ClockPair] = field(default_factory=list)
    declared: list[str] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)
    watched: dict[str, Any] | None = None
    conclusion: str = ""


class Logger:
    """Logs the present run of a node into an open run file until stopped or for a duration.

    duration_s counts node time from INITiate; records from then on are left out, so the file of a
    seeded virtual node does not depend on when the host looked. watch: is given what has become
    durable, and can neither delay nor end the capture. on_alarm: is told each alarm of the node's
    as soon as its event is in the file. minimum_pa: pressure to which the reserve time is asked.
    clock: of the session that the capture is part of; pairs: what it has seen of both clocks during
    this run before. progress: how far it is; alarms: those that were told.
    """

    def __init__(
        self,
        client: NodeClient,
        file: RunFile,
        duration_s: float | None = None,
        on_progress: Callable[[Progress], None] | None = None,
        watch: LiveWatch | None = None,
        on_alarm: Callable[[str], None] | None = None,
        minimum_pa: float | None = None,
        clock: HostClock | None = None,
        pairs: list[ClockPair] | None = None,
    ) -> None:
        self._client = client
        self._minimum_pa = minimum_pa
        self._on_alarm = on_alarm
        self.alarms: list[str] = []
        self._watch = watch
        self._stored: list[tuple[Kind, bytes]] = []
        self._file = file
        self._end_us = None if duration_s is None else round(duration_s * 1e6)
        self._on_progress = on_progress
        self.progress = Progress()
        self._pairs = [] if pairs is None else pairs
        self._pause_s = 0.05
        self._done: set[Kind] = set()
        self._asked: dict[Kind, int] = {}
        self._turn = 0
        self._clock = clock or HostClock()
        self.stop = False

    def run(self) -> Capture:
        """Capture until the duration is over, stop is set, or the node ends the run.

        LineLost when the node does not answer any more, RunOver when it was restarted or another
        run was begun, LineSpoilt when what it sends arrives spoilt, DiskFull, DataError; what was
        fetched before is in the file.
        """
        points = self._client.points()
        run_id = points.run_id
        if not run_id:
            raise DataError(f"{self._client.port}: the node has no run to log; INITiate one first")
        self._begin_or_join(run_id, points)
        if self._watch is not None:
            self._watch.begin(self._file, run_id, self._clock.now_ns())
        try:
            complete = self._pull(run_id)
        except PrkError:
            # The first error is the one to tell; a full disk would only be told twice.
            with contextlib.suppress(PrkError):
                self._store_timebase(run_id)
            raise
        self._store_timebase(run_id)
        progress, watch = self.progress, self._watch
        capture = Capture(
            run_id, progress.samples, progress.lost, progress.node_s, complete, self._pairs,
            alarms=self.alarms,
        )  # fmt: skip
        if watch is not None:
            capture.declared = list(watch.sentences)
            capture.watched, capture.conclusion = watch.as_json(), watch.conclusion
        return capture

    def _begin_or_join(self, run_id: int, points: Points) -> None:
        if run_id not in [run.run_id for run in self._file.runs()]:
            self._file.begin_run(run_id, self._client.setup(), self._clock.now_ns())
            return
        held = self._file.next(run_id, Kind.SAMPLE)
        if points.samples[1] < held:
            raise DataError(
                f"{self._client.port}: the node's run {run_id} is at sample {points.samples[1]}, "
                f"{self._file.path} has {held} of a run of that number: another run; "
                "choose a new file"
            )

    def _pull(self, run_id: int) -> bool:
        """Turn after turn until stopped; whether everything before the end is in the file."""
        while not self.stop:
            begun = time.monotonic()
            before = self._file.next(run_id, Kind.SAMPLE)
            running = self._look_at_clocks()
            points = self._client.points()
            if points.run_id != run_id:
                self._tell_other_run(run_id, points.run_id)
            self._fetch(run_id, points)
            self._report()
            if self._is_complete(run_id):
                return True
            if not running:
                break
            self._wait(self._file.next(run_id, Kind.SAMPLE) - before, time.monotonic() - begun)
        return False

    def _tell_other_run(self, run_id: int, now: int) -> None:
        kept = "what was fetched before is in the file; log again to go on with a new run"
        if not now:
            raise RunOver(
                f"{self._client.port}: the node was restarted during run {run_id}, its memory is "
                f"gone; {kept}"
            )
        raise RunOver(
            f"{self._client.port}: the node has begun run {now} while run {run_id} was being "
            f"logged; {kept}"
        )

    # Fetching -----------------------------------------------------------------------------

    def _fetch(self, run_id: int, points: Points) -> None:
        ends = {
            Kind.SAMPLE: points.samples[1],
            Kind.BLOCK: points.blocks[1],
            Kind.RESULT: points.results[1],
            Kind.EVENT: points.events[1],
        }
        broken: PrkError | None = None
        with self._file.transaction():
            try:
                for kind, end in ends.items():
                    if kind not in self._done:
                        self._fetch_kind(run_id, kind, end)
            except PrkError as error:
                # The node may never give again what this turn has fetched: it stays.
                broken = error
        stored, self._stored = self._stored, []
        for kind, payload in stored:
            for alarm in alarms_in(payload) if kind is Kind.EVENT else ():
                self.alarms.append(alarm)
                if self._on_alarm is not None:
                    self._on_alarm(alarm)
        if self._watch is not None:
            self._watch.take(self._file, stored, self._clock.now_ns())
            self.progress.watched = self._watch.note
        if broken is not None:
            raise broken

    def _fetch_kind(self, run_id: int, kind: Kind, end: int) -> None:
        if self._file.next(run_id, kind) >= end:
            self._acknowledge(run_id, kind, end)
        while kind not in self._done and self._file.next(run_id, kind) < end:
            self._fetch_some(run_id, kind, end)

    def _acknowledge(self, run_id: int, kind: Kind, end: int) -> None:
        """Tell the node that it need not keep what came in the last turn; nothing new will."""
        if self._asked.get(kind, 0) < end:
            self._client.records(_COMMANDS[kind], run_id, end, 0)
            self._asked[kind] = end

    def _fetch_some(self, run_id: int, kind: Kind, end: int) -> None:
        first = self._file.next(run_id, kind)
        self._asked[kind] = first
        wanted = min(MOST_RECORDS, end - first)
        records = self._client.records(_COMMANDS[kind], run_id, first, wanted)
        if records.run_id != run_id or records.first < first:
            raise DataError(
                f"{self._client.port}: asked for {kind} {first} of run {run_id}, "
                f"got {records.first} of run {records.run_id}"
            )
        if records.first > first:
            lost = records.first - first
            reason = "overwritten in the node's ring before the host asked"
            self._file.add_gap(run_id, kind, first, lost, reason, self._clock.now_ns())
            if kind is Kind.SAMPLE:
                self.progress.lost += lost
        if not records.count:
            if records.first == first:
                raise DataError(
                    f"{self._client.port}: the node says it holds {kind} {first}, but sends none"
                )
            return
        self._keep(run_id, kind, records)

    def _keep(self, run_id: int, kind: Kind, records: Records) -> None:
        """Append the records that lie before the end of the capture."""
        payload, size = records.payload, records.size
        count = records.count
        if self._end_us is not None:
            for n in range(records.count):
                if self._beyond(kind, payload[n * size : (n + 1) * size]):
                    self._done.add(kind)
                    count = n
                    break
        if count:
            node_us = self._pairs[-1].node_us if self._pairs else 0
            self._file.append(
                run_id,
                kind,
                records.first,
                count,
                payload[: count * size],
                self._clock.now_ns(),
                node_us,
            )
            if kind is not Kind.SAMPLE:
                self._stored.append((kind, payload[: count * size]))
        if kind is Kind.SAMPLE and count:
            last = payload[(count - 1) * size : (count - 1) * size + 6]
            self.progress.node_s = int.from_bytes(last, "little") / 1e6
            self.progress.samples += count

    def _beyond(self, kind: Kind, record: bytes) -> bool:
        """Whether a record lies past the duration; blocks and results when their slot ends past."""
        assert self._end_us is not None
        if kind is Kind.SAMPLE:
            return int.from_bytes(record[:6], "little") >= self._end_us
        if kind is Kind.EVENT:
            return int(unpack_event(record)[0]) >= self._end_us
        slot = int.from_bytes(record[:4], "little")
        return bool((slot + 1) * SLOT_US > self._end_us)

    def _is_complete(self, run_id: int) -> bool:
        """Whether everything before the end is in the file.

        A sample past the end proves that all blocks before it are closed; blocks and results with
        as many records as there are closed slots prove the rest.
        """
        if self._end_us is None or Kind.SAMPLE not in self._done:
            return False
        return self._file.next(run_id, Kind.BLOCK) == self._file.next(run_id, Kind.RESULT)

    # Time and progress --------------------------------------------------------------------

    def _look_at_clocks(self) -> bool:
        """Note both clocks; False when the node is not measuring any more."""
        before = self._clock.now_ns()
        node_us = self._client.run_time_us()
        after = self._clock.now_ns()
        if node_us is None:
            return False
        self._pairs.append(ClockPair(node_us, (before + after) // 2, after - before))
        if len(self._pairs) > _CLOCK_PAIRS:
            # Thin evenly: the regression needs length, not number.
            self._pairs = self._pairs[::2]
        return True

    def _store_timebase(self, run_id: int) -> None:
        base = fit(self._pairs)
        if base is not None:
            self._file.set_meta(
                f"timebase.{run_id}",
                {
                    "origin_ns": base.origin_ns,
                    "rate_ns_per_us": base.rate,
                    "residual_ns": base.residual_ns,
                    "pairs": base.pairs,
                },
            )

    def _report(self) -> None:
        if self._on_progress is None:
            return
        parts = self._client.query("CALCulate:DECay?").split(",")
        progress = self.progress
        if self._pairs:
            progress.lag_s = max(0.0, self._pairs[-1].node_us / 1e6 - progress.node_s)
        progress.retries = self._client.retries
        if self._turn % _HEAP_TURNS == 0:
            progress.free_heap = self._client.free_heap()
        self._turn += 1
        try:
            k, se = float(parts[0]), float(parts[1])
            progress.state = parts[2]
        except (ValueError, IndexError):
            k = se = 9.91e37
        known = se < 1e30
        progress.k_per_s = k if known else None
        progress.se_per_s = se if known else None
        if progress.state == STATE_NAMES[HOLDING]:
            count, _, held, spread = self._client.figures("CALCulate:HOLD?", 4)
            progress.represses = int(count or 0)
            progress.held_k_per_s, progress.held_se_per_s = held, spread
        if self._minimum_pa is not None:
            progress.reserve_s = self._client.figures(
                f"CALCulate:REServe? {self._minimum_pa:.0f}", 3
            )[0]
        self._on_progress(progress)

    def _wait(self, samples: int, took_s: float) -> None:
        """Pause so long that some hundred samples come together, a second at the most.

        took_s: how long this turn has kept the node from other things; longer than a third of a
        second, and the pause may be longer.
        """
        change = min(2.0, max(0.25, _TARGET_SAMPLES / max(samples, 1)))
        longest = max(_LONGEST_PAUSE_S, _PAUSE_PER_TURN * took_s)
        self._pause_s = min(longest, max(_SHORTEST_PAUSE_S, self._pause_s * change))
        if samples < 2 * _TARGET_SAMPLES:
            left_s = self._pause_s
            while left_s > 0.0 and not self.stop:
                time.sleep(min(left_s, _LONGEST_PAUSE_S))
                left_s -= _LONGEST_PAUSE_S

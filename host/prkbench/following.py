"""Follows one node for as long as it takes: over a pulled cable, a restart, a full disk.

A logger captures until something ends it. What time or the operator can mend is waited for: the
node answers again, under another port's name perhaps, or there is room again. Then the capture goes
on where it stopped, for records are asked for by number. What a restarted node had not given yet is
gone: a gap record says from when to when.
"""

from __future__ import annotations

import contextlib
import datetime
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from prkbench.client import NodeClient
from prkbench.errors import (
    DeviceError,
    DiskFull,
    LineLost,
    LineSpoilt,
    PrkError,
    RunOver,
)
from prkbench.hostclock import HostClock
from prkbench.logger import Capture, Logger, Progress
from prkbench.runfile import Kind, RunFile

if TYPE_CHECKING:
    from prkbench.timebase import ClockPair

_SHORTEST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 2.0
_SLOWER = 1.5
_ROOM_PAUSE_S = 1.0


class Follower:
    """Captures the runs of one node into one open run file until stopped or for a duration.

    client: the node, idle or measuring; begin: starts it if it is idle. seconds: node time to
    capture, over all runs, with the time between them. again: finds the node after the line was
    lost, DeviceError while there is none; without it a lost line is the end. patience_s: how long
    to wait each time, None for ever. logger: makes a Logger from client and file, and from
    duration_s, on_progress, clock and pairs by name. tell: is given a line for the operator when
    something happens.
    """

    def __init__(
        self,
        client: NodeClient,
        file: RunFile,
        begin: Callable[[NodeClient], None],
        seconds: float | None = None,
        again: Callable[[], NodeClient] | None = None,
        patience_s: float | None = None,
        on_progress: Callable[[Progress], None] | None = None,
        logger: Callable[..., Logger] = Logger,
        tell: Callable[[str], None] = print,
    ) -> None:
        self._client = self._given = client
        self._node = client.identity.unique_id
        self._file = file
        self._begin = begin
        self._left_s = seconds
        self._again = again
        self._patience_s = patience_s
        self._on_progress = on_progress
        self._make = logger
        self._tell = tell
        self._clock = HostClock()
        self._pairs: list[ClockPair] = []
        self._logger: Logger | None = None
        self._samples = 0
        self._lost = 0
        self._outages = 0
        self._alarms: list[str] = []
        self._stopped = False

    def stop(self) -> None:
        """End the capture after what is under way."""
        self._stopped = True
        if self._logger is not None:
            self._logger.stop = True

    def close(self) -> None:
        """Close the line that is in use now, unless it is the one that was given."""
        if self._client is not self._given:
            self._client.close()

    def run(self) -> Capture:
        """Capture; samples and losses of the answer count those of all runs.

        LineLost when the node did not come back in time, DeviceError and DataError for what no
        waiting mends; what was fetched before is in the file.
        """
        run_id = self._go_on(0)
        while True:
            capture = self._capture_until_hindered()
            if capture is not None:
                return capture
            if self._stopped:
                progress = Progress() if self._logger is None else self._logger.progress
                return Capture(
                    run_id, self._samples, self._lost, progress.node_s, False, alarms=self._alarms
                )
            run_id = self._go_on(run_id)

    def _capture_until_hindered(self) -> Capture | None:
        """What a logger captured, or None when what hindered it is over; may be stopped then."""
        self._logger = logger = self._make(
            self._client, self._file, duration_s=self._left_s, on_progress=self._show,
            clock=self._clock, pairs=self._pairs,
        )  # fmt: skip
        logger.stop = self._stopped
        try:
            capture = logger.run()
        except DiskFull as problem:
            self._wait_for_room(problem)
        except (LineLost, LineSpoilt) as problem:
            self._wait_for_node(problem)
        except RunOver as problem:
            self._note(str(problem))
        else:
            capture.samples += self._samples
            capture.lost += self._lost
            capture.alarms = self._alarms + capture.alarms
            return capture
        finally:
            now = logger.progress
            self._alarms += logger.alarms
            self._samples += now.samples
            self._lost += now.lost
        return None

    def _show(self, now: Progress) -> None:
        if self._on_progress is not None:
            whole = replace(
                now, samples=self._samples + now.samples, lost=self._lost + now.lost,
                outages=self._outages,
            )  # fmt: skip
            self._on_progress(whole)

    def _note(self, text: str) -> None:
        """Tell the operator, and write it down if there is room."""
        self._tell(text)
        with contextlib.suppress(PrkError):
            self._file.add_mark(text, self._clock.now_ns())

    # Going on -----------------------------------------------------------------------------

    def _go_on(self, run_id: int) -> int:
        """Find the node measuring, or start it; returns the run that is to be captured now."""
        while True:
            try:
                if run_id and self._client.points().run_id != run_id:
                    self._write_off(run_id)
                    self._pairs.clear()
                    run_id = 0
                if not run_id:
                    self._begin(self._client)
                return self._client.points().run_id
            except (LineLost, LineSpoilt) as problem:
                self._wait_for_node(problem)
                if self._stopped:
                    return run_id

    def _write_off(self, run_id: int) -> None:
        """What a run had that was not fetched is lost: from when to when, and how much at most."""
        last = self._file.last_chunk(run_id, Kind.SAMPLE)
        run = next(run for run in self._file.runs() if run.run_id == run_id)
        now_ns = self._clock.now_ns()
        began_ns = now_ns - 1000 * self._client.uptime_us()
        seen_ns = run.host_time_ns if last is None else last.host_time_ns
        restarted = began_ns > seen_ns
        end_ns = began_ns if restarted else now_ns
        unseen_s = max(0.0, (end_ns - seen_ns) / 1e9)
        count = max(1, round(unseen_s * run.setup["rate_mhz"] / 1000.0))
        what = "the node was restarted" if restarted else "another run was begun on the node"
        self._file.add_gap(
            run_id, Kind.SAMPLE, self._file.next(run_id, Kind.SAMPLE), count,
            f"{what}: of {_clock(seen_ns)} to {_clock(end_ns)}, {count} at the most", now_ns,
        )  # fmt: skip
        self._lost += count
        if self._left_s is not None:
            taken_s = 0.0
            if last is not None:
                size = len(last.payload) // last.count
                taken_s = int.from_bytes(last.payload[-size : 6 - size], "little") / 1e6
            self._left_s = max(0.0, self._left_s - taken_s - (now_ns - seen_ns) / 1e9)

    # Waiting ------------------------------------------------------------------------------

    def _wait_for_node(self, problem: PrkError) -> None:
        """Wait until the node answers again; raises the problem when it does not in time."""
        self._client.close()
        self._outages += 1
        if self._again is None or self._patience_s == 0.0:
            raise problem
        self._note(f"{problem}; waiting for node {self._node}")
        lost_ns = self._clock.now_ns()
        pause_s = _SHORTEST_PAUSE_S
        while not self._stopped:
            waited_s = (self._clock.now_ns() - lost_ns) / 1e9
            if self._patience_s is not None and waited_s > self._patience_s:
                raise LineLost(f"{problem}; node {self._node} was not back after {waited_s:.0f} s")
            time.sleep(pause_s)
            pause_s = min(_LONGEST_PAUSE_S, _SLOWER * pause_s)
            try:
                client = self._again()
            except DeviceError:
                continue
            if client.identity.unique_id != self._node:
                client.close()
                continue
            self._client = client
            self._note(
                f"{client.port}: node {self._node} is back after "
                f"{(self._clock.now_ns() - lost_ns) / 1e9:.1f} s"
            )
            return

    def _wait_for_room(self, problem: DiskFull) -> None:
        """Wait until something can be written again; meanwhile the node keeps what it takes."""
        self._tell(f"{problem}; waiting for room")
        lost_ns = self._clock.now_ns()
        while not self._stopped:
            time.sleep(_ROOM_PAUSE_S)
            try:
                self._file.add_mark(str(problem), lost_ns)
            except DiskFull:
                continue
            self._tell(f"{self._file.path}: there is room again")
            return


def _clock(time_ns: int) -> str:
    """UTC to a tenth of a second."""
    when = datetime.datetime.fromtimestamp(time_ns / 1e9, datetime.UTC)
    return f"{when:%Y-%m-%d %H:%M:%S}.{when.microsecond // 100000} UTC"

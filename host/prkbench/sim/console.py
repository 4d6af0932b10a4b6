"""What passes over a virtual node's line, as a MicroPython board would pass it.

The board's console is in one of four states. STARTING: the interpreter is not up yet. BOOTING:
it runs what comes before the node. NODE: the node has the line, bytes are binary. REPL: the node
is not running. Ctrl-C needs care: a second signal too early kills the unix port, and what follows
Ctrl-C is meant for the REPL, so it is held back until the node has let go of the line.
"""

from __future__ import annotations

import contextlib
import os
import time
from enum import Enum, auto

from prkbench.sim.virtual_line import ChildTerminal, PublicLine

_CTRL_A, _CTRL_C = b"\x01", b"\x03"
_RAW = b"raw REPL; CTRL-B to exit\r\n"
_FRIENDLY = b'Type "help()" for more information.'
_LONGEST_BOOT_S = 1.0
_LONGEST_ANSWER_S = 0.5
_LONGEST_INTERRUPT_S = 2.0
_INBOX = 4096


class State(Enum):
    """Who has the line."""

    STARTING = auto()
    BOOTING = auto()
    NODE = auto()
    REPL = auto()


class Console:
    """Passes bytes between the public line and the terminal of the present child."""

    def __init__(self, public: PublicLine) -> None:
        self._public = public
        self._terminal: ChildTerminal | None = None
        self.state = State.STARTING
        self.raw = False
        self.forwarded = 0
        self._inbox = b""
        self._interrupted = self._signalled = False
        self._since = 0.0
        self._settled = False
        self._raw_wanted = False
        self._hidden = False
        self._seen = b""
        self._last = b""
        self._mid_line = False

    def attach(self, terminal: ChildTerminal, *, raw_repl: bool = False) -> None:
        """A child has been started; raw_repl: show nothing before it has come to its raw REPL."""
        self._terminal = terminal
        self.state = State.STARTING
        self.raw = False
        self.forwarded = 0
        self._interrupted = self._signalled = False
        self._since = time.monotonic()
        self._raw_wanted = self._hidden = raw_repl
        self._seen = b""

    def detach(self, *, keep_input: bool) -> None:
        """The child is gone; keep_input: what it has not read is for its successor."""
        if self._terminal is None:
            return
        self.pass_output()
        if keep_input:
            self._inbox = self._terminal.take_back() + self._inbox
        else:
            self._inbox = b""
        self._terminal = None

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C is on its way through the node."""
        return self._interrupted

    @property
    def hurry(self) -> bool:
        """Whether to look again soon, because a change of state does not announce itself."""
        return self._interrupted or self.state is State.BOOTING

    @property
    def wants_input(self) -> bool:
        """Whether there is room for more from the host."""
        return len(self._inbox) < _INBOX

    # What the child reports ---------------------------------------------------------------

    def child_started(self) -> None:
        """The interpreter is up."""
        self._enter(State.BOOTING)

    def node_begins(self) -> None:
        """The node takes the line over."""
        self.pass_output()
        # What was sent meanwhile is still to be taken in.
        self.forwarded = 0 if self._terminal is None else self._terminal.waiting
        interrupted = self._interrupted
        self._enter(State.NODE)
        self._interrupted = interrupted
        self._settled = False
        self.feed()

    @property
    def settled(self) -> bool:
        """Whether the node has come so far that it is sent commands."""
        return self._settled

    def node_settled(self) -> None:
        """The node has brought its sensors up; a board's USB takes longer than that to come up."""
        self._settled = True
        self.feed()

    def node_ends(self) -> None:
        """The node gives the line back."""
        self.pass_output()
        self._enter(State.REPL)
        self.feed()

    def _enter(self, state: State) -> None:
        self.state = state
        self._interrupted = self._signalled = False
        self._since = time.monotonic()

    # Bytes --------------------------------------------------------------------------------

    def take_input(self) -> None:
        """Take what the host has sent, and pass it on as far as its turn has come."""
        data = self._public.read()
        if data:
            self._mid_line = data[-1:] not in b"\r\n"
        self._inbox += data
        self.feed()

    def type(self, line: bytes) -> bool:
        """Send the node a line as if the host had, between two of the host's own.

        False, and nothing sent, where the host is within a line or the node does not listen.
        """
        if self._mid_line or self._inbox or self.state is not State.NODE or not self._settled:
            return False
        self._inbox = line
        self.feed()
        return True

    def look(self) -> None:
        """Notice what happens without an announcement: a prompt, or a time that is up."""
        terminal = self._terminal
        if terminal is None:
            return
        waited = time.monotonic() - self._since
        if terminal.at_prompt or (self.state is State.BOOTING and waited > _LONGEST_BOOT_S):
            if self._raw_wanted:
                os.write(terminal.master, _CTRL_A)
                self._raw_wanted = False
            self._enter(State.REPL)
        elif self._interrupted and waited > _LONGEST_INTERRUPT_S:
            self._interrupted = False
        elif self._interrupted and not self._signalled and waited > _LONGEST_ANSWER_S:
            # The node does not ask for anything any more: it has to be stopped where it is.
            self._signal()
        self.feed()

    def feed(self) -> None:
        """Pass on what may be passed on now."""
        terminal = self._terminal
        while self._inbox and terminal is not None and self.state is not State.STARTING:
            if self._interrupted:
                return
            at = self._inbox.find(_CTRL_C)
            waits = self.state is State.BOOTING or (self.state is State.NODE and not self._settled)
            if waits and at < 0:
                return
            if self.state is not State.REPL and at >= 0:
                # A board drops what it has not read when it is interrupted.
                self._inbox = self._inbox[at:].lstrip(_CTRL_C)
                terminal.discard_input()
                self._interrupted = True
                self._since = time.monotonic()
                if self.state is State.BOOTING:
                    self._signal()
                return
            part = self._inbox if at < 0 else self._inbox[: at + 1]
            sent = self._send(part)
            if sent < len(part):
                self._inbox = self._inbox[sent:]
                return
            self._inbox = self._inbox[sent:]
            if at >= 0:
                self._inbox = self._inbox.lstrip(_CTRL_C)

    def _signal(self) -> None:
        self._signalled = True
        self._send(_CTRL_C)

    def _send(self, data: bytes) -> int:
        assert self._terminal is not None
        sent = 0
        with contextlib.suppress(BlockingIOError):
            sent = os.write(self._terminal.master, data)
        self.forwarded += sent
        return sent

    def pass_output(self) -> None:
        """Pass on what the child has written."""
        if self._terminal is None:
            return
        while True:
            try:
                data = os.read(self._terminal.master, 65536)
            except OSError:
                # Nothing there, or the last process on the terminal is gone.
                return
            if not data:
                return
            if self.state is not State.NODE:
                data = self._as_board(data)
            self._public.write(data)

    def _as_board(self, data: bytes) -> bytes:
        """A board ends every line of text with CR LF; the unix port only some."""
        before = self._last
        self._last = data[-1:]
        start = 1 if before == b"\r" and data[:1] == b"\n" else 0
        text = data[:start] + data[start:].replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        self._seen = (self._seen + text)[-4096:]
        raw = self._seen.rfind(_RAW)
        self.raw = raw >= 0 and raw > self._seen.rfind(_FRIENDLY)
        if self._hidden:
            # A board prints no banner between a soft reset and the raw REPL.
            if raw < 0:
                return b""
            self._hidden = False
            return self._seen[raw:]
        return text

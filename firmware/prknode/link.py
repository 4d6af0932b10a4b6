"""The serial line: bytes in become commands, answers go out without ever blocking the node."""

from prknode.compat import const
from prknode.scpi import ScpiError, split_command, split_outside
from prknode.ticks import ticks_diff

LINE_LIMIT = const(256)
ANSWER_US = const(250000)
"""How long the host may take before the rest of an answer is dropped."""
_CHUNK = const(256)
_LISTED = const(16)

PENDING = object()
"""What a handler returns when its answer comes later, from node.finish_measurement()."""


class Block:
    """A definite-length block: the first `size` bytes of a buffer shared by all answers."""

    def __init__(self, buffer, size):
        self.buffer = buffer
        self.size = size


class Listing:
    """Bytes of a shared buffer, to be sent as comma-separated integers after a head.

    The text is made piece by piece as the line takes it: all of it at once would not fit.
    """

    def __init__(self, head, buffer, at, end):
        self._head = head
        self._buffer = buffer
        self._at = at
        self._end = end

    def piece(self):
        """The next piece of the text as bytes; empty when there is no more."""
        text = self._head
        self._head = ""
        stop = min(self._end, self._at + _LISTED)
        while self._at < stop:
            text += ",%d" % self._buffer[self._at]
            self._at += 1
        return text.encode()


class Link:
    """Line discipline over a board's byte streams.

    board: has read_into(buffer) -> n and write(view) -> n, neither of which blocks;
    node: has execute(header, parameters) -> None, text, Block, Listing or PENDING, and
    finish_measurement() -> text or PENDING; status: where errors are queued.
    """

    def __init__(self, board, node, status):
        self._board = board
        self._node = node
        self._status = status
        self._in = bytearray(64)
        self._in_at = 0
        self._in_end = 0
        self._line = bytearray(LINE_LIMIT)
        self._length = 0
        self._overrun = False
        self._commands = []
        self._path = ""
        self._answers = []
        self._waiting = False
        self._out = []
        self._sent = 0
        self._progress = 0

    @property
    def busy(self):
        """Whether a command or an answer is under way."""
        return bool(self._out or self._waiting or self._commands or self._in_at < self._in_end)

    @property
    def holds_data(self):
        """Whether an answer of the present line lies in the buffer that data answers share."""
        for answer in self._answers:
            if isinstance(answer, (Block, Listing)):
                return True
        return False

    def step(self, now):
        """Send what can be sent, or take in and carry out one command; returns whether to hurry."""
        if self._out:
            self._send(now)
            return True
        if self._waiting:
            answer = self._node.finish_measurement()
            if answer is PENDING:
                return False
            self._waiting = False
            self._answers.append(answer)
        if self._commands:
            self._carry_out(self._commands.pop(0))
            if not self._commands and not self._waiting:
                self._finish(now)
            return True
        if self._answers:
            self._finish(now)
            return True
        if self._in_at == self._in_end:
            self._in_at = 0
            self._in_end = self._board.read_into(self._in)
            if not self._in_end:
                return False
        self._take_in()
        return True

    def _take_in(self):
        """Add what has come to the line, up to its end."""
        data = self._in
        end = self._in_end
        line = self._line
        at = self._in_at
        n = self._length
        complete = False
        while at < end and not complete:
            byte = data[at]
            at += 1
            if byte == 10:
                complete = True
            elif n < LINE_LIMIT:
                line[n] = byte
                n += 1
            else:
                self._overrun = True
        self._in_at = at
        self._length = n
        if complete:
            self._take_line()

    def _take_line(self):
        length = self._length
        overrun = self._overrun
        self._length = 0
        self._overrun = False
        if overrun:
            self._status.error(-363, "line over 256 bytes")
            return
        line = self._line
        while length and line[length - 1] in b" \t\r":
            length -= 1
        for i in range(length):
            if not 32 <= line[i] < 127 and line[i] != 9:
                self._status.error(-101, "byte %d" % line[i])
                return
        try:
            commands = split_outside(bytes(line[:length]).decode(), ";")
        except ScpiError as error:
            self._status.error(*error.args)
            return
        self._path = ""
        self._commands = [c for c in commands if c.strip()]

    def _carry_out(self, text):
        try:
            header, parameters = split_command(text)
            header = header.upper()
            if header[:1] == "*":
                answer = self._node.execute(header, parameters)
            else:
                full = header[1:] if header[:1] == ":" else self._path + header
                answer = self._node.execute(full, parameters)
                self._path = full[: full.rfind(":") + 1]
        except ScpiError as error:
            self._status.error(*error.args)
            return
        except (ValueError, OverflowError) as error:
            self._status.error(-224, str(error)[:60])
            return
        except MemoryError:
            self._status.error(-321, text[:40])
            return
        if answer is PENDING:
            self._waiting = True
        elif answer is not None:
            self._answers.append(answer)

    def _finish(self, now):
        """All commands of the line are done: put the answer together."""
        out = []
        for i, answer in enumerate(self._answers):
            if i:
                out.append(b";")
            if isinstance(answer, Block):
                size = str(answer.size)
                out.append(("#%d%s" % (len(size), size)).encode())
                if answer.size:
                    out.append(memoryview(answer.buffer)[: answer.size])
            elif isinstance(answer, Listing):
                out.append(answer)
            elif answer:
                # A part without bytes could never be sent: the line takes none of it.
                out.append(answer.encode())
        if self._answers:
            out.append(b"\n")
        self._answers = []
        self._out = out
        self._sent = 0
        self._progress = now

    def _send(self, now):
        part = self._out[0]
        if isinstance(part, Listing):
            part = part.piece()
            if not part:
                self._out.pop(0)
                return
            self._out.insert(0, part)
        sent = self._sent
        n = self._board.write(memoryview(part)[sent : sent + _CHUNK])
        if n:
            self._progress = now
            sent += n
            if sent >= len(part):
                self._out.pop(0)
                sent = 0
            self._sent = sent
        elif ticks_diff(now, self._progress) > ANSWER_US:
            self._out = []
            self._status.error(-430, "answer not taken within 250 ms")

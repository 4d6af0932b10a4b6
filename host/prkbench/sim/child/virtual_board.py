"""The board of a virtual node: sensors and clock are served by the parent over two pipes.

Runs inside the child process, under MicroPython's unix port or CPython; it has the methods that
prknode.board describes. The clock stands still except in idle().

A request carries the writes posted since the last one. The reply to an idle brings what the next
reads are going to find, and a rehearsal: the steps (writes, time to pass, reads) that the parent
expects next, with their outcome. As long as the node does just that, no exchange is needed; at the
first difference the child says how far it came, and the parent takes back the rest.
"""

import gc
import json
import select
import struct
import sys

REQUEST = "<BBBBIIHH"
"""op, sequence, steps used, reads used in the last one, us to pass, input taken, posted bytes,
state (busy | fill << 1); then the posted writes: bus, address, register, count, bytes."""
REQUEST_SIZE = 16
REPLY = "<BBHI"
"""sequence, flags, payload bytes, ticks; then the payload."""
REPLY_SIZE = 8
STEP = "<BIIH"
"""A step: posted bytes, us, ticks after it, bytes of reads; then both. The first step of a reply
is the present moment. A read: bus, address, register, count, bytes."""
STEP_SIZE = 11
MAX_REPLY = 4096

OP_BEGIN, OP_IDLE, OP_READ, OP_WRITE, OP_RESET, OP_END, OP_STARTED = 1, 2, 3, 4, 5, 6, 7
FLAG_NACK, FLAG_INPUT, FLAG_STRICT, FLAG_INTERRUPT = 1, 2, 4, 8

VALVE_BLOCK = (255, 0)
"""Bus and address at which the parent takes how the valves stand: register n is valve n."""

_MAX_POSTED = 128


class micropython:
    """What the compiler of MicroPython takes as a mark, and CPython as a decorator."""

    @staticmethod
    def native(function):
        """Compile to machine code: these functions run several times a sample."""
        return function


class VirtualBus:
    """One I2C bus, like machine.I2C as far as the driver uses it."""

    def __init__(self, board, number):
        self._board = board
        self._number = number

    @micropython.native
    def readfrom_mem_into(self, address, register, buffer):
        """Burst read; OSError(5) when not acknowledged."""
        self._board.bus_read(self._number, address, register, buffer)

    @micropython.native
    def writeto_mem(self, address, register, buffer):
        """Burst write; OSError(5) when not acknowledged."""
        self._board.bus_write(self._number, address, register, buffer)


class VirtualBoard:
    """See prknode.board.Board; requests and replies are the files of the two pipes."""

    def __init__(self, requests, replies, unique_id, starts):
        self._requests = open(requests, "wb", buffering=0)
        self._replies = open(replies, "rb", buffering=0)
        self._config = {}
        self._unique_id = unique_id
        self._out = bytearray(REQUEST_SIZE + _MAX_POSTED + 300)
        self._out_view = memoryview(self._out)
        self._posted = 0
        self._reply = bytearray(MAX_REPLY)
        self._view = memoryview(self._reply)
        self._head = self._view[:REPLY_SIZE]
        self._sequence = 0
        self._ticks = 0
        self._flags = FLAG_STRICT
        # Reads at hand: from, to; then the next step of the rehearsal: from, to.
        self._read_at = 0
        self._read_end = 0
        self._step_at = 0
        self._step_end = 0
        self._steps_used = 0
        self._reads_used = 0
        self._received = 0
        self._buses = [VirtualBus(self, 0), VirtualBus(self, 1)]
        self._in = open(0, "rb", buffering=0, closefd=False) if _CPYTHON else open(0, "rb")
        self._stdout = open(1, "wb", buffering=0, closefd=False) if _CPYTHON else open(1, "wb")
        self._poll = select.poll()
        self._poll.register(0 if _CPYTHON else self._in, select.POLLIN)
        self._poll_replies = select.poll()
        self._poll_replies.register(replies if _CPYTHON else self._replies, select.POLLIN)
        self._one = bytearray(1)
        self._collects = 0
        # Run ids of a board that was started again differ from those it gave before.
        self._runs = (starts & 63) << 6

    # The bridge ---------------------------------------------------------------------------

    def _ask(self, op, us, state):
        """Send a request with all posted writes and wait for its own reply."""
        self._sequence = (self._sequence + 1) & 0xFF
        struct.pack_into(
            REQUEST, self._out, 0, op, self._sequence, self._steps_used, self._reads_used,
            us, self._received, self._posted, state,
        )  # fmt: skip
        end = REQUEST_SIZE + self._posted
        self._posted = 0
        self._steps_used = 0
        self._reads_used = 0
        self._read_end = self._read_at
        self._step_end = self._step_at
        self._requests.write(self._out_view[:end])
        while True:
            if not self._replies.readinto(self._head):
                # The parent is gone, and nothing can go on without it.
                raise SystemExit
            sequence, flags, length, ticks = struct.unpack_from(REPLY, self._head, 0)
            if length:
                self._replies.readinto(self._view[REPLY_SIZE : REPLY_SIZE + length])
            # A reply whose request was cut short by Ctrl-C is read and forgotten here.
            if sequence == self._sequence:
                break
        self._ticks = ticks
        self._flags = flags
        if flags & FLAG_INTERRUPT:
            # Ctrl-C comes this way while the node runs: a signal could be lost, or come twice.
            raise KeyboardInterrupt
        if flags & FLAG_NACK:
            raise OSError(5)
        if op == OP_IDLE and length:
            self._step_at = REPLY_SIZE
            self._step_end = REPLY_SIZE + length
            self._enter_step()

    @micropython.native
    def _enter_step(self):
        """Make the step at _step_at the present one: its ticks, its reads."""
        posted, _, ticks, reads = struct.unpack_from(STEP, self._reply, self._step_at)
        at = self._step_at + STEP_SIZE + posted
        self._ticks = ticks
        self._read_at = at
        self._read_end = at + reads
        self._step_at = at + reads
        self._reads_used = 0

    @micropython.native
    def _post(self, bus, address, register, data):
        out = self._out
        at = REQUEST_SIZE + self._posted
        n = len(data)
        out[at] = bus
        out[at + 1] = address
        out[at + 2] = register
        out[at + 3] = n
        for i in range(n):
            out[at + 4 + i] = data[i]
        self._posted += 4 + n

    @micropython.native
    def bus_write(self, bus, address, register, data):
        """Post a write, or send it at once while the parent wants each one acknowledged."""
        self._read_end = self._read_at
        if self._posted + 4 + len(data) > _MAX_POSTED:
            self._ask(OP_WRITE, 0, 0)
        self._post(bus, address, register, data)
        if self._flags & FLAG_STRICT:
            self._ask(OP_WRITE, 0, 0)

    @micropython.native
    def bus_read(self, bus, address, register, buffer):
        """Read from what the last idle brought, or ask the parent."""
        n = len(buffer)
        at = self._read_at
        reply = self._reply
        if (
            at < self._read_end
            and reply[at + 1] == address
            and reply[at] == bus
            and reply[at + 2] == register
            and reply[at + 3] == n
        ):
            at += 4
            buffer[:] = self._view[at : at + n]
            self._read_at = at + n
            self._reads_used += 1
            return
        self._post(bus, address, register, struct.pack("<H", n))
        self._ask(OP_READ, 0, 0)
        buffer[:] = self._view[REPLY_SIZE : REPLY_SIZE + n]

    # What prknode.board describes ---------------------------------------------------------

    def load(self, path):
        """Read the configuration."""
        with open(path) as file:
            self._config = json.load(file)

    def started(self):
        """Tell the parent that the interpreter runs and takes Ctrl-C."""
        self._ask(OP_STARTED, 0, 0)

    def begin(self):
        """Tell the parent that the node takes over the serial line."""
        self._tidy()
        self._received = 0
        self._ask(OP_BEGIN, 0, 0)

    def end(self):
        """Tell the parent that the REPL takes over, who finds the valves shut."""
        self._tidy()
        for i in range(len(self.valves())):
            self._post(VALVE_BLOCK[0], VALVE_BLOCK[1], i, b"\0")
        self._ask(OP_END, 0, 0)

    def _tidy(self):
        """Make the bridge usable wherever Ctrl-C has cut a transaction short.

        A reply that was read in part is wholly in the pipe by then, so what is left of it can be
        thrown away; one that has not come yet is recognised by its sequence number.
        """
        while self._poll_replies.poll(0):
            if not self._replies.readinto(self._reply):
                break
        self._posted = 0
        self._read_end = self._read_at
        self._step_end = self._step_at
        self._flags = FLAG_STRICT

    @micropython.native
    def ticks_us(self):
        """The simulated clock as of the last reply."""
        return self._ticks

    def bus(self, number):
        """I2C bus 0 or 1."""
        return self._buses[number]

    @micropython.native
    def read_into(self, buffer):
        """Bytes the host has sent."""
        n = 0
        if self._flags & FLAG_INPUT:
            while n < len(buffer) and self._poll.poll(0):
                if not self._in.readinto(self._one):
                    break
                buffer[n] = self._one[0]
                n += 1
            self._received = (self._received + n) & 0xFFFFFFFF
            if not n:
                self._flags &= ~FLAG_INPUT
        return n

    def write(self, view):
        """The proxy in front always takes what comes."""
        return self._stdout.write(view)

    @micropython.native
    def idle(self, us, node):
        """Let simulated time pass: by the rehearsal if this is its next step, else by asking."""
        if us <= 0:
            return
        at = self._step_at
        if at < self._step_end:
            reply = self._reply
            count = self._posted
            posted, step_us, ticks, reads = struct.unpack_from(STEP, reply, at)
            if posted == count and step_us == us:
                at += STEP_SIZE
                out = self._out
                i = 0
                while i < count and out[REQUEST_SIZE + i] == reply[at + i]:
                    i += 1
                if i == count:
                    at += count
                    self._posted = 0
                    self._ticks = ticks
                    self._read_at = at
                    self._read_end = self._step_at = at + reads
                    self._steps_used += 1
                    self._reads_used = 0
                    return
        self._ask(OP_IDLE, us, (1 if node.busy else 0) | node.fill_percent() << 1)

    def config(self):
        """config.json as a dict."""
        return self._config

    def valves(self):
        """Roles of the valves in the board section."""
        return tuple(v["role"] for v in self._config.get("board", {}).get("valves", ()))

    def set_valve(self, i, is_open):
        """Tell the parent with the next request; simulated time stands still until then."""
        self.bus_write(VALVE_BLOCK[0], VALVE_BLOCK[1], i, b"\1" if is_open else b"\0")

    def unique_id(self):
        """The virtual board's serial number, which says what it is."""
        return "virtual-" + self._unique_id

    def new_run_id(self):
        """Counted from the seed's number, so that a seeded run repeats to the bit."""
        self._runs += 1
        return (int(self._unique_id, 16) * 4096 + self._runs) & 0xFFFFFFFF or 1

    def memory(self):
        """Heap bytes used and free; CPython has no such figures."""
        if _CPYTHON:
            return 0, 0
        return gc.mem_alloc(), gc.mem_free()

    def collect(self):
        """Collect garbage, not every time: this heap has room for more of it than a board's."""
        self._collects = (self._collects + 1) & 15
        if not self._collects:
            gc.collect()

    def reset(self):
        """Ask the parent for a restart, which kills this process."""
        self._ask(OP_RESET, 0, 0)

    def reset_cause(self):
        """A virtual board only ever starts from power-on."""
        return "power"

    def crashed(self, error):
        """Show what went wrong; simulated time goes on for a second."""
        from prknode.app import print_exception

        print_exception(error)
        self._ask(OP_IDLE, 1000000, 1)


_CPYTHON = sys.implementation.name == "cpython"

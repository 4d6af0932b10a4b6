"""The board of a virtual node: sensors and clock are served by the parent over two pipes.

Runs inside the child process, under MicroPython's unix port or CPython; it has the methods that
prknode.board describes. Requests and replies are laid out in prkbench.sim.bridge. The clock stands
still except in idle(), so reads that follow an idle can be answered from what its reply brought.
"""

import binascii
import gc
import json
import os
import select
import struct
import sys

REQUEST = "<BBBBIIH"  # op, sequence, prefetched reads used, flags | fill << 1, us, input, posted
REQUEST_SIZE = 14
REPLY = "<BBHI"  # sequence, flags, payload bytes, ticks
REPLY_SIZE = 8
REPLY_FIXED = 88

OP_BEGIN, OP_IDLE, OP_READ, OP_WRITE, OP_RESET, OP_END = 1, 2, 3, 4, 5, 6
FLAG_NACK, FLAG_INPUT, FLAG_STRICT = 1, 2, 4

_POSTED = 128


class VirtualBus:
    """One I2C bus, like machine.I2C as far as the driver uses it."""

    def __init__(self, board, number):
        self._board = board
        self._number = number

    def readfrom_mem_into(self, address, register, buffer):
        """Burst read; OSError(5) when not acknowledged."""
        self._board.bus_read(self._number, address, register, buffer)

    def writeto_mem(self, address, register, buffer):
        """Burst write; OSError(5) when not acknowledged."""
        self._board.bus_write(self._number, address, register, buffer)


class VirtualBoard:
    """See prknode.board.Board; requests and replies are the files of the two pipes."""

    def __init__(self, requests, replies, config, unique_id):
        self._requests = open(requests, "wb", buffering=0)
        self._replies = open(replies, "rb", buffering=0)
        self._config = config
        self._unique_id = unique_id
        self._out = bytearray(REQUEST_SIZE + _POSTED + 300)
        self._posted = 0
        self._reply = bytearray(REPLY_FIXED)
        self._view = memoryview(self._reply)
        self._sequence = 0
        self._ticks = 0
        self._flags = FLAG_STRICT
        self._cache_at = REPLY_SIZE
        self._cache_end = REPLY_SIZE
        self._used = 0
        self._received = 0
        self._buses = [VirtualBus(self, 0), VirtualBus(self, 1)]
        self._in = open(0, "rb", buffering=0, closefd=False) if _CPYTHON else open(0, "rb")
        self._stdout = open(1, "wb", buffering=0, closefd=False) if _CPYTHON else open(1, "wb")
        self._poll = select.poll()
        self._poll.register(0 if _CPYTHON else self._in, select.POLLIN)
        self._one = bytearray(1)
        self._runs = 0

    # The bridge ---------------------------------------------------------------------------

    def _ask(self, op, us, state):
        """Send a request with all posted writes and wait for its own reply."""
        self._sequence = (self._sequence + 1) & 0xFF
        out = self._out
        struct.pack_into(
            REQUEST, out, 0, op, self._sequence, self._used, state, us, self._received,
            self._posted,
        )  # fmt: skip
        end = REQUEST_SIZE + self._posted
        self._posted = 0
        self._used = 0
        self._requests.write(memoryview(out)[:end])
        reply = self._reply
        while True:
            self._replies.readinto(reply)
            sequence, flags, length, ticks = struct.unpack_from(REPLY, reply, 0)
            extra = None
            if length > REPLY_FIXED - REPLY_SIZE:
                extra = bytearray(length - (REPLY_FIXED - REPLY_SIZE))
                self._replies.readinto(extra)
            # A reply whose request was cut short by Ctrl-C is read and forgotten here.
            if sequence == self._sequence:
                break
        self._ticks = ticks
        self._flags = flags
        self._cache_at = REPLY_SIZE
        self._cache_end = REPLY_SIZE + length if op == OP_IDLE else REPLY_SIZE
        if flags & FLAG_NACK:
            raise OSError(5)
        return extra

    def _post(self, bus, address, register, data):
        out = self._out
        at = REQUEST_SIZE + self._posted
        n = len(data)
        out[at] = bus
        out[at + 1] = address
        out[at + 2] = register
        out[at + 3] = n
        out[at + 4 : at + 4 + n] = data
        self._posted += 4 + n

    def bus_write(self, bus, address, register, data):
        """Post a write, or send it at once while the parent wants each one acknowledged."""
        self._cache_end = self._cache_at
        if self._posted + 4 + len(data) > _POSTED:
            self._ask(OP_WRITE, 0, 0)
        self._post(bus, address, register, data)
        if self._flags & FLAG_STRICT:
            self._ask(OP_WRITE, 0, 0)

    def bus_read(self, bus, address, register, buffer):
        """Read from what the last idle brought, or ask the parent."""
        n = len(buffer)
        at = self._cache_at
        reply = self._reply
        if (
            at < self._cache_end
            and reply[at] == bus
            and reply[at + 1] == address
            and reply[at + 2] == register
            and reply[at + 3] == n
        ):
            at += 4
            buffer[:] = self._view[at : at + n]
            self._cache_at = at + n
            self._used += 1
            return
        self._post(bus, address, register, struct.pack("<H", n))
        extra = self._ask(OP_READ, 0, 0)
        head = min(n, REPLY_FIXED - REPLY_SIZE)
        buffer[:head] = reply[REPLY_SIZE : REPLY_SIZE + head]
        if extra:
            buffer[head:] = extra

    # What prknode.board describes ---------------------------------------------------------

    def begin(self):
        """Tell the parent that the node takes over the serial line."""
        self._posted = 0
        self._received = 0
        self._ask(OP_BEGIN, 0, 0)

    def end(self):
        """Tell the parent that the REPL takes over."""
        self._ask(OP_END, 0, 0)

    def ticks_us(self):
        """The simulated clock as of the last reply."""
        return self._ticks

    def bus(self, number):
        """I2C bus 0 or 1."""
        return self._buses[number]

    def read_into(self, buffer):
        """Bytes the host has sent."""
        n = 0
        if self._flags & FLAG_INPUT:
            while n < len(buffer) and self._poll.poll(0):
                if not self._in.readinto(self._one):
                    break
                buffer[n] = self._one[0]
                n += 1
            self._received += n
            if not n:
                self._flags &= ~FLAG_INPUT
        return n

    def write(self, view):
        """The proxy in front always takes what comes."""
        return self._stdout.write(view)

    def idle(self, us, busy, fill):
        """Let simulated time pass."""
        if us > 0:
            self._ask(OP_IDLE, us, (1 if busy else 0) | fill << 1)

    def config(self):
        """config.json as a dict."""
        return self._config

    def unique_id(self):
        """The virtual board's serial number."""
        return self._unique_id

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
        """Collect garbage."""
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


class Machine:
    """What a user of the REPL, and mpremote, expects of the machine module."""

    def __init__(self, board):
        self._board = board

    def reset(self):
        """Restart the virtual board."""
        self._board.reset()

    def unique_id(self):
        """The virtual board's serial number as bytes."""
        return binascii.unhexlify(self._board.unique_id())

    def freq(self):
        """There is no clock to speak of."""
        return 0


def start(arguments):
    """Mount the virtual flash as the root, and run main.py unless a bare REPL is wanted.

    arguments: request pipe, reply pipe, folder of the virtual flash, unique id, "main" or "repl".
    """
    requests, replies, flash, unique_id, what = arguments
    with open(flash + "/config.json") as file:
        config = json.load(file)
    board = VirtualBoard(int(requests), int(replies), config, unique_id)
    if _CPYTHON:
        sys.path.insert(0, flash)
    else:
        import vfs

        sys.modules["machine"] = Machine(board)
        vfs.umount("/")
        vfs.mount(vfs.VfsPosix(flash), "/")
        os.chdir("/")
        # The frozen modules stay; everything else comes from the virtual flash.
        sys.path[:] = ["", ".frozen", "/lib", "/"]
    if what == "main":
        from prknode import app

        app.run(board)

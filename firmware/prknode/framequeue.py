"""Frames fetched from one chip's FIFO, waiting to become part of a sample."""

from prknode.bmp390 import CONF_ERR, FRAME, OK
from prknode.chipfifo import (
    FRAME_BYTES,
    FRAME_CONFIG,
    FRAME_EMPTY,
    FRAME_ERROR,
    FRAME_SAMPLE,
    FRAME_TIME,
    ChipFifo,
)
from prknode.compat import const
from prknode.hotpath import copy_frame

PIECE = const(37)
"""Frames fetched at once at the most: 6 ms of a 400 kHz bus, half of a full FIFO."""

PIECES = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 18, 36, PIECE)
"""Lengths that are fetched: what a poll finds in the usual course, and a few for catching up."""


class FrameQueue:
    """Room for one frame left over, and for the piece fetched after it.

    chip: its Bmp390; fifo: the ChipFifo the frames come from.
    unread: frames seen in the FIFO and not fetched yet; heard: tick at which some were last seen;
    delivered: whether any were; surplus: frames dropped.
    """

    def __init__(self, chip):
        self._chip = chip
        self.fifo = ChipFifo(chip)
        self._data = bytearray(FRAME_BYTES * (PIECE + 1))
        view = memoryview(self._data)
        # Slicing allocates: every length that is fetched is cut once, here.
        self._views = [view[FRAME_BYTES : FRAME_BYTES * (n + 1)] for n in PIECES]
        self.surplus = 0
        self.clear()

    def clear(self):
        """Forget all frames, and that there ever were any."""
        self._head = FRAME_BYTES
        self._end = FRAME_BYTES
        self._at = 0
        self.unread = 0
        self.heard = 0
        self.delivered = False

    def keep(self, most):
        """Make room for a piece: drop all frames but the newest `most` (0 or 1)."""
        left = (self._end - self._head) // FRAME_BYTES
        if left > most:
            self.surplus += left - most
            left = most
        if left:
            data = self._data
            at = self._end - FRAME_BYTES
            for j in range(FRAME_BYTES):
                data[j] = data[at + j]
        self._head = FRAME_BYTES * (1 - left)
        self._end = FRAME_BYTES

    def fetch(self):
        """Fetch a piece of what is unread, after keep(); OK, or what the newest frame shows.

        Raises OSError; allocates nothing.
        """
        unread = self.unread
        if not unread:
            return OK
        which = len(PIECES) - 1
        while PIECES[which] > unread:
            which -= 1
        n = PIECES[which]
        self.fifo.fetch(self._views[which])
        self.unread -= n
        self._end = FRAME_BYTES * (n + 1)
        last = FRAME_BYTES * n
        if self._data[last] != FRAME_SAMPLE:
            return OK
        return self._chip.check(self._data, last + 1)

    def take(self):
        """Make the next sample frame the one that copy() copies; allocates nothing.

        Returns 1 if there is one, 0 if not, or a fault (CONF_ERR, FRAME) negated.
        """
        data = self._data
        while self._head + FRAME_BYTES <= self._end:
            at = self._head
            header = data[at]
            if header == FRAME_SAMPLE:
                self._at = at
                self._head = at + FRAME_BYTES
                return 1
            if header == FRAME_CONFIG or header == FRAME_EMPTY:
                # A change of settings is no fault: a stream may begin with the frame of ours.
                self._head = at + 2
            elif header == FRAME_TIME:
                self._head = at + 4
            else:
                return -CONF_ERR if header == FRAME_ERROR else -FRAME
        # A frame cut short by the end of the piece comes again with the next one.
        self._head = self._end
        return 0

    def copy(self, out, at):
        """Write the frame taken as six bytes at that offset, ordered as in the registers."""
        copy_frame(self._data, self._at, out, at)

"""Frames fetched from one chip's FIFO, waiting to become part of a sample."""

from array import array

from prknode.bmp390 import CONF_ERR, FRAME, NACK, OK
from prknode.chipfifo import FRAME_BYTES, FRAME_ERROR, FRAME_SAMPLE, ChipFifo
from prknode.compat import const
from prknode.hotpath import move_frame, next_frame

_HEAD = const(0)  # words: next byte to look at, end of the frames
_END = const(1)

PIECE = const(37)
"""Frames fetched at once at the most: 6 ms of a 400 kHz bus, half of a full FIFO."""

PIECES = (1, 2, 4, 7, 8, 9, 18, 36, PIECE)
"""Lengths that are fetched: what a poll finds in the usual course, and a few for catching up."""


def piece(most):
    """The longest of PIECES up to that many frames, one at least."""
    return PIECES[_which(most)]


def _which(most):
    which = len(PIECES) - 1
    while which and PIECES[which] > most:
        which -= 1
    return which


class FrameQueue:
    """Room for one frame left over, and for the piece fetched after it.

    chip: its Bmp390; fifo: the ChipFifo the frames come from.
    data, words: for hotpath.copy_frame, which copies the frame taken.
    unread: frames seen in the FIFO and not fetched yet; heard: tick at which some were last seen;
    delivered: whether any were; surplus: frames dropped.
    """

    def __init__(self, chip):
        self._chip = chip
        self.fifo = ChipFifo(chip)
        self.data = bytearray(FRAME_BYTES * (PIECE + 1))
        view = memoryview(self.data)
        # Slicing allocates: every length that is fetched is cut once, here.
        self._views = [view[FRAME_BYTES : FRAME_BYTES * (n + 1)] for n in PIECES]
        self.words = array("i", (0, 0, 0))
        self.surplus = 0
        self.clear()

    def clear(self):
        """Forget all frames, and that there ever were any."""
        self.words[_HEAD] = FRAME_BYTES
        self.words[_END] = FRAME_BYTES
        self.unread = 0
        self.heard = 0
        self.delivered = False

    def keep(self, most):
        """Make room for a piece: drop all frames but the newest `most` (0 or 1)."""
        words = self.words
        left = (words[_END] - words[_HEAD]) // FRAME_BYTES
        if left > most:
            self.surplus += left - most
            left = most
        if left:
            move_frame(self.data, words)
        words[_HEAD] = FRAME_BYTES * (1 - left)
        words[_END] = FRAME_BYTES

    def look(self, now):
        """Note at tick `now` what the FIFO holds: its bytes, or a fault (NACK, POR) negated.

        Allocates nothing.
        """
        found = self.fifo.waiting()
        if found < 0:
            return found
        self.unread = found // FRAME_BYTES
        if self.unread:
            self.heard = now
            self.delivered = True
        return found

    def fetch(self, most):
        """Fetch a piece of what is unread, `most` frames at the most, after keep().

        Returns OK, NACK, or what the newest frame shows. Allocates nothing.
        """
        unread = self.unread
        if not unread:
            return OK
        which = _which(min(most, unread))
        if not self.fifo.fetch(self._views[which]):
            return NACK
        n = PIECES[which]
        self.unread = unread - n
        self.words[_END] = FRAME_BYTES * (n + 1)
        last = FRAME_BYTES * n
        if self.data[last] != FRAME_SAMPLE:
            return OK
        return self._chip.check(self.data, last + 1)

    def take(self):
        """Make the next sample frame the one that is copied; allocates nothing.

        Returns 1 if there is one, 0 if not, or a fault (CONF_ERR, FRAME) negated.
        """
        found = next_frame(self.data, self.words)
        if found >= 0:
            return found
        return -CONF_ERR if -found == FRAME_ERROR else -FRAME

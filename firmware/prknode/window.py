"""A sliding window of regression rows and its moments, in exact integers.

Generalised least squares for residuals with lag-1 correlation rho/1024: within a run of adjacent
rows each row enters as 1024 row_b - rho row_(b-1), the first one with weight 1024^2 - rho^2.
The ten moments of (1, I, D, y) are kept per segment; a row leaves by subtracting exactly what it
added, so the window never drifts.
"""

import struct
from array import array

from prknode.compat import const, micropython, ptr8, ptr32

_ROW = "<Hqii"  # slot, I, D, y
_ROW_OF_SUMS = "<HqiIh"  # the sum of several: y is longer than 32 bits, its low ones first
_COLUMNS = const(2)  # offset of I
_LOW = const(0xFFFF)
_LOW_32 = const(0xFFFFFFFF)
UNIT = const(1024)


class Window:
    """The newest `capacity` rows; rho1024: lag-1 correlation times 1024.

    sums: whether a row is made of sums of blocks instead of single ones.
    """

    def __init__(self, capacity, rho1024, sums=False):
        self.capacity = capacity
        self._sums = sums
        self._row = _ROW_OF_SUMS if sums else _ROW
        self._size = struct.calcsize(self._row)
        self._data = bytearray(self._size * capacity)
        self.clear(rho1024)

    def clear(self, rho1024):
        """Forget everything, and begin anew with this correlation."""
        self._rho = rho1024
        self._first_weight = UNIT * UNIT - rho1024 * rho1024
        self._start = 0
        self.rows = 0
        self.segments = []  # [segment number, rows, [ten moments]], oldest first

    def row(self, index):
        """Row `index` of the window, 0 the oldest: (slot, I, D, y).

        Of the slot the low 16 bits are kept: a window spans far fewer.
        """
        at = self._start + index
        if at >= self.capacity:
            at -= self.capacity
        row = struct.unpack_from(self._row, self._data, at * self._size)
        return row[:3] + (row[3] + (row[4] << 32),) if self._sums else row

    def add(self, row):
        """Take a Row; the oldest one leaves when the window is full."""
        if self.rows == self.capacity:
            self._remove_oldest()
        previous = None
        if self.rows and self.segments[-1][0] == row.segment:
            previous = self.row(self.rows - 1)
        else:
            self.segments.append([row.segment, 0, [0] * 10])
        slot = row.slot & _LOW
        at = self._start + self.rows
        if at >= self.capacity:
            at -= self.capacity
        y = (row.y & _LOW_32, row.y >> 32) if self._sums else (row.y,)
        struct.pack_into(self._row, self._data, at * self._size, slot, row.i, row.d, *y)
        self.rows += 1
        segment = self.segments[-1]
        segment[1] += 1
        self._enter(segment[2], previous, (slot, row.i, row.d, row.y), 1)

    def _remove_oldest(self):
        oldest = self.row(0)
        segment = self.segments[0]
        moments = segment[2]
        self._enter(moments, None, oldest, -1)
        following = self.row(1) if segment[1] > 1 else None
        if following is not None and self._adjacent(oldest, following):
            # The next row was entered against the leaving one; now it is the first of its run.
            self._enter(moments, oldest, following, -1)
            self._enter(moments, None, following, 1)
        segment[1] -= 1
        if not segment[1]:
            self.segments.pop(0)
        self._start += 1
        if self._start == self.capacity:
            self._start = 0
        self.rows -= 1

    @staticmethod
    def _adjacent(earlier, later):
        return (earlier[0] + 1) & _LOW == later[0]

    def _enter(self, moments, previous, row, sign):
        """Add (sign 1) or take away (-1) one row's part of its segment's moments."""
        i, d, y = row[1], row[2], row[3]
        if previous is not None and self._adjacent(previous, row):
            rho = self._rho
            one = UNIT - rho
            i = UNIT * i - rho * previous[1]
            d = UNIT * d - rho * previous[2]
            y = UNIT * y - rho * previous[3]
            weight = sign
        else:
            one = 1
            weight = sign * self._first_weight
        w1 = weight * one
        wi = weight * i
        wd = weight * d
        moments[0] += w1 * one
        moments[1] += w1 * i
        moments[2] += w1 * d
        moments[3] += w1 * y
        moments[4] += wi * i
        moments[5] += wi * d
        moments[6] += wi * y
        moments[7] += wd * d
        moments[8] += wd * y
        moments[9] += weight * y * y

    def batches(self, number):
        """Sums of I, D, y over `number` equal runs of the newest rows: a list of (I, D, y).

        The oldest rows that do not fill a batch are left out. The rows are added up each time:
        running sums in every row would double the window's memory.
        """
        size = self.rows // number
        at = self._start + self.rows - size * number
        words = array("i", [0] * (2 + (self._size - _COLUMNS) // 2))
        result = []
        for _ in range(number):
            for i in range(2, len(words)):
                words[i] = 0
            words[0] = self._size
            words[1] = len(words) - 2
            if at >= self.capacity:
                at -= self.capacity
            head = min(size, self.capacity - at)
            add_rows(self._data, at * self._size, head, words)
            add_rows(self._data, 0, size - head, words)
            at += size
            result.append(
                (_joined(words, 2, 6), _joined(words, 6, 8), _joined(words, 8, len(words)))
            )
        return result


def _joined(words, first, end):
    """The integer whose 16-bit parts, lowest first, are these words."""
    value = 0
    for i in range(end - 1, first - 1, -1):
        value = (value << 16) + words[i]
    return value


@micropython.viper
def add_rows(rows, at: int, count: int, words):
    """Add I, D and y of `count` adjacent rows, the first at that offset, to words 2 and on.

    words: an array("i"): the bytes of a row, the 16-bit parts of its three columns, and a sum for
    each part, lowest first, the highest of a column with its sign. They hold 2^15 rows. In
    bytecode a row took 180 us and half of the solution's time.
    """
    data = ptr8(rows)
    sums = ptr32(words)
    size = int(sums[0])
    parts = int(sums[1])
    at += _COLUMNS
    while count > 0:
        here = at
        i = 0
        while i < parts:
            part = int(data[here]) | (int(data[here + 1]) << 8)
            if i == 3 or i == 5 or i == parts - 1:
                part = (part ^ 0x8000) - 0x8000
            sums[2 + i] += part
            here += 2
            i += 1
        at += size
        count -= 1

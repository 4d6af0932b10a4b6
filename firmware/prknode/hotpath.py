"""What is done for every sample, compiled to machine code on a board.

A sample at 200 Hz has 5 ms of a processor that takes microseconds for one attribute; in plain
bytecode these functions alone took most of a millisecond. They are ordinary Python as well: under
CPython the decorator and the casts do nothing. Four arguments are the most that viper takes.
"""

from prknode.compat import micropython, ptr8, ptr32


@micropython.viper
def pack_head(out, at: int, time, flags: int):
    """Write the head of a sample record: a time [hi, lo], an array of 32-bit words, and flags."""
    data = ptr8(out)
    words = ptr32(time)
    hi = words[0]
    lo = words[1]
    data[at] = lo & 0xFF
    data[at + 1] = (lo >> 8) & 0xFF
    data[at + 2] = (lo >> 16) & 0xFF
    data[at + 3] = hi & 0xFF
    data[at + 4] = (hi >> 8) & 0xFF
    data[at + 5] = (hi >> 16) & 0xFF
    data[at + 6] = flags & 0xFF
    data[at + 7] = (flags >> 8) & 0xFF


@micropython.viper
def copy_frame(frames, frame: int, out, at: int):
    """Copy the counts of a FIFO frame, temperature first, in the order of the registers."""
    source = ptr8(frames)
    data = ptr8(out)
    data[at] = source[frame + 4]
    data[at + 1] = source[frame + 5]
    data[at + 2] = source[frame + 6]
    data[at + 3] = source[frame + 1]
    data[at + 4] = source[frame + 2]
    data[at + 5] = source[frame + 3]


@micropython.viper
def copy_counts(counts, first: int, out, at: int):
    """Copy the six bytes of a reading."""
    source = ptr8(counts)
    data = ptr8(out)
    i = 0
    while i < 6:
        data[at + i] = source[first + i]
        i += 1


@micropython.viper
def clear_counts(out, at: int):
    """Write zeros where a sensor's counts would be."""
    data = ptr8(out)
    i = 0
    while i < 6:
        data[at + i] = 0
        i += 1


@micropython.viper
def add_counts(record, at: int, flags: int, sums):
    """Add the counts from that offset on to the sums of each sensor whose valid bit is set.

    sums: array of 32-bit words: the number of sensors, then for each the number of its counts,
    and the sums of the low and the high 12 bits of its pressures and of its temperatures.
    """
    data = ptr8(record)
    words = ptr32(sums)
    sensors = int(words[0])
    i = 0
    j = 1
    while i < sensors:
        if flags & (1 << i):
            middle = int(data[at + 1])
            words[j] += 1
            words[j + 1] += data[at] | ((middle & 15) << 8)
            words[j + 2] += (middle >> 4) | (data[at + 2] << 4)
            middle = int(data[at + 4])
            words[j + 3] += data[at + 3] | ((middle & 15) << 8)
            words[j + 4] += (middle >> 4) | (data[at + 5] << 4)
        i += 1
        j += 5
        at += 6

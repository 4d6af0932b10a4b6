"""What is done for every sample, compiled to machine code on a board.

A sample at 200 Hz has 5 ms of a processor that needs microseconds to look an attribute up; in
bytecode these functions alone took more than one of them. They are ordinary Python as well: under
CPython the decorator and the casts do nothing. State is handed in as arrays of 32-bit words, since
four arguments are the most that viper takes.
"""

from prknode.compat import const, micropython, ptr8, ptr32

_SAMPLE = const(0x94)  # frames of the FIFO, as chipfifo describes them
_TIME = const(0xA0)  # then three bytes; every other frame has one byte after its header
_CONFIG = const(0x48)
_EMPTY = const(0x80)

_FAR = const(0x3FFFFF)


@micropython.viper
def pack_head(out, at: int, time, flags: int):
    """Write the head of a sample record: flags, and a time, words 2 and 3 of ticks.Elapsed."""
    data = ptr8(out)
    words = ptr32(time)
    hi = words[2]
    lo = words[3]
    data[at] = lo & 0xFF
    data[at + 1] = (lo >> 8) & 0xFF
    data[at + 2] = (lo >> 16) & 0xFF
    data[at + 3] = hi & 0xFF
    data[at + 4] = (hi >> 8) & 0xFF
    data[at + 5] = (hi >> 16) & 0xFF
    data[at + 6] = flags & 0xFF
    data[at + 7] = (flags >> 8) & 0xFF


@micropython.viper
def look_back(time, us: int):
    """Set words 2 and 3, [hi, lo], to so many microseconds before words 0 and 1."""
    words = ptr32(time)
    hi = int(words[0]) - (us >> 24)
    lo = int(words[1]) - (us & 0xFFFFFF)
    if lo < 0:
        lo += 0x1000000
        hi -= 1
    words[2] = hi
    words[3] = lo


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
def next_frame(frames, state) -> int:
    """Find the next sample frame of a piece of FIFO.

    state: words of framequeue.FrameQueue: where to look, the end, where the frame found lies.
    Returns 1 when there is one, 0 when there is none, or minus the header of what is no frame.
    """
    data = ptr8(frames)
    words = ptr32(state)
    head = int(words[0])
    end = int(words[1])
    while head + 7 <= end:
        header = int(data[head])
        if header == _SAMPLE:
            words[2] = head
            words[0] = head + 7
            return 1
        if header == _CONFIG or header == _EMPTY:
            # A change of settings is no fault: a stream may begin with the frame of ours.
            head += 2
        elif header == _TIME:
            head += 4
        else:
            words[0] = head
            return 0 - header
    # A frame cut short by the end of the piece comes again with the next one.
    words[0] = end
    return 0


@micropython.viper
def move_frame(frames, state):
    """Move the last seven bytes before the end of a piece to its beginning; state as above."""
    data = ptr8(frames)
    words = ptr32(state)
    start = int(words[1]) - 7
    i = 0
    while i < 7:
        data[i] = data[start + i]
        i += 1


@micropython.viper
def copy_frame(frames, state, out, at: int):
    """Copy the counts of the frame found, temperature first, in the order of the registers."""
    source = ptr8(frames)
    words = ptr32(state)
    data = ptr8(out)
    frame = int(words[2])
    data[at] = source[frame + 4]
    data[at + 1] = source[frame + 5]
    data[at + 2] = source[frame + 6]
    data[at + 3] = source[frame + 1]
    data[at + 4] = source[frame + 2]
    data[at + 5] = source[frame + 3]


@micropython.viper
def add_level(record, at: int, state) -> int:
    """Add the chamber's counts to those of a bin, words of alarms.Alarms; how many it holds then.

    state: mask of its valid bit, offset of its counts, raw pressure and temperature that are taken
    off, sums of what is left, samples in them, most that is left of a temperature. Of a pressure
    that is some 60 kPa, so that 64 of them are small ints. 0 when the sensor has not delivered.
    """
    data = ptr8(record)
    words = ptr32(state)
    if not data[at + 6] & int(words[0]):
        return 0
    at += int(words[1])
    off = (int(data[at]) | int(data[at + 1]) << 8 | int(data[at + 2]) << 16) - int(words[2])
    if off > _FAR:
        off = _FAR
    if off < 0 - _FAR:
        off = 0 - _FAR
    words[4] += off
    off = (int(data[at + 3]) | int(data[at + 4]) << 8 | int(data[at + 5]) << 16) - int(words[3])
    most = int(words[7])
    if off > most:
        off = most
    if off < 0 - most:
        off = 0 - most
    words[5] += off
    words[6] += 1
    return int(words[6])


@micropython.viper
def next_tick(clock) -> int:
    """Move on by a step; the tick, of 30 bits.

    clock: words of frameclock.FrameClock: tick, 1/256 us beyond it, step in 1/256 us.
    """
    words = ptr32(clock)
    rest = int(words[1]) + int(words[2])
    tick = (int(words[0]) - 0x3FFFFFFF + (rest >> 8) - 1) & 0x3FFFFFFF
    words[0] = tick
    words[1] = rest & 0xFF
    return tick


@micropython.viper
def add_sample(record, at: int, sums) -> int:
    """Add a sample record to the sums of its slot, words of blocks.BlockSums.

    Returns 0, and adds nothing, when its time lies beyond the slot. The low and the high 12 bits
    of a count are added apart.
    """
    data = ptr8(record)
    words = ptr32(sums)
    hi = data[at + 3] | data[at + 4] << 8 | data[at + 5] << 16
    end = int(words[4])
    if hi >= end:
        lo = data[at] | data[at + 1] << 8 | data[at + 2] << 16
        if hi > end or lo >= int(words[5]):
            return 0
    flags = data[at + 6] | data[at + 7] << 8
    words[2] += 1
    words[3] = int(words[3]) | flags & int(words[6])
    paired = int(words[1])
    if flags & paired != paired:
        return 1
    sensors = int(words[0])
    at += 8
    i = 0
    j = 7
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
    return 1

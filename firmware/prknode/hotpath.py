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

_MIDDLE = const(0x200000)  # of a level
_MIDDLE_SHARE = const(4096)
_MIDDLE_SLOPE = const(0x20000000)
_WARMEST = const(0x20000)
_FAR = const(0x3FFFFF)  # sixteen bins so far apart sum up to 2^29


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
def watch_level(record, at: int, state) -> int:
    """Follow the chamber's pressure level, and its slope over the newest bins of samples.

    state: words of alarms.Alarms: mask of the chamber's valid bit, flags that begin anew, offset of
    its counts, raw pressure and temperature of the tangent point, level's share of a raw
    temperature times 4096, whether the level falls as the counts rise, its newest value, sum and
    number of samples in the bin under way, samples a bin has, bins held, bins there are, limit and
    value of the slope's sum; then the bins, oldest first. None is negative, for a 64-bit machine
    reads a word without its sign: level, share and slope have their middle added.
    Returns 1 when the slope is below minus the limit, 2 when it is above it, else 0.
    """
    data = ptr8(record)
    words = ptr32(state)
    flags = int(data[at + 6]) | int(data[at + 7]) << 8
    if not flags & int(words[0]) or flags & int(words[1]):
        words[8] = 0
        words[9] = 0
        words[11] = 0
        if not flags & int(words[0]):
            return 0
    here = at + int(words[2])
    level = int(data[here]) | int(data[here + 1]) << 8 | int(data[here + 2]) << 16
    warmth = int(data[here + 3]) | int(data[here + 4]) << 8 | int(data[here + 5]) << 16
    # Further from the tangent point than 37 K the product would wrap.
    warmth = (warmth - int(words[4])) >> 4
    if warmth > _WARMEST:
        warmth = _WARMEST
    if warmth < 0 - _WARMEST:
        warmth = 0 - _WARMEST
    level += (warmth * (int(words[5]) - _MIDDLE_SHARE) >> 8) - int(words[3])
    if words[6]:
        level = 0 - level
    if level > _MIDDLE - 1:
        level = _MIDDLE - 1
    if level < 1 - _MIDDLE:
        level = 1 - _MIDDLE
    level += _MIDDLE
    words[7] = level
    words[8] = int(words[8]) + level
    words[9] = int(words[9]) + 1
    if int(words[9]) < int(words[10]):
        return 0
    newest = int(words[8])
    words[8] = 0
    words[9] = 0
    bins = int(words[12])
    i = 15
    weight = 1 - bins
    total = 0
    while i < 14 + bins:
        older = int(words[i + 1])
        words[i] = older
        older -= newest
        if older > _FAR:
            older = _FAR
        if older < 0 - _FAR:
            older = 0 - _FAR
        total += weight * older
        weight += 2
        i += 1
    words[i] = newest
    if int(words[11]) < bins:
        words[11] = int(words[11]) + 1
        if int(words[11]) < bins:
            return 0
    words[14] = total + _MIDDLE_SLOPE
    limit = int(words[13])
    if total < 0 - limit:
        return 1
    if total > limit:
        return 2
    return 0


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

"""Binary records: what the node keeps in its rings, sends, and the host stores unchanged.

All records are little-endian and of fixed size within a run. A sample record is 8 + 6 n bytes
for n sensors:

    t_us   48 bit   microseconds since INIT, monotonic
    flags  16 bit   FLAG_* below
    then per sensor: 24 bit raw pressure, 24 bit raw temperature, as in registers 0x04..0x09

Sequence numbers are implicit: record i of a run is the i-th sample taken, never reused.
"""

import struct

from prknode.compat import const

SAMPLE_HEAD = const(8)
SENSOR_BYTES = const(6)

# Sample flags: which sensors delivered, the state, what went wrong.
FLAG_VALID = const(0x000F)  # bit i: sensor i delivered
FLAG_STATE_SHIFT = const(4)
FLAG_STATE = const(0x0070)
FLAG_LATE = const(0x0080)  # taken well after its time, or samples before it are missing
FLAG_RESTART = const(0x0100)  # first sample after chamber or reference was re-initialised
FLAG_FAULT = const(0x0200)  # chamber or reference is out of order, not only short of a fresh value
FLAG_FILL = const(0x0400)  # since the sample before a valve was open that lets gas in
FLAG_VENT = const(0x0800)  # ... that lets gas out

# States of the node.
IDLE = const(0)
SETTLING = const(1)
MEASURING = const(2)
HOLDING = const(3)
ALARM = const(4)
FAULT = const(5)
STATE_NAMES = ("IDLE", "SETTLING", "MEASURING", "HOLDING", "ALARM", "FAULT")

# Block flags.
BLOCK_VALID = const(0x0001)  # at least 75 % of the samples the slot should hold
BLOCK_FAST = const(0x0002)  # more than 50 Pa/min or 0.1 K/min: mean of raw counts is less exact
BLOCK_RANGE = const(0x0004)  # a mean outside 300..1250 hPa or -40..85 degC
BLOCK_FAULT = const(0x0008)  # a sensor fault or restart inside the slot
BLOCK_FILL = const(0x0010)  # a valve that lets gas in was open inside the slot
BLOCK_VENT = const(0x0020)  # one that lets gas out

BLOCK_HEAD = "<IIHH"  # slot, first sequence number, flags, samples in the slot
BLOCK_HEAD_SIZE = const(12)
BLOCK_SENSOR_SIZE = const(14)  # n (16 bit), sum of raw pressures (48), of raw temperatures (48)

# Which error the reported standard error is.
BASIS_NONE = const(0)
BASIS_GLS = const(1)
BASIS_BATCH = const(2)
BASIS_SEALED = const(3)
BASIS_NAMES = ("NONE", "GLS", "BATCH", "SEALED")

NO_SE = (1 << 64) - 1
"""Standard error of a result that is not there yet."""

RESULT = "<IBBHHHqQqQIII"
"""slot, state, basis, rows, long rows, segments, k, se, long k, long se [1e-18 1/s],
chamber [Pa/4096], reference [Pa/4096], chamber temperature [K/2^20]."""
RESULT_SIZE = const(56)

EVENT = "<HHHBBi52s"
"""t_us (three 16-bit words, low first), code, sensor (0xFF: none), value, text."""
EVENT_SIZE = const(64)

EV_INIT = const(1)
EV_ABORT = const(2)
EV_MARK = const(3)
EV_FAULT = const(4)
EV_RECOVERED = const(5)
EV_REPRESS = const(6)
EV_VENT = const(7)
EV_GAP = const(8)
EV_STATE = const(9)
EV_BOOT = const(10)
EV_MISSED = const(11)
EV_ALARM = const(12)  # value: mPa/s of a fast fall, Pa of a low pressure
EV_CLEARED = const(13)  # the alarm was acknowledged
EV_VALVE = const(14)  # value: number of the valve, negative when it was shut
EV_HOLD = const(15)  # value: 1 when holding a pressure began, 0 when it ended; the text says why

ANSWER_HEAD = "<IIHH"  # run id, first sequence number, count, record size
ANSWER_HEAD_SIZE = const(12)


def sample_size(sensors):
    """Bytes of a sample record of that many sensors."""
    return SAMPLE_HEAD + SENSOR_BYTES * sensors


def block_size(sensors):
    """Bytes of a block record of that many sensors."""
    return BLOCK_HEAD_SIZE + BLOCK_SENSOR_SIZE * sensors


def pack_event(data, at, t_us, code, sensor, value, text):
    """Write one event record at that offset; the text is cut at 52 bytes."""
    struct.pack_into(
        EVENT, data, at, t_us & 0xFFFF, (t_us >> 16) & 0xFFFF, (t_us >> 32) & 0xFFFF,
        code, sensor, value, text.encode()[:52],
    )  # fmt: skip


def pack_block(data, at, slot, first, flags, count, numbers, pressures, temperatures):
    """Write one block record; numbers, pressures and temperatures are sequences, one a sensor."""
    struct.pack_into(BLOCK_HEAD, data, at, slot, first, flags, count)
    at += BLOCK_HEAD_SIZE
    for i in range(len(numbers)):
        p = pressures[i]
        t = temperatures[i]
        struct.pack_into(
            "<HHIHI", data, at, numbers[i],
            p & 0xFFFF, p >> 16, t & 0xFFFF, t >> 16,
        )  # fmt: skip
        at += BLOCK_SENSOR_SIZE

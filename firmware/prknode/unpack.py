"""Records read back, for the host: a node only writes them."""

import struct

from prknode.records import (
    BLOCK_HEAD,
    BLOCK_HEAD_SIZE,
    BLOCK_SENSOR_SIZE,
    EV_ABORT,
    EV_ALARM,
    EV_BOOT,
    EV_CLEARED,
    EV_FAULT,
    EV_GAP,
    EV_HOLD,
    EV_INIT,
    EV_MARK,
    EV_MISSED,
    EV_RECOVERED,
    EV_REPRESS,
    EV_STATE,
    EV_VALVE,
    EV_VENT,
    EVENT,
)

EVENT_NAMES = {
    EV_INIT: "INIT",
    EV_ABORT: "ABORT",
    EV_MARK: "MARK",
    EV_FAULT: "FAULT",
    EV_RECOVERED: "RECOVERED",
    EV_REPRESS: "REPRESS",
    EV_VENT: "VENT",
    EV_GAP: "GAP",
    EV_STATE: "STATE",
    EV_BOOT: "BOOT",
    EV_MISSED: "MISSED",
    EV_ALARM: "ALARM",
    EV_CLEARED: "CLEARED",
    EV_VALVE: "VALVE",
    EV_HOLD: "HOLD",
}


def unpack_event(record):
    """Return (t_us, code, sensor or None, value, text) of one event record."""
    a, b, c, code, sensor, value, data = struct.unpack(EVENT, record)
    end = data.find(b"\0")
    text = data if end < 0 else data[:end]
    return (
        a | b << 16 | c << 32,
        code,
        None if sensor == 0xFF else sensor,
        value,
        text.decode("utf-8", "replace") if text else "",
    )


def unpack_block(record, sensors):
    """Return (slot, first, flags, count, numbers, pressures, temperatures) of one block record."""
    slot, first, flags, count = struct.unpack_from(BLOCK_HEAD, record, 0)
    numbers = []
    pressures = []
    temperatures = []
    at = BLOCK_HEAD_SIZE
    for _ in range(sensors):
        n, pl, ph, tl, th = struct.unpack_from("<HHIHI", record, at)
        numbers.append(n)
        pressures.append(pl | ph << 16)
        temperatures.append(tl | th << 16)
        at += BLOCK_SENSOR_SIZE
    return slot, first, flags, count, numbers, pressures, temperatures

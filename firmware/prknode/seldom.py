"""Commands for setting a node up: roles, offsets, the system.

Handlers as in commands, the table has its layout. commands loads this module for each and gives its
memory back.
"""

from prknode.catalogue import OFFSET, ROLE
from prknode.commands import channels_of, value_of
from prknode.integers import format_decimal
from prknode.scpi import ScpiError, channels


def _preset(node, suffixes, parameters):
    node.abort()
    node.restore()
    node.status.preset()


def _reboot(node, suffixes, parameters):
    node.abort()
    node.board.reset()


def _up_time(node, suffixes, parameters):
    return format_decimal(node.uptime.at(node.board.ticks_us()), 6)


def _memory(node, suffixes, parameters):
    return "%d,%d" % node.board.memory()


def _set_role(node, suffixes, parameters):
    node.require_idle()
    sensor = _sensor(node, suffixes[0])
    sensor.role = value_of(ROLE, parameters[0])


def _role(node, suffixes, parameters):
    return _sensor(node, suffixes[0]).role


def _set_offset(node, suffixes, parameters):
    node.require_idle()
    listed = channels(parameters[1], len(node.settings.sensors))
    value = value_of(OFFSET, parameters[0])
    for i in listed:
        node.settings.sensors[i].offset_mpa = value


def _offset(node, suffixes, parameters):
    sensors = node.settings.sensors
    return ",".join(OFFSET.show(sensors[i].offset_mpa) for i in channels_of(node, parameters))


def _trim(node, suffixes, parameters):
    listed = channels_of(node, parameters)
    if len(listed) != 1:
        raise ScpiError(-171, "one channel expected")
    return node.answers.whole(node.chips[listed[0]].trim)


def _runs(node, suffixes, parameters):
    ring = node.samples
    return "%d,%d,%d" % (node.run_id, ring.oldest, ring.next) if node.run_id else ""


def _set_format(node, suffixes, parameters):
    word = parameters[0].upper()
    if word in ("INT", "INTEGER"):
        node.ascii = False
    elif word in ("ASC", "ASCII"):
        node.ascii = True
    else:
        raise ScpiError(-224, "INTeger or ASCii")


def _format(node, suffixes, parameters):
    return "ASC" if node.ascii else "INT"


def _sensor(node, suffix):
    if not 1 <= suffix <= len(node.settings.sensors):
        raise ScpiError(-114, "sensors are 1 to %d" % len(node.settings.sensors))
    return node.settings.sensors[suffix - 1]


# fmt: off
TABLE = (
    "SYSTem:ERRor:COUNt?", lambda node, s, p: str(node.status.error_count()), 0, 0,
    "SYSTem:VERSion?", lambda node, s, p: "1999.0", 0, 0,
    "SYSTem:MEMory?", _memory, 0, 0,
    "SYSTem:UPTime?", _up_time, 0, 0,
    "SYSTem:PRESet", _preset, 0, 0,
    "SYSTem:REBoot", _reboot, 0, 0,
    "SENSe:ROLE<n>", _set_role, 1, 1,
    "SENSe:ROLE<n>?", _role, 0, 0,
    "SENSe:COUNt?", lambda node, s, p: str(len(node.settings.sensors)), 0, 0,
    "CALibration:TRIM?", _trim, 0, 1,
    "CALibration:OFFSet", _set_offset, 2, 2,
    "CALibration:OFFSet?", _offset, 0, 1,
    "DATA:RUNS?", _runs, 0, 0,
    "FORMat[:DATA]", _set_format, 1, 1,
    "FORMat[:DATA]?", _format, 0, 0,
)
# fmt: on

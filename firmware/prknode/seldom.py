"""Commands asked for now and then: registers, settings, roles, the system.

Handlers as in commands, the table has its layout. commands loads this module for each and gives its
memory back.
"""

from prknode import PROTOCOL
from prknode.commands import channels_of
from prknode.commands import find as find_in
from prknode.compat import load
from prknode.integers import format_decimal
from prknode.scpi import ScpiError, channels, match, whole
from prknode.settings import SettingError


def _value(item, text):
    try:
        return item.check(item.parse(text))
    except SettingError as error:
        raise ScpiError(-222, str(error))
    except ValueError:
        raise ScpiError(-224, "%s: cannot take %s" % (item.key, text[:20]))


def _setting(item, is_query):
    """What find() gives for a setting: made when asked for, none is kept."""

    def command(node, suffixes, parameters):
        node.require_idle()
        node.change(item.key, _value(item, parameters[0]))

    def query(node, suffixes, parameters):
        if parameters:
            return item.show(_value(item, parameters[0]))
        return item.show(node.settings[item.key])

    return (query, (), 0, 1) if is_query else (command, (), 1, 1)


def _set_ese(node, suffixes, parameters):
    node.status.ese = whole(parameters[0], 0, 255)


def _set_sre(node, suffixes, parameters):
    node.status.sre = whole(parameters[0], 0, 255)


def _preset(node, suffixes, parameters):
    node.abort()
    node.restore()
    node.status.preset()


def _reboot(node, suffixes, parameters):
    node.abort()
    node.board.reset()


def _memory(node, suffixes, parameters):
    return "%d,%d" % node.board.memory()


def _set_role(node, suffixes, parameters):
    node.require_idle()
    sensor = _sensor(node, suffixes[0])
    sensor.role = _value(load("catalogue").ROLE, parameters[0])


def _role(node, suffixes, parameters):
    return _sensor(node, suffixes[0]).role


def _set_offset(node, suffixes, parameters):
    node.require_idle()
    listed = channels(parameters[1], len(node.settings.sensors))
    value = _value(load("catalogue").OFFSET, parameters[0])
    for i in listed:
        node.settings.sensors[i].offset_mpa = value


def _offset(node, suffixes, parameters):
    sensors = node.settings.sensors
    offset = load("catalogue").OFFSET
    return ",".join(offset.show(sensors[i].offset_mpa) for i in channels_of(node, parameters))


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


def _register_commands(path, name):
    def event(node, suffixes, parameters):
        return str(getattr(node.status, name).read_event())

    def condition(node, suffixes, parameters):
        return str(getattr(node.status, name).condition)

    def set_enable(node, suffixes, parameters):
        getattr(node.status, name).enable = whole(parameters[0], 0, 65535) & 0x7FFF

    def enable(node, suffixes, parameters):
        return str(getattr(node.status, name).enable)

    return (
        path + "[:EVENt]?", event, 0, 0,
        path + ":CONDition?", condition, 0, 0,
        path + ":ENABle", set_enable, 1, 1,
        path + ":ENABle?", enable, 0, 0,
    )  # fmt: skip


def _sensor(node, suffix):
    if not 1 <= suffix <= len(node.settings.sensors):
        raise ScpiError(-114, "sensors are 1 to %d" % len(node.settings.sensors))
    return node.settings.sensors[suffix - 1]


# fmt: off
TABLE = (
    "*ESE", _set_ese, 1, 1,
    "*ESE?", lambda node, s, p: str(node.status.ese), 0, 0,
    "*ESR?", lambda node, s, p: str(node.status.read_esr()), 0, 0,
    "*SRE", _set_sre, 1, 1,
    "*SRE?", lambda node, s, p: str(node.status.sre), 0, 0,
    "SYSTem:ERRor:COUNt?", lambda node, s, p: str(node.status.error_count()), 0, 0,
    "SYSTem:VERSion?", lambda node, s, p: "1999.0", 0, 0,
    "SYSTem:PROTocol?", lambda node, s, p: str(PROTOCOL), 0, 0,
    "SYSTem:MEMory?", _memory, 0, 0,
    "SYSTem:UPTime?", lambda node, s, p: format_decimal(node.up_time(), 6), 0, 0,
    "SYSTem:PRESet", _preset, 0, 0,
    "SYSTem:REBoot", _reboot, 0, 0,
    "SENSe:ROLE<n>", _set_role, 1, 1,
    "SENSe:ROLE<n>?", _role, 0, 0,
    "SENSe:COUNt?", lambda node, s, p: str(len(node.settings.sensors)), 0, 0,
    "CALibration:TRIM?", _trim, 0, 1,
    "CALibration:OFFSet", _set_offset, 2, 2,
    "CALibration:OFFSet?", _offset, 0, 1,
    "STATus:PRESet", lambda node, s, p: node.status.preset(), 0, 0,
    "DATA:RUNS?", _runs, 0, 0,
    "FORMat[:DATA]", _set_format, 1, 1,
    "FORMat[:DATA]?", _format, 0, 0,
) + _register_commands("STATus:OPERation", "operation") + _register_commands(
    "STATus:QUEStionable", "questionable"
)
# fmt: on


def find(header):
    """What commands.find() gives for it; ScpiError when no table knows the header."""
    found = find_in(TABLE, header)
    if not found and header[:3] in ("CAL", "OUT", "SOU"):
        found = find_in(load("control").TABLE, header)
    if not found:
        is_query = header[-1:] == "?"
        name = header[:-1] if is_query else header
        item = load("catalogue").named(lambda pattern: match(pattern, name) is not None)
        if item is None:
            raise ScpiError(-113, header[:40])
        found = _setting(item, is_query)
    return found

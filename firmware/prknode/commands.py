"""The command table: every header the node knows, and what it does.

A handler takes (node, suffixes, parameters) and returns None, the text of an answer, a link.Block,
a link.Listing or link.PENDING. It raises ScpiError for what cannot be done.
"""

from prknode import PROTOCOL, __version__
from prknode.compat import const
from prknode.control import COMMANDS
from prknode.integers import format_decimal
from prknode.link import PENDING
from prknode.records import BASIS_NAMES, NO_SE, STATE_NAMES
from prknode.scpi import ScpiError, channels, match, quoted, whole
from prknode.settings import OFFSET, ROLE, SettingError, all_settings, named
from prknode.status import ESR_OPC

_MAX_U32 = (1 << 32) - 1
_NAN = "9.91E37"
"""What SCPI answers for a number that is not there."""


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


def _identify(node, suffixes, parameters):
    return "prkbench,PRK-NODE,%s,%s" % (node.board.unique_id(), __version__)


def _reset(node, suffixes, parameters):
    node.abort()
    node.restore()


def _clear(node, suffixes, parameters):
    node.status.clear()


def _set_ese(node, suffixes, parameters):
    node.status.ese = whole(parameters[0], 0, 255)


def _set_sre(node, suffixes, parameters):
    node.status.sre = whole(parameters[0], 0, 255)


def _operation_complete(node, suffixes, parameters):
    node.status.esr |= ESR_OPC


def _nothing(node, suffixes, parameters):
    """Everything the node does is done when the next command is read."""


def _preset(node, suffixes, parameters):
    node.abort()
    node.restore()
    node.status.preset()


def _reboot(node, suffixes, parameters):
    node.abort()
    node.board.reset()


def _time(node, suffixes, parameters):
    run = node.run_time()
    return "%d,%d" % (node.up_time(), -1 if run is None else run)


def _memory(node, suffixes, parameters):
    return "%d,%d" % node.board.memory()


def _set_role(node, suffixes, parameters):
    node.require_idle()
    sensor = _sensor(node, suffixes[0])
    sensor.role = _value(ROLE, parameters[0])


def _role(node, suffixes, parameters):
    return _sensor(node, suffixes[0]).role


def _set_offset(node, suffixes, parameters):
    node.require_idle()
    listed = channels(parameters[1], len(node.settings.sensors))
    value = _value(OFFSET, parameters[0])
    for i in listed:
        node.settings.sensors[i].offset_mpa = value


def _offset(node, suffixes, parameters):
    sensors = node.settings.sensors
    return ",".join(OFFSET.show(sensors[i].offset_mpa) for i in _channels(node, parameters))


def _trim(node, suffixes, parameters):
    listed = _channels(node, parameters)
    if len(listed) != 1:
        raise ScpiError(-171, "one channel expected")
    return node.answer_bytes(node.chips[listed[0]].trim)


def _measure(which):
    def command(node, suffixes, parameters):
        node.begin_measurement(which, _channels(node, parameters))
        return PENDING

    return command


def _initiate(node, suffixes, parameters):
    node.initiate()


def _abort(node, suffixes, parameters):
    node.abort()


def _runs(node, suffixes, parameters):
    ring = node.samples
    return "%d,%d,%d" % (node.run_id, ring.oldest, ring.next) if node.run_id else ""


def _points(node, suffixes, parameters):
    parts = [str(node.run_id)]
    for ring in (node.samples, node.blocks_ring, node.results, node.events):
        parts.append("%d,%d" % (ring.oldest, ring.next))
    return ",".join(parts)


def _read(name):
    def command(node, suffixes, parameters):
        ring = getattr(node, name)
        first = whole(parameters[0], 0, _MAX_U32)
        count = whole(parameters[1], 0, 200)
        if len(parameters) > 2 and whole(parameters[2], 0, _MAX_U32) != node.run_id:
            raise ScpiError(-230, "run %s is not held" % parameters[2])
        return node.answer_records(ring, first, count)

    return command


def _setup(node, suffixes, parameters):
    return node.answer_bytes(node.setup_json())


def _decay(long):
    def command(node, suffixes, parameters):
        estimator = node.estimator
        estimate = None
        if estimator:
            estimate = estimator.long_estimate if long else estimator.estimate
        state = STATE_NAMES[node.state]
        if estimate is None or estimate.se == NO_SE:
            return "%s,%s,%s,%d,NONE" % (_NAN, _NAN, state, estimate.rows if estimate else 0)
        return "%dE-18,%dE-18,%s,%d,%s" % (
            estimate.k, estimate.se, state, estimate.rows, BASIS_NAMES[estimate.basis],
        )  # fmt: skip

    return command


def _mark(node, suffixes, parameters):
    node.mark(quoted(parameters[0]))


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


def _channels(node, parameters):
    if parameters:
        return channels(parameters[0], len(node.settings.sensors))
    try:
        return [node.settings.chamber()]
    except ValueError:
        raise ScpiError(-221, "no sensor has the role CHAMBER")


def _sensor(node, suffix):
    if not 1 <= suffix <= len(node.settings.sensors):
        raise ScpiError(-114, "sensors are 1 to %d" % len(node.settings.sensors))
    return node.settings.sensors[suffix - 1]


# fmt: off
TABLE = (
    "*IDN?", _identify, 0, 0,
    "*RST", _reset, 0, 0,
    "*CLS", _clear, 0, 0,
    "*ESE", _set_ese, 1, 1,
    "*ESE?", lambda node, s, p: str(node.status.ese), 0, 0,
    "*ESR?", lambda node, s, p: str(node.status.read_esr()), 0, 0,
    "*OPC", _operation_complete, 0, 0,
    "*OPC?", lambda node, s, p: "1", 0, 0,
    "*SRE", _set_sre, 1, 1,
    "*SRE?", lambda node, s, p: str(node.status.sre), 0, 0,
    "*STB?", lambda node, s, p: str(node.status.byte(False)), 0, 0,
    "*TST?", lambda node, s, p: str(node.self_test()), 0, 0,
    "*WAI", _nothing, 0, 0,
    "SYSTem:ERRor[:NEXT]?", lambda node, s, p: node.status.next_error(), 0, 0,
    "SYSTem:ERRor:COUNt?", lambda node, s, p: str(node.status.error_count()), 0, 0,
    "SYSTem:VERSion?", lambda node, s, p: "1999.0", 0, 0,
    "SYSTem:PROTocol?", lambda node, s, p: str(PROTOCOL), 0, 0,
    "SYSTem:TIME?", _time, 0, 0,
    "SYSTem:MEMory?", _memory, 0, 0,
    "SYSTem:UPTime?", lambda node, s, p: format_decimal(node.up_time(), 6), 0, 0,
    "SYSTem:PRESet", _preset, 0, 0,
    "SYSTem:REBoot", _reboot, 0, 0,
    "SENSe:ROLE<n>", _set_role, 1, 1,
    "SENSe:ROLE<n>?", _role, 0, 0,
    "SENSe:COUNt?", lambda node, s, p: str(len(node.settings.sensors)), 0, 0,
    "MEASure[:SCALar]:PRESsure?", _measure("pressure"), 0, 1,
    "MEASure[:SCALar]:TEMPerature?", _measure("temperature"), 0, 1,
    "CALibration:TRIM?", _trim, 0, 1,
    "CALibration:OFFSet", _set_offset, 2, 2,
    "CALibration:OFFSet?", _offset, 0, 1,
    "INITiate[:IMMediate]", _initiate, 0, 0,
    "ABORt", _abort, 0, 0,
    "STATus:PRESet", lambda node, s, p: node.status.preset(), 0, 0,
    "DATA:RUNS?", _runs, 0, 0,
    "DATA:POINts?", _points, 0, 0,
    "DATA:SETup?", _setup, 0, 0,
    "DATA:READ?", _read("samples"), 2, 3,
    "DATA:BLOCks?", _read("blocks_ring"), 2, 3,
    "DATA:EVENts?", _read("events"), 2, 3,
    "CALCulate:DECay?", _decay(False), 0, 0,
    "CALCulate:DECay:LONG?", _decay(True), 0, 0,
    "CALCulate:DECay:READ?", _read("results"), 2, 3,
    "MARK", _mark, 1, 1,
    "FORMat[:DATA]", _set_format, 1, 1,
    "FORMat[:DATA]?", _format, 0, 0,
) + _register_commands("STATus:OPERation", "operation") + _register_commands(
    "STATus:QUEStionable", "questionable"
) + COMMANDS
# fmt: on
"""Pattern, handler, least and most parameters, one after the other: a tuple for each command, or
a closure for each setting, would cost a board several kilobytes."""

_WIDTH = const(4)


def patterns():
    """Every header the node knows, as a pattern."""
    result = [TABLE[i] for i in range(0, len(TABLE), _WIDTH)]
    for item in all_settings():
        result.append(item.header)
        result.append(item.header + "?")
    return result


def find(header):
    """(handler, suffixes, least and most parameters) for an upper-case header."""
    for i in range(0, len(TABLE), _WIDTH):
        suffixes = match(TABLE[i], header)
        if suffixes is not None:
            return TABLE[i + 1], suffixes, TABLE[i + 2], TABLE[i + 3]
    is_query = header[-1:] == "?"
    name = header[:-1] if is_query else header
    item = named(lambda pattern: match(pattern, name) is not None)
    if item is None:
        raise ScpiError(-113, header[:40])
    return _setting(item, is_query)


def execute(node, header, parameters):
    """Carry out one command."""
    handler, suffixes, least, most = find(header)
    if len(parameters) < least:
        raise ScpiError(-109, header[:40])
    if len(parameters) > most:
        raise ScpiError(-108, header[:40])
    return handler(node, suffixes, parameters)

"""The commands of a run; those that set a node up are in seldom, those for valves in valves.

A handler takes (node, suffixes, parameters) and returns None, the text of an answer, a link.Block,
a link.Listing or link.PENDING. It raises ScpiError for what cannot be done.
"""

from prknode import PROTOCOL, __version__, control
from prknode.catalogue import named
from prknode.compat import const, forget, load
from prknode.link import PENDING
from prknode.records import BASIS_NAMES, NO_SE, STATE_NAMES
from prknode.scpi import ScpiError, channels, match, quoted, whole
from prknode.settings import SettingError
from prknode.status import ESR_OPC

_MAX_U32 = (1 << 32) - 1
_NAN = "9.91E37"
"""What SCPI answers for a number that is not there."""


def value_of(item, text):
    """The integer or word for a setting's parameter; raises ScpiError."""
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
        node.change(item.key, value_of(item, parameters[0]))

    def query(node, suffixes, parameters):
        if parameters:
            return item.show(value_of(item, parameters[0]))
        return item.show(node.settings[item.key])

    return (query, (), 0, 1) if is_query else (command, (), 1, 1)


def _identify(node, suffixes, parameters):
    return "prkbench,PRK-NODE,%s,%s" % (node.board.unique_id(), __version__)


def _reset(node, suffixes, parameters):
    node.abort()
    node.restore()


def _clear(node, suffixes, parameters):
    node.status.clear()


def _operation_complete(node, suffixes, parameters):
    node.status.esr |= ESR_OPC


def _nothing(node, suffixes, parameters):
    """Everything the node does is done when the next command is read."""


def _time(node, suffixes, parameters):
    run = node.run_time()
    return "%d,%d" % (node.uptime.at(node.board.ticks_us()), -1 if run is None else run)


def _measure(which):
    def command(node, suffixes, parameters):
        node.begin_measurement(which, channels_of(node, parameters))
        return PENDING

    return command


def _initiate(node, suffixes, parameters):
    node.initiate()


def _abort(node, suffixes, parameters):
    node.abort()


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
        return node.answers.records(ring, node.run_id, first, count, node.ascii)

    return command


def _setup(node, suffixes, parameters):
    return node.answers.whole(node.setup_json())


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


def _set_ese(node, suffixes, parameters):
    node.status.ese = whole(parameters[0], 0, 255)


def _set_sre(node, suffixes, parameters):
    node.status.sre = whole(parameters[0], 0, 255)


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


def channels_of(node, parameters):
    """Indices of the sensors that a command's first parameter names, of the chamber's if none."""
    if parameters:
        return channels(parameters[0], len(node.settings.sensors))
    try:
        return [node.settings.chamber()]
    except ValueError:
        raise ScpiError(-221, "no sensor has the role CHAMBER")


# fmt: off
TABLE = (
    "*IDN?", _identify, 0, 0,
    "*RST", _reset, 0, 0,
    "*CLS", _clear, 0, 0,
    "*OPC", _operation_complete, 0, 0,
    "*OPC?", lambda node, s, p: "1", 0, 0,
    "*STB?", lambda node, s, p: str(node.status.byte(False)), 0, 0,
    "*TST?", lambda node, s, p: str(node.sensors.faulty), 0, 0,
    "*WAI", _nothing, 0, 0,
    "SYSTem:ERRor[:NEXT]?", lambda node, s, p: node.status.next_error(), 0, 0,
    "SYSTem:TIME?", _time, 0, 0,
    "MEASure[:SCALar]:PRESsure?", _measure("pressure"), 0, 1,
    "MEASure[:SCALar]:TEMPerature?", _measure("temperature"), 0, 1,
    "INITiate[:IMMediate]", _initiate, 0, 0,
    "ABORt", _abort, 0, 0,
    "DATA:POINts?", _points, 0, 0,
    "DATA:SETup?", _setup, 0, 0,
    "DATA:READ?", _read("samples"), 2, 3,
    "DATA:BLOCks?", _read("blocks_ring"), 2, 3,
    "DATA:EVENts?", _read("events"), 2, 3,
    "CALCulate:DECay?", _decay(False), 0, 0,
    "CALCulate:DECay:LONG?", _decay(True), 0, 0,
    "CALCulate:DECay:READ?", _read("results"), 2, 3,
    "MARK", _mark, 1, 1,
    "*ESE", _set_ese, 1, 1,
    "*ESE?", lambda node, s, p: str(node.status.ese), 0, 0,
    "*ESR?", lambda node, s, p: str(node.status.read_esr()), 0, 0,
    "*SRE", _set_sre, 1, 1,
    "*SRE?", lambda node, s, p: str(node.status.sre), 0, 0,
    "SYSTem:PROTocol?", lambda node, s, p: str(PROTOCOL), 0, 0,
    "STATus:PRESet", lambda node, s, p: node.status.preset(), 0, 0,
) + _register_commands("STATus:OPERation", "operation") + _register_commands(
    "STATus:QUEStionable", "questionable"
) + control.TABLE
# fmt: on
"""Pattern, handler, least and most parameters, one after the other: a tuple for each command would
cost a board several kilobytes."""

_WIDTH = const(4)
# How headers of seldom begin: it is loaded for no other one.
_SELDOM = ("SYS", "SEN", "CAL", "DAT", "FOR")
_VALVES = ("OUT", "SOU")


def execute(node, header, parameters):
    """Carry out one command."""
    try:
        handler, suffixes, least, most = _find(node, header)
        if len(parameters) < least:
            raise ScpiError(-109, header[:40])
        if len(parameters) > most:
            raise ScpiError(-108, header[:40])
        return handler(node, suffixes, parameters)
    finally:
        forget("seldom")


def _find(node, header):
    """Handler, suffixes, least and most parameters for an upper-case header."""
    found = _in(TABLE, header)
    if found:
        return found
    is_query = header[-1:] == "?"
    name = header[:-1] if is_query else header
    item = named(lambda pattern: match(pattern, name) is not None)
    if item is not None:
        return _setting(item, is_query)
    if header[:3] in _SELDOM:
        found = _in(load("seldom").TABLE, header)
    elif header[:3] in _VALVES:
        if node.valves is None:
            raise ScpiError(-241, "no valves in config.json, or above 12.5 Hz")
        found = _in(load("valves").TABLE, header)
    if not found:
        raise ScpiError(-113, header[:40])
    return found


def _in(table, header):
    for i in range(0, len(table), _WIDTH):
        suffixes = match(table[i], header)
        if suffixes is not None:
            return table[i + 1], suffixes, table[i + 2], table[i + 3]
    return None

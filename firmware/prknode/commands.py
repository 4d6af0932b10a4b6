"""The commands of every minute; those asked for now and then are in seldom and control.

A handler takes (node, suffixes, parameters) and returns None, the text of an answer, a link.Block,
a link.Listing or link.PENDING. It raises ScpiError for what cannot be done.
"""

from prknode import __version__
from prknode.compat import const, forget, load
from prknode.link import PENDING
from prknode.records import BASIS_NAMES, NO_SE, STATE_NAMES
from prknode.scpi import ScpiError, channels, match, quoted, whole
from prknode.status import ESR_OPC

_MAX_U32 = (1 << 32) - 1
_NAN = "9.91E37"
"""What SCPI answers for a number that is not there."""


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
    return "%d,%d" % (node.up_time(), -1 if run is None else run)


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
    "*TST?", lambda node, s, p: str(node.self_test()), 0, 0,
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
)
# fmt: on
"""Pattern, handler, least and most parameters, one after the other: a tuple for each command would
cost a board several kilobytes."""

_WIDTH = const(4)
# How headers of seldom, control and the settings begin: no other one has them loaded in vain.
_SELDOM = ("*ES", "*SR", "SYS", "SEN", "CAL", "STA", "DAT", "FOR", "OUT", "SOU")


def find(table, header):
    """(handler, suffixes, least and most parameters) for an upper-case header, or None."""
    for i in range(0, len(table), _WIDTH):
        suffixes = match(table[i], header)
        if suffixes is not None:
            return table[i + 1], suffixes, table[i + 2], table[i + 3]
    return None


def execute(node, header, parameters):
    """Carry out one command."""
    found = find(TABLE, header)
    if found:
        return _carry_out(found, node, header, parameters)
    if header[:3] not in _SELDOM:
        raise ScpiError(-113, header[:40])
    try:
        return _carry_out(load("seldom").find(header), node, header, parameters)
    finally:
        forget("seldom", "control", "reserve", "catalogue")


def _carry_out(found, node, header, parameters):
    handler, suffixes, least, most = found
    if len(parameters) < least:
        raise ScpiError(-109, header[:40])
    if len(parameters) > most:
        raise ScpiError(-108, header[:40])
    return handler(node, suffixes, parameters)

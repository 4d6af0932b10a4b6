"""Commands about the chamber's pressure: alarm, reserve time, valves, holding.

Handlers as in commands, the table has its layout. They are seldom asked for: commands has this
module loaded for each and gives its memory back.
"""

from prknode.compensate import PASCAL_BITS
from prknode.integers import format_decimal
from prknode.records import EV_CLEARED, NO_SE
from prknode.scpi import ScpiError, whole
from prknode.settings import MAX_PA

_NAN = "9.91E37"
_NEVER = "9.9E37"
"""What SCPI answers for infinity."""


def _alarm(node, suffixes, parameters):
    alarms = node.alarms
    return "%d,%s" % (alarms.ringing, format_decimal(alarms.threshold_mpa_s, 3))


def _clear(node, suffixes, parameters):
    if node.alarms.ringing:
        node.note(EV_CLEARED, node.alarms.ringing, "")
    node.alarms.clear()
    node.show_state()


def _reserve(node, suffixes, parameters):
    from prknode.reserve import reserve

    target = whole(parameters[0], 0, MAX_PA) << PASCAL_BITS
    estimate = node.estimator and node.estimator.estimate
    if not estimate or estimate.se == NO_SE:
        return ",".join([_NAN] * 3)
    settings = node.settings
    last = node.estimator.last
    times = reserve(
        settings["law"], estimate.k, estimate.se, last.p, last.p_ref,
        settings["norm_pa"] << PASCAL_BITS, target,
    )  # fmt: skip
    return ",".join([_NEVER if time is None else str(time) for time in times])


def _held(node, suffixes, parameters):
    if not node.estimator:
        return "0,0,%s,%s" % (_NAN, _NAN)
    teeth = node.estimator.teeth
    k, se = teeth.mean()
    return "%d,%d,%s,%s" % (
        teeth.count, teeth.number,
        "%dE-18" % k if teeth.number else _NAN, _NAN if se == NO_SE else "%dE-18" % se,
    )  # fmt: skip


def _valves(node):
    if node.valves is None:
        raise ScpiError(-241, "config.json names no valves")
    return node.valves


def _hold(node, suffixes, parameters):
    valves = _valves(node)
    if parameters[0].upper() == "OFF":
        valves.end()
    elif len(parameters) < 2:
        raise ScpiError(-109, "low and high pressure, or OFF")
    else:
        valves.hold(
            whole(parameters[0], 0, MAX_PA), whole(parameters[1], 0, MAX_PA), node.measuring
        )
    node.show_state()


def _band(node, suffixes, parameters):
    return "%d,%d" % (node.valves.low, node.valves.high) if node.valves else "0,0"


def _number(node, suffix):
    n = len(_valves(node).roles)
    if not 1 <= suffix <= n:
        raise ScpiError(-114, "valves are 1 to %d" % n)
    return suffix - 1


def _set_valve(node, suffixes, parameters):
    i = _number(node, suffixes[0])
    word = parameters[0].upper()
    if word not in ("0", "1", "OFF", "ON"):
        raise ScpiError(-224, "ON or OFF")
    node.valves.command(i, word in ("1", "ON"), node.measuring)


def _valve(node, suffixes, parameters):
    return str(node.valves.open >> _number(node, suffixes[0]) & 1)


# fmt: off
TABLE = (
    "CALCulate:ALARm?", _alarm, 0, 0,
    "CALCulate:ALARm:CLEar", _clear, 0, 0,
    "CALCulate:REServe?", _reserve, 1, 1,
    "CALCulate:HOLD?", _held, 0, 0,
    "SOURce:PRESsure:HOLD", _hold, 1, 2,
    "SOURce:PRESsure:HOLD?", _band, 0, 0,
    "OUTPut:VALVe<n>[:STATe]", _set_valve, 1, 1,
    "OUTPut:VALVe<n>[:STATe]?", _valve, 0, 0,
)
# fmt: on

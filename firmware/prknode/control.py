"""Commands about the chamber's pressure: alarm, reserve time, valves, holding.

Handlers as in commands; the table has its layout.
"""

from prknode.compensate import PASCAL_BITS
from prknode.integers import format_decimal
from prknode.records import NO_SE
from prknode.reserve import reserve
from prknode.scpi import ScpiError, whole
from prknode.settings import MAX_PA

_NAN = "9.91E37"
_NEVER = "9.9E37"
"""What SCPI answers for infinity."""


def _alarm(node, suffixes, parameters):
    alarms = node.guard.alarms
    return "%d,%s" % (alarms.ringing, format_decimal(alarms.threshold_mpa_s, 3))


def _clear(node, suffixes, parameters):
    node.guard.clear()
    node.show_state()


def _reserve(node, suffixes, parameters):
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
    return ",".join(_NEVER if time is None else str(time) for time in times)


def _held(node, suffixes, parameters):
    if not node.estimator:
        return "0,0,%s,%s" % (_NAN, _NAN)
    teeth = node.estimator.teeth
    k, se = teeth.mean()
    return "%d,%d,%s,%s" % (
        teeth.count, teeth.number,
        "%dE-18" % k if teeth.number else _NAN, _NAN if se == NO_SE else "%dE-18" % se,
    )  # fmt: skip


def _hold(node, suffixes, parameters):
    if parameters[0].upper() == "OFF":
        node.guard.stop_hold()
    elif len(parameters) < 2:
        raise ScpiError(-109, "low and high pressure, or OFF")
    else:
        low, high = [whole(p, 0, MAX_PA) for p in parameters]
        node.guard.start_hold(low, high, node.measuring)
    node.show_state()


def _band(node, suffixes, parameters):
    hold = node.guard.hold
    return "%d,%d" % (hold.low, hold.high)


def _valve_number(node, suffix):
    n = len(node.guard.valves.roles)
    if suffix > n:
        raise ScpiError(-241, "config.json names %d valves" % n)
    return suffix - 1


def _set_valve(node, suffixes, parameters):
    i = _valve_number(node, suffixes[0])
    word = parameters[0].upper()
    if word not in ("0", "1", "OFF", "ON"):
        raise ScpiError(-224, "ON or OFF")
    node.guard.set_valve(i, word in ("1", "ON"), node.measuring)


def _valve(node, suffixes, parameters):
    return str(node.guard.valves.open >> _valve_number(node, suffixes[0]) & 1)


# fmt: off
COMMANDS = (
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

"""Commands about what becomes of the chamber's pressure: alarm, reserve time, represses.

Handlers as in commands, the table has its layout.
"""

from prknode.compat import forget, load
from prknode.compensate import PASCAL_BITS
from prknode.integers import format_decimal
from prknode.records import EV_CLEARED, NO_SE
from prknode.scpi import whole
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
    target = whole(parameters[0], 0, MAX_PA) << PASCAL_BITS
    estimate = node.estimator and node.estimator.estimate
    if not estimate or estimate.se == NO_SE:
        return ",".join([_NAN] * 3)
    settings = node.settings
    last = node.estimator.last
    times = load("reserve").reserve(
        settings["law"], estimate.k, estimate.se, last.p, last.p_ref,
        settings["norm_pa"] << PASCAL_BITS, target,
    )  # fmt: skip
    forget("reserve")
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


# fmt: off
TABLE = (
    "CALCulate:ALARm?", _alarm, 0, 0,
    "CALCulate:ALARm:CLEar", _clear, 0, 0,
    "CALCulate:REServe?", _reserve, 1, 1,
    "CALCulate:HOLD?", _held, 0, 0,
)
# fmt: on

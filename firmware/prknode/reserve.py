"""How long until the chamber reaches a given pressure, if it goes on leaking as it does."""

from prknode.compat import const
from prknode.law import CHOKED, VISCOUS
from prknode.regression import RATE_UNIT

_LOG_BITS = const(40)
_Z95_NUMERATOR = const(196)
_Z95_DENOMINATOR = const(100)


def reserve(law, k, se, p, p_ref, norm, target):
    """(most probable, shortest, longest) time in whole seconds, at a steady temperature.

    law: of law.LAWS; k, se: decay constant and standard error, 1e-18 1/s; p, p_ref, norm, target:
    chamber, outside, norm pressure, and the one asked for, Pa/4096. Shortest and longest are those
    of k's 95 % interval; None is never. Zero where the target has been passed already.
    """
    passed = target >= p if law == CHOKED or p >= p_ref else target <= p
    if passed:
        return 0, 0, 0
    weight = _weight(law, p, p_ref, norm, target)
    margin = _Z95_NUMERATOR * se // _Z95_DENOMINATOR
    return tuple(_time(weight, rate) for rate in (k, k + margin, k - margin))


def _weight(law, p, p_ref, norm, target):
    """The integral of dp/x from the target to p, times 2^40, or None where it has no end."""
    if law == CHOKED:
        return log_ratio(p, target, _LOG_BITS) if target > 0 else None
    above = p - p_ref
    left = target - p_ref
    if above < 0:
        above = -above
        left = -left
    if left <= 0:
        return None
    if law != VISCOUS:
        return log_ratio(above, left, _LOG_BITS)
    if not p_ref:
        return (2 * norm * (p - target) << _LOG_BITS) // (p * target)
    both = log_ratio(above * (target + p_ref), left * (p + p_ref), _LOG_BITS)
    return both * norm // p_ref


def _time(weight, rate):
    if weight is None or rate <= 0:
        return None
    return weight * RATE_UNIT // (rate << _LOG_BITS)


def log_ratio(a, b, bits):
    """Natural logarithm of a / b times 2^bits, to some units of the last place; a >= b > 0."""
    extra = bits + 8
    one = 1 << extra
    twos = 0
    while a >= 2 * b:
        b <<= 1
        twos += 1
    return (twos * _area_tangent(1, 3, one) + _area_tangent(a - b, a + b, one)) >> 7


def _area_tangent(a, b, one):
    """The inverse hyperbolic tangent of a / b times `one`, for a / b up to a third."""
    term = a * one // b
    square = term * term // one
    total = 0
    n = 1
    while term:
        total += term // n
        term = term * square // one
        n += 2
    return total

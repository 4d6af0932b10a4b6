"""The flow law in force: the driving pressure x(p, p_ref) of dp_T/dt = -k x T_ref/T.

All in integers of Pa/4096. The norm pressure p_N makes k of a viscous leak the decay constant
of a linear one at mean pressure p_N.
"""

from prknode.integers import round_div

LINEAR = "LINEAR"
VISCOUS = "VISCOUS"
CHOKED = "CHOKED"
LAWS = (LINEAR, VISCOUS, CHOKED)


def driving_pressure(law, p, p_ref, norm, t, t_ref):
    """X = f(p, p_ref) T_ref/T, rounded once, in Pa/4096.

    p, p_ref, norm: Pa/4096; t, t_ref: K/2^20. linear: p - p_ref; viscous:
    (p^2 - p_ref^2) / (2 norm); choked: p.
    """
    if law == VISCOUS:
        return round_div((p * p - p_ref * p_ref) * t_ref, 2 * norm * t)
    if law == CHOKED:
        return round_div(p * t_ref, t)
    return round_div((p - p_ref) * t_ref, t)

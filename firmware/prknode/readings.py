"""One reading as text: what MEASure? answers."""

from prknode.compensate import PASCAL_BITS, ZERO_CELSIUS, Compensation
from prknode.integers import format_decimal, round_div

NOT_A_NUMBER = "9.91E37"
"""What SCPI answers for a number that is not there."""


def reading(quantity, trim, data, offset_mpa):
    """Compensate six bytes of raw counts; Pa with 3 decimals, or K with 4.

    quantity: "pressure" or "temperature"; trim: the chip's trim bytes; offset_mpa: null offset.
    """
    compensation = Compensation(trim)
    celsius = compensation.celsius(1, data[3] | data[4] << 8 | data[5] << 16)
    if quantity == "temperature":
        return format_decimal(round_div((celsius + ZERO_CELSIUS) * 10000, 1 << 20), 4)
    p = compensation.pascal(1, data[0] | data[1] << 8 | data[2] << 16, celsius)
    offset = round_div(offset_mpa << PASCAL_BITS, 1000)
    return format_decimal(round_div((p - offset) * 1000, 1 << PASCAL_BITS), 3)

"""Exact integer arithmetic that MicroPython's math module does not have."""


def round_div(a, b):
    """A / b rounded to the nearest integer, halves up; b > 0."""
    return (2 * a + b) // (2 * b)


def isqrt(n):
    """The largest integer whose square is not above n; n >= 0."""
    if n < 0:
        raise ValueError("isqrt of a negative number")
    if n == 0:
        return 0
    bits = 0
    rest = n
    while rest > 0xFFFFFFFF:
        rest >>= 32
        bits += 32
    while rest:
        rest >>= 1
        bits += 1
    x = 1 << ((bits + 1) // 2)
    while True:
        y = (x + n // x) >> 1
        if y >= x:
            return x
        x = y


def parse_decimal(text, scale):
    """A decimal number times 10^scale as an exact integer, halves rounded away from zero.

    Takes an optional sign, digits with an optional point, and an optional exponent. No float is
    involved: single precision would lose the seventh digit. Raises ValueError for anything else.
    """
    text = text.strip()
    mantissa = text
    exponent = 0
    for mark in ("E", "e"):
        at = text.find(mark)
        if at >= 0:
            mantissa = text[:at]
            exponent = _signed_digits(text[at + 1 :])
            break
    negative = mantissa[:1] == "-"
    if mantissa[:1] in ("+", "-"):
        mantissa = mantissa[1:]
    point = mantissa.find(".")
    if point >= 0:
        digits = mantissa[:point] + mantissa[point + 1 :]
        exponent -= len(mantissa) - point - 1
    else:
        digits = mantissa
    if not digits or not _all_digits(digits) or len(digits) > 40 or abs(exponent) > 60:
        raise ValueError("not a decimal number")
    value = int(digits)
    power = exponent + scale
    value = value * 10**power if power >= 0 else round_div(value, 10**-power)
    return -value if negative else value


def format_decimal(value, scale):
    """An integer that counts 10^-scale as decimal text, exactly."""
    sign = "-" if value < 0 else ""
    value = abs(value)
    if scale <= 0:
        return sign + str(value)
    unit = 10**scale
    fraction = str(value % unit)
    return sign + str(value // unit) + "." + "0" * (scale - len(fraction)) + fraction


def _all_digits(text):
    for c in text:
        if c not in "0123456789":
            return False
    return True


def _signed_digits(text):
    sign = -1 if text[:1] == "-" else 1
    if text[:1] in ("+", "-"):
        text = text[1:]
    if not text or len(text) > 3 or not _all_digits(text):
        raise ValueError("not a decimal number")
    return sign * int(text)

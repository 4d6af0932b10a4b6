"""SCPI text: splitting a line into commands, matching headers, reading parameters.

Headers follow SCPI-1999 volume 1: the short form is the capitals of the pattern, the long form all
of it, case does not matter, a node in brackets may be left out, <n> takes a numeric suffix.
"""

from prknode.compat import const, micropython, ptr8

_QUERY = const(63)  # "?"
_BRACKET = const(91)  # "["
_COLON = const(58)
_STAR = const(42)
_ANGLE = const(60)  # "<"
_A = const(65)
_Z = const(90)
_SMALL = const(32)  # from a capital to its small letter
_0 = const(48)
_9 = const(57)


class ScpiError(Exception):
    """A command that cannot be done: args are the SCPI error number and a detail."""


def split_outside(text, separator):
    """Split at a separator that is not inside quotes or parentheses."""
    if not ('"' in text or "'" in text or "(" in text or ")" in text):
        return text.split(separator)
    parts = []
    start = 0
    quote = ""
    depth = 0
    for i in range(len(text)):
        c = text[i]
        if quote:
            if c == quote:
                quote = ""
        elif c in "\"'":
            quote = c
        elif c == "(":
            depth += 1
        elif c == ")":
            depth -= 1
        elif c == separator and depth <= 0:
            parts.append(text[start:i])
            start = i + 1
    if quote:
        raise ScpiError(-151, "unclosed string")
    if depth:
        raise ScpiError(-171, "unbalanced parentheses")
    parts.append(text[start:])
    return parts


def split_command(text):
    """(header, parameters) of one command; raises ScpiError for what is no command."""
    text = text.strip()
    header = text
    parameters = []
    space = text.find(" ")
    tab = text.find("\t")
    at = space if tab < 0 or 0 <= space < tab else tab
    if at >= 0:
        header = text[:at]
        parameters = [p.strip() for p in split_outside(text[at + 1 :].strip(), ",")]
    for c in header:
        # The line is ASCII by now.
        if not (c.isalpha() or c in ":?*_" or c.isdigit()):
            raise ScpiError(-101, "header")
    for p in parameters:
        if not p:
            raise ScpiError(-109, "empty parameter")
    return header, parameters


@micropython.viper
def _fits(pattern, size: int, header, length: int) -> int:
    """Numeric suffix (1 if none) when header fits pattern, 0 if not, -1 if only a suffix is wrong.

    size, length: characters of the two. In machine code: to find a command, dozens are tried.
    """
    p = ptr8(pattern)
    h = ptr8(header)
    i = 0
    j = 0
    suffix = 1
    wrong = 0
    while i < size and int(p[i]) != _QUERY:
        begin = j
        optional = 0
        fits = 1
        if int(p[i]) == _BRACKET:
            optional = 1
            i += 1
        if int(p[i]) == _COLON:
            i += 1
            if j < length and int(h[j]) == _COLON:
                j += 1
            else:
                fits = 0
        # The short form of this node ends where small letters begin, the long form after them.
        short = i
        while short < size and (int(p[short]) == _STAR or _A <= int(p[short]) <= _Z):
            short += 1
        long = short
        while long < size and _A + _SMALL <= int(p[long]) <= _Z + _SMALL:
            long += 1
        end = j
        while end < length and (int(h[end]) == _STAR or _A <= int(h[end]) <= _Z):
            end += 1
        n = end - j
        if n == 0 or (n != short - i and n != long - i):
            fits = 0
        m = 0
        while fits and m < n:
            c = int(p[i + m])
            if c > _Z:
                c -= _SMALL
            if c != int(h[j + m]):
                fits = 0
            m += 1
        i = long
        takes_suffix = 0
        if i < size and int(p[i]) == _ANGLE:
            takes_suffix = 1
            i += 3
        i += optional
        if not fits:
            if not optional:
                return 0
            j = begin
            continue
        j = end
        value = 0
        while j < length and _0 <= int(h[j]) <= _9:
            if value < 1000:
                value = value * 10 + int(h[j]) - _0
            j += 1
        if j > end:
            suffix = value
            if not takes_suffix or value == 0 or j - end > 3:
                wrong = 1
    if i < size:
        if j != length - 1 or int(h[j]) != _QUERY:
            return 0
    elif j != length:
        return 0
    if wrong:
        return -1
    return suffix


def match(pattern, header):
    """Suffixes of the <n> nodes if header fits pattern, else None; a pattern has one at the most.

    pattern: "SYSTem:ERRor[:NEXT]?"; header: upper case without leading colon, with its "?".
    Raises ScpiError(-114) when only a numeric suffix is wrong. Allocates nothing when it is another
    header.
    """
    suffix = _fits(pattern, len(pattern), header, len(header))
    if not suffix:
        return None
    if suffix < 0:
        raise ScpiError(-114, header[:40])
    return (suffix,) if "<" in pattern else ()


def channels(text, count):
    """Indices (from 0) in a channel list such as (@1,3) or (@1:2)."""
    if text[:2] != "(@" or text[-1:] != ")":
        raise ScpiError(-171, "channel list such as (@1) expected")
    result = []
    for part in text[2:-1].split(","):
        ends = part.split(":")
        try:
            first = int(ends[0])
            last = int(ends[-1])
        except ValueError:
            raise ScpiError(-171, "channel list such as (@1) expected")
        if len(ends) > 2 or not 1 <= first <= last <= count:
            raise ScpiError(-222, "channels are 1 to %d" % count)
        result.extend(range(first - 1, last))
    return result


def quoted(text):
    """The text of a quoted string parameter."""
    if len(text) < 2 or text[0] not in "\"'" or text[-1] != text[0]:
        raise ScpiError(-151, "quoted text expected")
    return text[1:-1].replace(text[0] * 2, text[0])


def whole(text, low, high):
    """A whole-number parameter within limits."""
    try:
        value = int(text)
    except ValueError:
        raise ScpiError(-104, "whole number expected")
    if not low <= value <= high:
        raise ScpiError(-222, "%d to %d" % (low, high))
    return value

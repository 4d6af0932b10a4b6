"""SCPI text: splitting a line into commands, matching headers, reading parameters.

Headers follow SCPI-1999 volume 1: the short form is the capitals of the pattern, the long form all
of it, case does not matter, a node in brackets may be left out, <n> takes a numeric suffix.
"""


class ScpiError(Exception):
    """A command that cannot be done: args are the SCPI error number and a detail."""


def split_outside(text, separator):
    """Split at a separator that is not inside quotes or parentheses."""
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
    for i in range(len(text)):
        if text[i] in " \t":
            header = text[:i]
            parameters = [p.strip() for p in split_outside(text[i + 1 :].strip(), ",")]
            break
    for c in header:
        if not (c in ":*?_" or "A" <= c <= "Z" or "a" <= c <= "z" or "0" <= c <= "9"):
            raise ScpiError(-101, "header")
    for p in parameters:
        if not p:
            raise ScpiError(-109, "empty parameter")
    return header, parameters


def _node_matches(pattern, word):
    """Numeric suffix (1 if none) when the word is this pattern node's short or long form, else 0.

    -1: the name fits, but the node takes no suffix.
    """
    takes_suffix = pattern.endswith("<n>")
    if takes_suffix:
        pattern = pattern[:-3]
    end = len(word)
    while end and "0" <= word[end - 1] <= "9":
        end -= 1
    name = word[:end]
    short = ""
    for c in pattern:
        if not "a" <= c <= "z":
            short += c
    if name != short and name != pattern.upper():
        return 0
    if end == len(word):
        return 1
    if not takes_suffix or len(word) - end > 3:
        return -1
    return int(word[end:]) or -1


def match(pattern, header):
    """Suffixes of the <n> nodes if header fits pattern, else None.

    pattern: "SYSTem:ERRor[:NEXT]?"; header: upper case without leading colon, with its "?".
    Raises ScpiError(-114) when only a numeric suffix is wrong.
    """
    if (pattern[-1] == "?") != (header[-1:] == "?"):
        return None
    if pattern[-1] == "?":
        pattern = pattern[:-1]
        header = header[:-1]
    nodes = []
    for part in pattern.replace("[:", ":[").split(":"):
        optional = part[:1] == "["
        nodes.append((part[1:].replace("]", "") if optional else part, optional))
    return _match_nodes(nodes, 0, header.split(":"), 0)


def _match_nodes(nodes, i, words, j):
    if i == len(nodes):
        return () if j == len(words) else None
    name, optional = nodes[i]
    if j < len(words):
        suffix = _node_matches(name, words[j])
        if suffix:
            rest = _match_nodes(nodes, i + 1, words, j + 1)
            if rest is not None:
                if suffix < 0:
                    raise ScpiError(-114, words[j])
                return (suffix,) + rest if name.endswith("<n>") else rest
    if optional:
        rest = _match_nodes(nodes, i + 1, words, j)
        if rest is not None:
            return (1,) + rest if name.endswith("<n>") else rest
    return None


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

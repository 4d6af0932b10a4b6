"""All headers that the node knows, from every module that has commands."""

from prknode import commands, seldom, valves
from prknode.catalogue import all_settings


def patterns():
    """Every header the node knows, as a pattern."""
    result = []
    for table in (commands.TABLE, seldom.TABLE, valves.TABLE):
        result += [table[i] for i in range(0, len(table), 4)]
    for item in all_settings():
        result.append(item.header)
        result.append(item.header + "?")
    return result

"""The heap."""

import gc
import sys

from prknode import commands

_DOOR = "probe.door"


def free():
    """Bytes free after a collection."""
    gc.collect()
    return gc.mem_free()


def of_the_door():
    """Bytes that the door takes: as many as a second one does, and the table it made longer."""
    door = sys.modules.pop(_DOOR)
    before = free()
    __import__(_DOOR)
    cost = before - free()
    sys.modules[_DOOR] = door
    return cost + 4 * len(commands.TABLE)

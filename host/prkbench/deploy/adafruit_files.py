"""Where Adafruit's library lies on this computer, and where its files go on a board.

The board gets it unmodified: what it imports beside MicroPython's own modules is for type checkers
only, and it goes on without.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

from prkbench.errors import UsageError

_LIBRARY = "adafruit_bmp3xx"
_BUS_DEVICE = "adafruit_bus_device"
_FOLDER = "lib"
"""On every board's module search path."""

INSTALL = "install it with: pip install 'prkbench[adafruit]'"


def adafruit_sources() -> dict[str, Path]:
    """Path on the board -> file here, of adafruit_bmp3xx and the part of its bus library it uses.

    UsageError when one of them is not installed.
    """
    sources = {f"{_FOLDER}/{_LIBRARY}.py": _file_of(_LIBRARY)}
    package = _file_of(_BUS_DEVICE).parent
    for name in ("__init__.py", "i2c_device.py"):
        sources[f"{_FOLDER}/{_BUS_DEVICE}/{name}"] = package / name
    return sources


def _file_of(module: str) -> Path:
    """The source of a module, found without running it: it may need hardware to be imported."""
    found = importlib.util.find_spec(module)
    if found is None or found.origin is None:
        raise UsageError(f"driver adafruit: the library {module} is not installed here; {INSTALL}")
    return Path(found.origin)

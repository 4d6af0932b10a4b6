"""Adafruit's library for CPython: importable without the platform package that it names."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Iterator
from types import ModuleType

from prkbench.deploy.adafruit_files import adafruit_sources

_MODULES = ("adafruit_bmp3xx", "adafruit_bus_device", "adafruit_bus_device.i2c_device")
# What the library imports for its annotations, which CPython evaluates, and for const().
_NAMES: dict[str, dict[str, object]] = {
    "micropython": {"const": lambda value: value},
    "busio": {"I2C": object, "SPI": object},
    "digitalio": {"DigitalInOut": object},
    "circuitpython_typing": {"ReadableBuffer": object, "WriteableBuffer": object},
}


def load_library() -> None:
    """Import adafruit_bmp3xx, for prknode.adafruit to find; UsageError when not installed."""
    adafruit_sources()
    with _stand_ins():
        for name in _MODULES:
            importlib.import_module(name)


@contextlib.contextmanager
def _stand_ins() -> Iterator[None]:
    """Stand in for _NAMES: the real ones run code for the platform, and may fail on this one."""
    before = {name: sys.modules.get(name) for name in _NAMES}
    for name, names in _NAMES.items():
        module = ModuleType(name)
        vars(module).update(names)
        sys.modules[name] = module
    try:
        yield
    finally:
        for name, real in before.items():
            if real is None:
                del sys.modules[name]
            else:
                sys.modules[name] = real

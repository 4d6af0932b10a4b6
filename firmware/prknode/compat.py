"""The one place where MicroPython and CPython differ for this package."""

import sys

if sys.implementation.name == "micropython":
    import micropython
    from micropython import const

    import prknode

    def load(name):
        """The module of this package; it is there until forget()."""
        path = "prknode." + name
        __import__(path)
        return sys.modules[path]

    def forget(*names):
        """Give back the memory of these modules, of which nobody may keep anything."""
        for name in names:
            if sys.modules.pop("prknode." + name, None) is not None:
                delattr(prknode, name)

    # Inside a viper function the compiler knows these casts; outside nobody uses them.
    ptr8 = ptr32 = None
else:
    # Not `import micropython`: a package of that name exists that has neither.
    import importlib

    def load(name):
        """The module of this package."""
        return importlib.import_module("prknode." + name)

    def forget(*names):
        """Nothing: memory is short on a board only."""

    def const(value):
        """Return value; MicroPython folds the call away when it compiles."""
        return value

    class micropython:
        """Stands in for MicroPython's module of that name."""

        @staticmethod
        def viper(function):
            """Leave the function as it is; MicroPython compiles it to machine code."""
            return function

    def ptr8(buffer):
        """A buffer, or an ASCII text, as bytes."""
        return buffer.encode() if isinstance(buffer, str) else buffer

    def ptr32(array):
        """An array("i") as 32-bit words."""
        return array


__all__ = ["const", "forget", "load", "micropython", "ptr8", "ptr32"]

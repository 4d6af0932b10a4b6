"""The one place where MicroPython and CPython differ for this package."""

import sys

if sys.implementation.name == "micropython":
    import micropython
    from micropython import const

    # Inside a viper function the compiler knows these casts; outside nobody uses them.
    ptr8 = ptr32 = None
else:
    # Not `import micropython`: a package of that name exists that has neither.

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


__all__ = ["const", "micropython", "ptr8", "ptr32"]

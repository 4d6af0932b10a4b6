"""The one place where MicroPython and CPython differ for this package."""

try:
    from micropython import const
except ImportError:  # CPython, or a package that shadows the built-in module without const

    def const(value):
        """Return value; MicroPython folds the call away when it compiles."""
        return value


__all__ = ["const"]

"""Stand-in for CPython's module on a board: MicroPython evaluates no annotation anyway."""

annotations = None

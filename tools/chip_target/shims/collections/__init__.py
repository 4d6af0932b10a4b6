"""Stand-in for CPython's module on a board, with what the chip's model needs of it."""


class deque(list):
    """A list that also gives its first item; at most 73 frames, so shifting them costs little.

    MicroPython's own needs a length and cannot be emptied.
    """

    def popleft(self):
        """Take out the first item."""
        return self.pop(0)

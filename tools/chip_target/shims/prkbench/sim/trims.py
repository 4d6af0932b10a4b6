"""Stand-in for the host's module on a board: trims are used on the host, which sends counts."""

RAW_MAX = 0xFFFFFF


class Trim:
    """Only the name; played.chip has what takes its place."""

"""The prkbench node: everything that runs on the board, and that the host replays."""

__version__ = "0.1.0"

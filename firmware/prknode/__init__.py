"""The prkbench node: everything that runs on the board, and that the host replays."""

__version__ = "0.1.0"

PROTOCOL = 1
"""Version of records, commands and estimator together; the host refuses a node with another one."""

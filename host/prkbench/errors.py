"""Errors of the host, one root, each class with the exit code the command line ends with.

Every message is one line and says what happened, where, what was expected and how to mend it.
"""


class PrkError(Exception):
    """Root of every error that prkbench raises on purpose; ``exit_code`` is the shell's status."""

    exit_code = 2


class UsageError(PrkError):
    """Bad input from the user: an option, a rig file, a foreign log."""

    exit_code = 2


class DeviceError(PrkError):
    """No node, a node that is not ours, or a node that does not answer."""

    exit_code = 3


class LineLost(DeviceError):
    """The line to a node broke, or nothing comes from it in time: it may be back later."""


class RunOver(DeviceError):
    """The run being logged is not the node's any more: it was restarted, or another was begun."""


class DataError(PrkError):
    """Data was lost, is corrupt, or cannot be stored."""

    exit_code = 4


class LineSpoilt(DataError):
    """What comes over the line is not what was sent, again and again."""


class DiskFull(DataError):
    """There is no room for what is to be stored; all that was stored before is safe."""


class UndecidedError(PrkError):
    """The question cannot be answered from this record: no verdict, or nothing to verify with."""

    exit_code = 5

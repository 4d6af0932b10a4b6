"""First file of the child process: makes it the board that the firmware expects to find.

Its folder is on the path; the firmware comes from the virtual flash.
"""

import gc
import os
import sys

import virtual_board

CPYTHON = sys.implementation.name == "cpython"


class BoardModule:
    """Stands where firmware finds prknode.board, so that main.py runs as it is."""

    def __init__(self, board):
        self._board = board

    def Board(self, path="config.json"):
        """The one virtual board, with the configuration read anew."""
        self._board.load(path)
        return self._board


class Machine:
    """What a user of the REPL, and mpremote, expects of the machine module."""

    def __init__(self, board):
        self._board = board

    def reset(self):
        """Restart the virtual board."""
        self._board.reset()

    def unique_id(self):
        """The virtual board's serial number as bytes."""
        return self._board.unique_id().encode()

    def freq(self):
        """There is no clock to speak of."""
        return 0


def start(arguments):
    """Mount the virtual flash as the root, and run its main.py unless a bare REPL is wanted.

    arguments: request pipe, reply pipe, folder of the virtual flash, unique id, "main" or "repl",
    how often the board was started before.
    """
    requests, replies, flash, unique_id, what, starts = arguments
    board = virtual_board.VirtualBoard(int(requests), int(replies), unique_id, int(starts))
    sys.modules["prknode.board"] = BoardModule(board)
    if CPYTHON:
        sys.path.insert(0, flash)
        os.chdir(flash)
        # MicroPython's, which main.py may use; CPython frees what is not used by itself.
        gc.threshold = lambda *_: 0
    else:
        import vfs
        from virtual_flash import Flash

        sys.modules["machine"] = Machine(board)
        vfs.umount("/")
        vfs.mount(Flash(flash), "/")
        os.chdir("/")
        # The frozen modules stay; everything else comes from the virtual flash.
        sys.path[:] = ["", ".frozen", "/lib", "/"]
    board.started()
    if what == "main":
        _run_main()


def _run_main():
    """Run main.py where there is one, as a board does after its start."""
    try:
        with open("main.py") as file:
            source = file.read()
    except OSError:
        return
    exec(compile(source, "main.py", "exec"), {"__name__": "__main__"})


start(sys.argv[1:])

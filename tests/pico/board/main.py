"""The node as on any board, with a way in for tests."""

import gc

gc.threshold(16384)

from prknode import app  # noqa: E402
from prknode.board import Board  # noqa: E402
from probe import door  # noqa: E402

gc.threshold(-1)
board = Board()
door.install(board)
app.run(board)

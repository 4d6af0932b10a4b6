"""Entry point of the node on a board."""

import gc

# Compiling the modules leaves garbage between what stays; collected only when the heap is full,
# it would leave no room in one piece for the ring of samples.
gc.threshold(16384)

from prknode import app  # noqa: E402
from prknode.board import Board  # noqa: E402

gc.threshold(-1)
app.run(Board())

"""Entry point of the node on a board."""

from prknode import app
from prknode.board import Board

app.run(Board())

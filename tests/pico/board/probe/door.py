"""Two more commands: code from the host, carried out inside the running node.

    DIAGnostic:PYTHon? "expression"    answers its repr(); what is raised, after a "!"
    DIAGnostic:RUN "expression"        the same between two turns of the loop, printed as a line

In an expression there are node, board, and load(module), which imports a module of this package.
"""

import sys

from prknode import commands
from prknode.scpi import quoted

_names = {}


def load(module):
    """The module of that name of this package; forget() makes room again."""
    __import__("probe." + module)
    return sys.modules["probe." + module]


def forget(module):
    """Give a module's memory back."""
    sys.modules.pop("probe." + module, None)


def install(board):
    """Add the commands; nothing that the node does otherwise takes longer for them."""
    _names.update({"board": board, "load": load, "forget": forget})
    commands.TABLE += (
        "DIAGnostic:PYTHon?", _python, 1, 1,
        "DIAGnostic:RUN", _run, 1, 1,
    )  # fmt: skip


def _value(node, text):
    _names["node"] = node
    try:
        return repr(eval(text, _names))
    except Exception as error:
        return "!" + repr(error)


def _python(node, suffixes, parameters):
    return _value(node, quoted(parameters[0]))


def _run(node, suffixes, parameters):
    board = node.board
    text = quoted(parameters[0])

    def idle(us, node):
        del board.idle
        print(_value(node, text))

    board.idle = idle

"""The firmware computes without floats: none in its source, none let in from outside."""

import ast
from pathlib import Path

import pytest

import prknode

SOURCES = sorted(Path(prknode.__file__).parent.glob("*.py"))


def float_uses(source: str) -> list[str]:
    """Where a source could make a float: literals, true division, float(), math, complex."""
    found = []
    for node in ast.walk(ast.parse(source)):
        what = None
        if isinstance(node, ast.Constant) and isinstance(node.value, (float, complex)):
            what = f"literal {node.value}"
        elif isinstance(node, (ast.BinOp, ast.AugAssign)) and isinstance(node.op, ast.Div):
            what = "true division"
        elif isinstance(node, ast.Name) and node.id in ("float", "complex"):
            what = node.id
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names = {a.name for a in node.names} | {getattr(node, "module", None)}
            if names & {"math", "cmath"}:
                what = "import"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id == "array" and getattr(node.args[0], "value", "") != "i":
                what = "array"
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
            # A negative exponent would give a float: only 10**<scale> and rho**10 are known.
            exponent = node.right
            if isinstance(exponent, ast.UnaryOp) and not (
                isinstance(node.left, ast.Constant) and isinstance(exponent.operand, ast.Name)
            ):
                what = "power"
        if what:
            found.append(f"{what} in line {node.lineno}")
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.name)
def test_no_float_is_made_in(path: Path) -> None:
    assert float_uses(path.read_text()) == []


def test_the_whole_firmware_was_looked_at() -> None:
    assert {"regression.py", "compensate.py", "decay.py", "window.py"} <= {p.name for p in SOURCES}


@pytest.mark.parametrize(
    "source",
    [
        "x = 1.5",
        "x = a / b",
        "a /= 2",
        "float(x)",
        "import math",
        "from math import pi",
        "x**-2",
        "array('f')",
    ],
)
def test_a_float_would_be_noticed(source: str) -> None:
    assert float_uses(source)


def test_formats_of_records_hold_whole_numbers_only() -> None:
    from prknode import records, window

    for text in (records.BLOCK_HEAD, records.RESULT, records.EVENT, records.ANSWER_HEAD):
        assert not set(text) & set("efd")
    assert not set(window._ROW + window._ROW_OF_SUMS) & set("efd")

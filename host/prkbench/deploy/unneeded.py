"""What of a source a board does without: names that only other interpreters look at.

MicroPython's compiler knows const(), the decorators of the module micropython, and the casts of
viper functions without being told; __slots__ it keeps as an ordinary tuple that nobody reads.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from prkbench.deploy.rewriting import Rewriting, keep_names

_COMPAT = "prknode.compat"
_DECORATORS = "micropython"
_CASTS = ("ptr8", "ptr16", "ptr32")


def without_unneeded(source: str) -> str:
    """The source without imports that the compiler makes superfluous, and without __slots__."""
    rewriting = Rewriting(source)
    tree = rewriting.tree
    looked_up = set(_looked_up(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == _COMPAT:
            keep_names(rewriting, node, [a for a in node.names if a.name in looked_up])
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__slots__":
            rewriting.replace(node, "pass")
    return rewriting.result()


def _looked_up(tree: ast.AST, viper: bool = False) -> Iterator[str]:
    """Names of compat that are looked up when the compiled source runs."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(tree, ast.Module) and _is_folded(node):
            continue
        if isinstance(node, ast.FunctionDef) and any(map(_is_viper, node.decorator_list)):
            for statement in node.body:
                yield from _looked_up(statement, viper=True)
        elif not isinstance(node, ast.Name):
            yield from _looked_up(node, viper)
        elif not (viper and node.id in _CASTS):
            yield node.id


def _is_folded(node: ast.AST) -> bool:
    """Whether it is a definition by const() of a value that the compiler knows."""
    match node:
        case ast.Assign(value=ast.Call(func=ast.Name(id="const"), args=[value])):
            return not any(isinstance(part, ast.Name) for part in ast.walk(value))
    return False


def _is_viper(decorator: ast.expr) -> bool:
    match decorator:
        case ast.Attribute(value=ast.Name(id=name), attr="viper"):
            return name == _DECORATORS
    return False

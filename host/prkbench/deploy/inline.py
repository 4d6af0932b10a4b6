"""Constants of the firmware put where they are used, for a board.

MicroPython's const() works inside one module: a constant that another module imports costs the
board a slot in the names of each, the code of the import, and a look-up at every use. Here whole
numbers below 2^30 and short strings are put into the source text itself, before it is compiled,
and their imports and definitions go.

A name stays as it is in a module that binds it anywhere else: as a parameter, a local, a loop
variable. A definition stays where somebody needs its name: a source that is not rewritten, or
one that looks it up in the module.
"""

from __future__ import annotations

import ast
import operator
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from prkbench.deploy.rewriting import Rewriting, keep_names

Value = int | str

_MOST = 1 << 30
"""Beyond it a number is an object on the heap of a board, better made once."""
_LONGEST = 10
"""Strings up to so long exist once on a board, however often they are written."""

_OPERATIONS: dict[type[ast.operator | ast.unaryop], Callable[..., int]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.LShift: operator.lshift,
    ast.RShift: operator.rshift, ast.BitAnd: operator.and_, ast.BitOr: operator.or_,
    ast.BitXor: operator.xor, ast.USub: operator.neg, ast.UAdd: operator.pos,
    ast.Invert: operator.invert,
}  # fmt: skip


def inline_constants(
    sources: Mapping[str, str], package: str, outside: Mapping[str, str]
) -> dict[str, str]:
    """Rewritten sources, line for line.

    sources: path on the board ("prknode/ring.py") -> source, of all that is to be compiled;
    package: whose constants are meant; outside: path -> source of what stays as it is.
    """
    modules = {path: _Module(path, source) for path, source in sources.items()}
    ours = {m.name: m for m in modules.values() if m.name.startswith(f"{package}.")}
    for module in ours.values():
        module.find_constants(ours)
    for module in modules.values():
        module.find_imported(ours)
    needed = {
        name
        for source in outside.values()
        for name in _names_looked_up(ast.parse(source), ours)
    }  # fmt: skip
    for module in modules.values():
        needed |= module.still_needed(ours)
    return {path: module.rewritten(needed) for path, module in modules.items()}


class _Module:
    """One source: what it binds, the constants it defines and those it imports."""

    def __init__(self, path: str, source: str) -> None:
        self.name = path.removesuffix(".py").replace("/", ".")
        self._rewriting = Rewriting(source)
        self.tree = self._rewriting.tree
        self._bound = Counter(_bindings(self.tree))
        self.constants: dict[str, Value] | None = None
        self._definitions: dict[str, ast.Assign] = {}
        self._values: dict[str, Value] = {}
        self._imports: dict[str, tuple[str, str]] = {}

    def find_constants(self, ours: Mapping[str, _Module]) -> dict[str, Value]:
        """Names that this module defines as constants, with those they are computed from."""
        if self.constants is not None:
            return self.constants
        self.constants = {}
        known: dict[str, Value] = {}
        for statement in self.tree.body:
            for local, (module, name) in _imported(statement, ours):
                value = ours[module].find_constants(ours).get(name)
                if value is not None:
                    known[local] = value
            if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
                target = statement.targets[0]
                value = _value(statement.value, known)
                if isinstance(target, ast.Name) and value is not None:
                    if self._bound_in_module(target.id):
                        continue
                    known[target.id] = self.constants[target.id] = value
                    self._definitions[target.id] = statement
        return self.constants

    def _bound_in_module(self, name: str) -> bool:
        """Whether the module gives that name another value too, from wherever in it."""
        again = sum(1 for n in _bindings_here(self.tree) if n == name) > 1
        return again or any(
            isinstance(node, ast.Global) and name in node.names for node in ast.walk(self.tree)
        )

    def find_imported(self, ours: Mapping[str, _Module]) -> None:
        """Which names can be written as values in this source."""
        inside_text = {
            n.id
            for text in ast.walk(self.tree)
            if isinstance(text, ast.JoinedStr)
            for n in ast.walk(text)
            if isinstance(n, ast.Name)
        }
        free = {n for n, times in self._bound.items() if times == 1} - inside_text
        for statement in self.tree.body:
            for local, (module, name) in _imported(statement, ours):
                value = (ours[module].constants or {}).get(name)
                if value is not None and local in free:
                    self._values[local] = value
                    self._imports[local] = module, name
        for name, value in (self.constants or {}).items():
            if name in free:
                self._values[name] = value

    def still_needed(self, ours: Mapping[str, _Module]) -> set[tuple[str, str]]:
        """(module, name) of all that this source goes on looking up by name."""
        done = set(self._imports.values())
        return {found for found in _names_looked_up(self.tree, ours) if found not in done} | {
            (self.name, name) for name in self._definitions if name not in self._values
        }

    def rewritten(self, needed: set[tuple[str, str]]) -> str:
        """The source with values for names, without what nobody needs then."""
        for parent in ast.walk(self.tree):
            for node in ast.iter_child_nodes(parent):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                    value = self._values.get(node.id)
                    if value is not None:
                        self._rewriting.replace(node, _literal(value, parent))
        for statement in self.tree.body:
            if isinstance(statement, ast.ImportFrom):
                kept = [a for a in statement.names if (a.asname or a.name) not in self._imports]
                keep_names(self._rewriting, statement, kept)
        for name, statement in self._definitions.items():
            if (self.name, name) in needed:
                self._rewriting.replace(statement.value, repr((self.constants or {})[name]))
            else:
                self._rewriting.replace(statement, "pass")
        return self._rewriting.result()


def _literal(value: Value, parent: ast.AST) -> str:
    text = repr(value)
    alone = isinstance(parent, ast.Attribute) or (isinstance(value, int) and value < 0)
    return f"({text})" if alone else text


def _value(node: ast.expr, known: Mapping[str, Value]) -> Value | None:
    """What an expression of whole numbers, constants and const() comes to, if it is small."""
    value: Value | None = None
    match node:
        case ast.Constant(value=bool()):
            return None
        case ast.Constant(value=int() | str() as value):
            pass
        case ast.Name(id=name):
            value = known.get(name)
        case ast.Call(func=ast.Name(id="const"), args=[argument], keywords=[]):
            value = _value(argument, known)
        case ast.UnaryOp(op=op, operand=operand) if type(op) in _OPERATIONS:
            number = _value(operand, known)
            value = _OPERATIONS[type(op)](number) if isinstance(number, int) else None
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATIONS:
            a, b = _value(left, known), _value(right, known)
            if isinstance(a, int) and isinstance(b, int):
                value = _OPERATIONS[type(op)](a, b)
        case _:
            return None
    if isinstance(value, str):
        return value if len(value) <= _LONGEST else None
    return value if value is not None and -_MOST <= value < _MOST else None


def _imported(
    statement: ast.stmt, ours: Mapping[str, object]
) -> Iterator[tuple[str, tuple[str, str]]]:
    """(name here, (module, name there)) of what a statement imports from one of our modules."""
    if isinstance(statement, ast.ImportFrom) and statement.module in ours:
        module = str(statement.module)
        for alias in statement.names:
            yield alias.asname or alias.name, (module, alias.name)


def _names_looked_up(tree: ast.Module, ours: Mapping[str, object]) -> set[tuple[str, str]]:
    """(module, name) that a source imports, or may look up in a module it has at hand.

    Of a module that is imported as a whole that is every attribute in the source.
    """
    found: set[tuple[str, str]] = set()
    whole: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            found.update((str(node.module), alias.name) for alias in node.names)
            whole.update(f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            whole.update(alias.name for alias in node.names)
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return found | {(module, name) for module in whole & set(ours) for name in attributes}


def _bindings(tree: ast.AST) -> Iterator[str]:
    """Every name that is bound anywhere in a source, as often as it is."""
    for node in ast.walk(tree):
        yield from _binds(node)


def _bindings_here(tree: ast.Module) -> Iterator[str]:
    """The names that are bound in the module's own scope."""
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        yield from _binds(node)
        if not isinstance(node, ast.FunctionDef | ast.Lambda | ast.ClassDef):
            waiting += ast.iter_child_nodes(node)


def _binds(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
            yield name
        case ast.arg(arg=name):
            yield name
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.AsyncFunctionDef(name=name):
            yield name
        case ast.ExceptHandler(name=str(name)):
            yield name
        case ast.Global(names=names) | ast.Nonlocal(names=names):
            yield from names
        case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
            for alias in aliases:
                yield (alias.asname or alias.name).split(".")[0]
        case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            yield name
        case ast.MatchMapping(rest=str(name)):
            yield name

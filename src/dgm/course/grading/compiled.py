"""Compile the master's cells on this side of the wall, so that no text crosses it.

A test's expressions are wrapped, so that a value which answers for itself, such as an
object that equals everything, is refused by :mod:`dgm.course.grading.worker.guard`.
"""

import ast
import builtins
import marshal
from collections.abc import Iterator
from dataclasses import dataclass

from dgm.course.grading.master import ProblemSet
from dgm.course.grading.names import names_bound

BUILTINS = frozenset(vars(builtins))


def given(source: str, number: int) -> bytes | None:
    """Code of a given cell; None if it is no plain Python (it has magics)."""
    try:
        return marshal.dumps(compile(source, f"<given {number}>", "exec"))
    except SyntaxError:
        return None


def test(source: str, name: str, trusted: frozenset[str]) -> bytes:
    """Code of a test, with its values watched.

    Args:
        source: the whole cell, hidden tests included.
        name: its ``grade_id``.
        trusted: names that need no watching: modules and functions of the master's.
    """
    tree = _Watched(trusted | BUILTINS).visit(ast.parse(source))
    ast.fix_missing_locations(tree)
    return marshal.dumps(compile(tree, f"<test {name}>", "exec"))


def kept(source: str, hidden: list[range]) -> set[str]:
    """Names that a test defines in the open, and which later cells may use."""
    lines = source.split("\n")
    for region in hidden:
        for number in region:
            lines[number - 1] = ""
    return names_bound("\n".join(lines))


@dataclass(frozen=True)
class Vocabulary:
    """Names in a master, as tests need them."""

    imports: tuple[str, ...]
    """Modules that the master imports anywhere: loaded before any student's code."""
    trusted: frozenset[str]
    """Names that only the master's own cells define."""
    mine: frozenset[str]
    """Names that the answers define."""

    @classmethod
    def of(cls, problems: ProblemSet) -> "Vocabulary":
        """Collect them."""
        answers: set[str] = set()
        for cell in problems.of("answer", "manual"):
            answers |= names_bound(cell.source) | names_bound(cell.stub)
        imports: dict[str, None] = {}
        trusted: set[str] = set()
        for cell in problems.of("given", "test"):
            for module, bound in _imported(cell.source):
                imports[module] = None
                trusted.add(bound)
        return cls(tuple(imports), frozenset(trusted - answers), frozenset(answers))


def _imported(source: str) -> Iterator[tuple[str, str]]:
    """Each imported module, and the name that it or its part gets."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, alias.asname or alias.name.split(".")[0]
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                yield node.module, alias.asname or alias.name


class _Watched(ast.NodeTransformer):
    """Wrap what may come from a student in calls that look at it."""

    def __init__(self, trusted: frozenset[str]) -> None:
        self.trusted = trusted

    def _wrap(self, node: ast.expr, how: str = "__dgm_plain__") -> ast.expr:
        call = ast.Call(ast.Name(how, ast.Load()), [node], [])
        return ast.copy_location(call, node)

    def _safe(self, node: ast.expr) -> bool:
        """Names of the master's, and attributes of these: ``torch.nn.functional``."""
        while isinstance(node, ast.Attribute):
            node = node.value
        return isinstance(node, ast.Name) and node.id in self.trusted

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if not isinstance(node.ctx, ast.Load) or self._safe(node):
            return node
        return self._wrap(node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        if self._safe(node):
            return node
        self.generic_visit(node)
        return self._wrap(node) if isinstance(node.ctx, ast.Load) else node

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        self.generic_visit(node)
        return self._wrap(node) if isinstance(node.ctx, ast.Load) else node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        if isinstance(node.func, ast.Attribute):  # look at x and at x.f(), not at x.f
            node.func.value = self.visit(node.func.value)
        elif not isinstance(node.func, ast.Name):
            node.func = self.visit(node.func)
        node.args = [self.visit(part) for part in node.args]
        node.keywords = [self.visit(part) for part in node.keywords]
        return self._wrap(node)

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        self.generic_visit(node)
        node.left = self._wrap(node.left, "__dgm_compared__")
        others = [self._wrap(c, "__dgm_compared__") for c in node.comparators]
        node.comparators = others
        return node

    def visit_Assert(self, node: ast.Assert) -> ast.stmt:
        self.generic_visit(node)
        node.test = self._wrap(node.test, "__dgm_compared__")
        return node

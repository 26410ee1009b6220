"""Names that the code of a cell defines, sets and reads."""

import ast
import re
from collections.abc import Iterator

DEFINES = re.compile(r"^(?:async\s+def|def|class)\s+(\w+)|^(\w+)\s*=(?!=)", re.M)
PARTS = (ast.Tuple, ast.List, ast.Starred, ast.withitem, ast.stmt, ast.ExceptHandler)


def names_bound(source: str) -> set[str]:
    """Names that a cell defines at its top level, even if it is not quite Python."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {a or b for a, b in DEFINES.findall(source)}
    return {name for node in tree.body for name in _bound(node)}


def _bound(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
        return
    if isinstance(node, ast.Import | ast.ImportFrom):
        yield from (a.asname or a.name.split(".")[0] for a in node.names)
        return
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
            yield child.id
        elif isinstance(child, PARTS):
            yield from _bound(child)


def names_in(source: str, context: type[ast.expr_context]) -> set[str]:
    """Names that a cell reads (``ast.Load``) or sets (``ast.Store``), at any depth."""
    try:
        tree = ast.parse(source)
    except SyntaxError:  # told elsewhere
        return set()
    names = (node for node in ast.walk(tree) if isinstance(node, ast.Name))
    found = {node.id for node in names if isinstance(node.ctx, context)}
    if context is ast.Store:
        found |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    return found
